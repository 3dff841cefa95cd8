"""A fleet's nodes by what was measured of them: a heat map of shares of their peers' median."""

from __future__ import annotations

import math
from typing import Any

from flopcensus.report.document.world import Fleet, FleetHeat
from flopcensus.report.figures.figure import Column, Figure, Rows, Spec, label_room, vega_lite

# where the colours begin, at most and at least
_FROM, _LEAST = 0.9, 0.5


def fleet_figures(fleet: Fleet) -> tuple[Figure, ...]:
    """Return the heat map; none where the document has no shares, as one of an older flopcensus."""
    heat = fleet.heat
    if heat is None or not heat.rows:
        return ()
    sick = [row.name for row in heat.rows if row.sick]
    rows = _rows(heat)
    return (
        Figure(
            id="fleet",
            section="machine",
            title=f"Nodes of the fleet by what was measured, share of the peers' median: {fleet.records:,} records",
            says="A heat map: a row a node, a column a figure; the stronger a cell, the further below the median of "
            "comparable devices. Sick nodes stand first and are marked.",
            rows=rows,
            wide=True,
            columns=(
                Column("Node", "node"),
                Column("What is wrong", "remark"),
                Column("Figure", "metric"),
                Column("Share of the peers' median", "share", "share"),
            ),
            spec=_map(heat),
            source=f"flopcensus fleet: {fleet.records:,} records, {fleet.first or '?'} to {fleet.last or '?'}.",
            caveats=(
                f"Sick: {', '.join(sick)}." if sick else "No node is sick.",
                f"A fleet without a fault shows any outlier with chance {100 * fleet.false_alarm_rate:.1f} % at most.",
                "A cell is that of the lowest device of a node, several runs at their geometric mean: it has no "
                "interval of its own; the tests behind “sick” weigh the spread among peers. Empty cells were not "
                "measured.",
                *_left_out(heat),
            ),
        ),
    )


def _left_out(heat: FleetHeat) -> tuple[str, ...]:
    said = []
    if heat.grouped:
        said.append("A row stands for several nodes, and shows the lowest of them.")
    if heat.rows_left_out:
        said.append(f"{heat.rows_left_out:,} rows without a sick node are left out.")
    if heat.metrics_left_out:
        said.append(f"{heat.metrics_left_out:,} figures that fewer nodes have are left out.")
    return tuple(said)


def _rows(heat: FleetHeat) -> Rows:
    found: list[dict[str, Any]] = [
        {
            "node": row.name,
            "label": f"✕ {row.name}: {row.remark}" if row.sick else row.name,
            "remark": row.remark or ("sick" if row.sick else "nothing"),
            "metric": metric.replace("_", " "),
            "share": share,
        }
        for row in heat.rows
        for metric, share in zip(heat.metrics, row.shares, strict=True)
    ]
    return Rows.of("fleet", found)


def _map(heat: FleetHeat) -> Spec:
    many = len(heat.rows) > 24
    lowest = min((s for row in heat.rows for s in row.shares if s is not None), default=_FROM)
    # in steps of 5 %, so that one broken node does not hide the others
    begins = max(min(math.floor(20 * lowest) / 20, _FROM), _LEAST)
    return vega_lite(
        height={"step": 16 if many else 24},
        encoding={
            "x": {
                "field": "metric",
                "type": "nominal",
                "sort": None,
                "title": None,
                "axis": {"orient": "top", "labelAngle": -90, "labelLimit": 210, "domain": False},
            },
            "y": {"field": "label", "type": "nominal", "sort": None, "title": None, "axis": label_room()},
        },
        layer=[
            {
                "transform": [{"filter": "isValid(datum.share)"}],
                "mark": {"type": "rect", "cornerRadius": 1},
                "encoding": {
                    "color": {
                        "field": "share",
                        "type": "quantitative",
                        "scale": {
                            "range": "ramp",
                            "domain": [begins, 1],
                            "clamp": True,
                            "reverse": True,
                        },
                        "legend": {
                            "title": "share of the peers' median",
                            "format": ".0%",
                            "orient": "bottom",
                            "gradientLength": 220,
                            "tickCount": 4,
                        },
                    },
                    "tooltip": [
                        {"field": "node"},
                        {"field": "remark", "title": "what is wrong"},
                        {"field": "metric", "title": "figure"},
                        {"field": "share", "type": "quantitative", "format": ".1%"},
                    ],
                },
            },
        ],
    )
