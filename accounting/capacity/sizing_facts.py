"""Facts that lead from a power or a cost to a number of accelerators (``configs/sizing.yaml``)."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.capacity.draws import Z95
from accounting.census.facilities import Sector
from accounting.quantities import Fraction, Money, Power, Ratio, Uncertain
from accounting.reference.facts import Facts
from accounting.reference.names import AcceleratorId, CountryCode, OrganisationId
from accounting.reference.shipped import configs_root
from accounting.validation import Date, Fact, FactModel, Kind, load, weakest

_SHARE_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Factor:
    """A positive quantity on the log scale: natural log of its median, and standard deviation of the log.

    >>> round(math.exp(Factor.of(Uncertain(50.0, 100.0, 200.0, "lognormal")).mean))
    100
    """

    mean: float
    sd: float
    kind: Kind = "derived"

    @classmethod
    def of(cls, value: Uncertain, kind: Kind = "derived") -> Factor:
        """Return the lognormal with the value's median and the ratio of its 95th to its 5th percentile."""
        spread = 0.0 if value.exact else math.log(value.high / value.low) / (2 * Z95)
        return cls(math.log(value.best), spread, kind)

    @property
    def inverse(self) -> Factor:
        """One over it."""
        return Factor(-self.mean, self.sd, self.kind)


class Overhead(Fact[Ratio]):
    """IT power at full load ÷ Σ TDP, of some accelerators or families; of all others where it names none."""

    of: tuple[str, ...]


class FacilityOverhead(Fact[Ratio]):
    """Facility power ÷ IT power, of some sectors or territories; of all others where it names neither."""

    sectors: tuple[Sector, ...]
    territories: tuple[CountryCode, ...]


class Watts(Fact[Power]):
    """Watts of an accelerator whose maker publishes none."""

    accelerator: AcceleratorId


class Price(Fact[Money]):
    """US dollars an accelerator with its share of servers, network and storage, from a day on."""

    of: tuple[AcceleratorId, ...]
    first_day: Date = Field(alias="from")


class Typical(FactModel):
    """Which accelerators a designer sold in a year, to the territories named, in shares of the chips."""

    designer: OrganisationId
    territories: tuple[CountryCode, ...] = ()
    year: int
    shares: dict[AcceleratorId, float] = Field(min_length=1)
    kind: Kind
    source: str
    date: Date
    note: str | None = None

    @model_validator(mode="after")
    def _shares_add_up(self) -> Typical:
        total = math.fsum(self.shares.values())
        if min(self.shares.values()) <= 0 or not math.isclose(total, 1.0, abs_tol=_SHARE_TOLERANCE):
            message = "shares must be above 0 and add to 1"
            raise PydanticCustomError("shares", message, {"at": "shares", "found": f"{total:g}"})
        return self


class SizingFacts(FactModel):
    """The file ``configs/sizing.yaml``."""

    overheads: tuple[Overhead, ...]
    facility_overheads: tuple[FacilityOverhead, ...]
    unsaid_is_site: Fact[Fraction]
    filled: Fact[Ratio]
    run_load: Fact[Ratio]
    watts: tuple[Watts, ...]
    prices: tuple[Price, ...]
    systems_share: Fact[Ratio]
    typical: tuple[Typical, ...]

    @model_validator(mode="after")
    def _something_for_all(self) -> SizingFacts:
        if not self.overheads or self.overheads[-1].of:
            raise PydanticCustomError("rest", "the last row must name none", {"at": "overheads"})
        last = self.facility_overheads[-1] if self.facility_overheads else None
        if last is None or last.sectors or last.territories:
            raise PydanticCustomError("rest", "the last row must name none", {"at": "facility_overheads"})
        return self

    def overhead(self, accelerator: str, family: str) -> Factor:
        """Return IT power ÷ TDP of an accelerator."""
        found = next(row for row in self.overheads if not row.of or {accelerator, family} & set(row.of))
        return Factor.of(found.value, found.kind)

    def facility_overhead(self, territory: str | None, sector: str | None) -> Factor:
        """Return facility power ÷ IT power of a place."""
        found = next(
            row
            for row in self.facility_overheads
            if not (row.sectors or row.territories) or sector in row.sectors or territory in row.territories
        )
        return Factor.of(found.value, found.kind)

    def chip_watts(self, accelerator: str, facts: Facts) -> Factor | None:
        """Return the TDP of an accelerator in watts, or what is assumed of it, else None."""
        known = facts.accelerators[accelerator].tdp
        if known is not None:
            return Factor(math.log(known), 0.0, "reported")
        found = next((row for row in self.watts if row.accelerator == accelerator), None)
        return Factor.of(found.value, found.kind) if found else None

    def price(self, accelerator: str, day: datetime.date | None) -> Factor | None:
        """Return US dollars an accelerator on ``day`` (today's where None), None where no price is known."""
        rows = [row for row in self.prices if accelerator in row.of]
        rows = [row for row in rows if day is None or row.first_day <= day]
        found = max(rows, key=lambda row: row.first_day, default=None)
        return Factor.of(found.value, found.kind) if found else None

    def candidates(self, designer: str, year: int, territory: str | None) -> Typical | None:
        """Return what a designer sold in ``year``; later years take the last known, earlier ones nothing."""
        rows = [row for row in self.typical if row.designer == designer and row.year <= year]
        own = [row for row in rows if territory in row.territories]
        rest = [row for row in rows if not row.territories]
        return max(own or rest, key=lambda row: row.year, default=None)


def product(factors: Iterable[Factor]) -> Factor:
    """Return the product of independent lognormals: log-means add, log-variances add."""
    rows = tuple(factors)
    kind = weakest([factor.kind for factor in rows])
    return Factor(math.fsum(f.mean for f in rows), math.sqrt(math.fsum(f.sd**2 for f in rows)), kind)


def load_sizing(facts: Facts, path: Path | None = None) -> SizingFacts:
    """Read the facts (the shipped ones where left out). Raises InputFaults."""
    _, content = load(path or configs_root() / "sizing.yaml", SizingFacts, facts.names)
    return content
