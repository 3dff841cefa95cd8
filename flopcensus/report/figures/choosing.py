"""One view of a figure: rows as the controls say, and the chart filled in. The page's script does the same."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounting.capacity.bases import MEMORY
from flopcensus.report.figures.controls import NAMES, Controls
from flopcensus.report.figures.figure import Figure, Spec
from flopcensus.report.figures.marks import FOLDED

_PLACE = re.compile(r"\{(basis|precision|unit|level|year|country)\}")
Row = dict[str, Any]


@dataclass(frozen=True)
class View:
    """A figure as chosen.

    Attributes:
        title: with what is chosen filled in.
        empty: what is said where there are no rows.
        rows: in the order of the table, amounts in ``unit``.
        spec: the chart, with its data.
        unit: of amounts, as ``FLOP/s``.
        undrawn: why rows cannot be drawn in the unit; "" where they can.
    """

    title: str
    empty: str
    rows: list[Row]
    spec: Spec
    unit: str
    undrawn: str = ""


def choose(figure: Figure, controls: Controls, chosen: Mapping[str, str], shapes: Any = None) -> View:
    """Return a figure's view.

    Args:
        figure: the figure.
        controls: the page's controls.
        chosen: a value by control; what is absent is as at first.
        shapes: the countries' shapes (TopoJSON), for those charts that draw them.
    """
    state = _known(figure, controls, controls.first | dict(chosen))
    words = _words(figure, controls, state)
    rows = _rows(figure, controls, state)
    drawn = rows if figure.most is None else _first(rows, figure.most)
    spec = _filled(copy.deepcopy(figure.spec), words, shapes)
    drawable = _with_data(spec, drawn, state, words)
    undrawn = _undefined_unit(figure, rows, state)
    title, empty = _fill(figure.title, words), _fill(figure.empty, words)
    return View(title, empty, rows, drawable, words["unit"], undrawn)


def _first(rows: list[Row], most: int) -> list[Row]:
    """Return the first rows, and that of what is folded wherever it is."""
    return [row for place, row in enumerate(rows) if place < most or row.get("code") == FOLDED]


def _known(figure: Figure, controls: Controls, state: dict[str, str]) -> dict[str, str]:
    """Replace what the figure does not know by the first that it does."""
    known = {
        key: value if value in figure.only.get(key, (value,)) else figure.only[key][0]
        for key, value in state.items()
    }
    return known | _of_memory(figure, controls, known) if known["unit"] == "bytes_per_s" else known


def _of_memory(figure: Figure, controls: Controls, state: Mapping[str, str]) -> dict[str, str]:
    """Return what a figure shows where memory bandwidth is asked for; one without it stays with FLOP/s."""
    if not figure.has_memory:
        return {"unit": "flops"}
    bases = controls.memory_bases
    return {"precision": MEMORY, "basis": state["basis"] if state["basis"] in bases else bases[-1]}


def _words(figure: Figure, controls: Controls, state: Mapping[str, str]) -> dict[str, str]:
    words = {c.name: c.words(state[c.name]) for c in controls.controls}
    precision = state["precision"]
    dense = "memory bandwidth" if precision == MEMORY else f"{precision} dense"
    return words | {"precision": dense, "unit": _unit(figure, state)}


def _unit(figure: Figure, state: Mapping[str, str]) -> str:
    """Return the unit of a figure's amounts."""
    if state["unit"] == "bytes_per_s":
        return "B/s"
    return "H100e" if state["unit"] == "h100e" and not figure.fixed_unit else "FLOP/s"


def _undefined_unit(figure: Figure, rows: list[Row], state: Mapping[str, str]) -> str:
    """Say why nothing can be drawn in the unit, or "" where it can: some views have no H100's constant."""
    if _unit(figure, state) != "H100e" or not figure.amounts:
        return ""
    if any(row[name] is not None for row in rows for name in figure.amounts):
        return ""
    return (
        f"No H100e is defined for {state['precision']} on {state['basis']}, so that nothing can be drawn in it; "
        "choose FLOP/s."
    )


def _rows(figure: Figure, controls: Controls, state: Mapping[str, str]) -> list[Row]:
    columns = figure.rows.columns
    kept = [
        n
        for n in range(len(figure.rows))
        if all(columns[key][n] == state[key] for key in figure.follows if key in columns)
        and all(columns[key][n] in values for key, values in figure.where.items())
    ]
    rows = [{name: values[n] for name, values in columns.items()} for n in kept]
    for row in rows:
        divisor = _divisor(figure, controls, state, row)
        for name in figure.amounts:
            if row[name] is not None:
                row[name] = row[name] / divisor if divisor else None
    if figure.order:
        rows.sort(key=lambda row: -(row[figure.order] or 0))
    return rows


def _divisor(figure: Figure, controls: Controls, state: Mapping[str, str], row: Row) -> float | None:
    """Return what a row's amounts are divided by; None where an H100 has no such constant."""
    if _unit(figure, state) != "H100e":
        return 1.0
    by = controls.h100e.get(row.get("basis", state["basis"]), {})
    return by.get(row.get("precision", state["precision"]))


def _fill(text: str, words: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda found: words[found[1]], text)


def _filled(part: Any, words: Mapping[str, str], shapes: Any) -> Any:
    if isinstance(part, str):
        return _fill(part, words)
    if isinstance(part, list):
        return [_filled(one, words, shapes) for one in part]
    if isinstance(part, dict):
        filled = {key: _filled(value, words, shapes) for key, value in part.items()}
        if filled.get("values") == "shapes":
            filled["values"] = shapes
        return filled
    return part


def _with_data(spec: Spec, rows: list[Row], state: Mapping[str, str], words: Mapping[str, str]) -> Spec:
    given = {**{name: state[name] for name in NAMES}, "unit_words": words["unit"]}
    if "vega-lite" in spec["$schema"]:
        params = [{"name": name, "value": value} for name, value in given.items()]
        return spec | {"datasets": {"rows": rows}, "params": [*params, *spec.get("params", [])]}
    signals = [{"name": name, "value": value} for name, value in given.items()]
    data = [one | {"values": rows} if one["name"] == "rows" else one for one in spec["data"]]
    return spec | {"data": data, "signals": [*signals, *spec.get("signals", [])]}
