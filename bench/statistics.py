"""From the values of a few rounds to one figure with an interval. No scipy, no numpy."""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
SETTLED_HALF_WIDTH = 0.01
# Standard error of the median over that of the mean, for normal data and large samples: √(π/2).
MEDIAN_TO_MEAN_ERROR = math.sqrt(math.pi / 2)
# Two runs differ by the errors of both.
TWO_RUNS = math.sqrt(2)


@dataclass(frozen=True)
class Summary:
    """A median with the 95 % interval of a fresh run's median, in the unit of the values it came from."""

    median: float
    low: float
    high: float

    @property
    def settled(self) -> bool:
        """Whether the interval lies within ±1 % of the median."""
        within_low = self.low >= self.median * (1 - SETTLED_HALF_WIDTH)
        return within_low and self.high <= self.median * (1 + SETTLED_HALF_WIDTH)


def summarise(values: Sequence[float]) -> Summary:
    """Median of positive values, and where a fresh run's median would fall 95 times in 100.

    The interval is median · exp(±t · √2 · √(π/2) · s/√n), with s the standard deviation of the logs and t
    Student's for n − 1 degrees: rates vary by factors; the standard error of a median exceeds that of a mean
    by √(π/2) (Kenney and Keeping, Mathematics of Statistics, vol. 2, 1951, section 7.11); and two runs of n
    rounds differ by the errors of both, hence √2 (a prediction interval for a future sample's centre: Hahn
    and Meeker, Statistical Intervals, 1991, section 4.7). Scaling all values scales all three figures; their
    order does not matter.

    Raises:
        ValueError: Fewer than two values, or one that is not positive and finite.
    """
    if len(values) < 2:
        raise ValueError(f"an interval needs at least two rounds; found {len(values)}")
    if not all(math.isfinite(value) and value > 0 for value in values):
        raise ValueError("rates must be positive and finite")
    ordered = sorted(values)
    median = statistics.median(ordered)
    spread = statistics.stdev([math.log(value / median) for value in ordered])
    half_width = student_t_quantile(CONFIDENCE, len(values) - 1) * TWO_RUNS * MEDIAN_TO_MEAN_ERROR
    half_width *= spread / math.sqrt(len(values))
    return Summary(median, median * math.exp(-half_width), median * math.exp(half_width))


@functools.cache
def student_t_quantile(confidence: float, degrees: int) -> float:
    """The t that a Student variable stays within, on both sides, with this probability.

    Found by bisection on the closed form of `student_t_within`.

    Raises:
        ValueError: ``confidence`` is not between 0 and 1, or ``degrees`` is below 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1; found {confidence}")
    if degrees < 1:
        raise ValueError(f"degrees of freedom must be at least 1; found {degrees}")
    # Bisect the angle atan(t/√ν): bounded, where t is not.
    low, high = 0.0, math.pi / 2
    while (middle := (low + high) / 2) not in (low, high):
        if _within_angle(middle, degrees) < confidence:
            low = middle
        else:
            high = middle
    return math.sqrt(degrees) * math.tan(low)


def student_t_within(t: float, degrees: int) -> float:
    """Probability that a Student variable lies in [−t, t], for whole degrees of freedom.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    return _within_angle(math.atan(t / math.sqrt(degrees)), degrees)


def _within_angle(angle: float, degrees: int) -> float:
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees % 2 == 1
    term = cosine if odd else 1.0
    total = term if degrees > 1 else 0.0
    for k in range(3 if odd else 2, degrees - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    return (2 / math.pi) * (angle + sine * total) if odd else sine * total
