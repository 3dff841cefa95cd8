"""A series of totals over time for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flopcensus.output import percent, print_table, say, si

if TYPE_CHECKING:
    from accounting.accounts.account import Account
    from accounting.accounts.estimate import Estimate
    from accounting.accounts.over_time.growth import Growth
    from accounting.accounts.over_time.series import Series


_ROWS_SHOWN = 10


def print_series(estimate: Estimate) -> None:
    """Print totals by date, the growth of those observed, and a table for each level asked for."""
    from flopcensus.intervals import interval

    series = estimate.series
    if series is None:
        return
    unit = series.denomination.unit
    rows = [
        (
            f"{point.as_of}{' projected' if point.projected else ''}",
            si(point.total.p50, unit),
            interval(point.total, unit),
            f"{point.deployments:,}",
            percent(point.planned_share) if point.projected else "",
        )
        for point in series.points
    ]
    columns = ("date", "median", "5 to 95 %", "deployments", "planned today")
    print_table(f"{series.denomination}, {estimate.census}, snapshot {series.snapshot}", columns, rows)
    for line in _growth_lines(series):
        say(f"  {line}")
    say("")
    for place in range(len(series.points[0].accounts)):
        _print_level(series, place)


def _growth_lines(series: Series) -> list[str]:
    lines = []
    if series.growth is not None:
        span = f"{series.growth_from} to {series.growth_to}"
        lines.append(f"growth {_words(series.growth)}, {span}")
    if series.trend is not None:
        lines.append(f"trend {_words(series.trend)}, least squares through {series.trend.points} dates")
    if series.leading is not None:
        count = series.leading.points
        lines.append(
            f"leading systems {_words(series.leading)}, {count} among the ten largest at their first date"
        )
    return lines


def _words(growth: Growth) -> str:
    known = "" if growth.p5 == growth.p95 else f" ({growth.p5:.2f} to {growth.p95:.2f})"
    months = growth.doubling_months
    doubles = f", doubling in {months:.1f} months" if months is not None else ""
    return f"{growth.per_year:.2f} times a year{known}{doubles}"


def _print_level(series: Series, place: int) -> None:
    unit = series.denomination.unit
    tables = [point.accounts[place] for point in series.points]
    largest = _largest(tables)
    rows = [
        (name, *(_median(table, code, unit) for table in tables))
        for code, name in list(largest.items())[:_ROWS_SHOWN]
    ]
    if len(largest) > _ROWS_SHOWN:
        rows.append((f"{len(largest) - _ROWS_SHOWN} more", *("" for _ in tables)))
    columns = (tables[0].key, *(f"{p.as_of}{' *' if p.projected else ''}" for p in series.points))
    print_table(f"by {tables[0].key}, medians (* projected)", columns, rows)


def _largest(tables: list[Account]) -> dict[str, str]:
    """Return names by code, in the order of the last date, then those that stand only in earlier ones."""
    return {row.code: row.name for table in reversed(tables) for row in table.rows}


def _median(table: Account, code: str, unit: str) -> str:
    found = next((row.quantiles.p50 for row in table.rows if row.code == code), None)
    return "" if found is None else si(found, unit)
