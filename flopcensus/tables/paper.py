"""The table "paper against measured", for people and for programs."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import click

from accounting.accounts.account import Quantiles
from accounting.accounts.paper import Bandwidth, Move, Weight, bandwidths, moves, weights
from accounting.capacity.bases import BASES, MEMORY
from accounting.capacity.calibration import load_calibration
from accounting.capacity.h100e import load_h100e
from accounting.capacity.valuation import Valuer
from accounting.census.selection import Selection, select
from accounting.census.sources import load_census
from accounting.reference.facts import Facts, load_facts
from accounting.reference.shipped import configs_root
from flopcensus.documents.parts import quantiles
from flopcensus.output import Format, percent, print_table, say, si, to_csv, to_json

SCHEMA = "flopcensus/paper-against-measured/1"
_LEVELS = ("territory", "vendor")
_SHOWN = 8
_REFERENCE = "nvidia-h100-sxm"
_COLUMNS = ("table", "level", "code", "name", "basis", "kind", "p5", "p50", "p95", "mean", "before", "after")


def show(files: tuple[Path, ...], precision: str, draws: int, seed: int, output: Format) -> None:
    """Print the table. Raises InputError and its kin."""
    facts = load_facts()
    calibration = load_calibration(facts, files)
    constants = load_h100e(configs_root() / "h100e.yaml")
    rows = weights(calibration, constants, precision, seed, draws)
    day = datetime.datetime.now().date()
    entries = select(load_census([], facts), Selection(as_of=day)).entries
    valuer = Valuer(facts, calibration, precision, ("peak", "delivered"), seed, draws)
    changed = moves(entries, valuer, _LEVELS, ("peak", "delivered"))
    memory = Valuer(facts, calibration, MEMORY, ("peak",), seed, draws)
    beside = moves(entries, valuer, _LEVELS, ("peak", "peak"), memory)
    bytewise = bandwidths(calibration, precision, seed, draws)
    if output == "json":
        document = _document(rows, changed, precision, day)
        click.echo(to_json(document | _memory_document(bytewise, beside)), nl=False)
    elif output == "csv":
        flat = [*_flat(rows, changed), *_memory_flat(bytewise, beside)]
        click.echo(to_csv(_COLUMNS, flat), nl=False)
    else:
        _print(rows, changed, facts, precision, day)
        _print_memory(bytewise, beside, facts, precision, day)


def _memory_document(bytewise: tuple[Bandwidth, ...], beside: tuple[Move, ...]) -> dict[str, Any]:
    return {
        "memory_bandwidth": [
            {
                "accelerator": row.accelerator,
                "peak_bytes_per_s": row.peak,
                "achievable_bytes_per_s": quantiles(row.achievable) if row.achievable else None,
                "own_measurement": row.own,
                "peak_flop_per_byte": row.flop_per_byte,
            }
            for row in bytewise
        ],
        "flop_beside_bytes": [
            {
                "level": move.level,
                "code": move.code,
                "name": move.name,
                "peak_flop_per_s": move.before,
                "peak_bytes_per_s": move.after,
                "difference": quantiles(move.difference),
            }
            for move in beside
        ],
    }


def _memory_flat(bytewise: tuple[Bandwidth, ...], beside: tuple[Move, ...]) -> list[dict[str, Any]]:
    flat: list[dict[str, Any]] = []
    for row in bytewise:
        named: dict[str, Any] = {"table": "memory bandwidth, B/s", "code": row.accelerator}
        sheet = Quantiles(row.peak, row.peak, row.peak, row.peak)
        flat.append(named | {"basis": "peak"} | quantiles(sheet))
        if row.achievable:
            flat.append(named | {"basis": "achievable"} | quantiles(row.achievable))
    for m in beside:
        named = {"table": "shares of FLOP and of bytes", "level": m.level, "code": m.code, "name": m.name}
        flat.append(named | {"before": m.before, "after": m.after} | quantiles(m.difference))
    return flat


def _print_memory(
    bytewise: tuple[Bandwidth, ...],
    beside: tuple[Move, ...],
    facts: Facts,
    precision: str,
    day: datetime.date,
) -> None:
    reference = next(row for row in bytewise if row.accelerator == _REFERENCE)
    lines = [
        (
            facts.label(row.accelerator),
            f"{si(row.peak, 'B/s')} ({row.peak / reference.peak:.2f})",
            _stream(row),
            f"{row.flop_per_byte:,.0f}" if row.flop_per_byte else "not available",
        )
        for row in bytewise
    ]
    columns = ("", "peak (of an H100's)", "achievable (5 to 95 %)", f"peak {precision} FLOP per byte")
    print_table("memory bandwidth of one accelerator", columns, lines)
    say("* no stream of its own measured: its kin's, assumed.\n")
    for level in _LEVELS:
        held = [m for m in beside if m.level == level][:_SHOWN]
        shown = [(m.name, percent(m.before), percent(m.after), _points(m.difference)) for m in held]
        title = f"shares by {level}, shipped census, {day}, at peak: of {precision} FLOP/s and of bytes/s"
        print_table(title, (level, "FLOP/s", "bytes/s", "difference in points (5 to 95 %)"), shown)


def _stream(row: Bandwidth) -> str:
    q = row.achievable
    if q is None:
        return "not available"
    return f"{si(q.p50, 'B/s')} ({si(q.p5, 'B/s')} to {si(q.p95, 'B/s')}){'' if row.own else '*'}"


def _document(
    rows: tuple[Weight, ...], changed: tuple[Move, ...], precision: str, day: datetime.date
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "precision": precision,
        "as_of": day.isoformat(),
        "accelerators": [
            {
                "accelerator": row.accelerator,
                "h100e": {basis: quantiles(q) for basis, q in row.h100e.items()},
                "kinds": dict(row.kinds),
                "own": dict(row.own),
            }
            for row in rows
        ],
        "shares": [
            {
                "level": move.level,
                "code": move.code,
                "name": move.name,
                "peak": move.before,
                "delivered": move.after,
                "difference": quantiles(move.difference),
            }
            for move in changed
        ],
    }


def _flat(rows: tuple[Weight, ...], changed: tuple[Move, ...]) -> list[dict[str, Any]]:
    flat: list[dict[str, Any]] = [
        {"table": "accelerators", "code": row.accelerator, "basis": basis, "kind": row.kinds[basis]}
        | quantiles(q)
        for row in rows
        for basis, q in row.h100e.items()
    ]
    for m in changed:
        named: dict[str, Any] = {"table": "shares", "level": m.level, "code": m.code, "name": m.name}
        flat.append(named | {"before": m.before, "after": m.after} | quantiles(m.difference))
    return flat


def _print(
    rows: tuple[Weight, ...], changed: tuple[Move, ...], facts: Facts, precision: str, day: datetime.date
) -> None:
    lines = [
        (facts.label(row.accelerator), *(_cell(row, basis) for basis in BASES))
        for row in sorted(rows, key=lambda r: -r.h100e["peak"].p50)
    ]
    print_table(f"paper against measured: H100e in {precision}, median (5 to 95 %)", ("", *BASES), lines)
    say("* no measurement of its own on this basis: its kin's, assumed. Constants: configs/h100e.yaml.\n")
    for level in _LEVELS:
        held = [m for m in changed if m.level == level][:_SHOWN]
        shown = [(m.name, percent(m.before), percent(m.after), _points(m.difference)) for m in held]
        title = f"shares by {level}, shipped census, {day}: from peak to delivered"
        print_table(title, (level, "peak", "delivered", "difference in points (5 to 95 %)"), shown)


def _cell(row: Weight, basis: Any) -> str:
    q = row.h100e.get(basis)
    if q is None:
        return "not available"
    if q.p5 == q.p95:
        return f"{q.p50:.2f}"
    known = row.own["sustained" if basis == "delivered" else basis]
    return f"{q.p50:.2f} ({q.p5:.2f} to {q.p95:.2f}){'' if known else '*'}"


def _points(q: Quantiles) -> str:
    return f"{100 * q.p50:+.1f} ({100 * q.p5:+.1f} to {100 * q.p95:+.1f})"
