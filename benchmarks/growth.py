"""Growth of Epoch AI's clusters beside the published figures, and the lifetime fitted to our own census.

python benchmarks/growth.py AI_SUPERCOMPUTERS.csv

The first is on the recipe epoch-2025 in 16-bit, to the end of May 2025; Pilz et al. (2025), "Trends in AI
Supercomputers" (arXiv:2504.16026), have leading systems double every 9 months.
"""

from __future__ import annotations

import datetime
import math
import sys
from pathlib import Path

from accounting.accounts.estimate import Request
from accounting.accounts.over_time.growth import Growth
from accounting.accounts.over_time.series import Series, dates_of, projection_of, series
from accounting.capacity.calibration import Calibration
from accounting.capacity.draws import Z95
from accounting.capacity.stock.rates import load_stock_rates
from accounting.capacity.stock.survival import fit_weibull, kaplan_meier, lives_of
from accounting.census.readers.formats import READERS
from accounting.census.selection import Selection
from accounting.census.snapshot import snapshot_of
from accounting.census.sources import load_census
from accounting.reference.facts import Facts, load_facts

AS_OF = datetime.date(2025, 5, 31)
PUBLISHED_DOUBLING_MONTHS = 9.0


def measure(path: Path, facts: Facts) -> Series:
    """Return the series of the recipe, in 16-bit peak, at the ends of 2019 to 2024 and at 2025-05-31."""
    recipe = Selection(
        AS_OF, since=datetime.date(2019, 1, 1), standard_only=True, drop_duplicates=False, known_only=True
    )
    wanted = Request(recipe, bases=("peak",), draws=2)
    ledger = READERS["epoch-clusters"](path, facts)
    projection = projection_of(ledger, wanted, load_stock_rates(), datetime.datetime.now().date())
    dates = dates_of(2019, AS_OF.year, AS_OF)
    return series(ledger, wanted, dates, facts, Calibration.of((), facts), projection)["peak"]


def words(growth: Growth | None) -> str:
    """Write a growth with its interval."""
    if growth is None or growth.doubling_months is None:
        return "none"
    interval = f"{growth.p5:.2f} to {growth.p95:.2f}"
    return f"{growth.per_year:.2f} times a year ({interval}), doubling in {growth.doubling_months:.1f} months"


def print_lifetime(facts: Facts) -> None:
    """Print the Weibull fit to the dated retirements of the shipped census, and the Kaplan-Meier steps."""
    ledger = load_census([], facts)
    lives = lives_of(ledger, snapshot_of(ledger, datetime.datetime.now().date()))
    fit = fit_weibull(lives)
    print(f"lifetime of our census: {fit.ended} retirements among {fit.lives} systems")
    for name, value, error in (
        ("median (years)", fit.median_years, fit.log_median_se),
        ("shape", fit.shape, fit.log_shape_se),
    ):
        low, high = (value * math.exp(sign * Z95 * error) for sign in (-1, 1))
        print(f"  {name} {value:.2f} ({low:.2f} to {high:.2f})")
    print("  Kaplan-Meier:", ", ".join(f"{age:.1f}: {share:.0%}" for age, share in kaplan_meier(lives)))


def main(path: str) -> None:
    """Print both."""
    facts = load_facts()
    found = measure(Path(path), facts)
    for point in found.points:
        print(f"{point.as_of}  {point.total.mean:9.4g} FLOP/s  {point.deployments} systems")
    print("growth:", words(found.growth))
    print("trend:", words(found.trend))
    print("leading:", words(found.leading), f"(published: {PUBLISHED_DOUBLING_MONTHS:g})")
    print_lifetime(facts)


if __name__ == "__main__":
    main(*sys.argv[1:])
