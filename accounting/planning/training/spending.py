"""Power, energy and money of a run. This is the one place where the planner's own models of them come in.

Until then, and stated so in the provenance:

- power of a batch = accelerators × TDP × IT overhead × facility overhead. IT overhead is that of
  ``configs/sizing.yaml`` or the cluster's own, facility overhead (or PUE) likewise;
- an accelerator-hour costs price × (annuity + upkeep) ÷ (8,766 h × share of hours used), with the annuity
  i ÷ (1 − (1 + i)^−L) of life L and interest i (any text on engineering economy; Brealey, Myers and Allen,
  *Principles of Corporate Finance*, ch. 2). Prices are those of ``configs/sizing.yaml``, else TDP × price
  per watt. Buildings, staff and data are not in it;
- electricity costs what industry pays in the country (``configs/country_figures.csv``), else anything between
  the 5th and 95th percentile of the countries known.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from accounting.capacity.bases import Draws
from accounting.capacity.draws import Z95, draw, standard_normal
from accounting.capacity.sizing_facts import Factor, SizingFacts, load_sizing
from accounting.planning.training.assumptions import Known
from accounting.planning.training.sites import Batch, Site
from accounting.quantities import Uncertain
from accounting.reference.country_figures import CountryFigure, load_country_figures
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from bench.errors import InputError

HOURS_A_YEAR = 8_766.0
JOULES_A_KWH = 3.6e6
_PRICE = "industrial_electricity_price_usd_per_kwh"
_FIGURES = "configs/country_figures.csv"
_SIZING = "configs/sizing.yaml"


@dataclass(frozen=True)
class Overrides:
    """What the user gives in place of what is looked up; None for what is not given."""

    pue: Uncertain | None = None
    usd_per_kwh: Uncertain | None = None
    usd_per_accelerator_hour: Uncertain | None = None


@dataclass
class Spending:
    """Draws of watts and dollars; ``used`` records what each rests on, by name."""

    facts: Facts
    values: Mapping[str, Draws]
    seed: int
    size: int
    overrides: Overrides = field(default_factory=Overrides)
    used: dict[str, Known] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the facts that it rests on."""
        self._sizing: SizingFacts = load_sizing(self.facts)
        self._figures: dict[tuple[str, str], CountryFigure] = load_country_figures(
            configs_root() / "country_figures.csv", self.facts.countries
        )

    def watts(self, site: Site, batch: Batch) -> Draws:
        """Return the facility watts of one accelerator of a batch at a site.

        Raises:
            InputError: neither sheet nor ``configs/sizing.yaml`` states its power.
        """
        chip = self.facts.accelerators[batch.accelerator]
        power = self._sizing.chip_watts(batch.accelerator, self.facts)
        if power is None:
            raise InputError(f"the power of {batch.accelerator} is not known: state its tdp in an --overlay")
        watts = self._lognormal(f"watts/{batch.accelerator}", power)
        if batch.host_overhead is not None:
            overhead = draw(batch.host_overhead, self._normal(f"host-overhead/{batch.accelerator}"))
        else:
            known = self._sizing.overhead(batch.accelerator, chip.family)
            self._note(f"it_overhead/{batch.accelerator}", known, _SIZING)
            overhead = self._lognormal(f"host-overhead/{batch.accelerator}", known)
        return watts * overhead * self._building(site)

    def usd_per_hour(self, accelerator: str) -> Draws:
        """Return the US dollars of one accelerator-hour, electricity not included."""
        if self.overrides.usd_per_accelerator_hour is not None:
            given = self.overrides.usd_per_accelerator_hour
            self.used["usd_per_accelerator_hour"] = Known(given, "assumed", "given")
            return draw(given, self._normal("usd-per-hour"))
        of = self.values
        yearly = annuity(of["interest_per_year"], of["life_years"]) + of["upkeep_per_year"]
        return np.asarray(self._price(accelerator) * yearly / (HOURS_A_YEAR * of["hours_used"]))

    def usd_per_kwh(self, territory: str | None) -> Draws:
        """Return the US dollars of a kWh at a place."""
        if self.overrides.usd_per_kwh is not None:
            self.used["usd_per_kwh"] = Known(self.overrides.usd_per_kwh, "assumed", "given")
            return draw(self.overrides.usd_per_kwh, self._normal("usd-per-kwh"))
        found = self._figures.get((territory or "", _PRICE))
        if found is not None:
            value = Uncertain(found.value, found.value, found.value, "lognormal")
            self.used[f"usd_per_kwh/{found.country}"] = Known(value, found.kind, found.source)
            return np.full(self.size, found.value)
        prices = [row.value for (_, figure), row in self._figures.items() if figure == _PRICE]
        low, high = (float(x) for x in np.quantile(prices, [0.05, 0.95]))
        value = Uncertain(low, math.sqrt(low * high), high, "lognormal")
        self.used["usd_per_kwh/others"] = Known(value, "assumed", _FIGURES)
        return draw(value, self._normal("usd-per-kwh"))

    def _building(self, site: Site) -> Draws:
        given = self.overrides.pue or site.pue
        if given is not None:
            self.used[f"pue/{site.id}"] = Known(
                given, "assumed", "given" if self.overrides.pue else "the cluster"
            )
            return draw(given, self._normal(f"pue/{site.id}"))
        known = self._sizing.facility_overhead(site.territory, site.sector)
        self._note(f"facility_overhead/{site.id}", known, _SIZING)
        return self._lognormal("facility-overhead", known)

    def _price(self, accelerator: str) -> Draws:
        # what is bought today, whenever the run takes place
        price = self._sizing.price(accelerator, datetime.date.max)
        if price is not None:
            self._note(f"price/{accelerator}", price, _SIZING)
            return self._lognormal(f"price/{accelerator}", price)
        power = self._sizing.chip_watts(accelerator, self.facts)
        # watts() has refused those without
        watts = self._lognormal(f"watts/{accelerator}", power) if power else np.full(self.size, np.nan)
        return np.asarray(self.values["price_per_watt"] * watts)

    def _note(self, name: str, factor: Factor, source: str) -> None:
        middle, spread = math.exp(factor.mean), math.exp(Z95 * factor.sd)
        value = Uncertain(middle / spread, middle, middle * spread, "lognormal")
        self.used.setdefault(name, Known(value, factor.kind, source))

    def _lognormal(self, name: str, factor: Factor) -> Draws:
        return np.asarray(np.exp(factor.mean + factor.sd * self._normal(name)))

    def _normal(self, name: str) -> Draws:
        return standard_normal(self.seed, name, self.size)


def annuity(interest: Draws | float, years: Draws | float) -> Draws:
    """Return the share of a price that is due each year: i ÷ (1 − (1 + i)^−L).

    >>> round(float(annuity(0.08, 5.0)), 5)
    0.25046
    """
    return np.asarray(interest / (1.0 - (1.0 + np.asarray(interest)) ** -np.asarray(years)))
