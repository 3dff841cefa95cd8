"""The bridge: from a published figure to ours, a step at a time."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from flopcensus.report.document.world import Bridge, Stage
from flopcensus.report.figures.figure import Column, Figure, Rows, Spec, vega_lite
from flopcensus.report.figures.marks import amount_axis, in_rows, interval_line, names_above, words_at_right

_OURS = "ours"
# a step that changes nothing has no bar, and no place in the legend
_KINDS = ("total", "takes away", "adds", "no change")


def walk_figures(bridges: Mapping[str, Bridge] | None) -> tuple[Figure, ...]:
    """Return the walk in the units that it is there in; none where the study names no published file."""
    if not bridges:
        return ()
    first = next(iter(bridges.values()))
    rows = [row for unit, one in bridges.items() for row in _steps(unit, one)]
    return (
        Figure(
            id="bridge",
            section="world",
            title=f"From {first.start} to ours, at {first.as_of}: peak to {first.basis}, "
            f"{_precision(first.stages[-1])}, {{unit}}",
            says="Steps from the published total to ours: what each adds or takes away, between the two totals.",
            rows=Rows.of("bridge", rows),
            follows=("unit",),
            only={"unit": tuple(bridges)},
            columns=(
                Column("Step", "name"),
                Column("Effect", "effect_words"),
                Column("Total after", "after", "amount"),
                Column("5 to 95 %", "p5:p95", "interval"),
                Column("Stated in", "denomination"),
                Column("Deployments", "deployments", "number"),
            ),
            spec=_floating(),
            source=f"{first.source}, file {first.file} of {first.published_as_of}; flopcensus bridge.",
            caveats=(
                "Operations are of 8 bits in the published figure, of 16 bits from “precision” on; in H100e the "
                "unit itself changes with it, and at the last step once more.",
                "Lines run from the 5th to the 95th percentile of the total after a step, where it has any.",
                *first.warnings,
            ),
        ),
    )


def _precision(stage: Stage) -> str:
    return " ".join(stage.denomination.split()[:2])


def _steps(unit: str, one: Bridge) -> list[dict[str, Any]]:
    """Return the published total, the effect of each step, and our total."""
    rows = [_total(unit, one.stages[0], f"published: {one.start}")]
    for (before, after), step in zip(pairwise(one.stages), one.steps, strict=True):
        effect = after.total.mean - before.total.mean
        low, high = sorted((before.total.mean, after.total.mean))
        way = "adds" if effect > 0 else "takes away" if effect < 0 else "no change"
        row = _total(unit, after, f"{step.id}: {step.what}")
        rows.append(row | {"step": step.id, "kind": way, "bottom": low, "top": high, "effect": effect})
    rows.append(_total(unit, one.stages[-1], "ours") | {"step": _OURS})
    return [row | {"effect_words": _signed(row["effect"], one.unit)} for row in rows]


def _total(unit: str, stage: Stage, name: str) -> dict[str, Any]:
    return {
        "unit": unit,
        "step": stage.id,
        "name": name,
        "kind": "total",
        "bottom": 0.0,
        "top": stage.total.mean,
        "effect": None,
        "after": stage.total.mean,
        "p5": stage.total.p5,
        "p95": stage.total.p95,
        "denomination": stage.denomination,
        "deployments": stage.deployments,
    }


def _signed(effect: float | None, unit: str) -> str:
    from flopcensus.output import si

    if effect is None:
        return ""
    return f"{'−' if effect < 0 else '+'}{si(abs(effect), unit)}" if effect else "none"


def _floating() -> Spec:
    amount = (
        "datum.kind == 'total' ? format(datum.after, '.3s') : datum.effect == 0 ? 'none' : "
        "format(datum.effect, '+.3s')"
    )
    return vega_lite(
        height={"step": 42},
        transform=[
            {"calculate": amount, "as": "said"},
            # the table has the words that a narrow window has no room for
            {"calculate": "datum.kind != 'total' && width < 460 ? datum.step : datum.name", "as": "words"},
        ],
        encoding={"y": in_rows("step", named=False)},
        layer=[
            names_above("words"),
            words_at_right("said"),
            {
                "mark": {"type": "bar", "height": 15, "opacity": 0.65},
                "encoding": {
                    "x": {
                        "field": "bottom",
                        "type": "quantitative",
                        "axis": amount_axis(),
                        "title": "{unit}",
                    },
                    "x2": {"field": "top"},
                    "color": {
                        "field": "kind",
                        "type": "nominal",
                        "scale": {"domain": list(_KINDS)},
                        "legend": {"title": None, "values": list(_KINDS[:3])},
                    },
                },
            },
            {"transform": [{"filter": "datum.p95 > datum.p5"}], **interval_line()},
        ],
    )
