"""The table "paper against measured", for people and for programs."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import click

from accounting.accounts.account import Quantiles
from accounting.accounts.paper import Move, Weight, moves, weights
from accounting.capacity.bases import BASES
from accounting.capacity.calibration import load_calibration
from accounting.capacity.h100e import load_h100e
from accounting.capacity.valuation import Valuer
from accounting.census.selection import Selection, select
from accounting.census.sources import load_census
from accounting.reference.facts import Facts, load_facts
from accounting.reference.shipped import configs_root
from flopcensus.output import Format, percent, print_table, say, to_csv, to_json
from flopcensus.results import quantiles

SCHEMA = "flopcensus/paper-against-measured/1"
_LEVELS = ("territory", "vendor")
_SHOWN = 8
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
    if output == "json":
        click.echo(to_json(_document(rows, changed, precision, day)), nl=False)
    elif output == "csv":
        click.echo(to_csv(_COLUMNS, _flat(rows, changed)), nl=False)
    else:
        _print(rows, changed, facts, precision, day)


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
