"""Robust location and scale of a fleet's devices, and the distance from which on one is an outlier. No scipy.

Location is the median. Scale is the τ-estimate of Maronna and Zamar (Technometrics 44:4, 2002, section 2):
the median absolute deviation to begin with, then a mean of squares bounded at three of them. It keeps most of
a standard deviation's efficiency and half of the devices may be bad. Both are then standardised, so that
(x − median) ÷ scale of healthy devices follows a multiple of Student's t. Its degrees and the multiple were
fitted to simulated normal samples (`python benchmarks/fleet_calibration.py` prints them): in a small fleet a
scale is itself uncertain, and a threshold of the normal distribution would raise false alarms.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# No baseline is learnt from fewer nodes.
LEAST_NODES = 5
# A median absolute deviation of a normal is this share of its standard deviation: Φ⁻¹(¾).
_MAD_OF_NORMAL = 0.6744897501960817
_BOUND = 3.0
# E[min(x², 9)] of a standard normal x for deviations in units of the standard deviation.
_BOUNDED_SQUARE = 0.9950048
_LARGE = 1e8
# Independent values, and the t that a healthy distance in scales follows: degrees of freedom and multiple.
# Fitted at chances of 1e-3, 1e-4 and 1e-5 by benchmarks/fleet_calibration.py.
_COUNTS = (5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0)
_DEGREES = (2.0, 3.1, 4.45, 5.4, 8.3, 14.0, 22.0, 44.0, 90.0)
_FACTORS = (0.50, 0.62, 0.70, 0.70, 0.77, 0.85, 0.89, 0.94, 0.97)


@dataclass(frozen=True)
class Centre:
    """Location and scale of a sample, and what is known of the sound values in it.

    Attributes:
        median: Location, in the values' unit.
        scale: τ-estimate, in the values' unit; 0 where half of the values or more are equal.
        worth: How many independent values the sample is worth (`independent_worth`).
        degrees: Of the Student's t that sound values follow, infinite for a normal distribution
            (`bench.fleets.judging.tails`).
    """

    median: float
    scale: float
    worth: float
    degrees: float = math.inf

    def distances(self, values: Floats) -> Floats:
        """Distances from the median in scales; 0 everywhere where there is no spread."""
        if self.scale <= 0:
            return np.zeros_like(values)
        return np.asarray((values - self.median) / self.scale)

    def limit(self, chance: float) -> float:
        """The distance that a healthy value exceeds with this chance."""
        return tail(chance, self.worth, self.degrees)

    def chance(self, distance: float) -> float:
        """The chance that a healthy value lies so far off, or further, on the worse side."""
        return chance_of(distance, self.worth, self.degrees)


def centre_of(values: Floats, worth: float | None = None) -> Centre:
    """Median and τ-scale of finite values; ``worth`` is how many independent ones they count as."""
    median = float(np.median(values))
    deviations = np.abs(values - median)
    start = float(np.median(deviations)) / _MAD_OF_NORMAL
    if start <= 0:
        return Centre(median, 0.0, worth or len(values))
    squares = np.minimum((deviations / start) ** 2, _BOUND**2)
    scale = start * math.sqrt(float(np.mean(squares)) / _BOUNDED_SQUARE)
    return Centre(median, scale, worth or float(len(values)))


def tail(chance: float, worth: float, degrees: float = math.inf) -> float:
    """The distance in scales that a healthy value exceeds with this chance.

    Args:
        chance: Of exceeding it, on the worse side.
        worth: How many independent values the sample is worth that scale and median are from.
        degrees: Of the Student's t that healthy values follow.
    """
    freedom, factor = _reference(worth, degrees)
    return factor * critical(chance, freedom)


def chance_of(distance: float, worth: float, degrees: float = math.inf) -> float:
    """The chance that a healthy value lies so many scales off, or further: the inverse of `tail`."""
    freedom, factor = _reference(worth, degrees)
    return survival(distance / factor, freedom)


def _reference(worth: float, degrees: float = math.inf) -> tuple[float, float]:
    """Degrees of freedom, and the factor, of the t that (x − median) ÷ scale follows.

    Where the values themselves follow a t, reciprocals of degrees are added: for degrees over 4 the excess of
    kurtosis is 6 ÷ (degrees − 4), so that for many degrees excesses are added.
    """
    freedom = float(np.interp(worth, _COUNTS, _DEGREES)) if worth <= _COUNTS[-1] else 0.9 * worth
    factor = float(np.interp(worth, _COUNTS, _FACTORS)) if worth <= _COUNTS[-1] else 1 - 3.0 / worth
    return 1 / (1 / freedom + 1 / degrees), factor


def independent_worth(values: Floats, nodes: NDArray[np.int64]) -> float:
    """How many independent values those of devices in nodes are worth: n ÷ (1 + (m − 1)·ρ).

    Devices of one node share air, host and power supply. ρ is the intraclass correlation by the one-way
    analysis of variance; m the mean devices a node. Source: Kish, Survey Sampling (1965), section 5.4.
    """
    order, inverse, sizes = np.unique(nodes, return_inverse=True, return_counts=True)
    groups, total = len(order), len(values)
    if groups < 2 or total == groups:
        return float(total)
    clipped = _clipped(values)
    means = np.bincount(inverse, clipped) / sizes
    within = float(np.sum((clipped - means[inverse]) ** 2)) / (total - groups)
    between = float(np.sum(sizes * (means - clipped.mean()) ** 2)) / (groups - 1)
    size = total / groups
    spread = between + (size - 1) * within
    correlation = min(1.0, max(0.0, (between - within) / spread)) if spread > 0 else 0.0
    return max(float(groups), total / (1 + (size - 1) * correlation))


def _clipped(values: Floats) -> Floats:
    """Values clipped to within three scales of the median, so that no sick one sets the correlation."""
    median = float(np.median(values))
    reach = 3 * float(np.median(np.abs(values - median))) / _MAD_OF_NORMAL
    return np.clip(values, median - reach, median + reach)


def survival(t: float, freedom: float) -> float:
    """Chance that Student's t exceeds ``t``.

    Source: Abramowitz and Stegun 26.7.1 by the incomplete beta function, its continued fraction 26.5.8.

    >>> round(survival(2.0, 10.0), 6)
    0.036694
    """
    if t < 0:
        return 1.0 - survival(-t, freedom)
    if freedom >= _LARGE:
        return 0.5 * math.erfc(t / math.sqrt(2))
    return 0.5 * _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


@functools.lru_cache(maxsize=4096)
def critical(chance: float, freedom: float) -> float:
    """The ``t`` that Student's t exceeds with this chance, below a half.

    >>> round(critical(0.025, 10.0), 4)
    2.2281
    """
    low, high = 0.0, 1.0
    while survival(high, freedom) > chance:
        low, high = high, 2 * high
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if survival(middle, freedom) > chance else (low, middle)
    return (low + high) / 2


def _incomplete_beta(a: float, b: float, x: float) -> float:
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """Continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1.0 / _away(1 - (a + b) * x / (a + 1))
    result = d
    for m in range(1, 500):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d, c = 1 / _away(1 + term * d), _away(1 + term / c)
            result *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return result


def _away(value: float) -> float:
    return value if abs(value) > 1e-300 else 1e-300


def quantiles(values: Any) -> dict[str, float]:
    """Quantiles of a sample by name, p1 to p99."""
    shares = {"p1": 0.01, "p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}
    found = np.quantile(values, list(shares.values()))
    return {name: float(value) for name, value in zip(shares, found, strict=True)}
