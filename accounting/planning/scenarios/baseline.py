"""What capacity would be without a cut: the census, and growth that nobody has announced yet.

Without announcements the stock grows from the snapshot on by a factor a year that begins at the one
observed (g₀) and fades to its long run (g∞): ln g(s) = ln g∞ + (ln g₀ - ln g∞) · 2^(-s ÷ h), so that over y
years

    G(y) = exp(y · ln g∞ + (ln g₀ - ln g∞) · h ÷ ln 2 · (1 - 2^(-y ÷ h))).

g₀ is the trend of :mod:`accounting.accounts.over_time.growth` with its interval. What is in service, and what
is announced, lives and comes as docs/stock.md says; additions fill what is missing to the trend, also for
what is retired, and are retired in their turn. Where more is announced than the trend has, the
announcements stand.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from accounting.accounts.estimate import Request
from accounting.accounts.over_time.growth import Growth
from accounting.accounts.over_time.series import series
from accounting.capacity.bases import Draws
from accounting.capacity.calibration import Calibration
from accounting.capacity.stock.projection import Projection
from accounting.capacity.stock.survival import survival
from accounting.census.ledger import Ledger
from accounting.planning.scenarios.cut_parameters import Parameter
from accounting.quantities import Uncertain
from accounting.reference.facts import Facts
from bench.errors import InputError

# growth is counted from the year that Epoch AI's series of growth begin with
TREND_FROM = 2019
# means need few draws, and a trend is one of means
_DRAWS = 1_000
OBSERVED = "growth.observed"


def observed_growth(
    ledger: Ledger, request: Request, facts: Facts, calibration: Calibration, projection: Projection
) -> Parameter:
    """Return the factor a year by which what is counted has grown since 2019, with its interval.

    Raises:
        InputError: fewer than three dates have any capacity.
    """
    day = projection.snapshot
    dates = [datetime.date(year, 12, 31) for year in range(TREND_FROM, day.year)]
    few = replace(request, draws=min(request.draws, _DRAWS), bases=request.bases[:1])
    short = replace(projection, size=few.draws)
    found = series(ledger, few, [*dates, day], facts, calibration, short)[few.bases[0]].trend
    if found is None:
        raise InputError("no growth has been observed on three dates; state it (--growth '1.2 to 1.8')")
    where = ", ".join(sorted(request.countries)) or "everywhere"
    return Parameter(
        OBSERVED, _uncertain(found), "times a year", "derived", ledger.name,
        f"trend of {found.points} dates, {TREND_FROM} to {day}, {where}",
    )  # fmt: skip


def _uncertain(growth: Growth) -> Uncertain:
    if growth.p5 < growth.per_year < growth.p95:
        return Uncertain(growth.p5, growth.per_year, growth.p95, "lognormal")
    return Uncertain(growth.per_year, growth.per_year, growth.per_year, "lognormal")


def growth_factor(years: float, first: Draws, long_run: Draws, half_life: Draws) -> Draws:
    """Return G(years), the growth over ``years`` (shape: draws); ``half_life`` is in years.

    >>> one = np.ones(1)
    >>> round(float(growth_factor(2.0, 1.5 * one, 1.5 * one, one)[0]), 6)
    2.25
    """
    excess = np.log(first) - np.log(long_run)
    faded = half_life / np.log(2.0) * -np.expm1(-np.log(2.0) * years / half_life)
    return np.asarray(np.exp(years * np.log(long_run) + excess * faded))


@dataclass(frozen=True)
class Additions:
    """What comes into service unannounced: capacity present at the end of the step that it came in.

    ``amounts`` has one for the time from the snapshot to the cut, then one for each year after it (shape:
    draws).
    """

    amounts: tuple[Draws, ...]
    gap: float
    projection: Projection

    def present(self, step: int, years: int) -> Draws:
        """Return what of a step's additions is in service ``years`` after the cut.

        They came in the middle of their step, and were all there at its end.
        """
        return _aged(self.projection, self.amounts[step], self.gap, step, years)


def additions(
    trend: Sequence[Draws], known: Sequence[Draws], gap: float, projection: Projection
) -> Additions:
    """Return what fills the known capacity up to the trend, on the day of the cut and each year after it.

    Args:
        trend: what capacity should be.
        known: what of the census, plans included, is then in service.
        gap: years from the snapshot to the cut.
        projection: says how long systems live.
    """
    amounts: list[Draws] = []
    for step, (wanted, there) in enumerate(zip(trend, known, strict=True)):
        have = there
        for earlier, amount in enumerate(amounts):
            have = have + _aged(projection, amount, gap, earlier, step)
        amounts.append(np.maximum(wanted - have, 0.0))
    return Additions(tuple(amounts), gap, projection)


def _aged(projection: Projection, amount: Draws, gap: float, step: int, years: int) -> Draws:
    age = (0.5 * gap if step == 0 else 0.5) + years - step
    seen = 0.5 * gap if step == 0 else 0.5
    return amount * survival(age, seen, projection.median_years, projection.shape)
