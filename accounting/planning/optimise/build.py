"""From a cluster and what is asked to a problem in numbers.

Rates come from :func:`accounting.planning.outlook.outlook` of one accelerator of each candidate: power,
cost, carbon and capacity of a cluster are sums over its accelerators, draw by draw, so that the same draws
serve any counts, and ``compare`` finds the same figures for the counts chosen.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accounting.accounts.levels import LEVELS, NATIONAL, Holders
from accounting.capacity.bases import BASES, Draws
from accounting.errors import UnknownNameError
from accounting.planning.clusters import Cluster, ClusterDeployment, entries
from accounting.planning.export_rules import ExportRules, judge
from accounting.planning.optimise.asked import Asked, CountWanted, MetricLimit, OriginLimit, label, unit
from accounting.planning.optimise.candidates import Open, last_day, with_counts_of
from accounting.planning.optimise.problem import (
    AnyLimit,
    CountLimit,
    Goal,
    Limit,
    Problem,
    Rates,
    ShareLimit,
)
from accounting.planning.outlook import Planner, outlook
from accounting.reference.names import ALTERNATIVES
from bench.errors import InputError

SOMETHING = "something is bought"


@dataclass(frozen=True)
class Label:
    """What people read for a limit, and the unit of its value ("" for counts, "share" for shares)."""

    text: str
    unit: str


@dataclass(frozen=True)
class Built:
    """A problem, the candidates that its counts are of, and which limit stands for what was asked."""

    problem: Problem
    candidates: tuple[ClusterDeployment, ...]
    kept: tuple[ClusterDeployment, ...]
    cluster: Cluster
    left_out: tuple[tuple[str, str], ...]
    labels: Mapping[str, Label]
    note: str = ""


def build(found: Open, asked: Asked, by: Planner, units: Sequence[int], rules: ExportRules) -> Built:
    """Build the problem.

    Raises:
        InputError: no candidate is left, or a deployment that stays cannot be valued.
        UnknownNameError: a level, a code or a deployment that there is not.
    """
    wanted = tuple(dict.fromkeys([asked.goal, asked.capacity, *(m.metric for m in asked.metrics)]))
    narrow = replace(by, bases=tuple(b for b in BASES if b in wanted) or ("delivered",))
    rows, left_out = _rates(found, wanted, narrow)
    if not rows:
        why = "; ".join(f"{name}: {reason}" for name, reason in left_out)
        raise InputError(f"cluster {found.cluster.id}: no accelerator is left to choose from ({why})")
    places = [i for i, d in enumerate(found.candidates) if d.id in rows]
    candidates = tuple(found.candidates[i] for i in places)
    base = _base(found, wanted, narrow)
    rates = {name: Rates(np.array([rows[d.id][name] for d in candidates]), base[name]) for name in wanted}
    problem, labels = _problem(found, candidates, asked, rates, narrow, rules)
    sizes = np.array([float(units[i]) for i in places])
    names = tuple(d.id for d in candidates)
    return Built(
        replace(problem, units=sizes, names=names),
        candidates,
        found.kept,
        found.cluster,
        (*found.left_out, *left_out),
        labels,
        found.note,
    )


def _rates(
    found: Open, wanted: Sequence[str], by: Planner
) -> tuple[dict[str, dict[str, Draws]], list[tuple[str, str]]]:
    """Return by candidate the draws of one accelerator, and who was left out for want of a figure."""
    rows: dict[str, dict[str, Draws]] = {}
    gone = []
    for candidate in found.candidates:
        try:
            each = quantities(with_counts_of(found.cluster, (candidate,), (1.0,)), by)
        except InputError as error:
            gone.append((candidate.id, str(error)))
            continue
        lacking = [name for name in wanted if name not in each]
        if lacking:
            gone.append((candidate.id, f"no {label(lacking[0])} is known"))
        else:
            rows[candidate.id] = {name: each[name] for name in wanted}
    return rows, gone


def quantities(cluster: Cluster, by: Planner) -> dict[str, Draws]:
    """Return draws of every quantity of a cluster that is known, by its name.

    Raises:
        InputError: the cluster has no delivered capacity in the planner's first precision.
    """
    found = outlook(cluster, by)
    capacities = {str(basis): value.draws for (_, basis), value in found.capacity.items()}
    return {**found.metrics, **capacities}


def _base(found: Open, wanted: Sequence[str], by: Planner) -> dict[str, Draws]:
    if not found.kept:
        return {name: np.zeros(by.size) for name in wanted}
    kept = found.cluster.model_copy(update={"deployments": found.kept})
    known = quantities(kept, by)
    lacking = [name for name in wanted if name not in known]
    if lacking:
        raise InputError(f"cluster {found.cluster.id}: no {label(lacking[0])} is known of what it states")
    return {name: known[name] for name in wanted}


def _problem(
    found: Open,
    candidates: tuple[ClusterDeployment, ...],
    asked: Asked,
    rates: Mapping[str, Rates],
    by: Planner,
    rules: ExportRules,
) -> tuple[Problem, dict[str, Label]]:
    at = asked.robust if asked.maximise else 1.0 - asked.robust
    goal = Goal(asked.goal, rates[asked.goal], at, asked.maximise)
    labels: dict[str, Label] = {}
    limits: list[AnyLimit] = []
    rows: list[tuple[AnyLimit, str, str]] = [
        *((_metric(m, rates, asked), label(m.metric), unit(m.metric)) for m in asked.metrics),
        *(
            (limit, f"{limit.name.partition(' at ')[0]} at {o.level.replace('_', ' ')}", "share")
            for o in asked.origins
            for limit in _origins(o, found, candidates, rates, asked, by)
        ),
        *((_count(c, candidates), f"number of {c.of}", "") for c in asked.counts),
        *((_cap(n, found, candidates, by, rules), f"cap of {n}", "TPP") for n in asked.capped),
    ]
    for one, text, its_unit in rows:
        limits.append(one)
        labels[one.name] = Label(text, its_unit)
    if not found.kept:
        # a plan of nothing keeps every upper limit and is none
        limits.append(CountLimit(SOMETHING, np.ones(len(candidates)), "at least", 1.0))
        labels[SOMETHING] = Label("accelerators", "")
    return Problem(goal, tuple(limits), np.ones(len(candidates))), labels


def _metric(one: MetricLimit, rates: Mapping[str, Rates], asked: Asked) -> Limit:
    name = f"{label(one.metric)} {one.sense} {one.value:g} {unit(one.metric)}".strip()
    return Limit(name, rates[one.metric], one.sense, one.value, asked.sure)


def _origins(
    one: OriginLimit,
    found: Open,
    candidates: Sequence[ClusterDeployment],
    rates: Mapping[str, Rates],
    asked: Asked,
    by: Planner,
) -> Iterator[ShareLimit]:
    known = sorted(
        {c for d in (*candidates, *found.kept) for c, _ in codes_of(found.cluster, d, one.level, by)}
    )
    names = [one.code] if one.code else [code for code in known if code != "unknown"]
    for code in names:
        members = _members(code, one.level, known, by, last_day(found.cluster) or datetime.date.max)
        sure = one.sense == "at least"
        weights = np.array([_weight(found.cluster, d, one.level, members, by, sure=sure) for d in candidates])
        name = f"share of {code} at {one.level} {one.sense} {one.share:g}"
        base = _base_weight(found, one.level, members, by, asked.capacity, sure=sure)
        yield ShareLimit(name, rates[asked.capacity], weights, base, one.sense, one.share)


def codes_of(
    cluster: Cluster, deployment: ClusterDeployment, level: str, by: Planner
) -> list[tuple[str, float]]:
    """Return a deployment's codes at a level, with weights that add to 1. Raises UnknownNameError."""
    if level not in LEVELS:
        raise UnknownNameError("level", level, LEVELS)
    entry = entries(with_counts_of(cluster, (deployment,), (1.0,)), by.facts)[0]
    return [(codes[0], weight) for codes, weight in Holders(by.facts).codes(entry, (level,))]


def _members(code: str, level: str, known: Iterable[str], by: Planner, day: datetime.date) -> frozenset[str]:
    """Return the codes that a name stands for: a group's members, or itself."""
    if level in NATIONAL and code in by.facts.groups:
        return frozenset(by.facts.groups[code].members_on(day)) | {code}
    every = {part for one in known for part in one.split(ALTERNATIVES)}
    if code not in every and code not in by.facts.countries and code not in by.facts.organisations:
        raise UnknownNameError(f"code at the level {level}", code, sorted(every))
    return frozenset({code})


def _weight(
    cluster: Cluster, d: ClusterDeployment, level: str, members: frozenset[str], by: Planner, *, sure: bool
) -> float:
    """Return a deployment's share of a code; one that may be another's counts against it, never for it."""
    total = 0.0
    for code, weight in codes_of(cluster, d, level, by):
        within = [part in members for part in code.split(ALTERNATIVES)]
        total += weight if (all(within) if sure else any(within)) else 0.0
    return total


def _base_weight(
    found: Open, level: str, members: frozenset[str], by: Planner, capacity: str, *, sure: bool
) -> float:
    """Return the share of a code in what stays, by the mean of its capacity."""
    whole = part = 0.0
    for d in found.kept:
        alone = found.cluster.model_copy(update={"deployments": (d,)})
        size = float(quantities(alone, by)[capacity].mean())
        whole += size
        part += size * _weight(found.cluster, d, level, members, by, sure=sure)
    return part / whole if whole else 0.0


def _count(one: CountWanted, candidates: Sequence[ClusterDeployment]) -> CountLimit:
    members = np.array([float(one.of in {d.id, d.accelerator}) for d in candidates])
    if not members.any():
        raise UnknownNameError("candidate", one.of, [d.id for d in candidates])
    return CountLimit(f"{one.of} {one.sense} {one.value:,.0f} accelerators", members, one.sense, one.value)


def _cap(
    name: str, found: Open, candidates: Sequence[ClusterDeployment], by: Planner, rules: ExportRules
) -> CountLimit:
    """Return the limit that a rule's country cap is: Σ count × TPP of what it counts."""
    rule = next((r for r in rules.rules if r.id == name), None)
    if rule is None:
        raise UnknownNameError("export rule", name, [r.id for r in rules.rules])
    if rule.country_cap_tpp is None:
        raise InputError(f"the export rule {name} has no country cap")

    def counted(deployments: Sequence[ClusterDeployment]) -> float:
        rows = entries(found.cluster.model_copy(update={"deployments": tuple(deployments)}), by.facts)
        judged = judge(rows, found.cluster.territory, rule.since, by.facts, rules)
        return next(f.tpp_stopped for f in judged if f.rule.id == name)

    each = [counted(with_counts_of(found.cluster, (d,), (1.0,)).deployments) for d in candidates]
    used = counted(found.kept) if found.kept else 0.0
    text = f"total processing performance within the cap of {name}, {rule.country_cap_tpp:g} TPP"
    return CountLimit(text, np.array(each), "at most", rule.country_cap_tpp - used)
