"""Who holds the capacity: the map, the holders on a level, all levels side by side."""

from __future__ import annotations

from accounting.accounts.levels import NATIONAL
from flopcensus.report.document.cube import Cube
from flopcensus.report.figures.figure import (
    AMOUNTS,
    Column,
    Figure,
    Rows,
    Spec,
    counted,
    vega_lite,
)
from flopcensus.report.figures.marks import (
    FOLDED,
    GREY,
    UNKNOWN,
    amount_axis,
    in_rows,
    interval_line,
    quantile_tooltip,
    share_words,
    words_at_right,
)

MOST = 15

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
    rows = held(cube)
    return (_map(rows, cube), _holders(rows))


def held(cube: Cube) -> Rows:
    """Return the holders on every single level, with their names."""
    columns = dict(cube.columns)
    shown = counted(cube)
    kept = [n for n, lv in enumerate(columns["level"]) if "," not in lv and lv != "total" and shown(n)]
    picked = {key: [values[n] for n in kept] for key, values in columns.items() if key != "status"}
    picked["year"] = picked.pop("as_of")
    picked["name"] = [cube.names[lv][code] for lv, code in zip(picked["level"], picked["code"], strict=True)]
    # what is folded comes last, however much it is together
    sizes = zip(picked["code"], picked["mean"], strict=True)
    picked["size"] = [-1.0 if code == FOLDED else mean for code, mean in sizes]
    # a nation's own rows follow the country that is chosen
    national = {level for level in picked["level"] if level in NATIONAL}
    codes = zip(picked["level"], picked["code"], strict=True)
    picked["country"] = [code if level in national else "" for level, code in codes]
    return Rows("holders", picked)


def _map(rows: Rows, cube: Cube) -> Figure:
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
                    "stroke": GREY,
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
    return Figure(
        id="holders",
        section="world",
        title="Who holds it, by {level}, at {year}: {basis}, {precision}, {unit}",
        says="Bars to the median of each holder, with a line from the 5th to the 95th percentile, largest first; "
        "shares at the right.",
        rows=rows,
        follows=("basis", "precision", "year", "level"),
        amounts=AMOUNTS,
        order="size",
        most=MOST,
        columns=HOLDERS,
        spec=interval_bars(),
        source=SOURCE,
        caveats=(
            PART,
            f"The {MOST} largest are drawn; the table has all.",
            "“unknown” is one row, of which there may be many holders, or some among those named.",
        ),
    )


def interval_bars() -> Spec:
    """Return bars to the median with their intervals and shares; what is unknown or folded is grey."""
    size = {"field": "p50", "type": "quantitative", "axis": amount_axis(), "title": "{unit}"}
    return vega_lite(
        height={"step": 24},
        transform=[{"calculate": share_words("share"), "as": "words"}],
        encoding={"y": in_rows("name")},
        layer=[
            words_at_right("words"),
            {
                "mark": {"type": "bar", "opacity": 0.5, "height": 13},
                "encoding": {"x": size, "color": {"condition": {"test": UNKNOWN, "value": GREY}}},
            },
            interval_line(),
        ],
    )
