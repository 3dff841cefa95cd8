"""From paper to delivered: the waterfall of the bases, and what drives the spread on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from accounting.capacity.bases import BASES, MEMORY, Basis, meaning
from flopcensus.report.document.cube import Cube
from flopcensus.report.document.results import Drivers, Estimate, Results
from flopcensus.report.figures.figure import (
    AMOUNTS,
    Column,
    Figure,
    Rows,
    Spec,
    counted,
    vega_lite,
)
from flopcensus.report.figures.marks import amount_axis, in_rows, interval_line, names_above, words_at_right

# what is lost from the basis before; where a study leaves one out, a step has no such single cause
_LOST = {
    ("peak", "achievable"): "lost to the best matmul",
    ("achievable", "sustained"): "lost in a whole training step at scale",
    ("sustained", "delivered"): "lost to failures and idle nodes",
}
_LOST_OF_MEMORY = "lost to the best stream"
_MOST_DRIVERS = 14


def bases_figures(results: Results, cube: Cube) -> tuple[Figure, ...]:
    """Return the waterfall and, where the study worked them out, the drivers of the spread."""
    driven = [(e, e.drivers) for e in results.estimates if e.drivers and e.drivers.inputs]
    return (_waterfall(cube), *([_tornado(driven)] if driven else []))


def _waterfall(cube: Cube) -> Figure:
    bases = [basis for basis in BASES if basis in cube.bases]
    return Figure(
        id="waterfall",
        section="world",
        title=f"From {bases[0]} to {bases[-1]}, at {{year}}: {{precision}}, {{unit}}",
        says="Falling steps from one basis to the next; between two totals stands what is lost.",
        rows=_steps(cube, bases[0]),
        follows=("precision", "year"),
        amounts=(*AMOUNTS, "top", "bottom"),
        fixed_unit=True,
        columns=(
            Column("Step", "step"),
            Column("Meaning", "meaning"),
            Column("Mean", "mean", "amount"),
            Column("Median", "p50", "amount"),
            Column("5 to 95 %", "p5:p95", "interval"),
            Column(f"Of {bases[0]}", f"of_{bases[0]}", "share"),
        ),
        spec=_falling(bases[0]),
        source="flopcensus: the census valued on each basis with the same draws; steps are differences of means.",
        caveats=(
            "Means, for those add up; lines run from the 5th to the 95th percentile.",
            "Always in FLOP/s: an H100e is another unit on each basis.",
        ),
    )


def _steps(cube: Cube, first: str) -> Rows:
    """Return totals and the losses between them, by precision and date, and as shares of the first basis."""
    columns = dict(cube.columns)
    shown = counted(cube)
    totals: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for n, level in enumerate(columns["level"]):
        if level == "total" and shown(n):
            key = (columns["precision"][n], columns["as_of"][n])
            totals.setdefault(key, {})[columns["basis"][n]] = {name: columns[name][n] for name in AMOUNTS}
    rows = [row for key, by in totals.items() for row in _walk(key, by)]
    names = ("precision", "year", "step", "meaning", "kind", *AMOUNTS, "top", "bottom", f"of_{first}")
    return Rows("steps", {name: [row.get(name) for row in rows] for name in names})


def _walk(key: tuple[str, str], by: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """Return the totals of one precision and date, each after what is lost on the way to it."""
    precision, year = key
    bases = [basis for basis in BASES if basis in by]
    most = by[bases[0]]["mean"] or 1.0
    rows: list[dict[str, Any]] = []
    for basis in bases:
        found = by[basis]
        if rows:
            before = bases[bases.index(basis) - 1]
            top = by[before]["mean"]
            lost = {
                "step": _lost(before, basis, precision),
                "meaning": f"{before} less {basis}",
                "kind": "lost",
            }
            rows.append(lost | {"mean": top - found["mean"], "top": top, "bottom": found["mean"]})
        total = {"step": basis, "meaning": meaning(basis, precision), "kind": "total", **found}
        rows.append(total | {"top": found["mean"], "bottom": 0.0})
    common = {"precision": precision, "year": year}
    return [common | row | {f"of_{bases[0]}": row["mean"] / most} for row in rows]


def _lost(before: Basis, basis: Basis, precision: str) -> str:
    if precision == MEMORY:
        return _LOST_OF_MEMORY
    return _LOST.get((before, basis), f"lost from {before} to {basis}")


def _falling(first: str) -> Spec:
    return vega_lite(
        height={"step": 42},
        transform=[
            {"calculate": f"format(100 * datum.of_{first}, '.0f') + ' %'", "as": "words"},
            {"calculate": "datum.kind == 'lost' ? '– ' + datum.step : datum.step", "as": "name"},
        ],
        encoding={"y": in_rows("step", named=False)},
        layer=[
            names_above("name"),
            words_at_right("words"),
            {
                "mark": {"type": "bar", "height": 16},
                "encoding": {
                    "x": {
                        "field": "bottom",
                        "type": "quantitative",
                        "title": "{unit}",
                        "axis": amount_axis(),
                    },
                    "x2": {"field": "top"},
                    "opacity": {"condition": {"test": "datum.kind == 'lost'", "value": 0.25}, "value": 0.8},
                    "tooltip": [
                        {"field": "step"},
                        {"field": "mean", "type": "quantitative", "format": ".3s", "title": "mean, {unit}"},
                        {
                            "field": f"of_{first}",
                            "type": "quantitative",
                            "format": ".1%",
                            "title": f"of {first}",
                        },
                    ],
                },
            },
            {"transform": [{"filter": "isValid(datum.p5)"}], **interval_line()},
        ],
    )


def _tornado(driven: Sequence[tuple[Estimate, Drivers]]) -> Figure:
    last = driven[-1][0]
    # the first stands where another basis is chosen
    bases = tuple(estimate.basis for estimate, _ in reversed(driven))
    alone = "" if len(bases) > 1 else f" Inputs were told apart on {last.basis} alone."
    rows = [row for estimate, drivers in driven for row in _swung(estimate, drivers)]
    return Figure(
        id="tornado",
        section="world",
        title=f"What drives the spread, at {last.as_of}: {{basis}}, {last.numbers}, {{unit}}",
        says="Bars from the total with one input at its 5th percentile to that at its 95th, all others at their medians; "
        "a percentage is the input's part in the variance, by which they are ordered.",
        rows=Rows.of("drivers", rows),
        follows=("basis",),
        only={"basis": bases},
        order="with_others",
        most=_MOST_DRIVERS,
        amounts=("low", "high", "centre"),
        columns=(
            Column("Input", "name"),
            Column("Share of variance, alone", "alone", "share"),
            Column("With others", "with_others", "share"),
            Column("Total at its 5 to 95 %", "low:high", "interval"),
        ),
        spec=_swings(),
        source="flopcensus: shares of variance by the pick-freeze method (docs/method.md).",
        caveats=(
            f"Of the controls, basis and unit move this chart; it stays on the study's precision and its date.{alone}",
            "An input that many deployments share, such as the efficiency of one accelerator, does not average out.",
        ),
    )


def _swung(estimate: Estimate, drivers: Drivers) -> list[dict[str, object]]:
    """Return a row an input; a share that its error carries below 0 is 0."""
    return [
        {
            "basis": estimate.basis,
            # of which an H100e is, whatever precision is chosen
            "precision": estimate.precision,
            "name": one.name,
            "low": one.low,
            "high": one.high,
            "alone": max(one.first_order.share, 0.0),
            "with_others": max(one.total_order.share, 0.0),
            "error": one.total_order.error,
            "centre": drivers.centre,
        }
        for one in drivers.inputs
    ]


def _swings() -> Spec:
    return vega_lite(
        height={"step": 38},
        transform=[{"calculate": "format(100 * datum.with_others, '.0f') + ' %'", "as": "words"}],
        encoding={"y": in_rows("name", named=False)},
        layer=[
            names_above("name", 8),
            words_at_right("words"),
            {
                "mark": {"type": "bar", "height": 12, "opacity": 0.6},
                "encoding": {
                    "x": {
                        "field": "low",
                        "type": "quantitative",
                        "scale": {"zero": False, "padding": 12},
                        "axis": amount_axis(),
                        "title": "total, {unit}",
                    },
                    "x2": {"field": "high"},
                },
            },
            {
                "mark": {"type": "tick", "thickness": 1.5, "height": 16},
                "encoding": {"x": {"field": "centre", "type": "quantitative"}},
            },
        ],
    )
