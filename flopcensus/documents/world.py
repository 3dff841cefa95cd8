"""The world as a document and as CSV: inequality between nations, concentration, who holds what of whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from accounting.accounts.account import Quantiles
from accounting.accounts.crosstabs import share_of
from accounting.accounts.nations.inequality import Inequality
from accounting.accounts.nations.national import Bilateral
from accounting.accounts.nations.world import MATRICES, World
from accounting.reference.facts import Facts
from flopcensus.documents.brief import concentration_entry, facility_entry
from flopcensus.documents.parts import quantiles
from flopcensus.output import to_csv

WORLD_SCHEMA = "flopcensus/world/1"
WORLD_COLUMNS = ("section", "level", "code", "partner", "unit", "p5", "p50", "p95", "mean", "share")


def world_document(world: World, facts: Facts) -> dict[str, Any]:
    """Return the page as one document."""
    request = world.request
    return {
        "schema": WORLD_SCHEMA,
        "census": world.census,
        "as_of": request.selection.as_of.isoformat(),
        "basis": request.basis,
        "precision": request.precision,
        "unit": world.unit,
        "joint": request.joint,
        "seed": request.seed,
        "draws": request.draws,
        "total": quantiles(world.total),
        "provenance": dict(world.kinds),
        "inequality": [
            {"level": level, "per": figure} | _inequality(one)
            for (level, figure), one in world.inequality.items()
        ],
        "concentration": {level: concentration_entry(one) for level, one in world.concentration.items()},
        "matrices": {
            name: {"levels": list(MATRICES[name])} | _matrix(one) for name, one in world.matrices.items()
        },
        "imbalance": world.imbalance,
        "largest": [facility_entry(line, facts) for line in world.largest],
        "skipped": dict(world.skipped),
        "warnings": list(world.warnings),
    }


def _inequality(one: Inequality) -> dict[str, Any]:
    return {
        "nations": one.nations,
        "without": one.without,
        "gini": quantiles(one.gini),
        "lorenz": [list(point) for point in one.lorenz],
        "left_out": asdict(one.left_out),
    }


def _matrix(one: Bilateral) -> dict[str, Any]:
    def cells(sums: Mapping[tuple[str, ...], Any], *names: str) -> list[dict[str, Any]]:
        return [
            dict(zip(names, key, strict=True))
            | quantiles(Quantiles.of(draws))
            | {"share": share_of(draws, one.total).share}
            for key, draws in sums.items()
        ]

    return {
        "cells": cells(one.cells, "row", "column"),
        "rows": cells(one.rows, "row"),
        "columns": cells(one.columns, "column"),
        "total": quantiles(Quantiles.of(one.total)),
    }


def world_csv(world: World) -> str:
    """Return the figures as one long CSV."""
    rows: list[dict[str, Any]] = [
        {"section": "total", "unit": world.unit, "share": 1.0} | quantiles(world.total)
    ]
    for (level, figure), one in world.inequality.items():
        row = {"section": f"gini by {figure}", "level": level, "unit": "0 to 1"}
        rows.append(row | quantiles(one.gini))
    for level, held in world.concentration.items():
        rows.append({"section": "hhi", "level": level, "unit": "0 to 10,000"} | quantiles(held.hhi))
        for n, q in held.top.items():
            rows.append({"section": f"top {n}", "level": level, "unit": "share"} | quantiles(q))
    for name, matrix in world.matrices.items():
        entry, level = _matrix(matrix), " × ".join(MATRICES[name])
        for cell in entry["cells"]:
            row = {"section": name, "level": level, "unit": world.unit}
            rows.append(row | {"code": cell.pop("row"), "partner": cell.pop("column")} | cell)
    return to_csv(WORLD_COLUMNS, rows)
