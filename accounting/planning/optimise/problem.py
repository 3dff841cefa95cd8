"""A problem of counts in numbers alone: what to make large or small, within which limits.

Everything is linear in the counts, draw by draw: value = base + Σ count × rate, with base and rates drawn in
common. What is wanted of a value is its percentile, so a limit "with probability p" is P(value ≤ limit) ≥ p.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from accounting.capacity.bases import Draws

Matrix = NDArray[np.float64]
Sense = Literal["at most", "at least"]
# what rounding may leave of a limit
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Rates:
    """A value for each draw: ``base`` + Σ counts × ``each`` (shapes: draws; counts × draws)."""

    each: Matrix
    base: Draws

    def of(self, counts: Draws) -> Draws:
        """Return the value (shape: draws)."""
        return np.asarray(self.base + counts @ self.each)

    @property
    def means(self) -> Draws:
        """Mean of each rate over the draws (shape: counts)."""
        return np.asarray(self.each.mean(axis=1))


@dataclass(frozen=True)
class Goal:
    """The percentile of a value to make large (``maximise``) or small; ``at`` lies between 0 and 1."""

    name: str
    rates: Rates
    at: float = 0.5
    maximise: bool = True

    def value(self, counts: Draws) -> float:
        """Return the goal's percentile."""
        return float(np.quantile(self.rates.of(counts), self.at))


@dataclass(frozen=True)
class Limit:
    """A value kept at most (or at least) ``value`` with a probability of ``sure`` or more."""

    name: str
    rates: Rates
    sense: Sense
    value: float
    sure: float = 0.5

    def held(self, counts: Draws) -> float:
        """Return the value at the probability asked for: the one that the limit is compared with."""
        draws = self.rates.of(counts)
        size = len(draws)
        # the draw from which on the limit holds in a share ``sure`` of draws, and the median besides
        place = min(max(math.ceil(self.sure * size), math.floor(self.sure * size) + 1), size) - 1
        place = place if self.sense == "at most" else size - 1 - place
        return float(np.partition(draws, place)[place])

    def kept(self, counts: Draws) -> bool:
        """Whether the limit holds."""
        return self.slack(counts) >= -TOLERANCE * max(abs(self.value), 1.0)

    def slack(self, counts: Draws) -> float:
        """Return what is left of it, below 0 where it is broken; in its own unit."""
        gap = self.value - self.held(counts)
        return gap if self.sense == "at most" else -gap


@dataclass(frozen=True)
class ShareLimit:
    """A share of the mean of a value: Σ weight × part ÷ whole, at most or at least ``share``."""

    name: str
    rates: Rates
    weights: Draws
    base_weight: float
    sense: Sense
    share: float

    def row(self) -> tuple[Draws, float]:
        """Return coefficients and constant of (part − share × whole), whose sign decides."""
        each, base = self.rates.means, float(self.rates.base.mean())
        return each * (self.weights - self.share), base * (self.base_weight - self.share)

    def held(self, counts: Draws) -> float:
        """Return the share, 0 of nothing."""
        each, base = self.rates.means * counts, float(self.rates.base.mean())
        whole = base + each.sum()
        return float((base * self.base_weight + each @ self.weights) / whole) if whole else 0.0

    def kept(self, counts: Draws) -> bool:
        """Whether the limit holds."""
        each, base = self.row()
        gap = base + float(each @ counts)
        room = TOLERANCE * max(float(self.rates.means @ np.abs(counts)), 1.0)
        return gap <= room if self.sense == "at most" else gap >= -room


@dataclass(frozen=True)
class CountLimit:
    """Counts of some candidates at most or at least ``value``, all together."""

    name: str
    members: Draws
    sense: Sense
    value: float

    def held(self, counts: Draws) -> float:
        """Return the count."""
        return float(self.members @ counts)

    def kept(self, counts: Draws) -> bool:
        """Whether the limit holds."""
        gap = self.value - self.held(counts)
        return (gap if self.sense == "at most" else -gap) >= -TOLERANCE * max(abs(self.value), 1.0)


AnyLimit = Limit | ShareLimit | CountLimit


@dataclass(frozen=True)
class Problem:
    """What to choose: counts in multiples of ``units`` (shape: candidates) that the goal is best at."""

    goal: Goal
    limits: tuple[AnyLimit, ...]
    units: Draws
    names: Sequence[str] = field(default_factory=tuple)

    def kept(self, counts: Draws) -> bool:
        """Whether every limit holds."""
        return all(limit.kept(counts) for limit in self.limits)

    def with_limits(self, limits: Sequence[AnyLimit]) -> Problem:
        """Return the problem with other limits."""
        return replace(self, limits=tuple(limits))

    def better(self, value: float, than: float) -> bool:
        """Whether a value of the goal is better than another."""
        return value > than if self.goal.maximise else value < than
