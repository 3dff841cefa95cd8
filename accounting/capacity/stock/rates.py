"""How long systems last and how much of what is planned comes true: ``configs/stock.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from accounting.quantities import Fraction, Ratio
from accounting.reference.shipped import configs_root
from accounting.validation import Date, Fact, FactModel, Kind, Text, load, weakest


class Evidence(FactModel):
    """What a source says of a rate; the rate used says how it was weighed."""

    of: Text = Field(description="what it speaks of")
    value: Text = Field(description="the source's figure, with its unit")
    kind: Kind
    source: Text = Field(description="a web address, or a folder of configs/")
    date: Date
    note: Text | None = None


class Lifetime(FactModel):
    """Age at which systems are taken out of service: a Weibull distribution, by median and shape."""

    median_years: Fact[Ratio] = Field(description="age that half of all systems reach, in years")
    shape: Fact[Ratio] = Field(description="above 1 the risk of retirement rises with age")
    evidence: tuple[Evidence, ...] = ()


class Plan(FactModel):
    """What becomes of plans of one status."""

    realised: Fact[Fraction] = Field(description="share that comes into service at all, sooner or later")
    mean_delay_years: Fact[Ratio] = Field(description="mean of the exponential delay after the stated date")


class Plans(FactModel):
    """What becomes of plans, by status."""

    under_construction: Plan
    contracted: Plan
    announced: Plan
    evidence: tuple[Evidence, ...] = ()

    def by_status(self) -> Mapping[str, Plan]:
        """Return the plans by status, the surest first."""
        return {
            "under_construction": self.under_construction,
            "contracted": self.contracted,
            "announced": self.announced,
        }


class StockRates(FactModel):
    """The file ``configs/stock.yaml``."""

    lifetime: Lifetime
    planned: Plans

    @property
    def lifetime_kind(self) -> Kind:
        """How the lifetime is known: no better than the weaker of its two figures."""
        return weakest((self.lifetime.median_years.kind, self.lifetime.shape.kind))

    def plan_kind(self, status: str) -> Kind:
        """How the fate of plans of a status is known."""
        plan = self.planned.by_status()[status]
        return weakest((plan.realised.kind, plan.mean_delay_years.kind, self.lifetime_kind))


def load_stock_rates(path: Path | None = None) -> StockRates:
    """Return the rates of a file, the shipped one where none is named. Raises InputFaults."""
    return load(path or configs_root() / "stock.yaml", StockRates)[1]
