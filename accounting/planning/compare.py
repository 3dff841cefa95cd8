"""Clusters side by side: capacity, origin, power, cost, carbon, water, export rules, differences.

All clusters share draws by name (an accelerator's efficiency and price, the building's PUE, the operator's
spread), so that a difference is one of the mixes and not of the draws.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from accounting.accounts.account import Quantiles, account
from accounting.accounts.levels import LEVELS, Holders
from accounting.accounts.nations.profile import GROWTH, NOW, TERRITORY, Profile, profile
from accounting.capacity.bases import Draws
from accounting.capacity.valuation import Skipped, Valuer
from accounting.planning.clusters import Cluster, entries
from accounting.planning.comparison import (
    CapacityValue,
    ClusterValue,
    Comparison,
    Difference,
    Limit,
    Metric,
    Phase,
)
from accounting.planning.export_rules import ExportRules, judge, load_rules
from accounting.planning.outlook import METRICS, Outlook, Planner, outlook
from bench.errors import InputError

# levels that say nothing of where a cluster's parts come from: all of one cluster stands in one place under
# one operator, and who will use what is not yet built is not known
_NO_ORIGIN = frozenset(
    {"territory", "owner", "operator", "operator_nation", "sector", "accelerator", "facility", "deployment"}
    | {"user", "user_nation", "access"}
)
_LIMITS = {"power_cap": "facility_full_load_w", "budget": "capital_usd"}


def compare(clusters: Sequence[Cluster], by: Planner) -> Comparison:
    """Compare clusters whose counts, or shares of a power cap, are stated.

    Raises:
        InputError: two clusters share an id, a count is to be solved for, or a cluster has nothing that
            can be valued in the first precision.
    """
    _check_ids(clusters)
    found = [outlook(cluster, by) for cluster in clusters]
    rules = load_rules()
    values = tuple(_value(one, by, rules) for one in found)
    differences = tuple(d for a, b in combinations(found, 2) for d in _differences(a, b, by))
    return Comparison(values, differences, by.precisions, by.bases, by.seed, by.size)


def _check_ids(clusters: Sequence[Cluster]) -> None:
    ids = [cluster.id for cluster in clusters]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise InputError(f"two clusters have one id (found {', '.join(twice)}); give each its own")


def _value(found: Outlook, by: Planner, rules: ExportRules) -> ClusterValue:
    cluster = found.cluster
    day = max((d.in_service for d in cluster.deployments if d.in_service), default=datetime.date.max)
    rows = entries(cluster, by.facts)
    levels = tuple((level,) for level in LEVELS if level not in _NO_ORIGIN)
    valuer = by.valuer(by.precisions[0], by.bases)
    return ClusterValue(
        cluster,
        account(rows, valuer, levels, as_of=day),
        tuple(_capacities(found, by)),
        {n: Metric(METRICS[n][0], Quantiles.of(found.metrics[n])) for n in METRICS if n in found.metrics},
        _sovereignty(cluster, valuer),
        judge(rows, cluster.territory, day, by.facts, rules),
        tuple(_limits(found)),
        tuple(_phases(cluster, by)),
        found.parameters.given,
    )


def _capacities(found: Outlook, by: Planner) -> Iterator[CapacityValue]:
    for precision in by.precisions:
        for basis in by.bases:
            capacity = found.capacity.get((precision, basis))
            if capacity is None:
                yield CapacityValue(precision, basis, None, None, found.missing[precision, basis])
                continue
            constant = by.h100e.get((basis, precision))
            equivalents = Quantiles.of(capacity.draws / constant) if constant else None
            yield CapacityValue(precision, basis, Quantiles.of(capacity.draws), equivalents)


def _sovereignty(cluster: Cluster, valuer: Valuer) -> Profile:
    """Return what of the cluster is its territory's own, at each level and at all of them at once.

    Weighed on the last basis asked for.
    """
    names = tuple(level for level in LEVELS if level in NOW | GROWTH)
    basis = valuer.asked[-1]
    holders = Holders(valuer.facts)
    sums: dict[tuple[str, ...], Draws] = {}
    for entry in entries(cluster, valuer.facts):
        valued = valuer.value(entry)
        if isinstance(valued, Skipped):
            continue
        for key, weight in holders.codes(entry, (TERRITORY, *names)):
            part = valued.capacity[basis].draws * weight
            sums[key] = sums[key] + part if key in sums else part
    return profile(sums, (TERRITORY, *names), cluster.territory)


def _limits(found: Outlook) -> Iterator[Limit]:
    budget = found.cluster.budget
    stated = {"power_cap": found.cluster.power_cap, "budget": budget.best if budget else None}
    for name, metric in _LIMITS.items():
        value, draws = stated[name], found.metrics.get(metric)
        if value is not None and draws is not None:
            yield Limit(name, metric, value, float(np.mean(draws <= value)))


def _phases(cluster: Cluster, by: Planner) -> Iterator[Phase]:
    """Yield what stands at each day on which a batch comes into service or is retired."""
    days = {day for d in cluster.deployments for day in (d.in_service, d.retired) if day}
    if len(days) <= 1:
        return
    precision = by.precisions[0]
    alone = replace(by, precisions=(precision,), bases=("delivered",))
    for day in sorted(days):
        standing = tuple(d for d in cluster.deployments if _stands(d.in_service, d.retired, day))
        if not standing:
            continue
        part = outlook(cluster.model_copy(update={"deployments": standing}), alone)
        power = part.metrics.get("facility_full_load_w")
        yield Phase(
            day,
            float(np.median(part.metrics["accelerators"])),
            Quantiles.of(power) if power is not None else None,
            Quantiles.of(part.capacity[precision, "delivered"].draws),
        )


def _stands(begin: datetime.date | None, end: datetime.date | None, day: datetime.date) -> bool:
    return (begin is None or begin <= day) and (end is None or day < end)


def _differences(a: Outlook, b: Outlook, by: Planner) -> Iterator[Difference]:
    ids = (a.cluster.id, b.cluster.id)
    for precision in by.precisions:
        for basis in by.bases:
            key = (precision, basis)
            if key in a.capacity and key in b.capacity:
                ratio = a.capacity[key].ratio(b.capacity[key])
                yield Difference(*ids, "capacity", *_more(ratio), basis=basis, precision=precision)
    for name in METRICS:
        mine, theirs = a.metrics.get(name), b.metrics.get(name)
        if mine is not None and theirs is not None:
            yield Difference(*ids, name, *_more(mine / theirs))


def _more(ratio: Draws) -> tuple[Quantiles, float]:
    return Quantiles.of(ratio), float(np.mean(ratio > 1))
