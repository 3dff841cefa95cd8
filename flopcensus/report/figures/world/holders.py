"""Who holds the capacity on the level that is chosen, largest first."""

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


def holders_figure(rows: Rows) -> Figure:
    """Return the holders on one level, from the rows of all."""
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
        spec=_interval_bars(),
        source=SOURCE,
        caveats=(
            PART,
            f"The {MOST} largest are drawn; the table has all.",
            "“unknown” is one row, of which there may be many holders, or some among those named.",
        ),
    )


def _interval_bars() -> Spec:
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
