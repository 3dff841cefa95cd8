"""The frontier of a plan: the best mixes by the largest share that one nation or firm may have."""

from __future__ import annotations

from typing import Any

from flopcensus.report.document.world import PlanFrontier
from flopcensus.report.figures.figure import Column, Figure, Rows, Spec, vega_lite
from flopcensus.report.figures.marks import amount_axis
from flopcensus.report.words import between, level_name
from flopcensus.tables.compare import figure


def plan_figures(frontier: PlanFrontier) -> tuple[Figure, ...]:
    """Return the best by the largest share allowed; none where the plan has no frontier.

    The plan is plain data of whatever version wrote it: what is not as expected is left out.
    """
    plan = frontier.plan
    goal, of = plan.get("goal") or {}, plan.get("frontier_of") or {}
    unit = str(goal.get("unit", ""))
    found = [row for one in plan.get("frontier") or () if (row := _point(one, unit)) is not None]
    if not found:
        return ()
    quantity = str(goal.get("quantity", "goal")).replace("_", " ")
    precision = str(goal.get("precision", ""))
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
                Column("Median", "median:p50", "worded"),
                Column("5 to 95 %", "interval:p5", "worded"),
                Column("Mix", "state"),
            ),
            spec=_curve(quantity, unit),
            source=f"flopcensus: the plan of {plan.get('cluster', 'a cluster')} (docs/planning.md).",
            caveats=("Where no mix keeps all limits, there is no point: the table says so.",),
        ),
    )


def _point(one: Any, unit: str) -> dict[str, Any] | None:
    if not isinstance(one, dict) or not isinstance(one.get("share"), (int, float)):
        return None
    q = (one.get("mix") or {}).get("goal") or {}
    low, middle, high = (q.get(key) for key in ("p5", "p50", "p95"))
    median = interval = None
    if low is not None and middle is not None and high is not None:
        median, interval = figure(middle, unit), between(figure(low, unit), figure(high, unit))
    return {
        "share": one["share"],
        "p5": low,
        "p50": middle,
        "p95": high,
        "median": median,
        "interval": interval,
        "state": "found" if q else "none keeps all limits",
    }


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
