"""Survival: the Weibull distribution of ages at retirement, in closed form and fitted to what was seen.

S(t) = exp(-H(t)) with H(t) = ln 2 · (t ÷ median)^shape. A system last seen in service at age a is so at age
t with probability S(t) ÷ S(a): one, then, at a. Ages are in years.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from accounting.capacity.bases import Draws
from accounting.capacity.draws import standard_normal
from accounting.census.ledger import Ledger
from accounting.dimensions import years_between
from bench.errors import InputError

LN2 = math.log(2.0)
_STEPS = 200
_TOLERANCE = 1e-10


def hazard(age: Draws | float, median: Draws | float, shape: Draws | float) -> Draws:
    """Return the cumulated hazard H at an age (years): -ln of the share still in service.

    >>> round(float(np.exp(-hazard(7.0, 7.0, 3.0))), 12)
    0.5
    """
    return np.asarray(LN2 * (np.asarray(age) / median) ** shape, dtype=np.float64)


def survival(age: Draws | float, seen: float, median: Draws | float, shape: Draws | float) -> Draws:
    """Return the probability to be in service at ``age``, given that it was seen so at age ``seen``.

    >>> float(survival(4.0, 4.0, 7.0, 3.0)), float(survival(3.0, 4.0, 7.0, 3.0))
    (1.0, 1.0)
    """
    later = hazard(np.maximum(age, seen), median, shape) - hazard(seen, median, shape)
    return np.asarray(np.exp(-later))


def age_at_end(seen: float, exponential: Draws, median: Draws | float, shape: Draws | float) -> Draws:
    """Return ages at retirement (years), above ``seen``, from draws of the unit exponential distribution.

    Inversion: the hazard cumulated from ``seen`` to the end is exponentially distributed.
    """
    total = hazard(seen, median, shape) + exponential
    return np.asarray(median * (total / LN2) ** (1.0 / np.asarray(shape)))


def exponential(seed: int, name: str, size: int) -> Draws:
    """Return keyed draws of the unit exponential distribution: half the summed squares of two normals."""
    normals = standard_normal(seed, name, 2 * size)
    # one after the other, so that the first draws are the same whatever the number
    return np.asarray(0.5 * (normals[0::2] ** 2 + normals[1::2] ** 2))


@dataclass(frozen=True)
class Life:
    """A life as it was seen: its age in years, and whether it ended there or was only last seen there."""

    years: float
    ended: bool


def lives_of(ledger: Ledger, snapshot: datetime.date) -> tuple[Life, ...]:
    """Return a life for each deployment whose date in service is known; plans and doubts are left out.

    A census made today names more of what still runs than of what is gone, so that lifetimes fitted to it
    come out too long.
    """
    found = []
    for entry in ledger.entries:
        began, ended = entry.in_service, entry.retired
        if began is None or began > snapshot:
            continue
        if entry.status == "retired" and ended is not None and ended <= snapshot:
            found.append(Life(years_between(began, ended), True))
        elif entry.status == "operational":
            found.append(Life(years_between(began, snapshot), False))
    return tuple(found)


@dataclass(frozen=True)
class WeibullFit:
    """The likeliest Weibull for lives of which some go on, with standard errors of the logs."""

    median_years: float
    shape: float
    log_median_se: float
    log_shape_se: float
    lives: int
    ended: int


def fit_weibull(lives: Sequence[Life]) -> WeibullFit:
    """Fit by maximum likelihood, with what still operates censored at its age.

    The shape solves Σ t^k ln t ÷ Σ t^k - 1/k = mean of ln t over the ends, the scale follows from it
    (Lawless, *Statistical Models and Methods for Lifetime Data*, 2003, section 5.2). Standard errors come
    from the observed information.

    Raises:
        InputError: fewer than two ends at different ages.
    """
    usable = [life for life in lives if life.years > 0]
    years = np.array([life.years for life in usable])
    ended = np.array([life.ended for life in usable], dtype=bool)
    if len(set(years[ended].tolist())) < 2:
        raise InputError("a lifetime needs at least two retirements at different ages")
    ends = int(ended.sum())
    mean_log = float(np.log(years[ended]).mean())
    largest = float(years.max())
    logs, scaled = np.log(years), years / largest

    def excess(shape: float) -> float:
        weights = scaled**shape
        return float((weights * logs).sum() / weights.sum() - 1.0 / shape - mean_log)

    shape = _root(excess, 1e-3, 100.0)
    scale = largest * float((scaled**shape).sum() / ends) ** (1.0 / shape)
    median = scale * LN2 ** (1.0 / shape)
    errors = _standard_errors(logs, math.log(median), shape, ends)
    return WeibullFit(median, shape, *errors, len(usable), ends)


def kaplan_meier(lives: Sequence[Life]) -> tuple[tuple[float, float], ...]:
    """Return (age in years, share still in service just after it) at every age at which a life ended.

    >>> kaplan_meier([Life(1, True), Life(2, False), Life(3, True), Life(4, False)])
    ((1, 0.75), (3, 0.375))
    """
    share, steps = 1.0, []
    for age in sorted({life.years for life in lives if life.ended}):
        at_risk = sum(life.years >= age for life in lives)
        share *= 1.0 - sum(life.ended and life.years == age for life in lives) / at_risk
        steps.append((age, share))
    return tuple(steps)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Bisect on the log scale a function that rises through nought."""
    for _ in range(_STEPS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
        if high / low < 1.0 + _TOLERANCE:
            break
    return math.sqrt(low * high)


def _standard_errors(logs: Draws, log_median: float, shape: float, ends: int) -> tuple[float, float]:
    """Invert the observed information in (ln median, ln shape).

    With z = shape · (ln t - ln median), H = ln 2 · eᶻ; at the maximum the second derivatives of the log
    likelihood are -shape² Σ H, shape Σ H z and -ends - Σ H z², since both scores vanish there.
    """
    z = shape * (logs - log_median)
    cumulated = LN2 * np.exp(z)
    first = shape**2 * float(cumulated.sum())
    both = -shape * float((cumulated * z).sum())
    second = ends + float((cumulated * z * z).sum())
    determinant = first * second - both * both
    return math.sqrt(second / determinant), math.sqrt(first / determinant)
