"""A plan: the best mix, what binds it, what the next unit of each limit gains, and what caution costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.capacity.bases import Draws
from accounting.planning.clusters import Cluster, ClusterDeployment
from accounting.planning.compare import compare
from accounting.planning.comparison import ClusterValue
from accounting.planning.export_rules import ExportRules
from accounting.planning.optimise.asked import Asked, OriginLimit
from accounting.planning.optimise.build import Built, build
from accounting.planning.optimise.candidates import Open, with_counts_of
from accounting.planning.optimise.clash import clashing
from accounting.planning.optimise.problem import AnyLimit, Problem, ShareLimit
from accounting.planning.optimise.shadow import shadow_values
from accounting.planning.optimise.solver import Found, UnboundedError, solve
from accounting.planning.outlook import Planner
from bench.errors import InputError

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Chosen:
    """A deployment of the plan; ``unit`` is what its count is a multiple of (1 of what stays as stated)."""

    deployment: ClusterDeployment
    count: float
    unit: int
    stays: bool = False


@dataclass(frozen=True)
class Bound:
    """A limit. ``value``, and what the plan ``held`` of it, are in ``unit`` ("share" of 1, "" for counts).

    ``gains`` is the goal that one more of its unit gives (of fractions of servers; 0 where it does not
    bind). None stands for what is not known; where there is no plan, nothing is held.
    """

    name: str
    text: str
    unit: str
    sense: str
    value: float
    held: float | None = None
    gains: float | None = None


@dataclass(frozen=True)
class Mix:
    """Counts that keep every limit: the goal's percentile that was made best, its quantiles, and the gap.

    ``gap`` is the share of the goal by which the bound of the last programme is better.
    """

    chosen: tuple[Chosen, ...]
    counts: tuple[float, ...]
    value: float
    goal: Quantiles
    gap: float


@dataclass(frozen=True)
class Regret:
    """The robust mix beside the one whose median is best, with common draws.

    ``given_up`` is the median that caution costs, ``gained`` what it gains at the percentile asked for, both
    in the goal's unit and at least 0; ``probability`` that the robust one turns out better.
    """

    median_mix: Mix
    given_up: float
    gained: float
    probability: float


@dataclass(frozen=True)
class Point:
    """A point of the frontier: the largest share allowed, and the best mix within it, None where none is."""

    share: float
    mix: Mix | None


@dataclass(frozen=True)
class Plan:
    """The answer: a mix or the limits that clash. ``value`` is what ``compare`` finds of the cluster."""

    asked: Asked
    built: Built
    mix: Mix | None
    clash: tuple[Bound, ...]
    bounds: tuple[Bound, ...]
    cluster: Cluster | None
    value: ClusterValue | None
    regret: Regret | None
    frontier: tuple[Point, ...]
    frontier_of: OriginLimit | None
    seed: int
    draws: int


def plan(
    found: Open,
    asked: Asked,
    by: Planner,
    units: Sequence[int],
    rules: ExportRules,
    frontier: OriginLimit | None = None,
    progress: Progress | None = None,
) -> Plan:
    """Find the best mix.

    Args:
        found: what is open.
        asked: goal and limits.
        by: facts, calibration, draws.
        units: by candidate, what counts are multiples of.
        rules: export rules, for the caps among the limits.
        frontier: level and code (or every code) whose largest share goes from 0 to 1.
        progress: told how many points of the frontier are done, of how many.

    Raises:
        InputError: nothing limits the goal, or no candidate is left.
        MissingExtraError: scipy is not installed.
    """
    built = build(found, asked, by, units, rules)
    solved = _solved(built.problem)
    points: tuple[Point, ...] = ()
    if frontier is not None:
        points = _frontier(found, asked, by, units, rules, frontier, progress)
    if solved is None:
        clash = tuple(_bound(built, limit) for limit in clashing(built.problem))
        return Plan(asked, built, None, clash, (), None, None, None, points, frontier, by.seed, by.size)
    mix = _mix(built, solved, units=built.problem.units)
    cluster = planned_cluster(built, solved.counts)
    value = compare([cluster], by).clusters[0]
    bounds = _bounds(built, solved.counts)
    regret = _regret(built, solved, mix) if asked.robust != 0.5 else None
    return Plan(asked, built, mix, (), bounds, cluster, value, regret, points, frontier, by.seed, by.size)


def _solved(problem: Problem) -> Found | None:
    try:
        return solve(problem)
    except UnboundedError:
        message = f"nothing limits {problem.goal.name}; give a power, a budget, or counts that there are"
        raise InputError(message) from None


def _mix(built: Built, solved: Found, units: Draws) -> Mix:
    rows = [
        Chosen(d, float(n), int(unit))
        for d, n, unit in zip(built.candidates, solved.counts, units, strict=True)
        if n > 0
    ]
    stays = [Chosen(d, d.count.best if d.count else 0.0, 1, stays=True) for d in built.kept]
    draws = built.problem.goal.rates.of(solved.counts)
    return Mix((*stays, *rows), tuple(solved.counts.tolist()), solved.value, Quantiles.of(draws), solved.gap)


def planned_cluster(built: Built, counts: Draws) -> Cluster:
    """Return the cluster with the counts chosen and with what stays as stated."""
    base = built.cluster
    own = {"id": f"{base.id}-plan", "name": f"{base.name}, planned"}
    chosen: tuple[ClusterDeployment, ...] = ()
    if np.any(counts > 0):
        chosen = with_counts_of(base, built.candidates, counts.tolist()).deployments
    return base.model_copy(update=own | {"deployments": (*built.kept, *chosen)})


def _bounds(built: Built, counts: Draws) -> tuple[Bound, ...]:
    gains = shadow_values(built.problem, counts)
    return tuple(
        replace(_bound(built, limit), held=limit.held(counts), gains=gains.get(limit.name))
        for limit in built.problem.limits
    )


def _bound(built: Built, limit: AnyLimit) -> Bound:
    label = built.labels[limit.name]
    value = limit.share if isinstance(limit, ShareLimit) else limit.value
    return Bound(limit.name, label.text, label.unit, limit.sense, value)


def _regret(built: Built, robust: Found, mix: Mix) -> Regret | None:
    goal = built.problem.goal
    middle = replace(built.problem, goal=replace(goal, at=0.5))
    median = _solved(middle)
    if median is None:
        return None
    # both keep all limits, so that the better median of the two is the best found
    own = middle.goal.value(robust.counts)
    if middle.better(own, median.value):
        median = replace(robust, value=own)
    sign = 1.0 if goal.maximise else -1.0
    mine, theirs = goal.rates.of(robust.counts), goal.rates.of(median.counts)
    given_up = sign * float(np.median(theirs) - np.median(mine))
    gained = sign * float(np.quantile(mine, goal.at) - np.quantile(theirs, goal.at))
    better = float(np.mean(sign * (mine - theirs) > 0))
    return Regret(_mix(built, median, built.problem.units), given_up, gained, better)


def _frontier(
    found: Open,
    asked: Asked,
    by: Planner,
    units: Sequence[int],
    rules: ExportRules,
    of: OriginLimit,
    progress: Progress | None,
) -> tuple[Point, ...]:
    """Return the best mix for each largest share from 0 to 1; more room never makes it worse."""
    shares = [step / 10 for step in range(11)]
    points: list[Point] = []
    best: tuple[Found, Mix] | None = None
    for done, share in enumerate(shares, start=1):
        limited = replace(asked, origins=(*asked.origins, replace(of, share=share)))
        built = build(found, limited, by, units, rules)
        solved = _solved(built.problem)
        if solved is not None and (best is None or built.problem.better(solved.value, best[0].value)):
            best = solved, _mix(built, solved, built.problem.units)
        points.append(Point(share, best[1] if best else None))
        if progress is not None:
            progress(done, len(shares))
    return tuple(points)
