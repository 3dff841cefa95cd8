"""Paper against measured, as plain data and as one long CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from accounting.accounts.account import Quantiles
from accounting.accounts.paper import Move
from flopcensus.answering.paper import PaperAgainstMeasured
from flopcensus.documents.parts import quantiles
from flopcensus.output import to_csv

SCHEMA = "flopcensus/paper-against-measured/1"
COLUMNS = ("table", "level", "code", "name", "basis", "kind", "p5", "p50", "p95", "mean", "before", "after")


def document(found: PaperAgainstMeasured) -> dict[str, Any]:
    """Return the tables as plain data."""
    return {
        "schema": SCHEMA,
        "precision": found.precision,
        "as_of": found.day.isoformat(),
        "accelerators": [
            {
                "accelerator": row.accelerator,
                "h100e": {basis: quantiles(q) for basis, q in row.h100e.items()},
                "kinds": dict(row.kinds),
                "own": dict(row.own),
            }
            for row in found.weights
        ],
        "shares": [_move(one, "peak", "delivered") for one in found.shares],
        "memory_bandwidth": [
            {
                "accelerator": row.accelerator,
                "peak_bytes_per_s": row.peak,
                "achievable_bytes_per_s": quantiles(row.achievable) if row.achievable else None,
                "own_measurement": row.own,
                "peak_flop_per_byte": row.flop_per_byte,
            }
            for row in found.bandwidths
        ],
        "flop_beside_bytes": [
            _move(one, "peak_flop_per_s", "peak_bytes_per_s") for one in found.bytes_beside_flop
        ],
    }


def _move(one: Move, before: str, after: str) -> dict[str, Any]:
    head = {"level": one.level, "code": one.code, "name": one.name}
    return head | {before: one.before, after: one.after, "difference": quantiles(one.difference)}


def csv(found: PaperAgainstMeasured) -> str:
    """Return all tables as one CSV; ``table`` says which a row is of, and its unit."""
    return to_csv(COLUMNS, _rows(found))


def _rows(found: PaperAgainstMeasured) -> Iterator[dict[str, Any]]:
    for weight in found.weights:
        for basis, q in weight.h100e.items():
            row = {"table": "accelerators", "code": weight.accelerator, "basis": basis}
            yield row | {"kind": weight.kinds[basis]} | quantiles(q)
    for one in found.shares:
        yield _moved("shares", one)
    for band in found.bandwidths:
        row = {"table": "memory bandwidth, B/s", "code": band.accelerator}
        peak = Quantiles(band.peak, band.peak, band.peak, band.peak)
        yield row | {"basis": "peak"} | quantiles(peak)
        if band.achievable:
            yield row | {"basis": "achievable"} | quantiles(band.achievable)
    for one in found.bytes_beside_flop:
        yield _moved("shares of FLOP and of bytes", one)


def _moved(table: str, one: Move) -> dict[str, Any]:
    row = {"table": table, "level": one.level, "code": one.code, "name": one.name}
    return row | {"before": one.before, "after": one.after} | quantiles(one.difference)
