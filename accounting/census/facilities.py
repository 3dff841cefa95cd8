"""Facilities and their deployments, as our own YAML states them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.documents import Document, KeyPath
from accounting.errors import InputFaults
from accounting.quantities import Count, Fraction, Money, Power, Uncertain
from accounting.reference.facts import Facts, load_facts
from accounting.reference.names import AcceleratorId, CountryCode, OrganisationId
from accounting.reference.overlay import plain_rows
from accounting.reference.shipped import configs_root
from accounting.validation import (
    Date,
    Fact,
    FactModel,
    Id,
    OtherValue,
    Source,
    Text,
    check_unique,
    load_all,
    yaml_files,
)

Status = Literal["operational", "under_construction", "contracted", "announced", "retired", "cancelled"]
Sector = Literal["private", "public", "mixed"]
# what a power or a cost is of: a benchmark's run, the computers, the computers with their building
PowerOf = Literal["run", "it", "site"]
CostOf = Literal["systems", "site"]
Users = Literal["researchers", "government", "military", "customers", "own_use", "mixed"]

# the sector of who owns a facility, by kind of organisation; universities and research centres may be either
SECTOR_OF_KIND: Mapping[str, Sector] = {
    "company": "private",
    "government": "public",
    "joint_undertaking": "public",
}

_SHARE_TOLERANCE = 1e-6
_FOLDER = "facilities"


class Holding(FactModel):
    """A share of a facility, in ownership or in access. Without a share: all of it, for a sole holder."""

    organisation: OrganisationId = Field(description="who holds the share")
    share: Fraction | None = Field(None, description="0 to 1; all of it where a sole holder leaves it out")


class Deployment(FactModel):
    """One batch of one accelerator model in one facility.

    What is not known stays away: a batch known by its ``power`` or ``cost`` alone has no count, one whose
    maker alone is known has a ``vendor`` and no accelerator. ``power_of`` and ``cost_of`` stay away where a
    source does not say what its figure is of.
    """

    id: Id
    accelerator: AcceleratorId | None = Field(
        None, description="model of all accelerators of the batch; left out where it is not known"
    )
    vendor: OrganisationId | None = Field(None, description="designer, where the model is not known")
    count: Fact[Count] | None = Field(
        None, description="accelerators (packages, not dies or logical devices)"
    )
    power: Fact[Power] | None = Field(None, description="watts this batch draws or is planned to draw")
    power_of: PowerOf | None = Field(
        None,
        description="run: drawn in a benchmark; it: computers and network; site: with cooling and losses",
    )
    cost: Fact[Money] | None = Field(
        None, description="US dollars of its date, paid or planned for this batch"
    )
    cost_of: CostOf | None = Field(
        None, description="systems: computers, network and storage; site: with building and power supply"
    )
    in_service: Date | None = Field(None, description="first day of use, or the day it is planned for")
    retired: Date | None = Field(None, description="day it goes out of use")
    status: Status = Field(description="how far it has come")
    others: tuple[OtherValue, ...] = ()
    note: Text | None = None

    @model_validator(mode="after")
    def _sized(self) -> Deployment:
        if self.count is None and self.power is None and self.cost is None:
            message = "a deployment needs a count, a power or a cost"
            raise PydanticCustomError("unsized", message, {"at": "count"})
        return self

    @model_validator(mode="after")
    def _of_something(self) -> Deployment:
        for name in ("power", "cost"):
            if getattr(self, f"{name}_of") is not None and getattr(self, name) is None:
                message = f"says what a {name} is of, but no {name} is stated"
                raise PydanticCustomError("of_nothing", message, {"at": f"{name}_of"})
        return self

    @property
    def sized_by(self) -> Fact[Uncertain]:
        """What says how large it is: its count, else its power in watts, else its cost in US dollars."""
        # one of them is there, or the model would not be valid
        return cast("Fact[Uncertain]", self.count or self.power or self.cost)

    @model_validator(mode="after")
    def _one_maker(self) -> Deployment:
        if self.accelerator is not None and self.vendor is not None:
            message = "the accelerator says who designed it; leave the vendor out"
            raise PydanticCustomError("vendor", message, {"at": "vendor", "found": self.vendor})
        return self

    @model_validator(mode="after")
    def _retired_after_service(self) -> Deployment:
        if self.retired and self.in_service and self.retired < self.in_service:
            message = f"retired before it came into service ({self.in_service})"
            raise PydanticCustomError("order", message, {"at": "retired", "found": str(self.retired)})
        return self


class Facility(FactModel):
    """A site with a territory, owners, an operator, a sector, power, and deployments.

    ``same_as`` names the rows of public lists that speak of this very site, as ``SOURCE:NAME`` (see
    ``accounting.census.crosswalk``); ``part_of`` a larger site of ours that contains it.
    """

    id: Id
    name: Text
    territory: CountryCode = Field(description="country that the site stands in")
    location: Text | None = Field(None, description="place within the territory")
    owners: tuple[Holding, ...] = Field(min_length=1)
    access: tuple[Holding, ...] = ()
    used_by: tuple[Holding, ...] = Field((), description="who runs jobs here, where a source names them")
    operator: OrganisationId | None = Field(None, description="who runs it, where a source says so")
    sector: Sector = Field(description="of the owners: private, public, or both")
    users: Users | None = Field(None, description="who may run jobs here")
    power: Fact[Power] | None = Field(None, description="watts")
    no_accelerator: bool = Field(False, description="a system of CPUs only: known to hold no accelerator")
    same_as: tuple[Text, ...] = Field(
        (), description="rows of public lists that speak of this site, as SOURCE:NAME"
    )
    part_of: Id | None = Field(None, description="id of a larger facility that contains this one")
    sources: tuple[Source, ...] = Field(min_length=1)
    note: Text | None = None
    deployments: tuple[Deployment, ...] = ()

    @model_validator(mode="after")
    def _holds_something(self) -> Facility:
        if self.no_accelerator == bool(self.deployments):
            message = "list the deployments, or state 'no_accelerator: true' where there are none"
            raise PydanticCustomError("empty", message, {"at": "deployments"})
        return self

    @model_validator(mode="after")
    def _shares_add_up(self) -> Facility:
        for key in ("owners", "access", "used_by"):
            _check_shares(getattr(self, key), key)
        return self

    def owner_shares(self) -> tuple[tuple[str, float], ...]:
        """Return (organisation, share of ownership); the shares add to 1."""
        return tuple((h.organisation, h.share.best if h.share else 1.0) for h in self.owners)


class FacilityFile(FactModel):
    """A file of facilities."""

    facilities: tuple[Facility, ...] = Field(min_length=1)


def _check_shares(holdings: Sequence[Holding], key: str) -> None:
    if not holdings or (len(holdings) == 1 and holdings[0].share is None):
        return
    if any(h.share is None for h in holdings):
        raise PydanticCustomError(
            "shares",
            f"several {key}: each needs its share; they must add to 1",
            {"at": key, "found": f"{len(holdings)} {key}"},
        )
    total = sum(h.share.best for h in holdings if h.share)
    complete = key == "owners"
    if (complete and not math.isclose(total, 1.0, abs_tol=_SHARE_TOLERANCE)) or total > 1 + _SHARE_TOLERANCE:
        message = f"the shares of {key} must add to 1"
        raise PydanticCustomError("shares", message, {"at": key, "found": f"{total:g}"})


def shipped_facilities(facts: Facts) -> tuple[Facility, ...]:
    """Return the shipped facilities with the facts' overlay over them; without one they are read once.

    Raises:
        InputFaults: as :func:`load_facilities`.
    """
    root = configs_root()
    if facts.overlay is not None:
        return load_facilities([root / _FOLDER], facts)
    return _shipped(root)


@lru_cache(maxsize=2)
def _shipped(root: Path) -> tuple[Facility, ...]:
    # seven hundred deployments take a third of a second, and several readers ask for them
    return load_facilities([root / _FOLDER], load_facts(root))


def load_facilities(paths: Sequence[Path], facts: Facts) -> tuple[Facility, ...]:
    """Read facilities from YAML files, or from all YAML files of a folder, with the facts' overlay over them.

    Raises:
        InputFaults: every fault of every file; also a facility or deployment id that stands twice.
    """
    files = load_all([f for path in paths for f in yaml_files(path)], FacilityFile, facts.names)
    faults = check_unique(_facility_ids(files), "facility id")
    faults += check_unique(_deployment_ids(files), "deployment id")
    if faults:
        raise InputFaults(faults)
    found = {facility.id: facility for _, content in files for facility in content.facilities}
    if facts.overlay is not None:
        plain = plain_rows([document for document, _ in files], "facilities")
        over, _ = facts.overlay.lay("facilities", plain, FacilityFile, facts.names)
        found |= {name: row for name, row in over.items() if isinstance(row, Facility)}
    return tuple(found.values())


def _facility_ids(files: Sequence[tuple[Document, FacilityFile]]) -> list[tuple[Document, KeyPath, str]]:
    return [
        (document, ("facilities", row, "id"), facility.id)
        for document, content in files
        for row, facility in enumerate(content.facilities)
    ]


def _deployment_ids(files: Sequence[tuple[Document, FacilityFile]]) -> list[tuple[Document, KeyPath, str]]:
    return [
        (document, ("facilities", row, "deployments", place, "id"), deployment.id)
        for document, content in files
        for row, facility in enumerate(content.facilities)
        for place, deployment in enumerate(facility.deployments)
    ]
