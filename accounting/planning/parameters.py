"""What a planned cluster rests on: each parameter as its file states it, or as a default, with its source.

Whatever the file leaves out is a default of ``configs/planning/defaults.yaml``, ``configs/sizing.yaml`` or
``configs/country_figures.csv``, and is marked as one. Draws are keyed by what is shared in truth: the price
of an accelerator, the electricity of a country, a site's PUE; so clusters compared share what they would
share.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from accounting.capacity.draws import product
from accounting.capacity.sizing.facts import Price
from accounting.planning.clusters import Cluster, ClusterDeployment
from accounting.planning.facts import PlanningFacts
from accounting.planning.known import Given, Known
from accounting.planning.power import full_load_ratio, node_load, node_ratio, watts
from accounting.planning.site_parameters import site_overhead, site_parameters
from accounting.quantities import Uncertain, exact
from accounting.reference.facts import Facts
from accounting.validation import weakest
from bench.errors import InputError


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
    batches = tuple(_batch(cluster, d, facts, planning) for d in cluster.deployments)
    return Parameters(cluster, site_parameters(cluster, planning), batches)


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
        return Given.of(Known.of(rows[0]), name, key, "USD", default=True)
    found, each = watts(accelerator, planning, facts), planning.defaults.price_per_watt
    if found is None:
        return None
    known = Known(product([found.value, each.value]), weakest([found.kind, each.kind]), each.source)
    return Given.of(known, name, key, "USD", default=True)


def _batch(cluster: Cluster, d: ClusterDeployment, facts: Facts, planning: PlanningFacts) -> BatchParameters:
    if d.count is None:
        raise InputError(f"cluster {cluster.id}: the count of {d.id} is still to be solved for")
    # its size is chosen, not observed
    size = Known(d.count, "published", "hypothetical")
    count = Given.of(size, f"count of {d.id}", f"count/{cluster.operator}/{d.accelerator}", "", default=False)
    return BatchParameters(
        deployment=d,
        count=count,
        watts=_tdp(d.accelerator, facts, planning),
        full_load=_full_load(cluster, d, facts, planning),
        training=tuple(_training(d, facts, planning)),
        price=_price(d, facts, planning),
        embodied=_embodied(d, facts, planning),
    )


def _tdp(accelerator: str, facts: Facts, planning: PlanningFacts) -> Given | None:
    found = watts(accelerator, planning, facts)
    if found is None:
        return None
    return Given.of(found, f"TDP of {accelerator}", f"tdp/{accelerator}", "W", default=True)


def _price(d: ClusterDeployment, facts: Facts, planning: PlanningFacts) -> Given | None:
    if d.price is None:
        return price_each(d.accelerator, d.in_service, facts, planning)
    name, key = f"price of {d.accelerator}", f"price/{d.accelerator}"
    return Given.of(Known.of(d.price), name, key, "USD", default=False)


def _full_load(cluster: Cluster, d: ClusterDeployment, facts: Facts, planning: PlanningFacts) -> Given:
    # servers of one chip are the same servers wherever they stand
    name, key = f"host overhead of {d.accelerator}", f"host-overhead/{d.accelerator}"
    if stated := d.host_overhead or cluster.host_overhead:
        return Given.of(Known.of(stated), name, key, "", default=False)
    return Given.of(full_load_ratio(d.accelerator, planning, facts), name, key, "", default=True)


def _training(d: ClusterDeployment, facts: Facts, planning: PlanningFacts) -> Iterator[Given]:
    """Yield the factors of an accelerator's watts of IT in training (:mod:`accounting.planning.power`)."""
    name = d.accelerator
    if d.power:
        key = f"training-power/{name}"
        yield Given.of(Known.of(d.power), f"power of {name}", key, "W", default=False)
        return
    ratio = node_ratio(name, planning.nodes, facts)
    if ratio is not None:
        known, label = Known(ratio.value, ratio.kind, ratio.source), f"node power in training of {name}"
        key = f"training-power/{planning.nodes.measured_as(name)}"
        yield Given.of(known, label, key, "of TDP", default=True)
        beyond = Known.of(planning.nodes.beyond_nodes)
        yield Given.of(beyond, "IT power beyond nodes", "beyond-nodes", "of nodes", default=True)
    else:
        load = node_load(planning.nodes)
        # measured on other accelerators
        known, label = Known(load.value, "assumed", load.source), f"node load in training of {name}"
        yield Given.of(known, label, f"node-load/{name}", "of full load", default=True)


def _embodied(d: ClusterDeployment, facts: Facts, planning: PlanningFacts) -> Given:
    name, key = f"embodied carbon of {d.accelerator}", f"embodied-carbon/{d.accelerator}"
    if d.embodied_carbon:
        return Given.of(Known.of(d.embodied_carbon), name, key, "kg", default=False)
    names = {d.accelerator, facts.accelerators[d.accelerator].family}
    row = next(r for r in planning.defaults.embodied_carbon if not r.of or names & set(r.of))
    return Given.of(Known.of(row), name, key, "kg", default=True)


def _priced(rows: tuple[Price, ...], accelerator: str, day: datetime.date | None) -> list[Price]:
    fitting = [row for row in rows if accelerator in row.of and (day is None or row.first_day <= day)]
    return sorted(fitting, key=lambda row: row.first_day, reverse=True)


def _from_share(cluster: Cluster, d: ClusterDeployment, facts: Facts, planning: PlanningFacts) -> Uncertain:
    found = watts(d.accelerator, planning, facts)
    if found is None:
        raise InputError(
            f"cluster {cluster.id}: no watts of {d.accelerator} are known; give 'count' in place of 'share'"
        )
    full_load, site = _full_load(cluster, d, facts, planning), site_overhead(cluster, planning)
    each = found.value.best * full_load.value.best * site.value.best
    return exact(float(int((d.share or 0.0) * (cluster.power_cap or 0.0) / each)))
