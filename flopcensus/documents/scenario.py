"""An access scenario as plain data and as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from flopcensus.output import to_csv

if TYPE_CHECKING:
    from accounting.planning.scenarios.access import Access, Change
    from accounting.planning.scenarios.access_files import AccessSpec

SCHEMA = "flopcensus/scenario/1"
COLUMNS = ("level", "code", "name", "quantity", "unit", "p5", "p50", "p95", "mean", "share")


def access_document(spec: AccessSpec, found: Access) -> dict[str, Any]:
    """Return an access scenario and what comes of it as one document."""
    from flopcensus import __version__
    from flopcensus.documents.parts import quantiles

    return {
        "schema": SCHEMA,
        "flopcensus_version": __version__,
        "scenario": spec.model_dump(mode="json"),
        "census": found.census,
        "status": sorted(found.request.selection.statuses),
        "basis": found.denomination.basis,
        "precision": found.denomination.precision,
        "unit": found.denomination.unit,
        "denomination": str(found.denomination),
        "seed": found.request.seed,
        "draws": found.request.draws,
        "deployments": found.deployments,
        "skipped": dict(found.skipped),
        "total": {"before": quantiles(found.before), "after": quantiles(found.after)},
        "moves": [
            {
                "id": one.id,
                "share": one.share.to_plain(),
                "kind": "assumed",
                "deployments": one.deployments,
                "capacity": quantiles(one.capacity),
            }
            for one in found.moved
        ],
        "levels": {level: [_change(row) for row in rows] for level, rows in found.levels.items()},
        "warnings": list(found.warnings),
    }


def _change(row: Change) -> dict[str, Any]:
    from flopcensus.documents.parts import quantiles

    return {
        "code": row.code,
        "name": row.name,
        "before": quantiles(row.before),
        "after": quantiles(row.after),
        "change": quantiles(row.change),
        "share_before": row.share_before,
        "share_after": row.share_after,
    }


def access_csv(found: Access) -> str:
    """Return levels before and after as one long CSV."""
    return to_csv(COLUMNS, [row for level, rows in found.levels.items() for row in _rows(level, rows, found)])


def _rows(level: str, rows: Sequence[Change], found: Access) -> Iterator[dict[str, Any]]:
    from flopcensus.documents.parts import quantiles

    for row in rows:
        base = {"level": level, "code": row.code, "name": row.name, "unit": found.denomination.unit}
        yield base | {"quantity": "before", "share": row.share_before} | quantiles(row.before)
        yield base | {"quantity": "after", "share": row.share_after} | quantiles(row.after)
        yield base | {"quantity": "change"} | quantiles(row.change)
