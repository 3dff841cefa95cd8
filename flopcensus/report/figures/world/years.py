"""Capacity over time: the total and one country's, with bands; planned apart from operational."""

from __future__ import annotations

from flopcensus.report.document.cube import Cube
from flopcensus.report.figures.figure import AMOUNTS, Column, Figure, Rows, Spec, vega_lite
from flopcensus.report.figures.marks import log_axis, quantile_tooltip

_COLUMNS = (
    Column("Date", "date", "date"),
    Column("Status", "status"),
    Column("Median", "p50", "amount"),
    Column("5 to 95 %", "p5:p95", "interval"),
    Column("Mean", "mean", "amount"),
)
_SOURCE = "flopcensus: the census at each date, by the dates when deployments went into service and retired."
_CAVEATS = (
    "The scale is logarithmic; bands run from the 5th to the 95th percentile.",
    "Planned is what is announced, contracted or being built for that date: drawn apart, never added.",
    "Early years hold what the census knows of them, which is less than there was.",
)


def years_figures(cube: Cube) -> tuple[Figure, ...]:
    """Return the series of the total and of a country; none where the study has one date."""
    if len(cube.years) < 2:
        return ()
    return (
        Figure(
            id="years",
            section="world",
            title="Capacity over time: {basis}, {precision}, {unit}",
            says="A line of medians with a band; operational is solid, planned is dashed.",
            rows=_rows("years", cube, "total"),
            follows=("basis", "precision"),
            amounts=AMOUNTS,
            columns=_COLUMNS,
            spec=_series(),
            source=_SOURCE,
            caveats=_CAVEATS,
        ),
        Figure(
            id="country-years",
            section="country",
            title="Capacity in {country} over time: {basis}, {precision}, {unit}",
            says="A line of medians with a band; operational is solid, planned is dashed.",
            rows=_rows("country_years", cube, "territory"),
            follows=("basis", "precision", "country"),
            amounts=AMOUNTS,
            columns=_COLUMNS,
            spec=_series(),
            source=_SOURCE,
            caveats=_CAVEATS,
            empty="The census has nothing that stands in {country}.",
        ),
    )


def _rows(name: str, cube: Cube, level: str) -> Rows:
    columns = dict(cube.columns)
    kept = [n for n, found in enumerate(columns["level"]) if found == level]
    names = {"date": "as_of", "status": "status", "basis": "basis", "precision": "precision"}
    picked = {new: [columns[old][n] for n in kept] for new, old in names.items()}
    if level == "territory":
        picked["country"] = [columns["code"][n] for n in kept]
    return Rows(name, picked | {key: [columns[key][n] for n in kept] for key in AMOUNTS})


def _series() -> Spec:
    x = {
        "field": "date",
        "type": "temporal",
        "title": None,
        "axis": {"format": "%Y", "tickCount": "year", "grid": False},
    }
    y = {"type": "quantitative", "scale": {"type": "log"}, "axis": log_axis()}
    colour = {
        "field": "status",
        "type": "nominal",
        "title": None,
        "scale": {"domain": ["operational", "planned"]},
    }
    tooltip = [
        {"field": "date", "type": "temporal", "format": "%Y-%m-%d"},
        {"field": "status"},
        *quantile_tooltip(),
    ]
    return vega_lite(
        height=280,
        transform=[{"filter": "datum.p5 > 0"}],
        encoding={"x": x, "color": colour},
        layer=[
            {
                "mark": {"type": "area", "opacity": 0.2},
                "encoding": {"y": y | {"field": "p5", "title": "{unit}"}, "y2": {"field": "p95"}},
            },
            {
                "mark": {"type": "line"},
                "encoding": {
                    "y": y | {"field": "p50"},
                    "strokeDash": {
                        "field": "status",
                        "type": "nominal",
                        "legend": None,
                        "scale": {"domain": ["operational", "planned"], "range": [[1, 0], [6, 4]]},
                    },
                },
            },
            {
                "mark": {"type": "point", "size": 60},
                "encoding": {"y": y | {"field": "p50"}, "tooltip": tooltip},
            },
        ],
    )
