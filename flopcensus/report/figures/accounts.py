"""Who holds the capacity: the map, the holders on a level, all levels side by side."""

from __future__ import annotations

from accounting.accounts.levels import LEVELS, NATIONAL
from flopcensus.report.document_cube import Cube
from flopcensus.report.figures.figure import (
    AMOUNTS,
    Column,
    Figure,
    Rows,
    Spec,
    counted,
    room_for_words,
    vega_lite,
)
from flopcensus.report.words import level_name

SOURCE = (
    "flopcensus: the census and its sources, valued with the calibration; both are listed below. "
    "Shares are of the mean; lines and intervals run from the 5th to the 95th percentile."
)
PART = "Shares are of what the census lists, not of the world."
HOLDERS = (
    Column("Holder", "name"),
    Column("Code", "code"),
    Column("Median", "p50", "amount"),
    Column("5 to 95 %", "p5:p95", "interval"),
    Column("Share", "share", "share"),
    Column("Share, 5 to 95 %", "share_p5:share_p95", "share_interval"),
)


def accounts_figures(cube: Cube) -> tuple[Figure, ...]:
    """Return the figures of who holds how much."""
    rows = _rows(cube)
    return (_map(rows, cube), _holders(rows), _levels(rows, cube))


def _rows(cube: Cube) -> Rows:
    """Return the holders on every single level, with their names."""
    columns = dict(cube.columns)
    shown = counted(cube)
    kept = [n for n, lv in enumerate(columns["level"]) if "," not in lv and lv != "total" and shown(n)]
    picked = {key: [values[n] for n in kept] for key, values in columns.items() if key != "status"}
    picked["year"] = picked.pop("as_of")
    picked["name"] = [cube.names[lv][code] for lv, code in zip(picked["level"], picked["code"], strict=True)]
    picked["level_name"] = [level_name(level) for level in picked["level"]]
    return Rows("holders", picked)


def _map(rows: Rows, cube: Cube) -> Figure:
    national = ("territory", *(lv for lv in cube.levels if lv in NATIONAL and lv != "territory"))
    return Figure(
        id="map",
        section="world",
        title="Capacity by {level}, at {year}: {basis}, {precision} dense, {unit}",
        says="A map of the world; the stronger the colour of a country, the more capacity. Countries without any in the census are grey.",
        rows=rows,
        follows=("basis", "precision", "year", "level"),
        only={"level": national},
        amounts=AMOUNTS,
        order="mean",
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
        {"field": "p50", "type": "quantitative", "format": ".3s", "title": "median, {unit}"},
        {"field": "p5", "type": "quantitative", "format": ".3s", "title": "5 %"},
        {"field": "p95", "type": "quantitative", "format": ".3s", "title": "95 %"},
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
        height=440,
        projection={"type": "equalEarth"},
        layer=[
            {"data": shapes, "mark": {"type": "geoshape"}},
            {
                "data": shapes,
                "transform": [held, {"filter": "isValid(datum.p50) && datum.p50 > 0"}],
                "mark": {"type": "geoshape"},
                "encoding": {"color": colour, "tooltip": tooltip},
            },
            {
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
                    "stroke": "#8a9099",
                },
                "encoding": {
                    "longitude": {"field": "x", "type": "quantitative"},
                    "latitude": {"field": "y", "type": "quantitative"},
                    "color": colour,
                    "tooltip": tooltip,
                },
            },
        ],
    )


# in steradians: about 5,000 km²
_SPECK = 0.00012
_FIELDS = ["name", "p5", "p50", "p95", "share"]


def _holders(rows: Rows) -> Figure:
    size = {
        "field": "p50",
        "type": "quantitative",
        "axis": {"format": "~s", "tickCount": 5},
        "title": "{unit}",
    }
    by = {"field": "name", "type": "nominal", "sort": None, "title": None}
    return Figure(
        id="holders",
        section="world",
        title="Who holds it, by {level}, at {year}: {basis}, {precision} dense, {unit}",
        says="Bars to the median of each holder, with a line from the 5th to the 95th percentile, largest first.",
        rows=rows,
        follows=("basis", "precision", "year", "level"),
        amounts=AMOUNTS,
        order="mean",
        most=15,
        columns=HOLDERS,
        spec=vega_lite(
            height={"step": 24},
            transform=[{"calculate": _SHARE_WORDS, "as": "words"}],
            encoding={"y": by},
            layer=[
                room_for_words("datum.p95"),
                {
                    "mark": {"type": "bar", "opacity": 0.45, "height": 13},
                    "encoding": {
                        "x": size,
                        "color": {"condition": {"test": _UNKNOWN, "value": GREY}},
                    },
                },
                {
                    "mark": {"type": "rule"},
                    "encoding": {"x": {"field": "p5", "type": "quantitative"}, "x2": {"field": "p95"}},
                },
                {
                    "mark": {"type": "text", "align": "left", "dx": 6},
                    "encoding": {
                        "x": {"field": "p95", "type": "quantitative"},
                        "text": {"field": "words", "type": "nominal"},
                    },
                },
            ],
        ),
        source=SOURCE,
        caveats=(
            PART,
            "“unknown” is one row, of which there may be many holders, or some among those named.",
        ),
    )


GREY = "#8a9099"
_UNKNOWN = "datum.code == 'unknown' || datum.code == 'withheld'"
_SHARE_WORDS = "datum.share < 0.0005 ? 'under 0.1 %' : format(100 * datum.share, '.1f') + ' %'"


def _levels(rows: Rows, cube: Cube) -> Figure:
    kept = [level for level in LEVELS if level in cube.levels]
    return Figure(
        id="levels",
        section="world",
        title="Shares on every level, at {year}: {basis}, {precision} dense",
        says="One stacked bar a level, from where capacity stands to who makes its memory; parts are shares of the mean.",
        rows=rows,
        follows=("basis", "precision", "year"),
        amounts=AMOUNTS,
        order="mean",
        columns=(Column("Level", "level_name"), *HOLDERS),
        spec=_stacked([level_name(level) for level in kept]),
        source=SOURCE,
        caveats=(PART,),
    )


def _stacked(order: list[str]) -> Spec:
    """Return stacked bars of shares, one a level; names stand where there is room."""
    largest_first = [{"field": "share", "order": "descending"}]
    span = "(datum.x1 - datum.x0)"
    return vega_lite(
        height={"step": 30},
        transform=[
            {
                "window": [{"op": "rank", "as": "place"}],
                "sort": largest_first,
                "groupby": ["level_name"],
            },
            {
                "stack": "share",
                "groupby": ["level_name"],
                "sort": largest_first,
                "as": ["x0", "x1"],
                "offset": "zero",
            },
            {"calculate": f"{span} > 0.06 ? truncate(datum.name, {span} * width / 8) : ''", "as": "words"},
            {"calculate": "(datum.x0 + datum.x1) / 2", "as": "middle"},
        ],
        encoding={
            "y": {"field": "level_name", "type": "nominal", "sort": order, "title": None},
            "tooltip": [
                {"field": "level_name", "title": "level"},
                {"field": "name", "title": "holder"},
                {"field": "share", "type": "quantitative", "format": ".1%"},
            ],
        },
        layer=[
            {
                "mark": {"type": "bar", "height": 22, "stroke": "white", "strokeWidth": 0.6, "opacity": 0.55},
                "encoding": {
                    "x": {
                        "field": "x0",
                        "type": "quantitative",
                        "title": "share of the total",
                        "axis": {"format": ".0%", "tickCount": 5},
                        "scale": {"domain": [0, 1], "nice": False},
                    },
                    "x2": {"field": "x1"},
                    "color": {
                        "condition": {"test": _UNKNOWN, "value": GREY},
                        "field": "place",
                        "type": "nominal",
                        "legend": None,
                    },
                },
            },
            {
                "mark": {"type": "text", "baseline": "middle"},
                "encoding": {
                    "x": {"field": "middle", "type": "quantitative"},
                    "text": {"field": "words", "type": "nominal"},
                },
            },
        ],
    )
