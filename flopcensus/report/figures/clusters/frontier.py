"""Capacity against dependence: the study's clusters as points, or the best mixes of a plan."""

from __future__ import annotations

from typing import Any

from flopcensus.report.document.results import Comparison
from flopcensus.report.document.world import Frontier, PlanFrontier, Points
from flopcensus.report.figures.figure import AMOUNTS, Column, Figure, Rows, Spec, vega_lite
from flopcensus.report.figures.marks import amount_axis
from flopcensus.report.words import level_name


def frontier_figures(frontier: Frontier, comparison: Comparison | None) -> tuple[Figure, ...]:
    """Return the figure of capacity against dependence; none where there is no point."""
    if isinstance(frontier, PlanFrontier):
        return _plan(frontier)
    return _clusters(frontier, comparison) if frontier.points else ()


def _clusters(frontier: Points, comparison: Comparison | None) -> tuple[Figure, ...]:
    points = frontier.points
    precision = comparison.precision if comparison else ""
    # the document gives capacities in the comparison's unit
    scaled = comparison is None or comparison.clusters[0].unit == "FLOP/s"
    unit = "{unit}" if scaled or comparison is None else comparison.clusters[0].unit
    own = "" if scaled else unit
    rows = Rows(
        "frontier",
        {
            "basis": [p.basis for p in points],
            "precision": [precision for _ in points],
            "level": [p.level for p in points],
            "name": [p.name for p in points],
            "on": [p.name_of_code for p in points],
            **{key: [getattr(p.capacity, key) for p in points] for key in AMOUNTS},
            "share": [p.share.share for p in points],
            "share_p5": [p.share.p5 for p in points],
            "share_p95": [p.share.p95 for p in points],
        },
    )
    levels = sorted(dict.fromkeys(rows.columns["level"]), key=lambda level: level != "vendor_nation")
    return (
        Figure(
            id="frontier",
            section="clusters",
            title=f"Capacity against dependence on one {{level}}: {{basis}}, {precision} dense, {unit}",
            says="A point a cluster: the further right, the larger the share of its largest holder; the higher, the "
            "more capacity. Lines run from the 5th to the 95th percentile.",
            rows=rows,
            follows=("basis", "level"),
            only={
                "basis": tuple(dict.fromkeys(rows.columns["basis"])),
                "level": tuple(levels),
                **({"precision": (precision,)} if precision else {}),
            },
            amounts=AMOUNTS if scaled else (),
            columns=(
                Column("Cluster", "name"),
                Column("Largest holder", "on"),
                Column("Its share", "share", "share"),
                Column("Share, 5 to 95 %", "share_p5:share_p95", "share_interval"),
                Column("Median capacity", "p50", "amount", own),
                Column("5 to 95 %", "p5:p95", "interval", own),
            ),
            spec=_points(unit),
            source="flopcensus: the clusters as their files describe them, valued with the same draws.",
            caveats=(
                "These are the study's clusters, which are not the best that could be had; no line joins them.",
                f"Levels known here are {', '.join(level_name(level) for level in levels)}; for others the "
                f"{level_name(levels[0])} is shown.",
            ),
        ),
    )


def _points(unit: str) -> Spec:
    x = {
        "field": "share",
        "type": "quantitative",
        "title": "share of the largest holder",
        "scale": {"domain": [0, 1.02], "nice": False},
        "axis": {"format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1]},
    }
    y = {
        "field": "p50",
        "type": "quantitative",
        "title": unit,
        "scale": {"zero": True},
        "axis": amount_axis(),
    }
    colour = {"field": "name", "type": "nominal", "sort": None, "legend": None}
    return vega_lite(
        height=300,
        layer=[
            {
                "mark": {"type": "rule", "opacity": 0.7, "tooltip": None},
                "encoding": {
                    "x": x,
                    "y": y | {"field": "p5"},
                    "y2": {"field": "p95"},
                    "color": colour,
                },
            },
            {
                "mark": {"type": "rule", "opacity": 0.7, "tooltip": None},
                "encoding": {
                    "x": x | {"field": "share_p5"},
                    "x2": {"field": "share_p95"},
                    "y": y,
                    "color": colour,
                },
            },
            {
                "mark": {"type": "point", "size": 90, "opacity": 1},
                "encoding": {
                    "x": x,
                    "y": y,
                    "color": colour,
                    "tooltip": [
                        {"field": "name", "title": "cluster"},
                        {"field": "on", "title": "depends on"},
                        {"field": "share", "type": "quantitative", "format": ".1%"},
                        {"field": "p50", "type": "quantitative", "format": ".3s", "title": f"median, {unit}"},
                    ],
                },
            },
            {
                "mark": {
                    "type": "text",
                    "align": {"expr": "datum.share > 0.6 ? 'right' : 'left'"},
                    "dx": {"expr": "datum.share > 0.6 ? -9 : 9"},
                    "dy": -9,
                    "limit": {"expr": "0.55 * width"},
                    "tooltip": None,
                },
                "encoding": {"x": x, "y": y, "text": {"field": "words", "type": "nominal"}},
            },
        ],
        transform=[{"calculate": "datum.name + ' (' + datum.on + ')'", "as": "words"}],
    )


def _plan(frontier: PlanFrontier) -> tuple[Figure, ...]:
    """Return the best by the largest share allowed. The plan is plain data, read with care."""
    plan = frontier.plan
    goal, of = plan.get("goal") or {}, plan.get("frontier_of") or {}
    found = [row for one in plan.get("frontier") or () if (row := _point(one)) is not None]
    if not found:
        return ()
    quantity = str(goal.get("quantity", "goal")).replace("_", " ")
    unit, precision = str(goal.get("unit", "")), str(goal.get("precision", ""))
    level = level_name(str(of.get("level", "vendor_nation")))
    return (
        Figure(
            id="frontier",
            section="clusters",
            title=f"{'Most' if goal.get('maximise', True) else 'Least'} {quantity} by dependence on one {level}: "
            f"{precision} dense, {unit}",
            says=f"A line of the best {quantity} that can be had where no {level} may have more than a share; the band "
            "runs from the 5th to the 95th percentile.",
            rows=Rows.of("frontier", found),
            columns=(
                Column("Largest share allowed", "share", "share"),
                Column("Median", "p50", "amount", unit),
                Column("5 to 95 %", "p5:p95", "interval", unit),
                Column("Mix", "state"),
            ),
            spec=_curve(quantity, unit),
            source=f"flopcensus: the plan of {plan.get('cluster', 'a cluster')} (docs/planning.md).",
            caveats=("Where no mix keeps all limits, there is no point: the table says so.",),
        ),
    )


def _point(one: Any) -> dict[str, Any] | None:
    if not isinstance(one, dict) or not isinstance(one.get("share"), (int, float)):
        return None
    mix = one.get("mix") or {}
    q = mix.get("goal") or {}
    state = "found" if q else "none keeps all limits"
    return {"share": one["share"], **{key: q.get(key) for key in ("p5", "p50", "p95")}, "state": state}


def _curve(quantity: str, unit: str) -> Spec:
    x = {
        "field": "share",
        "type": "quantitative",
        "title": "largest share allowed",
        "axis": {"format": ".0%", "tickCount": 5},
    }
    y = {"type": "quantitative", "axis": amount_axis()}
    return vega_lite(
        height=280,
        transform=[{"filter": "isValid(datum.p50)"}],
        encoding={"x": x},
        layer=[
            {
                "mark": {"type": "area", "opacity": 0.2, "tooltip": None},
                "encoding": {
                    "y": y | {"field": "p5", "title": f"{quantity}, {unit}"},
                    "y2": {"field": "p95"},
                },
            },
            {"mark": {"type": "line", "tooltip": None}, "encoding": {"y": y | {"field": "p50"}}},
            {
                "mark": {"type": "point", "size": 60},
                "encoding": {
                    "y": y | {"field": "p50"},
                    "tooltip": [
                        {"field": "share", "type": "quantitative", "format": ".0%"},
                        {"field": "p50", "type": "quantitative", "format": ".3s", "title": f"median, {unit}"},
                    ],
                },
            },
        ],
    )
