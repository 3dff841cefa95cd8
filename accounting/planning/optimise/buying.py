"""How accelerators are bought (``configs/planning/buying.yaml``): in what units, and which are not sold."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.planning.clusters import ClusterDeployment
from accounting.planning.known import Given
from accounting.quantities import Duration, exact
from accounting.reference.facts import Facts
from accounting.reference.names import OrganisationId
from accounting.reference.shipped import configs_root
from accounting.validation import Date, Fact, FactModel, Kind, Text, Url, load
from bench.errors import InputError

_DAY_S = 86_400.0


class Unit(FactModel):
    """What counts of some accelerators, or families, are multiples of."""

    of: tuple[str, ...] = Field(
        description="ids of accelerators or of their families; empty serves all others"
    )
    accelerators: int = Field(gt=0, description="accelerators of one unit; counts are multiples of it")
    kind: Kind
    source: Url
    date: Date
    note: Text | None = None


class NotSold(FactModel):
    """A designer whose accelerators cannot be bought."""

    of: OrganisationId = Field(description="the designer")
    kind: Kind
    source: Url
    date: Date
    note: Text | None = None


class Buying(FactModel):
    """The file ``configs/planning/buying.yaml``."""

    units: tuple[Unit, ...] = Field(min_length=1)
    not_sold: tuple[NotSold, ...] = ()
    sold_for: Fact[Duration] = Field(
        description="time after its release in which an accelerator can be bought"
    )

    @model_validator(mode="after")
    def _something_for_all(self) -> Buying:
        if self.units[-1].of:
            raise PydanticCustomError("rest", "the last row must name none", {"at": "units"})
        return self


@dataclass(frozen=True)
class UnitOf:
    """What a candidate's count is a multiple of, and where that stands."""

    accelerators: int
    given: Given


def load_buying(facts: Facts, root: Path | None = None) -> Buying:
    """Read the file. Raises InputFaults."""
    return load((root or configs_root()) / "planning" / "buying.yaml", Buying, facts.names)[1]


def unit_of(d: ClusterDeployment, stated: Mapping[str, int], buying: Buying, facts: Facts) -> UnitOf:
    """Return a candidate's unit: as stated for its id, its accelerator or all (``""``), else by default.

    Raises:
        InputError: a stated unit is below 1.
    """
    key = next((name for name in (d.id, d.accelerator, "") if name in stated), None)
    name = f"unit of {d.id}"
    if key is not None:
        if stated[key] < 1:
            raise InputError(f"--unit must be a whole number above 0 (found {stated[key]})")
        value = exact(float(stated[key]))
        return UnitOf(stated[key], Given(name, name, value, "accelerators", "assumed", "given", False))
    names = {d.accelerator, facts.accelerators[d.accelerator].family}
    row = next(r for r in buying.units if not r.of or names & set(r.of))
    value = exact(float(row.accelerators))
    return UnitOf(row.accelerators, Given(name, name, value, "accelerators", row.kind, row.source, True))


def sold(facts: Facts, buying: Buying, precision: str, day: datetime.date) -> list[str]:
    """Return ids of accelerators for data centres that are sold on ``day``, with a peak in ``precision``.

    Those shipping, released not longer ago than makers sell them, not of a designer that sells none; no
    processors, and none without a date.
    """
    kept = {row.of for row in buying.not_sold}
    days = buying.sold_for.value.best / _DAY_S
    return [
        chip.id
        for chip in facts.accelerators.values()
        if chip.status == "shipping"
        and chip.data_center
        and chip.kind != "cpu"
        and chip.designer not in kept
        and chip.peak_flop_per_s(precision) is not None
        and chip.released is not None
        and 0 <= (day - chip.released).days <= days
    ]
