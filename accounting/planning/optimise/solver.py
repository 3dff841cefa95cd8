"""Counts that are best within limits, by integer programmes whose rows are tangents of percentiles.

A percentile of base + Σ count × rate is homogeneous in (1, counts); where draws move together as sums of
products do, it is close to linear in them. At counts x its tangent is E[rate | value near its percentile]
(Hong 2009, *Operations Research* 57, 118: the derivative of a quantile). So:

1. solve the integer programme whose rows are the tangents known (at first those at each candidate alone);
2. work out the true percentiles of its counts from all draws; where a limit is broken, or the goal falls
   short of its tangents, add the tangent there (Kelley 1960, *J. SIAM* 8, 703) and go on;
3. from the best counts that truly keep all limits, go on with tangents at those counts in a box about them
   that shrinks where it finds nothing better, and at last exchange units for units while that gains.

Counts returned always keep every limit on the draws. They are the best where the percentile is concave
(limits: convex) in the counts, as it is for elliptical draws; ``bound`` is what the last programme promised,
so that the gap shows how far from it one may be at most in that case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from accounting.capacity.bases import Draws
from accounting.planning.optimise.exchange import exchanged
from accounting.planning.optimise.problem import CountLimit, Goal, Limit, Problem, Rates, ShareLimit
from bench.errors import MissingExtraError

# goal and tangents are the same within this share
_CLOSE = 1e-6
_ROUNDS = 40
# a tangent rests on this share of draws on either side of the percentile
_BAND = 0.12
_MIP_GAP = 1e-7
_SECONDS = 20.0
# scipy's status of a programme without end, or one of which HiGHS cannot tell that from one without solution
_UNBOUNDED = frozenset({3, 4})


@dataclass(frozen=True)
class Tangent:
    """A linear stand-in: constant + Σ count × each."""

    each: Draws
    constant: float


@dataclass(frozen=True)
class Found:
    """Counts, the goal's value at them, and what the last programme promised; None where none keep all."""

    counts: Draws
    value: float
    bound: float

    @property
    def gap(self) -> float:
        """Share of the goal by which the bound is better, at least 0."""
        return max(abs(self.bound - self.value) / abs(self.value), 0.0) if self.value else 0.0


@dataclass
class Tangents:
    """Tangents of the goal and of each limit (by its place)."""

    goal: list[Tangent] = field(default_factory=list)
    limits: dict[int, list[Tangent]] = field(default_factory=dict)


def solve(problem: Problem) -> Found | None:
    """Return the best counts, None where no counts keep every limit.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    known = first_tangents(problem)
    best, bound, seen = None, np.inf, set()
    for _ in range(_ROUNDS):
        answer = _programme(problem, known)
        if answer is None:
            break
        counts, bound = answer
        value = problem.goal.value(counts)
        if problem.kept(counts) and (best is None or problem.better(value, best[1])):
            best = counts, value
        key = counts.tobytes()
        if key in seen or (problem.kept(counts) and abs(bound - value) <= _CLOSE * abs(value)):
            break
        seen.add(key)
        add_tangents(problem, known, counts)
    if best is None:
        return None
    counts = exchanged(problem, refined(problem, best[0]))
    value = problem.goal.value(counts)
    return Found(counts, value, bound if problem.better(bound, value) else value)


def first_tangents(problem: Problem) -> Tangents:
    """Return tangents that hold everywhere, or nearly: those of each candidate alone.

    Of a limit the smaller of mean and percentile of each rate, so that nothing that may be kept is cut off.
    """
    known = Tangents()
    goal = problem.goal
    if goal.maximise:
        for one in np.eye(len(problem.units)) * problem.units:
            known.goal.append(tangent(goal.rates, one, goal.at))
    else:
        known.goal.append(_alone(goal.rates, goal.at, "at most"))
    for place, limit in enumerate(problem.limits):
        if isinstance(limit, Limit):
            known.limits[place] = [_alone(limit.rates, _at(limit), limit.sense)]
    return known


def add_tangents(problem: Problem, known: Tangents, counts: Draws) -> None:
    """Add the tangents at some counts: of the goal, and of the limits that they break."""
    known.goal.append(tangent(problem.goal.rates, counts, problem.goal.at))
    for place, limit in enumerate(problem.limits):
        if isinstance(limit, Limit) and not limit.kept(counts):
            found = tangent(limit.rates, counts, _at(limit), limit.held(counts))
            known.limits[place].append(found)


def tangent(rates: Rates, counts: Draws, at: float, value: float | None = None) -> Tangent:
    """Return the tangent of a percentile at some counts; ``value`` is the percentile where it is known.

    E[rate | value] is a least-squares line over draws about the percentile, read there: so Σ count × tangent
    is the percentile itself.
    """
    draws = rates.of(counts)
    wanted = float(np.quantile(draws, at)) if value is None else value
    size = len(draws)
    first, last = (int(np.clip(at + side * _BAND, 0, 1) * (size - 1)) for side in (-1, 1))
    order = np.argpartition(draws, sorted({first, last}))
    near = order[first : last + 1]
    away = draws[near] - wanted
    each, base = rates.each[:, near], rates.base[near]
    spread = float(np.sum((away - away.mean()) ** 2))
    if spread <= 0.0:
        return Tangent(each.mean(axis=1), float(base.mean()))
    line = (away - away.mean()) / spread
    back = float(away.mean())
    constant = float(base.mean() - back * (base @ line))
    return Tangent(each.mean(axis=1) - back * (each @ line), constant)


def _alone(rates: Rates, at: float, sense: str) -> Tangent:
    sizes = np.quantile(rates.each, at, axis=1), np.quantile(rates.base, at)
    choose = np.minimum if sense == "at most" else np.maximum
    return Tangent(choose(rates.means, sizes[0]), float(choose(rates.base.mean(), sizes[1])))


def _at(limit: Limit) -> float:
    return limit.sure if limit.sense == "at most" else 1.0 - limit.sure


def rows(problem: Problem, known: Tangents) -> Iterator[tuple[Draws, float, float, int]]:
    """Yield what is linear in the counts: coefficients, its least and most, and the place of its limit."""
    for place, limit in enumerate(problem.limits):
        if isinstance(limit, CountLimit):
            yield limit.members, *_ends(limit.sense, limit.value), place
        elif isinstance(limit, ShareLimit):
            each, constant = limit.row()
            yield each, *_ends(limit.sense, -constant), place
        else:
            for one in known.limits[place]:
                yield one.each, *_ends(limit.sense, limit.value - one.constant), place


def _ends(sense: str, value: float) -> tuple[float, float]:
    return (-np.inf, value) if sense == "at most" else (value, np.inf)


def local_tangents(problem: Problem, counts: Draws) -> Tangents:
    """Return the tangents of the goal and of every limit at some counts."""
    known = Tangents([tangent(problem.goal.rates, counts, problem.goal.at)])
    for place, limit in enumerate(problem.limits):
        if isinstance(limit, Limit):
            known.limits[place] = [tangent(limit.rates, counts, _at(limit), limit.held(counts))]
    return known


def refined(problem: Problem, counts: Draws) -> Draws:
    """Return better counts near some that keep all limits, by programmes in a box that shrinks."""
    best, value = counts, problem.goal.value(counts)
    reach = max(float(np.max(counts / problem.units)) / 4, 1.0)
    while reach >= 1.0:
        around = np.floor(best / problem.units - reach), np.ceil(best / problem.units + reach)
        answer = _programme(problem, local_tangents(problem, best), around)
        trial = best if answer is None else answer[0]
        at = problem.goal.value(trial)
        if problem.better(at, value) and problem.kept(trial):
            best, value = trial, at
        else:
            reach /= 2
    return best


def _programme(
    problem: Problem, known: Tangents, around: tuple[Draws, Draws] | None = None
) -> tuple[Draws, float] | None:
    """Return counts and goal of the integer programme, None where it has no solution.

    ``around`` holds the fewest and the most units of each candidate. Unknowns are units of each candidate
    and the goal's value t, each row scaled to about 1.
    """
    optimize = scipy_optimize()
    number, sign = len(problem.units), 1.0 if problem.goal.maximise else -1.0
    scale = _goal_scale(known)
    table, least, most = [], [], []
    for one in known.goal:
        # t ≤ tangent where the goal is to be large, t ≥ it where it is to be small
        table.append(np.append(-sign * one.each * problem.units / scale, sign))
        least.append(-np.inf)
        most.append(sign * one.constant / scale)
    for each, low, high, _ in rows(problem, known):
        size = float(np.max(np.abs(each * problem.units))) or 1.0
        table.append(np.append(each * problem.units / size, 0.0))
        least.append(low / size)
        most.append(high / size)
    fewest = np.zeros(number) if around is None else np.maximum(around[0], 0.0)
    highest = np.full(number, np.inf) if around is None else around[1]
    found = optimize.milp(
        np.append(np.zeros(number), -sign),
        integrality=np.append(np.ones(number), 0),
        bounds=optimize.Bounds(np.append(fewest, -np.inf), np.append(highest, np.inf)),
        constraints=optimize.LinearConstraint(np.array(table), least, most),
        options={"mip_rel_gap": _MIP_GAP, "time_limit": _SECONDS},
    )
    if found.x is None:
        if found.status in _UNBOUNDED and around is None:
            _check_bounded(problem, known)
        return None
    units = np.round(found.x[:-1])
    return units * problem.units, float(found.x[-1]) * scale


def _check_bounded(problem: Problem, known: Tangents) -> None:
    """Raise UnboundedError where the rows have a solution, so that it was the goal that had no end."""
    number = len(problem.units)
    fewest = Goal("counts", Rates(np.ones((number, 1)), np.zeros(1)), maximise=False)
    counted = replace(problem, goal=fewest)
    rows_only = Tangents([Tangent(np.ones(number), 0.0)], known.limits)
    if _programme(counted, rows_only) is not None:
        raise UnboundedError


class UnboundedError(Exception):
    """Nothing limits the goal."""


def _goal_scale(known: Tangents) -> float:
    return max(float(np.max(np.abs(one.each))) for one in known.goal) or 1.0


def scipy_optimize() -> Any:
    """Return scipy.optimize. Raises MissingExtraError."""
    try:
        from scipy import optimize  # noqa: PLC0415  (half a second that only this needs)
    except ModuleNotFoundError as error:
        message = "finding a mix needs scipy; install it with: pip install 'flopcensus[planning]'"
        raise MissingExtraError(message) from error
    return optimize
