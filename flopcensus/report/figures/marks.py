"""Marks that charts share: axes without clutter, words that are never cut, what is unknown in grey."""

from __future__ import annotations

from typing import Any

from flopcensus.report.figures.figure import Spec

GREY = "#8a9099"
# a row of many small holders, whatever the level
FOLDED = "other"
UNKNOWN = f"datum.code == 'unknown' || datum.code == 'withheld' || datum.code == '{FOLDED}'"
_LINES = ("gridOpacity", "tickOpacity")
_TENS = "abs(log(datum.value) / LN10 - round(log(datum.value) / LN10)) < 0.001"


def amount_axis(**more: Any) -> Spec:
    """Return an axis of amounts from nought: few ticks, with SI prefixes."""
    return {"format": "~s", "tickCount": 4, "labelExpr": "datum.value == 0 ? '0' : datum.label", **more}


def log_axis(**more: Any) -> Spec:
    """Return a logarithmic axis with lines and labels at powers of ten alone."""
    only = {"condition": {"test": _TENS, "value": 1}, "value": 0}
    said = f"{_TENS} ? datum.label : ''"
    return {"format": "~s", "labelExpr": said, "labelOverlap": False, **dict.fromkeys(_LINES, only), **more}


def share_axis(**more: Any) -> Spec:
    """Return an axis of shares."""
    return {"format": ".0%", "tickCount": {"expr": "width < 270 ? 3 : 5"}, **more}


def words_at_right(field: str) -> Spec:
    """Return a layer of words in a column right of the plot, where none can be cut."""
    return {
        "mark": {"type": "text", "align": "left", "baseline": "middle", "dx": 8},
        "encoding": {"x": {"value": "width"}, "text": {"field": field, "type": "nominal"}},
    }


def names_above(field: str, above: int = 9) -> Spec:
    """Return a layer of names above the bars, a little longer than the plot is wide: for names that are long."""
    return {
        "mark": {
            "type": "text",
            "align": "left",
            "baseline": "bottom",
            "dy": -above,
            "limit": {"expr": "width + 36"},
        },
        "encoding": {"x": {"value": 0}, "text": {"field": field, "type": "nominal"}},
    }


def in_rows(field: str, *, named: bool = True) -> Spec:
    """Return the vertical place of bars, in the order of the rows; without names where they stand above."""
    axis: Spec = {} if named else {"axis": None}
    return {"field": field, "type": "nominal", "sort": None, "title": None, **axis}


def share_words(field: str) -> str:
    """Return the expression that writes a share as the page does."""
    value = f"datum.{field}"
    return (
        f"{value} == 0 ? 'none' : {value} < 0.0005 ? 'under 0.1 %' : "
        f"{value} > 0.9995 && {value} < 1 ? 'over 99.9 %' : format(100 * {value}, '.1f') + ' %'"
    )
