"""Clusters side by side: capacity on every basis, vendor origin, power, and how sure the difference is.

All clusters share draws by name (an accelerator's efficiency, the building's PUE, the operator's spread),
so that a difference is one of the mixes and not of the draws.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from accounting.accounts.account import Accounts, Quantiles, account
from accounting.capacity.bases import BASES, Basis, Capacity, Draws
from accounting.capacity.calibration import Calibration
from accounting.capacity.draws import draw, standard_normal
from accounting.capacity.valuation import Skipped, Valuer
from accounting.planning.clusters import Cluster, entries
from accounting.reference.facts import Facts
from bench.errors import InputError

_ORIGINS = (("vendor",), ("vendor_nation",))


@dataclass(frozen=True)
class ClusterValue:
    """One cluster: its accounts by basis and its power in watts (None where a TDP is not published)."""

    cluster: Cluster
    accounts: Mapping[Basis, Accounts]
    it_power_w: Quantiles | None
    facility_power_w: Quantiles | None
    accelerators: float


@dataclass(frozen=True)
class Difference:
    """Cluster A ÷ cluster B on one basis, with the probability that A has more."""

    a: str
    b: str
    basis: Basis
    ratio: Quantiles
    probability_a_more: float


@dataclass(frozen=True)
class Comparison:
    """Clusters side by side."""

    clusters: tuple[ClusterValue, ...]
    differences: tuple[Difference, ...]
    precision: str
    seed: int
    draws: int


def compare(
    clusters: Sequence[Cluster],
    facts: Facts,
    calibration: Calibration,
    *,
    precision: str = "bf16",
    seed: int = 0,
    draws: int = 10_000,
) -> Comparison:
    """Compare clusters in one precision.

    Raises:
        InputError: two clusters share an id, or one has nothing that can be valued in ``precision``.
    """
    _check_ids(clusters)
    valuer = Valuer(facts, calibration, precision, BASES, seed, draws)
    values = tuple(_value(cluster, valuer) for cluster in clusters)
    totals = {cluster.id: _totals(cluster, valuer) for cluster in clusters}
    differences = tuple(
        _difference(a.id, b.id, basis, totals) for a, b in combinations(clusters, 2) for basis in BASES
    )
    return Comparison(values, differences, precision, seed, draws)


def _check_ids(clusters: Sequence[Cluster]) -> None:
    ids = [cluster.id for cluster in clusters]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise InputError(f"two clusters have one id (found {', '.join(twice)}); give each its own")


def _value(cluster: Cluster, valuer: Valuer) -> ClusterValue:
    day = max((d.in_service for d in cluster.deployments if d.in_service), default=datetime.date.max)
    accounts = account(entries(cluster, valuer.facts), valuer, _ORIGINS, as_of=day)
    it, facility = _power(cluster, valuer)
    count = sum(d.count.best for d in cluster.deployments if d.count)
    return ClusterValue(cluster, accounts, it, facility, count)


def _totals(cluster: Cluster, valuer: Valuer) -> dict[Basis, Capacity]:
    totals: dict[Basis, Capacity] = {}
    for entry in entries(cluster, valuer.facts):
        valued = valuer.value(entry)
        if isinstance(valued, Skipped):
            raise InputError(f"cluster {cluster.id}: {entry.accelerator} cannot be valued: {valued.reason}")
        for basis, capacity in valued.capacity.items():
            totals[basis] = totals[basis] + capacity if basis in totals else capacity
    return totals


def _difference(a: str, b: str, basis: Basis, totals: Mapping[str, Mapping[Basis, Capacity]]) -> Difference:
    ratio = totals[a][basis].ratio(totals[b][basis])
    return Difference(a, b, basis, Quantiles.of(ratio), float(np.mean(ratio > 1)))


def _power(cluster: Cluster, valuer: Valuer) -> tuple[Quantiles | None, Quantiles | None]:
    """Return IT and facility power in watts: Σ count × TDP × host overhead, then × PUE."""
    total: Draws = np.zeros(valuer.size)
    for d in cluster.deployments:
        tdp = valuer.facts.accelerators[d.accelerator].tdp
        if tdp is None:
            return None, None
        overhead = d.host_overhead or cluster.host_overhead
        # servers of one chip are the same servers wherever they stand
        normal = standard_normal(valuer.seed, f"host-overhead/{d.accelerator}", valuer.size)
        count = draw(
            d.count, standard_normal(valuer.seed, f"count/{cluster.operator}/{d.accelerator}", valuer.size)
        )
        total = total + count * tdp * draw(overhead.value, normal)
    pue = draw(cluster.pue.value, standard_normal(valuer.seed, f"pue/{cluster.operator}", valuer.size))
    return Quantiles.of(total), Quantiles.of(total * pue)
