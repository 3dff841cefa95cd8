"""What the rates of a few shapes say of the others: an additive model of their logs.

A rate is roughly a product of what each side does to it (partial tiles, panels that fit a cache), so its
log is roughly a sum. Effects with few samples are drawn towards nothing, and outliers are clipped: on a
shared machine a sample may be slower than the truth by a factor, seldom faster.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernels.workload import Shape

SWEEPS = 4
# An effect seen in so many samples counts half.
SHRINKAGE = 0.5
CLIP_SPREADS = 3.0
SMALLEST_CLIP = 0.15
SMALLEST_SPREAD = 0.01
# Sides that resemble each other less share no effect: leaving them out saves most of the sums.
LEAST_RESEMBLANCE = 0.01
# Normal consistency of the median absolute deviation: 1/Φ⁻¹(3/4).
MAD_TO_SIGMA = 1.4826
# How far apart, in log length, two sides still share an effect, and two shapes what the effects leave.
SIDE_RESEMBLANCE = 0.15
SHAPE_RESEMBLANCE = 0.35
BACKEND = "backend"

Level = tuple[str, int | str]


@dataclass(frozen=True)
class Point:
    """A log rate of a shape with a backend."""

    shape: Shape
    backend: str
    value: float

    @property
    def levels(self) -> list[Level]:
        """What it is made of."""
        return levels_of(self.shape, self.backend)


def levels_of(shape: Shape, backend: str) -> list[Level]:
    """The sides of a shape, and the backend."""
    return [*shape.items(), (BACKEND, backend)]


def distance(one: Shape, other: Shape) -> float:
    """Euclidean distance of the logs of the sides."""
    return math.dist(_logs(tuple(one.values())), _logs(tuple(other.values())))


@lru_cache(maxsize=4096)
def _logs(sides: tuple[int, ...]) -> tuple[float, ...]:
    return tuple(math.log(side) for side in sides)


@dataclass(frozen=True)
class Surface:
    """Expected log rates. What a side does to one backend, it is expected to do to the others too.

    Attributes:
        centre: Median log rate.
        effects: What a side of that length, or the backend, adds.
        samples: How many samples each effect rests on.
        spread: Typical deviation of a sample from the model, in logs.
        left: What the effects leave of each backend's points, clipped, after the logs of their sides.
        guesses: Effects of sides never sampled, once they have been asked for.
    """

    centre: float
    effects: Mapping[Level, float]
    samples: Mapping[Level, float]
    spread: float
    left: Mapping[str, Sequence[tuple[tuple[float, ...], float]]]
    guesses: dict[Level, float] = field(default_factory=dict)

    def expected(self, shape: Shape, backend: str) -> float:
        """Log rate by the effects alone; a side never sampled has the effect of those near it in length."""
        return self.centre + sum(self._effect(level) for level in levels_of(shape, backend))

    def nearby(self, shape: Shape, backend: str) -> float:
        """What shapes like this one exceed their expectation by with this backend; drawn towards nothing."""
        here, total, weights = _logs(tuple(shape.values())), 0.0, 1.0
        for there, left in self.left.get(backend, ()):
            weight = _resemblance(math.dist(here, there), SHAPE_RESEMBLANCE)
            total, weights = total + weight * left, weights + weight
        return total / weights

    def doubt(self, shape: Shape, backend: str) -> float:
        """How far the expectation may be off, in logs: more where a side has seldom been sampled."""
        seldom = (1 / (self.samples.get(level, 0) + 1) for level in levels_of(shape, backend))
        return self.spread * math.sqrt(sum(seldom))

    def _effect(self, level: Level) -> float:
        if level in self.effects:
            return self.effects[level]
        if level not in self.guesses:
            alike = [(_alike(level, other), effect) for other, effect in self.effects.items()]
            total = sum(weight for weight, _ in alike)
            weighted = sum(weight * effect for weight, effect in alike)
            self.guesses[level] = weighted / total if total else 0.0
        return self.guesses[level]


def fit(points: Sequence[Point]) -> Surface:
    """The model of at least one log rate, by backfitting (Friedman and Stuetzle, JASA 76, 1981)."""
    centre = statistics.median(point.value for point in points)
    counts = Counter(level for point in points for level in point.levels)
    alike = _alike_levels(list(counts))
    samples = {level: sum(w * counts[other] for other, w in alike[level]) for level in counts}
    effects: dict[Level, float] = dict.fromkeys(counts, 0.0)
    left = [point.value - centre for point in points]
    spread = _typical(left)
    for _ in range(SWEEPS):
        for at in range(len(points[0].levels)):
            left = _refit(at, points, left, effects, alike, spread)
        spread = _typical(left)
    clipped: dict[str, list[tuple[tuple[float, ...], float]]] = {}
    for point, rest in zip(points, left, strict=True):
        spot = _logs(tuple(point.shape.values()))
        clipped.setdefault(point.backend, []).append((spot, _clip(rest, spread)))
    return Surface(centre, effects, samples, spread, clipped)


def _refit(
    at: int,
    points: Sequence[Point],
    left: list[float],
    effects: dict[Level, float],
    alike: Mapping[Level, list[tuple[Level, float]]],
    spread: float,
) -> list[float]:
    """New effects of all lengths of one side, from what the other sides leave; returns what is left then."""
    sums: dict[Level, float] = {}
    counts: Counter[Level] = Counter()
    levels = [point.levels[at] for point in points]
    for level, rest in zip(levels, left, strict=True):
        sums[level] = sums.get(level, 0.0) + _clip(rest, spread) + effects[level]
        counts[level] += 1
    before = {level: effects[level] for level in sums}
    for level in sums:
        total = sum(weight * sums[other] for other, weight in alike[level])
        effects[level] = total / (sum(weight * counts[other] for other, weight in alike[level]) + SHRINKAGE)
    return [rest + before[level] - effects[level] for level, rest in zip(levels, left, strict=True)]


def _alike_levels(levels: list[Level]) -> dict[Level, list[tuple[Level, float]]]:
    """For each level those that share its effect, with their weights."""
    pairs = {one: [(other, _alike(one, other)) for other in levels] for one in levels}
    return {one: [(other, weight) for other, weight in found if weight > 0] for one, found in pairs.items()}


def _alike(one: Level, other: Level) -> float:
    """1 for the same level, less for other lengths of the same side, 0 for another side or backend."""
    if one == other:
        return 1.0
    if one[0] != other[0] or isinstance(one[1], str) or isinstance(other[1], str):
        return 0.0
    weight = _resemblance(math.log(one[1] / other[1]), SIDE_RESEMBLANCE)
    return weight if weight > LEAST_RESEMBLANCE else 0.0


def _resemblance(apart: float, width: float) -> float:
    return math.exp(-((apart / width) ** 2))


def _typical(left: Sequence[float]) -> float:
    return max(SMALLEST_SPREAD, MAD_TO_SIGMA * statistics.median(map(abs, left)))


def _clip(residual: float, spread: float) -> float:
    limit = max(SMALLEST_CLIP, CLIP_SPREADS * spread)
    return min(limit, max(-limit, residual))
