"""Capacity against dependence: the study's clusters as points."""

from __future__ import annotations

from flopcensus.report.document.results import Comparison
from flopcensus.report.document.world import Frontier, PlanFrontier, Points
from flopcensus.report.figures.clusters.plan import plan_figures
from flopcensus.report.figures.figure import AMOUNTS, Column, Figure, Rows, Spec, vega_lite
from flopcensus.report.figures.marks import amount_axis
from flopcensus.report.words import level_name


def frontier_figures(frontier: Frontier, comparison: Comparison | None) -> tuple[Figure, ...]:
    """Return capacity against dependence, of clusters or of a plan's mixes; none where there is no point."""
    if isinstance(frontier, PlanFrontier):
        return plan_figures(frontier)
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
    share = {"field": "share", "type": "quantitative"}
    x = share | {
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
    line = {"type": "rule", "opacity": 0.7, "tooltip": None}
    up = {"x": x, "y": y | {"field": "p5"}, "y2": {"field": "p95"}, "color": colour}
    along = {"x": x | {"field": "share_p5"}, "x2": {"field": "share_p95"}, "y": y, "color": colour}
    tooltip = [
        {"field": "name", "title": "cluster"},
        {"field": "on", "title": "depends on"},
        share | {"format": ".1%"},
        {"field": "p50", "type": "quantitative", "format": ".3s", "title": f"median, {unit}"},
    ]
    return vega_lite(
        height=300,
        layer=[
            {"mark": line, "encoding": up},
            {"mark": line, "encoding": along},
            {
                "mark": {"type": "point", "size": 90, "opacity": 1},
                "encoding": {"x": x, "y": y, "color": colour, "tooltip": tooltip},
            },
            _names(x, y),
        ],
        transform=[{"calculate": "datum.name + ' (' + datum.on + ')'", "as": "words"}],
    )


def _names(x: Spec, y: Spec) -> Spec:
    """Return each point's name beside it, on the side where there is room."""
    mark = {
        "type": "text",
        "align": {"expr": "datum.share > 0.6 ? 'right' : 'left'"},
        "dx": {"expr": "datum.share > 0.6 ? -9 : 9"},
        "dy": -9,
        "limit": {"expr": "0.55 * width"},
        "tooltip": None,
    }
    return {"mark": mark, "encoding": {"x": x, "y": y, "text": {"field": "words", "type": "nominal"}}}
