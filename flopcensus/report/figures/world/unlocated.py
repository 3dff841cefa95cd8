"""What was sold and is not located, and what that leaves open of nations' shares."""

from __future__ import annotations

from typing import Any

from flopcensus.report.document.parts import Spread
from flopcensus.report.document.world import Rest, Sold, SoldLine
from flopcensus.report.figures.figure import Column, Figure, Rows, Spec, vega_lite
from flopcensus.report.figures.marks import (
    amount_axis,
    grey_last,
    in_rows,
    interval_line,
    names_above,
    share_axis,
    share_words,
    words_at_right,
)

_SOURCE = (
    "flopcensus: sales by model as published (Epoch AI, see docs/accounts.md), beside the census at that day."
)
_LINES = (
    Column("Name", "name"),
    Column("Sold", "sold", "amount", "H100e"),
    Column("5 to 95 %", "sold_p5:sold_p95", "interval", "H100e"),
    Column("Located", "located", "amount", "H100e"),
    Column("Located, 5 to 95 %", "located_p5:located_p95", "interval", "H100e"),
    Column("Not located", "rest", "amount", "H100e"),
    Column("Not located, 5 to 95 %", "rest_p5:rest_p95", "interval", "H100e"),
    Column("Chips sold", "chips", "number"),
    Column("Chips located", "chips_located", "number"),
)


def unlocated_figures(sold: Sold | None) -> tuple[Figure, ...]:
    """Return what was sold by designer and by model, and bounds of nations' shares."""
    if sold is None:
        return ()
    rows = _lines(sold)
    found = [_sold(level, rows, sold) for level in ("designer", "model") if getattr(sold, level)]
    return (*found, *([_bounds(sold)] if any(sold.bounds.values()) else []))


def _lines(sold: Sold) -> Rows:
    rows = [
        {"level": level, **_line(one)}
        for level in ("designer", "model")
        for one in sorted(getattr(sold, level), key=lambda one: -one.h100e.sold.p50)
    ]
    return Rows.of("sold", rows)


def _line(one: SoldLine) -> dict[str, Any]:
    row: dict[str, Any] = {"code": one.code, "name": one.name}
    held = one.h100e
    parts: dict[str, Spread | Rest] = {"sold": held.sold, "located": held.located, "rest": held.unlocated}
    for name, part in parts.items():
        row |= {name: part.p50, f"{name}_p5": part.p5, f"{name}_p95": part.p95}
    share = one.h100e.located.mean / one.h100e.sold.mean if one.h100e.sold.mean else None
    # a designer may have more located than its sales account for
    end = max(held.sold.p50, held.located.p50)
    chips = {"chips": one.chips.sold.p50, "chips_located": one.chips.located.p50}
    return row | {"share": share, "end": end} | chips


def _sold(level: str, rows: Rows, sold: Sold) -> Figure:
    return Figure(
        id="sold" if level == "designer" else "sold-models",
        section="world",
        title=f"Sold, not located, by {level}, on {sold.on}: peak, 8-bit dense, H100e",
        says="Bars to what was sold, the part that the census locates in colour and the rest in grey, for nobody "
        "knows where it stands; lines are the interval of what was sold, shares those located.",
        rows=rows,
        where={"level": (level,)},
        most=15,
        columns=_LINES,
        spec=_sold_bars(),
        source=_SOURCE,
        caveats=(
            "This figure stays on the day, the precision and the unit of the sales: the controls do not move it.",
            "Sold since "
            + ", ".join(f"{day} ({name})" for name, day in sorted(sold.sales_since.items()))
            + ".",
            f"{sold.located_outside_of_the_sales:,.0f} located chips are of models or times that the sales do not "
            "cover: they are in no bar.",
            *sold.warnings,
        ),
    )


def _sold_bars() -> Spec:
    x = {"type": "quantitative", "axis": amount_axis(), "title": "H100e of 8-bit peak"}
    domain = grey_last(["located"], "not located")
    parts = (("located", "nought", "located"), ("not located", "located", "end"))
    bars = [
        {
            "mark": {"type": "bar", "height": 14, "opacity": 0.6},
            "encoding": {
                "x": x | {"field": start},
                "x2": {"field": end},
                "color": {
                    "datum": name,
                    "type": "nominal",
                    "scale": {"domain": domain},
                    "legend": {"title": None, "values": [said for said, _, _ in parts]},
                },
            },
        }
        for name, start, end in parts
    ]
    return vega_lite(
        height={"step": 24},
        transform=[
            {"calculate": "0", "as": "nought"},
            {"calculate": f"isValid(datum.share) ? ({share_words('share')}) : ''", "as": "said"},
        ],
        encoding={"y": in_rows("name")},
        layer=[
            words_at_right("said"),
            *bars,
            interval_line("sold_p5", "sold_p95"),
        ],
    )


def _bounds(sold: Sold) -> Figure:
    rows = [
        {
            "level": level,
            "code": one.code,
            "name": one.name,
            "share": one.share.mean,
            "share_p5": one.share.p5,
            "share_p95": one.share.p95,
            "least": one.lowest.p5,
            "most": one.highest.p95,
            "h100e": one.h100e.p50,
            "h100e_p5": one.h100e.p5,
            "h100e_p95": one.h100e.p95,
        }
        for level, bounds in sold.bounds.items()
        for one in bounds
    ]
    return Figure(
        id="sold-bounds",
        section="world",
        title=f"Shares by {{level}}, wherever the rest stands, on {sold.on}: peak, 8-bit dense",
        says="A point a nation at its share of what is located, and a bar from what it has at least, if none of "
        "what is not located stands there, to what it has at most, if all of it does.",
        rows=Rows.of("sold_bounds", rows),
        follows=("level",),
        only={"level": tuple(level for level, bounds in sold.bounds.items() if bounds)},
        order="share",
        columns=(
            Column("Nation", "name"),
            Column("Located", "h100e", "amount", "H100e"),
            Column("5 to 95 %", "h100e_p5:h100e_p95", "interval", "H100e"),
            Column("Share of what is located", "share", "share"),
            Column("Its 5 to 95 %", "share_p5:share_p95", "share_interval"),
            Column("At least to at most, of what was sold", "least:most", "share_interval"),
        ),
        most=12,
        spec=_bound_bars(),
        source=_SOURCE,
        caveats=(
            "At least is the 5th percentile, at most the 95th. Nations' most cannot all be true at once.",
            "This figure stays on the day and the precision of the sales.",
        ),
    )


def _bound_bars() -> Spec:
    ends = "format(100 * datum.least, '.1f') + ' to ' + format(100 * datum.most, '.1f') + ' %'"
    x = {
        "type": "quantitative",
        "title": "share",
        "axis": share_axis(),
        "scale": {"domain": [0, 1], "nice": False},
    }
    return vega_lite(
        height={"step": 36},
        transform=[{"calculate": ends, "as": "said"}],
        encoding={"y": in_rows("name", named=False)},
        layer=[
            names_above("name", 7),
            words_at_right("said"),
            {
                "mark": {"type": "bar", "height": 10, "opacity": 0.35},
                "encoding": {"x": x | {"field": "least"}, "x2": {"field": "most"}},
            },
            interval_line("share_p5", "share_p95"),
            {
                "mark": {"type": "point", "opacity": 1, "size": 60},
                "encoding": {"x": {"field": "share", "type": "quantitative"}},
            },
        ],
    )
