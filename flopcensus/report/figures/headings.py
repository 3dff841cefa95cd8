"""Charts whose rows stand under headings of the whole width: long names need no room beside the bars."""

from __future__ import annotations

from typing import Any

from flopcensus.report.figures.figure import Spec, vega_lite

# what is kept right of the bars for their words, on a phone and on a wide screen
_ROOM_NARROW, _ROOM_WIDE = 190, 250


def under_headings(*layers: Spec, step: int = 19, heading: str = "head", **parts: Any) -> Spec:
    """Return a chart of rows under headings.

    Rows have ``head``, the heading, and ``slot``, their place under it from 1. Layers say nothing of y.

    Args:
        layers: what is drawn of each row.
        step: height of a row in pixels.
        heading: the field of the heading's words.
        parts: more of the chart.
    """
    at = {"field": "slot", "type": "ordinal"}
    drawn = [{**layer, "encoding": {"yOffset": at, **layer["encoding"]}} for layer in layers]
    return vega_lite(
        **{
            "height": {"step": step, "for": "offset"},
            "encoding": {
                "y": {
                    "field": "head",
                    "type": "nominal",
                    "sort": None,
                    "axis": None,
                    "scale": {"paddingInner": 0.12, "paddingOuter": 0.04},
                }
            },
            "layer": [_headings(heading), *drawn],
            **parts,
        }
    )


def _headings(field: str) -> Spec:
    return {
        "transform": [
            # the first that is there: what has no value may be left out of the rows
            {"joinaggregate": [{"op": "min", "field": "slot", "as": "first"}], "groupby": ["head"]},
            {"filter": "datum.slot == datum.first"},
            {"calculate": "0", "as": "slot"},
        ],
        "mark": {
            "type": "text",
            "align": "left",
            "baseline": "middle",
            "fontWeight": 600,
            "dy": 3,
            "limit": {"expr": "width"},
            "tooltip": None,
        },
        "encoding": {
            "yOffset": {"field": "slot", "type": "ordinal"},
            "x": {"value": 0},
            "text": {"field": field, "type": "nominal"},
        },
    }


def leaving_room(room: str = "") -> dict[str, Any]:
    """Return a scale that leaves room right of what is drawn, for words; ``room`` in pixels, an expression."""
    return {"rangeMax": {"expr": f"width - ({room or room_for_row_words()})"}}


def room_for_row_words() -> str:
    """Return the pixels kept for words, as an expression."""
    return f"width < 520 ? {_ROOM_NARROW} : {_ROOM_WIDE}"


def row_words(end: str, words: str = "words") -> Spec:
    """Return a layer of words that begin at a field's place."""
    return {
        "mark": {
            "type": "text",
            "align": "left",
            "baseline": "middle",
            "dx": 8,
            # short bars leave more room
            "limit": {"expr": f"width - scale('x', datum.{end}) - 10"},
            "tooltip": None,
        },
        "encoding": {
            "x": {"field": end, "type": "quantitative"},
            "text": {"field": words, "type": "nominal"},
        },
    }


def legend_columns(most: int) -> dict[str, Any]:
    """Return the columns of a legend: one on a phone."""
    return {"columns": {"expr": f"containerSize()[0] < 480 ? 1 : {most}"}}
