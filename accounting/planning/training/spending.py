"""Power, energy and money of a run, by the models of planned clusters (:mod:`accounting.planning.outlook`).

A site is read as a cluster: one of a census takes the defaults of its country, a cluster states what it
likes. Then, while the run lasts::

    watts of an accelerator = IT power in training × PUE                       (accounting.planning.power)
    an accelerator-hour     = (annuity(price) + annuity(building) + operations × (price + building))
                              ÷ (8,766 h × share of hours used)                (accounting.planning.cost)
    building                = IT power at full load × dollars a watt
    electricity             = energy × what a kWh costs at the site

The share of hours used is what a run adds: whoever trains pays for hours that stand idle between runs too.
Data, staff of the run itself and failed attempts are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from accounting.capacity.bases import Draws
from accounting.capacity.draws import draw, standard_normal
from accounting.census.facilities import Sector
from accounting.dimensions import YEAR_S
from accounting.planning.clusters import Cluster, ClusterDeployment
from accounting.planning.cost import Terms, yearly_cost_usd
from accounting.planning.facts import PlanningFacts, load_planning
from accounting.planning.known import Given, Known
from accounting.planning.outlook import training_w
from accounting.planning.parameters import BatchParameters, Parameters, parameters
from accounting.planning.training.sites import Batch, Site
from accounting.quantities import Uncertain, exact
from accounting.reference.facts import Facts
from bench.errors import InputError

HOURS_A_YEAR = YEAR_S / 3600.0


@dataclass(frozen=True)
class Overrides:
    """What the user gives in place of what is looked up; None for what is not given.

    ``site`` holds facts by the names of a cluster's keys, for every site.
    """

    pue: Uncertain | None = None
    usd_per_kwh: Uncertain | None = None
    usd_per_accelerator_hour: Uncertain | None = None
    site: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Spending:
    """Draws of watts and dollars; ``used`` records what each rests on, by name."""

    facts: Facts
    hours_used: Draws
    seed: int
    size: int
    overrides: Overrides = field(default_factory=Overrides)
    used: dict[str, Known] = field(default_factory=dict)
    _known: dict[str, Parameters] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Read the facts that it rests on."""
        self._planning: PlanningFacts = load_planning(self.facts)

    def watts(self, site: Site, batch: Batch) -> Draws:
        """Return the facility watts of one accelerator of a batch at a site, in training.

        Raises:
            InputError: no watts of the accelerator are known.
        """
        found = self._batch(site, batch)
        self._note_all(found.watts, *found.training)
        if found.training[0].unit == "of full load":
            self._note_all(found.full_load)
        return training_w(found, self.seed, self.size) * self._pue(site)

    def usd_per_hour(self, site: Site, batch: Batch) -> Draws:
        """Return the US dollars of one accelerator-hour, electricity not included.

        Raises:
            InputError: no watts of the accelerator are known, and so neither its price nor its building.
        """
        if self.overrides.usd_per_accelerator_hour is not None:
            given = self.overrides.usd_per_accelerator_hour
            self.used["usd_per_accelerator_hour"] = Known(given, "assumed", "given")
            return draw(given, self._normal("usd-per-hour"))
        found = self._batch(site, batch)
        if found.price is None or found.watts is None:
            raise InputError(f"no watts of {batch.accelerator} are known; state its tdp in an --overlay")
        self._note_all(found.price, found.watts, found.full_load)
        watts = found.watts.draws(self.seed, self.size) * found.full_load.draws(self.seed, self.size)
        yearly = yearly_cost_usd(
            found.price.draws(self.seed, self.size),
            watts * self._site(site, "building_cost"),
            0.0,
            Terms(
                it_years=self._site(site, "it_lifetime") / YEAR_S,
                building_years=self._site(site, "building_lifetime") / YEAR_S,
                rate=self._site(site, "discount_rate"),
                operations=self._site(site, "operations"),
                price_usd_per_kwh=0.0,
            ),
        )
        return np.asarray(yearly / (HOURS_A_YEAR * self.hours_used))

    def usd_per_kwh(self, site: Site) -> Draws:
        """Return the US dollars of a kWh at a site."""
        if self.overrides.usd_per_kwh is not None:
            self.used["usd_per_kwh"] = Known(self.overrides.usd_per_kwh, "assumed", "given")
            return draw(self.overrides.usd_per_kwh, self._normal("usd-per-kwh"))
        return self._site(site, "electricity_price")

    def _pue(self, site: Site) -> Draws:
        if self.overrides.pue is not None:
            self.used["pue"] = Known(self.overrides.pue, "assumed", "given")
            return draw(self.overrides.pue, self._normal(f"pue/{site.id}"))
        return self._site(site, "pue")

    def _site(self, site: Site, name: str) -> Draws:
        given = self._parameters(site).site[name]
        # what is a country's or everybody's has one line for all sites
        own = f"{name}/{site.id}" if given.key.endswith(f"/{site.id}") else name
        label = f"{name}/{site.territory}" if given.key.endswith(f"/{site.territory}") else own
        self._note(label, given)
        return given.draws(self.seed, self.size)

    def _batch(self, site: Site, batch: Batch) -> BatchParameters:
        place = site.batches.index(batch)
        return self._parameters(site).batches[place]

    def _parameters(self, site: Site) -> Parameters:
        if site.id not in self._known:
            self._known[site.id] = parameters(
                as_cluster(site, self.overrides.site), self.facts, self._planning
            )
        return self._known[site.id]

    def _note_all(self, *given: Given | None) -> None:
        for one in given:
            if one is not None:
                self._note(one.name, one)

    def _note(self, name: str, given: Given) -> None:
        self.used.setdefault(name, Known(given.value, given.kind, given.source))

    def _normal(self, name: str) -> Draws:
        return standard_normal(self.seed, name, self.size)


def as_cluster(site: Site, stated: Mapping[str, Any] = {}) -> Cluster:
    """Return a site as the models of planned clusters take it: its cluster, or its place and accelerators.

    The count of a batch is not what is asked here, and is 1. ``stated`` holds facts over those of the site.
    """
    deployments = tuple(_deployment(batch) for batch in site.batches)
    if site.cluster is not None:
        return site.cluster.model_copy(update={"deployments": deployments, **stated})
    return Cluster.model_construct(
        id=site.id,
        name=site.name,
        hypothetical=False,
        territory=site.territory or "",
        owner="",
        operator=site.id,
        sector=cast("Sector | None", site.sector),
        deployments=deployments,
        **stated,
    )


def _deployment(batch: Batch) -> ClusterDeployment:
    if batch.stated is not None:
        return batch.stated.model_copy(update={"count": exact(1.0), "share": None})
    return ClusterDeployment.model_construct(
        id=batch.accelerator, accelerator=batch.accelerator, count=exact(1.0)
    )
