"""What a planned cluster rests on: each parameter as its file states it, or as a default, with its source.

Whatever the file leaves out is a default of ``configs/planning/defaults.yaml``, ``configs/sizing.yaml`` or
``configs/country_figures.csv``, and is marked as one. Draws are keyed by what is shared in truth: the price
of an accelerator, the electricity of a country, a site's PUE; so clusters compared share what they would
share.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from accounting.capacity.bases import Draws
from accounting.capacity.draws import draw, product, standard_normal
from accounting.capacity.sizing.facts import Price
from accounting.planning.clusters import Cluster, ClusterDeployment
from accounting.planning.facts import ByClimatePue, ByClimateWater, PlanningFacts
from accounting.planning.power import facility_overhead, full_load_ratio, node_load, node_ratio, watts
from accounting.quantities import Uncertain, exact
from accounting.reference.facts import Facts
from accounting.validation import Fact, Kind, weakest
from bench.errors import InputError


@dataclass(frozen=True)
class Given:
    """One parameter: its value in ``unit``, how it is known, where it stands, and whether it is a default.

    ``key`` names its draws: parameters of one key share them.
    """

    name: str
    key: str
    value: Uncertain
    unit: str
    kind: Kind
    source: str
    default: bool

    def draws(self, seed: int, size: int) -> Draws:
        """Draw the parameter (shape: size, in its unit)."""
        if self.value.exact:
            return np.full(size, self.value.best)
        return draw(self.value, standard_normal(seed, self.key, size))


@dataclass(frozen=True)
class BatchParameters:
    """Parameters of one deployment, all of one accelerator.

    ``training`` are the factors of the IT power of one accelerator in training, ``price`` is in US dollars an
    accelerator, ``embodied`` in kg CO2 equivalent an accelerator.
    """

    deployment: ClusterDeployment
    count: Given
    watts: Given | None
    full_load: Given
    training: tuple[Given, ...]
    price: Given | None
    embodied: Given

    @property
    def given(self) -> tuple[Given, ...]:
        """All of them."""
        found = (self.count, self.watts, self.full_load, *self.training, self.price, self.embodied)
        return tuple(one for one in found if one is not None)


@dataclass(frozen=True)
class Parameters:
    """Everything that the models of power, cost, carbon and water take, of one cluster.

    ``site`` holds by name: pue, facility_overhead, load, it_lifetime, building_lifetime (seconds),
    building_cost (USD/W), discount_rate and operations (a year), electricity_price (USD/kWh),
    carbon_intensity (g/kWh), water_on_site and water_of_grid (L/kWh), and building_carbon (kg/kW) where the
    file states it.
    """

    cluster: Cluster
    site: Mapping[str, Given]
    batches: tuple[BatchParameters, ...]

    @property
    def given(self) -> tuple[Given, ...]:
        """All parameters, the site's first, each name once."""
        every = [*self.site.values(), *(one for batch in self.batches for one in batch.given)]
        return tuple({one.name: one for one in every}.values())


def with_counts(cluster: Cluster, facts: Facts, planning: PlanningFacts) -> Cluster:
    """Return the cluster with a count for each deployment that states a share of the power cap.

    count = share × power cap ÷ (PUE or facility overhead × TDP × IT overhead), medians, rounded down.

    Raises:
        InputError: no watts of an accelerator are known.
    """
    if cluster.power_cap is None:
        return cluster
    found = tuple(
        d if d.share is None else d.model_copy(update={"count": _from_share(cluster, d, facts, planning)})
        for d in cluster.deployments
    )
    return cluster.model_copy(update={"deployments": found})


def parameters(cluster: Cluster, facts: Facts, planning: PlanningFacts) -> Parameters:
    """Resolve every parameter of a cluster whose counts are known.

    Raises:
        InputError: a count is still to be solved for.
    """
    site = {one.name: one for one in _site(cluster, facts, planning)}
    batches = tuple(_batch(cluster, d, facts, planning) for d in cluster.deployments)
    return Parameters(cluster, site, batches)


def price_each(
    accelerator: str, day: datetime.date | None, facts: Facts, planning: PlanningFacts
) -> Given | None:
    """Return US dollars an accelerator with its part of host, network and storage, by default.

    From ``configs/sizing.yaml``, else ``configs/planning/defaults.yaml``, else its watts × dollars a watt.
    """
    rows = [
        *_priced(planning.sizing.prices, accelerator, day),
        *_priced(planning.defaults.prices, accelerator, day),
    ]
    key, name = f"price/{accelerator}", f"price of {accelerator}"
    if rows:
        return Given(name, key, rows[0].value, "USD", rows[0].kind, rows[0].source, default=True)
    found, each = watts(accelerator, planning, facts), planning.defaults.price_per_watt
    if found is None:
        return None
    value = product([found[0], each.value])
    return Given(name, key, value, "USD", weakest([found[1], each.kind]), each.source, default=True)


def _stated(fact: Fact[Uncertain], name: str, key: str, unit: str) -> Given:
    return Given(name, key, fact.value, unit, fact.kind, fact.source, default=False)


def _site(cluster: Cluster, facts: Facts, planning: PlanningFacts) -> Iterator[Given]:
    known, where, site = planning.defaults, cluster.territory, cluster.operator
    pue = _by_climate(known.pue, cluster)
    water = _by_climate(known.water_on_site, cluster)
    # (name, key of its draws, unit, default)
    rows: tuple[tuple[str, str, str, Fact[Uncertain]], ...] = (
        ("pue", f"pue/{site}", "", pue),
        ("load", f"load/{site}", "", known.load),
        ("it_lifetime", "it-lifetime", "s", known.it_lifetime),
        ("building_lifetime", "building-lifetime", "s", known.building_lifetime),
        ("building_cost", f"building-cost/{where}", "USD/W", known.building_cost),
        ("discount_rate", "discount-rate", "a year", known.discount_rate),
        ("operations", "operations", "of capital a year", known.operations),
        ("water_on_site", f"water-on-site/{site}", "L/kWh", water),
    )
    for name, key, unit, default in rows:
        stated = getattr(cluster, name)
        found = _stated(stated or default, name, key, unit)
        yield found if stated else replace(found, default=True)
    overhead, kind, source = facility_overhead(where, cluster.sector, planning)
    if cluster.pue is not None:
        # a file that states a PUE means its building; it serves for the peak too
        overhead, kind, source = cluster.pue.value, cluster.pue.kind, cluster.pue.source
    key = f"pue/{site}" if cluster.pue else f"facility-overhead/{site}"
    yield Given("facility_overhead", key, overhead, "", kind, source, default=cluster.pue is None)
    yield from _of_country(cluster, planning)
    if cluster.building_carbon:
        yield _stated(cluster.building_carbon, "building_carbon", f"building-carbon/{where}", "kg/kW")


def _of_country(cluster: Cluster, planning: PlanningFacts) -> Iterator[Given]:
    known, where = planning.defaults, cluster.territory
    grid = known.water_of_grid.countries.get(where)
    water = (grid, known.water_of_grid.kind, known.water_of_grid.source) if grid else None
    rows: tuple[
        tuple[str, str, tuple[Uncertain, Kind, str] | None, Fact[Uncertain], Fact[Uncertain]], ...
    ] = (
        (
            "electricity_price",
            "USD/kWh",
            _figure(planning, where, "industrial_electricity_price_usd_per_kwh"),
            known.electricity_price_of_site,
            known.electricity_price_elsewhere,
        ),
        (
            "carbon_intensity",
            "g/kWh",
            _figure(planning, where, "carbon_intensity_g_per_kwh"),
            known.carbon_intensity_of_site,
            known.carbon_intensity_elsewhere,
        ),
        ("water_of_grid", "L/kWh", water, known.water_of_grid_of_site, known.water_of_grid_elsewhere),
    )
    for name, unit, country, of_site, elsewhere in rows:
        key = f"{name.replace('_', '-')}/{where}"
        if stated := getattr(cluster, name):
            yield _stated(stated, name, key, unit)
        elif country is None:
            yield replace(_stated(elsewhere, name, key, unit), default=True)
        else:
            value, kind, source = country
            spread = product([value, of_site.value])
            yield Given(name, key, spread, unit, weakest([kind, of_site.kind]), source, default=True)


def _figure(planning: PlanningFacts, country: str, name: str) -> tuple[Uncertain, Kind, str] | None:
    found = planning.figure(country, name)
    return (exact(found.value), found.kind, found.source) if found else None


def _batch(cluster: Cluster, d: ClusterDeployment, facts: Facts, planning: PlanningFacts) -> BatchParameters:
    if d.count is None:
        raise InputError(f"cluster {cluster.id}: the count of {d.id} is still to be solved for")
    name = d.accelerator
    # its size is chosen, not observed
    count = Given(
        f"count of {d.id}",
        f"count/{cluster.operator}/{name}",
        d.count,
        "",
        "published",
        "hypothetical",
        False,
    )
    found = watts(name, planning, facts)
    tdp = Given(f"TDP of {name}", f"tdp/{name}", found[0], "W", found[1], found[2], True) if found else None
    return BatchParameters(
        d,
        count,
        tdp,
        _full_load(cluster, d, facts, planning),
        tuple(_training(cluster, d, facts, planning)),
        _stated(d.price, f"price of {name}", f"price/{name}", "USD")
        if d.price
        else price_each(name, d.in_service, facts, planning),
        _embodied(d, facts, planning),
    )


def _full_load(cluster: Cluster, d: ClusterDeployment, facts: Facts, planning: PlanningFacts) -> Given:
    # servers of one chip are the same servers wherever they stand
    name, key = f"host overhead of {d.accelerator}", f"host-overhead/{d.accelerator}"
    if stated := d.host_overhead or cluster.host_overhead:
        return _stated(stated, name, key, "")
    value, kind, source = full_load_ratio(d.accelerator, planning, facts)
    return Given(name, key, value, "", kind, source, default=True)


def _training(
    cluster: Cluster, d: ClusterDeployment, facts: Facts, planning: PlanningFacts
) -> Iterator[Given]:
    """Yield what the watts of IT in training are a product of, for each accelerator."""
    name = d.accelerator
    if d.power:
        yield _stated(d.power, f"power of {name}", f"training-power/{name}", "W")
        return
    ratio = node_ratio(name, planning.nodes, facts)
    if ratio is not None:
        key = f"training-power/{planning.nodes.measured_as(name)}"
        label = f"node power in training of {name}"
        yield Given(label, key, ratio.value, "of TDP", ratio.kind, ratio.source, default=True)
        beyond = planning.nodes.beyond_nodes
        yield replace(_stated(beyond, "IT power beyond nodes", "beyond-nodes", "of nodes"), default=True)
    else:
        load = node_load(planning.nodes)
        key = f"node-load/{name}"
        label = f"node load in training of {name}"
        # measured on other accelerators
        yield Given(label, key, load.value, "of full load", "assumed", load.source, default=True)


def _embodied(d: ClusterDeployment, facts: Facts, planning: PlanningFacts) -> Given:
    name, key = f"embodied carbon of {d.accelerator}", f"embodied-carbon/{d.accelerator}"
    if d.embodied_carbon:
        return _stated(d.embodied_carbon, name, key, "kg")
    names = {d.accelerator, facts.accelerators[d.accelerator].family}
    row = next(r for r in planning.defaults.embodied_carbon if not r.of or names & set(r.of))
    return Given(name, key, row.value, "kg", row.kind, row.source, default=True)


def _priced(rows: tuple[Price, ...], accelerator: str, day: datetime.date | None) -> list[Price]:
    fitting = [row for row in rows if accelerator in row.of and (day is None or row.first_day <= day)]
    return sorted(fitting, key=lambda row: row.first_day, reverse=True)


def _by_climate(
    rows: tuple[ByClimatePue, ...] | tuple[ByClimateWater, ...], cluster: Cluster
) -> Fact[Uncertain]:
    return next(row for row in rows if not row.climates or cluster.climate in row.climates)


def _from_share(cluster: Cluster, d: ClusterDeployment, facts: Facts, planning: PlanningFacts) -> Uncertain:
    found = watts(d.accelerator, planning, facts)
    if found is None:
        raise InputError(
            f"cluster {cluster.id}: no watts of {d.accelerator} are known; give 'count' in place of 'share'"
        )
    site = {one.name: one for one in _site(cluster, facts, planning)}["facility_overhead"]
    each = found[0].best * _full_load(cluster, d, facts, planning).value.best * site.value.best
    return exact(float(int((d.share or 0.0) * (cluster.power_cap or 0.0) / each)))
