"""Facts that lead from a power or a cost to a number of accelerators (``configs/sizing.yaml``)."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.capacity.sizing.lognormal import Lognormal
from accounting.census.facilities import Sector
from accounting.quantities import Fraction, Money, Power, Ratio, Uncertain
from accounting.reference.facts import Facts
from accounting.reference.names import AcceleratorId, CountryCode, OrganisationId
from accounting.reference.shipped import configs_root
from accounting.validation import Date, Fact, FactModel, Kind, load

_SHARE_TOLERANCE = 1e-6
What = Literal["overheads", "facility_overheads", "filled", "run_load", "watts", "prices", "systems_share"]


class Overhead(Fact[Ratio]):
    """IT power at full load ÷ Σ TDP, of some accelerators or families; of all others where it names none."""

    of: tuple[str, ...] = Field(
        description="ids of accelerators or of their families; empty serves all others"
    )


class FacilityOverhead(Fact[Ratio]):
    """Facility power ÷ IT power, of some sectors or territories; of all others where it names neither."""

    sectors: tuple[Sector, ...] = Field(description="sectors it holds for; any where empty")
    territories: tuple[CountryCode, ...] = Field(description="territories it holds for; any where empty")


class Watts(Fact[Power]):
    """Watts of an accelerator whose maker publishes none."""

    accelerator: AcceleratorId = Field(description="the accelerator that draws it")


class Price(Fact[Money]):
    """US dollars an accelerator with its share of servers, network and storage, from a day on."""

    of: tuple[AcceleratorId, ...] = Field(description="accelerators that it is the price of")
    first_day: Date = Field(alias="from", description="first day that the price serves for")


class CommonPart(Fact[Fraction]):
    """Share of the variance of a factor (of its log) that all sites with the same row have in common."""

    of: What = Field(description="the factor: a key of this file")


class Typical(FactModel):
    """Which accelerators a designer sold in a year, to the territories named, in shares of the chips."""

    designer: OrganisationId = Field(description="whose chips they are")
    territories: tuple[CountryCode, ...] = Field(
        (), description="where they were sold; everywhere else where empty"
    )
    year: int = Field(description="calendar year of the sales")
    shares: dict[AcceleratorId, float] = Field(
        min_length=1, description="share of the chips by accelerator, 0 to 1"
    )
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
    unsaid_is_site: Fact[Fraction] = Field(
        description="probability that a power or a cost is the whole site's where nobody says what it is of"
    )
    filled: Fact[Ratio] = Field(
        description="share of a stated power that accelerators with their hosts and cooling take at full load"
    )
    run_load: Fact[Ratio] = Field(
        description="power of a system in its benchmark run ÷ its IT power at full load"
    )
    watts: tuple[Watts, ...]
    prices: tuple[Price, ...]
    systems_share: Fact[Ratio] = Field(
        description="share of a whole site's cost that pays for computers, network and storage"
    )
    typical: tuple[Typical, ...]
    common: tuple[CommonPart, ...]

    @model_validator(mode="after")
    def _something_for_all(self) -> SizingFacts:
        if not self.overheads or self.overheads[-1].of:
            raise PydanticCustomError("rest", "the last row must name none", {"at": "overheads"})
        last = self.facility_overheads[-1] if self.facility_overheads else None
        if last is None or last.sectors or last.territories:
            raise PydanticCustomError("rest", "the last row must name none", {"at": "facility_overheads"})
        missing = [what for what in get_args(What) if what not in {part.of for part in self.common}]
        if missing:
            message = f"no row says what sites have in common of {', '.join(missing)}"
            raise PydanticCustomError("share_in_common", message, {"at": "common"})
        return self

    def _factor(self, what: What, row: Fact[Uncertain], name: str = "") -> Lognormal:
        """Return a fact as a factor, in part common to the sites that it serves."""
        share = next(part.value.best for part in self.common if part.of == what)
        return Lognormal.of(row.value, row.kind).shared_by(f"sizing/{what}/{name}", share)

    def overhead(self, accelerator: str, family: str) -> Lognormal:
        """Return IT power ÷ TDP of an accelerator."""
        found = next(row for row in self.overheads if not row.of or {accelerator, family} & set(row.of))
        return self._factor("overheads", found, "+".join(found.of))

    def facility_overhead(self, territory: str | None, sector: str | None) -> Lognormal:
        """Return facility power ÷ IT power of a place."""
        found = next(
            row
            for row in self.facility_overheads
            if not (row.sectors or row.territories) or sector in row.sectors or territory in row.territories
        )
        return self._factor("facility_overheads", found, "+".join((*found.sectors, *found.territories)))

    @property
    def filled_share(self) -> Lognormal:
        """What of a stated power capacity a batch takes at full load."""
        return self._factor("filled", self.filled)

    @property
    def load_of_runs(self) -> Lognormal:
        """Power in a benchmark's run ÷ IT power at full load."""
        return self._factor("run_load", self.run_load)

    @property
    def share_of_systems(self) -> Lognormal:
        """What of a site's cost buys computers."""
        return self._factor("systems_share", self.systems_share)

    def chip_watts(self, accelerator: str, facts: Facts) -> Lognormal | None:
        """Return the TDP of an accelerator in watts, or what is assumed of it, else None."""
        known = facts.accelerators[accelerator].tdp
        if known is not None:
            return Lognormal(math.log(known), 0.0, "reported")
        found = next((row for row in self.watts if row.accelerator == accelerator), None)
        return self._factor("watts", found, accelerator) if found else None

    def price(self, accelerator: str, day: datetime.date | None) -> Lognormal | None:
        """Return US dollars an accelerator on ``day`` (today's where None), None where no price is known."""
        rows = [row for row in self.prices if accelerator in row.of]
        rows = [row for row in rows if day is None or row.first_day <= day]
        found = max(rows, key=lambda row: row.first_day, default=None)
        return self._factor("prices", found, f"{'+'.join(found.of)}/{found.first_day}") if found else None

    def candidates(self, designer: str, year: int, territory: str | None) -> Typical | None:
        """Return what a designer sold in ``year``; later years take the last known, earlier ones nothing."""
        rows = [row for row in self.typical if row.designer == designer and row.year <= year]
        own = [row for row in rows if territory in row.territories]
        rest = [row for row in rows if not row.territories]
        return max(own or rest, key=lambda row: row.year, default=None)


def load_sizing(facts: Facts, path: Path | None = None) -> SizingFacts:
    """Read the facts (the shipped ones where left out). Raises InputFaults."""
    _, content = load(path or configs_root() / "sizing.yaml", SizingFacts, facts.names)
    return content
