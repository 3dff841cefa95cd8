"""Rates as if the machine had always run at its usual pace.

On a shared machine the same call takes half again as long for a second or two, and is quick for a moment in
between; whoever was sampled in the quick moments looks best. Two samples taken one right after the other meet
the same machine, though, nearly always. So only differences between samples next to each other count: the
levels are those that come nearest to all of these, by least absolute deviations, which the few that span a
change of pace do not sway. Comparisons of pairs are fitted over a graph, as by Jiang, Lim, Yao and Ye
(Mathematical Programming 127, 2011), with iteratively reweighted least squares.
"""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Mapping, Sequence
from typing import Generic, TypeVar

# Differences explained to within this, in logs, are all worth the same: that much is noise in any case.
SMALL = 0.03
# Next to each other, and for half with one between: a sample that was disturbed does not part its neighbours.
APART = {1: 1.0, 2: 0.5}
MOST_SWEEPS = 8
# Levels that move by less than this, in logs, have settled.
SETTLED = 1e-3

K = TypeVar("K", bound=Hashable)
_Gap = tuple[K, float, float]


class Pace(Generic[K]):
    """Log rates in the order they were sampled in, and what they say of each entrant."""

    def __init__(self) -> None:
        self._samples: list[tuple[K, float]] = []
        self._levels: dict[K, float] = {}
        self._fitted = 0

    def __len__(self) -> int:
        """How many samples there are."""
        return len(self._samples)

    def add(self, entrant: K, value: float) -> None:
        """The next sample, a log rate."""
        self._samples.append((entrant, value))

    def levels(self) -> Mapping[K, float]:
        """Log rate of each entrant at the machine's usual pace."""
        if self._fitted < len(self._samples):
            self._levels, self._fitted = levels(self._samples, self._levels), len(self._samples)
        return self._levels

    def levels_since(self, sample: int) -> Mapping[K, float]:
        """The same, by the samples from that number on alone."""
        return levels(self._samples[sample:])


def levels(samples: Sequence[tuple[K, float]], start: Mapping[K, float] | None = None) -> dict[K, float]:
    """Log rate of each entrant at the usual pace.

    Args:
        samples: Entrants with their log rates, in the order they were taken in.
        start: Levels to begin with, where there are any.
    """
    raw: dict[K, list[float]] = {}
    for key, value in samples:
        raw.setdefault(key, []).append(value)
    found = {key: statistics.median(values) for key, values in raw.items()}
    found |= {key: level for key, level in (start or {}).items() if key in found}
    gaps = _gaps(samples)
    for _ in range(MOST_SWEEPS):
        if max((_settle(key, found, gaps[key]) for key in gaps), default=0.0) < SETTLED:
            break
    usual = statistics.median(value - found[key] for key, value in samples) if samples else 0.0
    return {key: level + usual for key, level in found.items()}


def _settle(key: K, found: dict[K, float], ahead: Sequence[_Gap[K]]) -> float:
    """Move one level towards the least sum of absolute deviations; returns by how much."""
    level, pull, weights = found[key], 0.0, 0.0
    for other, gap, worth in ahead:
        off = found[other] + gap - level
        weight = worth / max(SMALL, abs(off))
        pull, weights = pull + weight * off, weights + weight
    found[key] = level + pull / weights
    return abs(pull / weights)


def _gaps(samples: Sequence[tuple[K, float]]) -> dict[K, list[_Gap[K]]]:
    """For each entrant those sampled next to it, how far it was ahead of them, and what that is worth."""
    gaps: dict[K, list[_Gap[K]]] = {}
    for apart, worth in APART.items():
        for (one, first), (other, second) in zip(samples, samples[apart:], strict=False):
            if one != other:
                gaps.setdefault(one, []).append((other, first - second, worth))
                gaps.setdefault(other, []).append((one, second - first, worth))
    return gaps
