"""Counts that are best within limits, by integer programmes whose rows are tangents of percentiles.

A percentile of base + Σ count × rate is homogeneous in (1, counts); where draws move together as sums of
products do, it is close to linear in them. At counts x its tangent is E[rate | value near its percentile]
(Hong 2009, *Operations Research* 57, 118: the derivative of a quantile). So:

1. solve the integer programme whose rows are the tangents known (at first those at each candidate alone);
2. work out the true percentiles of its counts from all draws; where a limit is broken, or the goal falls
   short of its tangents, add the tangent there (Kelley 1960, *J. SIAM* 8, 703) and go on;
3. from the best counts that truly keep all limits, exchange units for units while that gains.

Counts returned always keep every limit on the draws. They are the best where the percentile is concave
(limits: convex) in the counts, as it is for elliptical draws; ``bound`` is what the last programme promised,
so that the gap shows how far from it one may be at most in that case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from accounting.capacity.bases import Draws
from accounting.planning.optimise.exchange import exchanged
from accounting.planning.optimise.problem import CountLimit, Limit, Problem, Rates, ShareLimit
from bench.errors import MissingExtraError

# goal and tangents are the same within this share
_CLOSE = 1e-6
_ROUNDS = 40
# a tangent is the mean over this share of draws on either side of the percentile
_BAND = 0.02
_MIP_GAP = 1e-7
_SECONDS = 20.0


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
    counts = exchanged(problem, best[0])
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
    """Return the tangent of a percentile at some counts, scaled to touch it there."""
    draws = rates.of(counts)
    size = len(draws)
    middle, half = round(at * (size - 1)), max(1, round(_BAND * size))
    band = np.argpartition(draws, (max(middle - half, 0), min(middle + half, size - 1)))
    near = band[max(middle - half, 0) : middle + half + 1]
    each, constant = rates.each[:, near].mean(axis=1), float(rates.base[near].mean())
    wanted = float(np.quantile(draws, at)) if value is None else value
    touching = constant + float(each @ counts)
    scale = wanted / touching if touching else 1.0
    return Tangent(each * scale, constant * scale)


def _alone(rates: Rates, at: float, sense: str) -> Tangent:
    sizes = np.quantile(rates.each, at, axis=1), np.quantile(rates.base, at)
    choose = np.minimum if sense == "at most" else np.maximum
    return Tangent(choose(rates.means, sizes[0]), float(choose(rates.base.mean(), sizes[1])))


def _at(limit: Limit) -> float:
    return limit.sure if limit.sense == "at most" else 1.0 - limit.sure


def rows(problem: Problem, known: Tangents) -> Iterator[tuple[Draws, float, float, int]]:
    """Yield what is linear in the counts: coefficients, the least and the most of it, and whose limit it is."""
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


def _programme(problem: Problem, known: Tangents) -> tuple[Draws, float] | None:
    """Return counts and goal of the integer programme, None where it has no solution.

    Its unknowns are units of each candidate and the goal's value t, each row scaled to about 1.
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
    found = optimize.milp(
        np.append(np.zeros(number), -sign),
        integrality=np.append(np.ones(number), 0),
        bounds=optimize.Bounds(np.append(np.zeros(number), -np.inf), np.inf),
        constraints=optimize.LinearConstraint(np.array(table), least, most),
        options={"mip_rel_gap": _MIP_GAP, "time_limit": _SECONDS},
    )
    if found.x is None:
        _check_bounded(found.status)
        return None
    units = np.round(found.x[:-1])
    return units * problem.units, float(found.x[-1]) * scale


def _check_bounded(status: int) -> None:
    if status == 3:
        raise UnboundedError


class UnboundedError(Exception):
    """Nothing limits the goal."""


def _goal_scale(known: Tangents) -> float:
    return max(float(np.max(np.abs(one.each))) for one in known.goal) or 1.0


def scipy_optimize() -> Any:
    """Return scipy.optimize. Raises MissingExtraError."""
    try:
        from scipy import optimize  # noqa: PLC0415  (half a second that only this needs)
    except ImportError as error:
        message = "finding a mix needs scipy; install it with: pip install 'flopcensus[planning]'"
        raise MissingExtraError(message) from error
    return optimize
