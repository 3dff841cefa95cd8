"""Access scenarios as YAML states them, and what they mean for the model (:mod:`.access`)."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.accounts.levels import LEVELS
from accounting.census.facilities import Status
from accounting.census.ledger import Entry, Owner
from accounting.documents import Document
from accounting.errors import InputFaults, nearest, quote
from accounting.planning.scenarios.access import Scenario
from accounting.planning.scenarios.parts import MOVED, Move, Part, Selector, Target, UnstatedUse, parts_of
from accounting.planning.scenarios.supply_cut_files import scenario_path
from accounting.quantities import Count, Fraction, Uncertain, exact
from accounting.reference.facts import Facts
from accounting.reference.names import UNKNOWN, AcceleratorId, CountryCode, NationCode, OrganisationId
from accounting.validation import Date, FactModel, Id, Source, Text, load

_ALL = exact(1.0, "fraction")


class User(FactModel):
    """Who uses a share of what is moved: an organisation, or a nation where no organisation is named."""

    organisation: OrganisationId | None = Field(None, description="who uses it")
    nation: NationCode | None = Field(None, description="nation that uses it, where no organisation is named")
    share: float | None = Field(
        None, gt=0, le=1, description="of what is moved; equal parts where all leave it out"
    )

    @model_validator(mode="after")
    def _named(self) -> User:
        if (self.organisation is None) == (self.nation is None):
            raise PydanticCustomError("user", "name either an organisation or a nation", {"at": "share"})
        return self


class To(FactModel):
    """What moved capacity becomes; what is left out stays as it was.

    ``users_of`` divides the use in equal parts over the members of a group of countries.
    """

    territory: CountryCode | None = Field(None, description="country that it stands in afterwards")
    owner: OrganisationId | None = Field(None, description="who owns it afterwards")
    operator: OrganisationId | None = Field(None, description="who runs it afterwards")
    users: tuple[User, ...] = ()
    users_of: Text | None = Field(
        None, description="code of a group of countries that share the use in equal parts"
    )

    @model_validator(mode="after")
    def _something(self) -> To:
        if not any((self.territory, self.owner, self.operator, self.users, self.users_of)):
            message = "name what changes: territory, owner, operator, users or users_of"
            raise PydanticCustomError("nothing", message)
        if self.users and self.users_of:
            raise PydanticCustomError("twice", "users and users_of exclude each other", {"at": "users_of"})
        shares = [user.share for user in self.users]
        stated = [share for share in shares if share is not None]
        if stated and (len(stated) < len(shares) or not math.isclose(math.fsum(stated), 1.0, abs_tol=1e-6)):
            message = "the shares of users must add to 1, or be left out by all"
            raise PydanticCustomError("shares", message, {"at": "users", "found": str(math.fsum(stated))})
        return self


class MoveSpec(FactModel):
    """A change of hands. ``select`` names, by level, the codes that it takes from; all levels must agree.

    A group of countries (EU, ASEAN, …) stands for its members on levels of nations.
    """

    id: Id
    select: dict[str, tuple[str, ...]] = Field(
        min_length=1,
        description="codes by level, such as {territory: [US], provider: [US]}; all levels must agree",
    )
    share: Fraction = Field(_ALL, description="of what is selected")
    to: To
    note: Text | None = None


class Addition(FactModel):
    """Capacity that is there only afterwards: growth, stated as such."""

    id: Id
    accelerator: AcceleratorId = Field(description="model of all accelerators added")
    count: Count = Field(description="accelerators")
    territory: CountryCode = Field(description="country that they would stand in")
    owner: OrganisationId = Field(description="who would own them")
    operator: OrganisationId | None = Field(None, description="who would run them")
    users: tuple[User, ...] = ()
    note: Text | None = None


class AccessSpec(FactModel):
    """An access scenario. ``mimics`` says which real offer it is like, ``conditions`` what that asks for."""

    id: Id
    name: Text
    hypothetical: bool = Field(description="whether it is thought out; false where somebody has announced it")
    mimics: Text = Field(description="real offer that it is like")
    conditions: Text | None = Field(None, description="what that offer asks for in return")
    as_of: Date | None = Field(None, description="day that the stock is counted at; today where left out")
    status: tuple[Status, ...] = Field(("operational",), description="statuses that are counted")
    unstated_use: Literal["unknown", "provider"] = Field(
        "unknown", description="who is taken to use what no source says the use of"
    )
    moves: tuple[MoveSpec, ...] = ()
    additions: tuple[Addition, ...] = ()
    sources: tuple[Source, ...] = Field(min_length=1)
    note: Text | None = None

    @model_validator(mode="after")
    def _does_something(self) -> AccessSpec:
        ids = [move.id for move in self.moves] + [one.id for one in self.additions]
        if not ids:
            raise PydanticCustomError("empty", "a scenario needs a move or an addition", {"at": "moves"})
        if len(set(ids)) < len(ids):
            raise PydanticCustomError("twice", "two moves or additions have one id", {"at": "moves"})
        return self


class AccessFile(FactModel):
    """A file with one access scenario."""

    access: AccessSpec


def load_access(source: str, facts: Facts, day: datetime.date) -> tuple[AccessSpec, Scenario]:
    """Read an access scenario from a YAML file, or a shipped one by its id.

    Raises:
        InputFaults: every fault of the file; a level, code or group that is not known.
        UnknownNameError: neither a file nor the id of a shipped scenario.
    """
    document, content = load(scenario_path(source), AccessFile, facts.names)
    spec = content.access
    groups = facts.groups_on(spec.as_of or day)
    moves = tuple(
        (
            Move(m.id, _selector(document, i, m, facts, groups), _target(document, i, m.to, facts, groups)),
            m.share,
        )
        for i, m in enumerate(spec.moves)
    )
    return spec, Scenario(
        spec.id,
        spec.name,
        spec.hypothetical,
        moves,
        tuple(_added(one, facts, spec.unstated_use) for one in spec.additions),
        spec.unstated_use,
        spec.note,
        tuple((source.title, source.url) for source in spec.sources),
    )


def _selector(
    document: Document, place: int, move: MoveSpec, facts: Facts, groups: Mapping[str, tuple[str, ...]]
) -> Selector:
    wanted = {}
    for level, names in move.select.items():
        path = ("access", "moves", place, "select", level)
        if level not in LEVELS and level not in MOVED:
            known = sorted({*LEVELS, *MOVED})
            near = nearest(level, known)
            raise InputFaults(
                [document.fault(path, "unknown level", found=quote(level), suggestion=near, key=True)]
            )
        codes: set[str] = set()
        for name in names:
            codes |= set(_resolved(level, name, facts, groups, document, path))
        wanted[level] = frozenset(codes)
    return Selector(wanted)


def _resolved(
    level: str,
    name: str,
    facts: Facts,
    groups: Mapping[str, tuple[str, ...]],
    document: Document,
    path: tuple[str | int, ...],
) -> Iterator[str]:
    """Yield the codes that a name in a selection stands for."""
    national = level in {"territory", "provider"} or level.endswith("_nation")
    if national and name in groups:
        yield from groups[name]
        # bodies of the Union are the Union's
        if name == "EU":
            yield name
        return
    table = facts.names.countries if national else None
    if level in {"owner", "operator", "user", "vendor", "foundry", "memory", "packaging"}:
        table = facts.names.organisations
    elif level == "accelerator":
        table = facts.names.accelerators
    if table is None or name == UNKNOWN:
        yield name
        return
    found = table.find(name)
    if found is None:
        near = nearest(name, table.spellings)
        raise InputFaults([document.fault(path, f"unknown {table.what}", found=quote(name), suggestion=near)])
    yield found


def _target(
    document: Document, place: int, to: To, facts: Facts, groups: Mapping[str, tuple[str, ...]]
) -> Target:
    codes: dict[str, str] = {}
    if to.territory:
        codes["territory"] = to.territory
    if to.owner:
        codes |= {"owner": to.owner, "provider": facts.nation_of(to.owner) or UNKNOWN}
    if to.operator:
        codes |= {"operator": to.operator, "operator_nation": facts.nation_of(to.operator) or UNKNOWN}
    if to.users_of is None:
        return Target(codes, _users(to.users, facts))
    if to.users_of not in groups:
        path = ("access", "moves", place, "to", "users_of")
        near = nearest(to.users_of, groups)
        raise InputFaults([document.fault(path, "unknown group", found=quote(to.users_of), suggestion=near)])
    members = groups[to.users_of]
    if not members:
        path = ("access", "moves", place, "to", "users_of")
        message = "the group has no members on the day of the scenario, so that nobody would use it"
        raise InputFaults([document.fault(path, message, found=quote(to.users_of))])
    return Target(codes, tuple((UNKNOWN, nation, 1.0 / len(members)) for nation in members))


def _users(users: tuple[User, ...], facts: Facts) -> tuple[tuple[str, str, float], ...]:
    return tuple(
        (
            user.organisation or UNKNOWN,
            user.nation or facts.nation_of(user.organisation) or UNKNOWN,
            user.share if user.share is not None else 1.0 / len(users),
        )
        for user in users
    )


def _added(one: Addition, facts: Facts, unstated: UnstatedUse) -> tuple[Entry, tuple[Part, ...]]:
    designer = facts.accelerators[one.accelerator].designer
    count: Uncertain = one.count
    entry = Entry(
        id=f"scenario/{one.id}",
        facility=f"scenario/{one.id}",
        facility_name=one.id,
        territory=one.territory,
        owners=(Owner(one.owner, facts.nation_of(one.owner), 1.0),),
        operator=one.operator,
        sector=None,
        accelerator=one.accelerator,
        vendor=designer,
        vendor_nation=facts.nation_of(designer),
        count=count,
        in_service=None,
        retired=None,
        status="announced",
        # its size is chosen, not observed
        kind="assumed",
        source="scenario",
    )
    parts = parts_of(entry, facts, unstated)
    users = _users(one.users, facts)
    if users:
        parts = [given for part in parts for given in Target({}, users).give(part)]
    return entry, tuple(parts)
