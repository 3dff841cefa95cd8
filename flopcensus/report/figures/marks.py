"""Marks that charts share: axes without clutter, words that are never cut, what is unknown in grey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accounting.reference import names
from flopcensus.report.figures.figure import Spec

# what is unknown, where it has no place in a scale: it stands out on light and on dark
GREY = "#8a9099"
# in the colours of series (theme.py), from 0
_PLACE_OF_GREY = 5
# a row of many small holders, whatever the level
FOLDED = "other"
# the test of a row that names no holder
UNKNOWN = " || ".join(f"datum.code == '{code}'" for code in (names.UNKNOWN, names.WITHHELD, FOLDED))
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


def decades() -> Spec:
    """Return an axis of a logarithmic scale with lines at powers of ten only."""
    power = "abs(log(datum.value) / LN10 - round(log(datum.value) / LN10)) < 1e-6"
    shown = {"condition": {"test": power, "value": 1}, "value": 0}
    # below 1 plainly: 0.1 and not 100m
    words = f"!({power}) ? '' : datum.value < 1 ? format(datum.value, '.3~r') : format(datum.value, '~s')"
    return {"tickCount": 5, "labelExpr": words, "gridOpacity": shown, "tickOpacity": shown}


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


def interval_line(low: str = "p5", high: str = "p95", **mark: Any) -> Spec:
    """Return a layer of lines from one end of an interval to the other."""
    return {
        "mark": {"type": "rule", **mark},
        "encoding": {"x": {"field": low, "type": "quantitative"}, "x2": {"field": high}},
    }


def quantile_tooltip(unit: str = "{unit}") -> list[Spec]:
    """Return what a tooltip says of an amount: its median and its interval."""
    fields = (("p50", f"median, {unit}"), ("p5", "5 %"), ("p95", "95 %"))
    return [
        {"field": name, "type": "quantitative", "format": ".3s", "title": title} for name, title in fields
    ]


def grey_last(named: Sequence[str], grey: str) -> list[str]:
    """Return a domain of colours in which ``grey`` has the sixth of the page's series, which is grey.

    The themes of light and dark have different greys, so that none can be written in a chart.

    >>> grey_last(["located"], "not located")
    ['located', ' ', '  ', '   ', '    ', 'not located']
    """
    blanks = (" " * n for n in range(1, _PLACE_OF_GREY - len(named) + 1))
    return [*named, *blanks, grey]


def share_words(field: str) -> str:
    """Return the expression that writes a share as the page does."""
    value = f"datum.{field}"
    return (
        f"{value} == 0 ? 'none' : {value} < 0.0005 ? 'under 0.1 %' : "
        f"{value} > 0.9995 && {value} < 1 ? 'over 99.9 %' : format(100 * {value}, '.1f') + ' %'"
    )
