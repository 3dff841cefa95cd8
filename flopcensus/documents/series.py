"""A series of totals over time as plain data."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accounting.accounts.over_time.growth import Growth
    from accounting.accounts.over_time.series import Point, Series


def series_entry(series: Series) -> dict[str, Any]:
    """Return a series and its growth as plain data."""
    return {
        "snapshot": series.snapshot.isoformat(),
        "series": [_point(point) for point in series.points],
        "growth": _growth(series),
    }


def _point(point: Point) -> dict[str, Any]:
    from flopcensus.documents.parts import quantiles, row_entry

    entry: dict[str, Any] = {
        "as_of": point.as_of.isoformat(),
        "projected": point.projected,
        "status": list(point.statuses),
        "total": quantiles(point.total),
        "planned_share": point.planned_share,
        "deployments": point.deployments,
        "skipped": dict(point.skipped),
    }
    if point.accounts:
        entry["accounts"] = {a.key: [row_entry(row, a) for row in a.rows] for a in point.accounts}
    return entry


def _growth(series: Series) -> dict[str, Any] | None:
    if series.growth is None:
        return None
    return {
        **_rate(series.growth),
        "from": _iso(series.growth_from),
        "to": _iso(series.growth_to),
        "trend": _fitted(series.trend),
        "leading": _fitted(series.leading),
    }


def _rate(growth: Growth) -> dict[str, Any]:
    return {
        "per_year": growth.per_year,
        "p5": growth.p5,
        "p95": growth.p95,
        "doubling_months": growth.doubling_months,
    }


def _fitted(growth: Growth | None) -> dict[str, Any] | None:
    return None if growth is None else {**_rate(growth), "points": growth.points}


def _iso(day: datetime.date | None) -> str | None:
    return day.isoformat() if day else None
