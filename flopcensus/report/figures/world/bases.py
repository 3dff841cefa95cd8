"""From paper to delivered: the waterfall of the bases, and what drives the spread of the last."""

from __future__ import annotations

from itertools import pairwise

from accounting.capacity.bases import BASES, BASIS_MEANING
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
from flopcensus.report.figures.marks import amount_axis, in_rows, names_above, words_at_right

_LOST = {
    "achievable": "lost to the best matmul",
    "sustained": "lost in a whole training step at scale",
    "delivered": "lost to failures and idle nodes",
}
_MOST_DRIVERS = 14


def bases_figures(results: Results, cube: Cube) -> tuple[Figure, ...]:
    """Return the waterfall and, where the study worked them out, the drivers of the spread."""
    driven = [(e, e.drivers) for e in results.estimates if e.drivers and e.drivers.inputs]
    return (_waterfall(cube), *([_tornado(*driven[-1])] if driven else []))


def _waterfall(cube: Cube) -> Figure:
    return Figure(
        id="waterfall",
        section="world",
        title="From paper to delivered, at {year}: {precision} dense, {unit}",
        says="Falling steps from the data sheets' total to what is delivered; between two totals stands what is lost.",
        rows=_steps(cube),
        follows=("precision", "year"),
        amounts=(*AMOUNTS, "top", "bottom"),
        fixed_unit=True,
        columns=(
            Column("Step", "step"),
            Column("Meaning", "meaning"),
            Column("Mean", "mean", "amount"),
            Column("Median", "p50", "amount"),
            Column("5 to 95 %", "p5:p95", "interval"),
            Column("Of peak", "of_peak", "share"),
        ),
        spec=_falling(),
        source="flopcensus: the census valued on each basis with the same draws; steps are differences of means.",
        caveats=(
            "Means, for those add up; lines run from the 5th to the 95th percentile.",
            "Always in FLOP/s: an H100e is another unit on each basis.",
        ),
    )


def _steps(cube: Cube) -> Rows:
    """Return totals and the losses between them, by precision and date."""
    columns = dict(cube.columns)
    shown = counted(cube)
    totals: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for n, level in enumerate(columns["level"]):
        if level == "total" and shown(n):
            key = (columns["precision"][n], columns["as_of"][n])
            totals.setdefault(key, {})[columns["basis"][n]] = {name: columns[name][n] for name in AMOUNTS}
    rows = [row for key, by in totals.items() for row in _walk(key, by)]
    names = ("precision", "year", "step", "meaning", "kind", *AMOUNTS, "top", "bottom", "of_peak")
    return Rows("steps", {name: [row.get(name) for row in rows] for name in names})


def _walk(key: tuple[str, str], by: dict[str, dict[str, float]]) -> list[dict[str, object]]:
    bases = [basis for basis in BASES if basis in by]
    common = {"precision": key[0], "year": key[1]}
    peak = by[bases[0]]["mean"] or 1.0
    rows: list[dict[str, object]] = []
    for before, basis in pairwise(["", *bases]):
        found = by[basis]
        if before:
            lost = by[before]["mean"] - found["mean"]
            row = {"step": _LOST[basis], "meaning": f"{before} less {basis}", "kind": "lost", "mean": lost}
            rows.append(
                common | row | {"top": by[before]["mean"], "bottom": found["mean"], "of_peak": lost / peak}
            )
        total = {"step": basis, "meaning": BASIS_MEANING[basis], "kind": "total", **found}
        rows.append(common | total | {"top": found["mean"], "bottom": 0.0, "of_peak": found["mean"] / peak})
    return rows


def _falling() -> Spec:
    return vega_lite(
        height={"step": 42},
        transform=[
            {"calculate": "format(100 * datum.of_peak, '.0f') + ' %'", "as": "words"},
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
                        {"field": "of_peak", "type": "quantitative", "format": ".1%", "title": "of peak"},
                    ],
                },
            },
            {
                "transform": [{"filter": "isValid(datum.p5)"}],
                "mark": {"type": "rule"},
                "encoding": {"x": {"field": "p5", "type": "quantitative"}, "x2": {"field": "p95"}},
            },
        ],
    )


def _tornado(estimate: Estimate, drivers: Drivers) -> Figure:
    inputs = drivers.inputs
    columns: dict[str, list[object]] = {
        "name": [one.name for one in inputs],
        "low": [one.low for one in inputs],
        "high": [one.high for one in inputs],
        "alone": [max(one.first_order.share, 0.0) for one in inputs],
        "with_others": [max(one.total_order.share, 0.0) for one in inputs],
        "error": [one.total_order.error for one in inputs],
        "centre": [drivers.centre] * len(inputs),
    }
    return Figure(
        id="tornado",
        section="world",
        title=f"What drives the spread, at {estimate.as_of}: {estimate.basis}, {estimate.numbers}, {estimate.unit}",
        says="Bars from the total with one input at its 5th percentile to that at its 95th, all others at their medians; "
        "a percentage is the input's part in the variance, by which they are ordered.",
        rows=Rows("drivers", columns),
        order="with_others",
        most=_MOST_DRIVERS,
        amounts=("low", "high", "centre"),
        fixed_unit=True,
        columns=(
            Column("Input", "name"),
            Column("Share of variance, alone", "alone", "share"),
            Column("With others", "with_others", "share"),
            Column("Total at its 5 to 95 %", "low:high", "interval"),
        ),
        spec=_swings(),
        source="flopcensus: shares of variance by the pick-freeze method (docs/method.md).",
        caveats=(
            "This chart stays on the study's last basis, its precision and its date: the controls do not move it.",
            "An input that many deployments share, such as the efficiency of one accelerator, does not average out.",
        ),
    )


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
