"""The map of the world: how much stands in each country, or is owned or designed from there."""

from __future__ import annotations

from accounting.accounts.levels import NATIONAL
from flopcensus.report.document.cube import Cube
from flopcensus.report.figures.figure import AMOUNTS, Figure, Rows, Spec, vega_lite
from flopcensus.report.figures.marks import GREY, quantile_tooltip
from flopcensus.report.figures.world.holders import HOLDERS, SOURCE

# in steradians: about 5,000 km²
_SPECK = 0.00012
_FIELDS = ["name", "p5", "p50", "p95", "share"]


def map_figure(rows: Rows, cube: Cube) -> Figure:
    """Return the map, from the rows of all holders."""
    national = ("territory", *(lv for lv in cube.levels if lv in NATIONAL and lv != "territory"))
    return Figure(
        id="map",
        section="world",
        title="Capacity by {level}, at {year}: {basis}, {precision}, {unit}",
        says="A map of the world; the stronger the colour of a country, the more capacity. Countries without any in the census are grey.",
        rows=rows,
        follows=("basis", "precision", "year", "level"),
        only={"level": national},
        amounts=AMOUNTS,
        order="size",
        columns=HOLDERS,
        wide=True,
        spec=_map_spec(),
        source=SOURCE + " Shapes: Natural Earth 1:50m (public domain).",
        caveats=(
            "The scale is logarithmic. Grey: nothing in the census, which is not to say that there is nothing.",
            "Boundaries are Natural Earth's, which draws who controls an area; they say nothing of claims. What is "
            "of unknown nation is in the table and not on the map.",
        ),
    )


def _map_spec() -> Spec:
    shapes = {"values": "shapes", "format": {"type": "topojson", "feature": "countries"}}
    tooltip = [
        {"field": "name", "title": "{level}"},
        *quantile_tooltip(),
        {"field": "share", "type": "quantitative", "format": ".1%", "title": "share"},
    ]
    held = {"lookup": "id", "from": {"data": {"name": "rows"}, "key": "code", "fields": _FIELDS}}
    colour = {
        "field": "p50",
        "type": "quantitative",
        "scale": {"type": "log", "range": "ramp"},
        "legend": {
            "title": "median, {unit}",
            "format": "~s",
            "orient": "bottom",
            "gradientLength": 220,
            "tickCount": 4,
        },
    }
    return vega_lite(
        height="container",
        autosize={"type": "fit", "contains": "padding", "resize": True},
        projection={"type": "equalEarth"},
        layer=[
            {
                "data": shapes,
                # nobody counts there, and it would take a fifth of the picture
                "transform": [{"filter": "datum.id != 'AQ'"}],
                "mark": {"type": "geoshape"},
            },
            {
                "data": shapes,
                "transform": [held, {"filter": "isValid(datum.p50) && datum.p50 > 0"}],
                "mark": {"type": "geoshape"},
                "encoding": {"color": colour, "tooltip": tooltip},
            },
            _specks(shapes, held, {"color": colour, "tooltip": tooltip}),
        ],
    )


def _specks(shapes: Spec, held: Spec, said: Spec) -> Spec:
    """Return a ring for each country that is too small to be seen."""
    return {
        # a city state is a speck: a ring says that it is there
        "data": shapes,
        "transform": [
            held,
            {"filter": "isValid(datum.p50) && datum.p50 > 0"},
            {"calculate": "geoArea(null, datum.geometry)", "as": "area"},
            # islets of a large country have its code
            {
                "joinaggregate": [{"op": "max", "field": "area", "as": "largest"}],
                "groupby": ["id"],
            },
            {"filter": f"datum.largest < {_SPECK} && datum.area == datum.largest"},
            {"calculate": "geoCentroid(null, datum.geometry)", "as": "centre"},
            {"calculate": "datum.centre[0]", "as": "x"},
            {"calculate": "datum.centre[1]", "as": "y"},
        ],
        "mark": {
            "type": "point",
            "size": 90,
            "filled": True,
            "opacity": 1,
            "strokeWidth": 1,
            "stroke": GREY,
        },
        "encoding": {
            "longitude": {"field": "x", "type": "quantitative"},
            "latitude": {"field": "y", "type": "quantitative"},
            **said,
        },
    }
