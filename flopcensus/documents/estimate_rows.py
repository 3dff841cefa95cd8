"""Estimates and series as flat rows, for CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from accounting.accounts.estimate import Estimate
from flopcensus.documents.parts import quantiles, row_entry
from flopcensus.output import to_csv

ESTIMATE_COLUMNS = (
    "basis",
    "precision",
    "unit",
    "as_of",
    "level",
    "code",
    "name",
    "p5",
    "p50",
    "p95",
    "mean",
    "share",
    "share_p5",
    "share_p95",
)
SERIES_COLUMNS = (*ESTIMATE_COLUMNS, "projected", "status", "planned_share")


def estimate_csv(estimates: Sequence[Estimate]) -> str:
    """Return all levels of all estimates as one long CSV, the total first."""
    if all(e.series is not None for e in estimates):
        return to_csv(SERIES_COLUMNS, [row for e in estimates for row in series_rows(e)])
    return to_csv(ESTIMATE_COLUMNS, [row for e in estimates for row in estimate_rows(e)])


def series_rows(estimate: Estimate) -> Iterator[dict[str, Any]]:
    """Yield the total and rows of every date of a series as flat records."""
    result = estimate.accounts.denomination
    for point in estimate.series.points if estimate.series else ():
        base = {
            "basis": estimate.basis,
            "precision": result.precision,
            "unit": result.unit,
            "as_of": point.as_of.isoformat(),
            "projected": str(point.projected).lower(),
            "status": " ".join(point.statuses),
        }
        planned = {"planned_share": point.planned_share}
        yield base | planned | {"level": "total", "share": 1.0} | quantiles(point.total)
        yield from (base | {"level": a.key} | row_entry(row) for a in point.accounts for row in a.rows)


def estimate_rows(estimate: Estimate) -> list[dict[str, Any]]:
    """Return an estimate's total and rows as flat records."""
    result = estimate.accounts
    base = {
        "basis": estimate.basis,
        "precision": result.denomination.precision,
        "unit": result.denomination.unit,
        "as_of": estimate.request.selection.as_of.isoformat(),
    }
    total = base | {"level": "total", "share": 1.0} | quantiles(result.total)
    rows = [base | {"level": a.key} | row_entry(row) for a in result.accounts for row in a.rows]
    groups = [base | {"level": f"group of {g.level}"} | row_entry(g.row) for g in result.groups]
    return [total, *rows, *groups]
