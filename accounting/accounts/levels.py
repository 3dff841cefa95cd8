"""Levels: the questions "whose is it?" that an account groups by, one function a level.

What an entry says of itself (where it stands, whose it is) is enough for some. Others need the facts: the
nation of its operator, and who made its accelerator, the memory and the package. :class:`Holders` holds
those, so that entries stay light.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from accounting.accounts.joint import Joint, divided
from accounting.census.ledger import Entry, Owner
from accounting.errors import UnknownNameError
from accounting.reference.accelerators import Accelerator
from accounting.reference.facts import Facts
from accounting.reference.names import ALTERNATIVES, UNKNOWN

Weighted = list[tuple[str, float]]
Levels = tuple[str, ...]
# memory that is part of the die is made by who makes the die
_ON_DIE = "SRAM"
# who may run jobs at a facility, as it says itself, by kind of access
ACCESS: Mapping[str, str] = {
    "researchers": "research",
    "government": "state",
    "military": "state",
    "customers": "commercial",
    "own_use": "internal",
    "mixed": "mixed",
}


@dataclass(frozen=True)
class Holders:
    """Says whose an entry is, on every level.

    ``joint`` says how what has several owners is divided (:mod:`.joint`). Organisations stand for themselves,
    nations are those of the ultimate controlling unit.
    """

    facts: Facts
    joint: Joint = "owner"
    _makers: dict[tuple[str, str], tuple[Weighted, Weighted]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def owners(self, entry: Entry) -> tuple[Owner, ...]:
        """Return the owners, a joint venture's as ``joint`` says; their shares add to 1."""
        return entry.owners if self.joint == "owner" else divided(entry, self.joint, self.facts)

    def codes(self, entry: Entry, levels: Sequence[str]) -> Iterator[tuple[tuple[str, ...], float]]:
        """Yield (a code for each level, weight) for one entry; the weights add to 1."""
        if len(levels) == 1:
            yield from (((code,), share) for code, share in LEVELS[levels[0]](entry, self))
            return
        for combination in product(*(LEVELS[level](entry, self) for level in levels)):
            weight = 1.0
            for _, share in combination:
                weight *= share
            yield tuple(code for code, _ in combination), weight

    def makers(self, part: str, accelerator: str | None) -> tuple[Weighted, Weighted]:
        """Return who makes a part (``foundry``, ``memory``, ``packaging``), and of what nation they are."""
        found = self._makers.get((part, accelerator or ""))
        if found is None:
            chip = self.facts.accelerators.get(accelerator or "")
            firms = _MAKERS[part](chip) if chip else []
            found = _weighted(firms), _weighted([(self.facts.nation_of(o), w) for o, w in firms])
            self._makers[part, accelerator or ""] = found
        return found


Maker = tuple[str | None, float | None]


def _foundry(chip: Accelerator) -> list[Maker]:
    return [(chip.foundry, 1.0)]


def _memory(chip: Accelerator) -> list[Maker]:
    if chip.memory_suppliers:
        return [(one, chip.memory_shares.get(one)) for one in chip.memory_suppliers]
    return _foundry(chip) if chip.memory_type == _ON_DIE else []


def _packaging(chip: Accelerator) -> list[Maker]:
    return [(chip.packager, 1.0)]


_MAKERS: Mapping[str, Callable[[Accelerator], list[Maker]]] = {
    "foundry": _foundry,
    "memory": _memory,
    "packaging": _packaging,
}


def _weighted(makers: Iterable[Maker]) -> Weighted:
    """Return codes with weights: stated shares, or one code that names all that it may be.

    >>> _weighted([("samsung", None), ("micron", None)])
    [('micron+samsung', 1.0)]
    >>> _weighted([("KR", None), ("KR", None)])
    [('KR', 1.0)]
    """
    found = list(makers)
    if any(code is None for code, _ in found) or not found:
        return _sole(None)
    codes = sorted({str(code) for code, _ in found})
    if len(codes) == 1 or any(share is None for _, share in found):
        return _sole(ALTERNATIVES.join(codes))
    held: dict[str, float] = {}
    for code, share in found:
        held[str(code)] = held.get(str(code), 0.0) + (share or 0.0)
    return list(held.items())


def _sole(code: str | None) -> Weighted:
    return [(code or UNKNOWN, 1.0)]


def _users(entry: Entry, holders: Holders) -> Weighted:
    """Return who uses it: as stated (what is left is unknown), else the owners, where it is their own use."""
    if entry.used_by:
        found = [(user.organisation or UNKNOWN, user.share) for user in entry.used_by]
        rest = 1.0 - sum(share for _, share in found)
        return found if rest < 1e-9 else [*found, (UNKNOWN, rest)]
    if entry.users == "own_use":
        return [(owner.organisation or UNKNOWN, owner.share) for owner in holders.owners(entry)]
    return _sole(None)


def _nations_of(users: Weighted, holders: Holders) -> Weighted:
    return [(holders.facts.nation_of(code) or UNKNOWN, share) for code, share in users]


# Each gives codes with weights that add to 1, so that every level's rows add to the same total.
LEVELS: Mapping[str, Callable[[Entry, Holders], Weighted]] = {
    "territory": lambda entry, _: _sole(entry.territory),
    "provider": lambda entry, holders: [(o.nation or UNKNOWN, o.share) for o in holders.owners(entry)],
    "owner": lambda entry, holders: [(o.organisation or UNKNOWN, o.share) for o in holders.owners(entry)],
    "vendor": lambda entry, _: _sole(entry.vendor),
    "vendor_nation": lambda entry, _: _sole(entry.vendor_nation),
    "operator": lambda entry, _: _sole(entry.operator),
    "operator_nation": lambda entry, holders: _sole(holders.facts.nation_of(entry.operator)),
    "user": _users,
    "user_nation": lambda entry, holders: _nations_of(_users(entry, holders), holders),
    "foundry": lambda entry, holders: holders.makers("foundry", entry.accelerator)[0],
    "foundry_nation": lambda entry, holders: holders.makers("foundry", entry.accelerator)[1],
    "memory": lambda entry, holders: holders.makers("memory", entry.accelerator)[0],
    "memory_nation": lambda entry, holders: holders.makers("memory", entry.accelerator)[1],
    "packaging": lambda entry, holders: holders.makers("packaging", entry.accelerator)[0],
    "packaging_nation": lambda entry, holders: holders.makers("packaging", entry.accelerator)[1],
    "sector": lambda entry, _: _sole(entry.sector),
    "access": lambda entry, _: _sole(ACCESS.get(entry.users or "")),
    "accelerator": lambda entry, _: _sole(entry.accelerator),
    "facility": lambda entry, _: _sole(entry.facility),
    "deployment": lambda entry, _: _sole(entry.id),
}
MEANING = {
    "territory": "where it stands",
    "provider": "nation of the owner's ultimate controlling unit",
    "owner": "owner",
    "vendor": "designer of the accelerators",
    "vendor_nation": "nation of the designer",
    "operator": "operator",
    "operator_nation": "nation of the operator",
    "user": "who uses it, where known",
    "user_nation": "nation of who uses it",
    "foundry": "maker of the compute dies",
    "foundry_nation": "nation of the foundry",
    "memory": "maker of the memory",
    "memory_nation": "nation of the maker of the memory",
    "packaging": "who puts dies and memory into one package",
    "packaging_nation": "nation of the packager",
    "sector": "sector of the owner",
    "access": "who may run jobs: research, state, commercial, internal, mixed",
    "accelerator": "accelerator model",
    "facility": "facility",
    "deployment": "deployment: one batch of one accelerator model in one facility",
}
# levels whose codes are nations, and so have groups such as the EU
NATIONAL = frozenset({"territory", "provider", *(level for level in LEVELS if level.endswith("_nation"))})
# levels whose codes are organisations
ORGANISATIONS = frozenset(level for level in LEVELS if f"{level}_nation" in LEVELS or level == "owner")
SEPARATOR = " / "


def is_national(levels: Levels) -> bool:
    """Whether the rows of a level are nations, so that groups of nations can be made of them."""
    return len(levels) == 1 and levels[0] in NATIONAL


def read_levels(text: str) -> tuple[str, ...]:
    """Read ``territory`` or a crossing ``territory,provider``.

    Raises:
        UnknownNameError: a level that there is not, with the nearest one.
    """
    levels = tuple(part.strip().replace("-", "_") for part in text.split(","))
    for level in levels:
        if level not in LEVELS:
            raise UnknownNameError("level", level, LEVELS)
    return levels
