"""Growth: factors a year and doubling times, of totals over time and of the leading systems."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accounting.capacity.bases import Draws
from accounting.dimensions import years_between
from bench.errors import InputError

MONTHS_PER_YEAR = 12.0
_STEPS = 100


@dataclass(frozen=True)
class Growth:
    """A factor a year with its 5th and 95th percentile; ``points`` is how many it rests on."""

    per_year: float
    p5: float
    p95: float
    points: int

    @property
    def doubling_months(self) -> float | None:
        """Months in which it doubles, None where it does not grow.

        >>> Growth(4.0, 4.0, 4.0, 2).doubling_months
        6.0
        """
        return MONTHS_PER_YEAR * math.log(2) / math.log(self.per_year) if self.per_year > 1 else None


def yearly_growth(before: Draws, after: Draws, since: datetime.date, until: datetime.date) -> Draws:
    """Return the factor of growth a year between two dates, draw by draw.

    Raises:
        InputError: the dates are not in order, or there is nothing to grow from.

    >>> start, end = datetime.date(2022, 1, 1), datetime.date(2024, 1, 1)
    >>> yearly_growth(np.ones(1), np.full(1, 4.0), start, end).round(2).tolist()
    [2.0]
    """
    years = years_between(since, until)
    if years <= 0:
        raise InputError(f"growth needs a date after {since} (found {until})")
    if not (before > 0).all():
        raise InputError(f"there is nothing to grow from at {since}")
    return np.asarray((after / before) ** (1.0 / years))


def compound(first: datetime.date, last: datetime.date, before: Draws, after: Draws) -> Growth | None:
    """Return the factor a year that leads from one total to another, draw by draw.

    Draws are common to both, so that what they share (the efficiency of an accelerator) cancels. None where
    the dates agree or nothing was there at the first.
    """
    if last <= first or not ((before > 0) & (after > 0)).all():
        return None
    p5, p50, p95 = np.quantile(yearly_growth(before, after, first, last), [0.05, 0.5, 0.95])
    return Growth(float(p50), float(p5), float(p95), 2)


def trend(points: Sequence[tuple[datetime.date, float]]) -> Growth | None:
    """Return the factor a year by least squares on the logs of values at dates.

    The interval is that of the slope under Student's t with n - 2 degrees of freedom: the scatter about the
    line, not what is uncertain of the values. None for fewer than three dates or values of nought.

    >>> days = [datetime.date(year, 1, 1) for year in (2020, 2021, 2022)]
    >>> round(trend([(day, 2.0 ** day.year) for day in days]).per_year, 2)
    2.0
    """
    usable = [(day, value) for day, value in points if value > 0]
    if len({day for day, _ in usable}) < 3:
        return None
    start = min(day for day, _ in usable)
    x = np.array([years_between(start, day) for day, _ in usable])
    y = np.log([value for _, value in usable])
    x_from_mean = x - x.mean()
    spread = float((x_from_mean**2).sum())
    slope = float((x_from_mean * y).sum() / spread)
    residuals = y - y.mean() - slope * x_from_mean
    freedom = len(usable) - 2
    error = math.sqrt(float((residuals**2).sum()) / freedom / spread) * student_t95(freedom)
    return Growth(math.exp(slope), math.exp(slope - error), math.exp(slope + error), len(usable))


def student_t95(freedom: int) -> float:
    """Return the 95th percentile of Student's t distribution.

    By bisection on the finite sums for whole degrees of freedom (Abramowitz and Stegun 1964, 26.7.3 and 4).

    >>> round(student_t95(1), 3), round(student_t95(5), 3)
    (6.314, 2.015)
    """
    if freedom < 1:
        raise InputError(f"Student's t needs at least one degree of freedom (found {freedom})")
    low, high = 0.0, 10.0
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _within(middle, freedom) < 0.90 else (low, middle)
    return 0.5 * (low + high)


def _within(t: float, freedom: int) -> float:
    """Return the probability that Student's t lies within ±t."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= cosine * (k - 1) / k
        total += term
    if odd:
        return 2.0 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total
