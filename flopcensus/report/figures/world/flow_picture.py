"""The picture of a flow: blocks stacked in columns, and ribbons between them, drawn by Vega."""

from __future__ import annotations

from collections.abc import Sequence

from flopcensus.report.figures.figure import Spec
from flopcensus.report.figures.marks import GREY

OTHERS = "others"
LEAST = 0.004  # share below which a nation joins the others of its stage
_GAP = 10  # pixels between the nations of a stage
_BLOCK = 12  # width of a nation's block
_ROOM = 22  # above the blocks, for the heads
_RESIZED = {"events": {"source": "window", "type": "resize"}, "update": "containerSize()[0] || width"}


def ribbons(heads: Sequence[str]) -> Spec:
    """Return three columns of blocks with ribbons between them; ``heads`` stand above the columns.

    Rows have the nations of the three stages as ``a``, ``b`` and ``c``, and their ``share``.
    """
    return {
        "$schema": "https://vega.github.io/schema/vega/v6.json",
        "height": 420,
        "autosize": {"type": "fit", "contains": "padding"},
        "signals": [{"name": "width", "init": "containerSize()[0] || 720", "on": [_RESIZED]}],
        "data": [
            {"name": "rows"},
            {"name": "cells", "source": "rows", "transform": _cells()},
            {"name": "nodes", "source": "cells", "transform": _nodes()},
            {"name": "links", "source": "cells", "transform": _links("A", "B")},
            {"name": "links2", "source": "cells", "transform": _links("B", "C")},
        ],
        "scales": [
            {
                "name": "colour",
                "type": "ordinal",
                "domain": {
                    "data": "nodes",
                    "field": "name",
                    "sort": {"op": "max", "field": "size", "order": "descending"},
                },
                "range": "category",
            }
        ],
        "marks": [
            _path("links", "A"),
            _path("links2", "B"),
            _blocks(),
            _names(),
            *(_head(stage, words) for stage, words in zip("ABC", heads, strict=True)),
        ],
    }


def _blocks() -> Spec:
    """Return a block a nation and stage."""
    return {
        "type": "rect",
        "from": {"data": "nodes"},
        "encode": {
            "update": {
                "x": {"signal": _x("datum.stage")},
                "width": {"value": _BLOCK},
                "y": {"field": "top"},
                "y2": {"field": "bottom"},
                "fill": _fill("name"),
                "tooltip": {"signal": "datum.name + ': ' + format(datum.size / datum.total, '.1%')"},
            }
        },
    }


def _names() -> Spec:
    """Return the name and the share of each block, beside it."""
    return {
        "type": "text",
        "from": {"data": "nodes"},
        "encode": {
            "update": {
                "x": {"signal": f"{_x('datum.stage')} + (datum.stage == 'C' ? -5 : {_BLOCK + 5})"},
                "align": {"signal": "datum.stage == 'C' ? 'right' : 'left'"},
                "y": {"signal": "(datum.top + datum.bottom) / 2"},
                "baseline": {"value": "middle"},
                "limit": {"signal": "datum.stage == 'A' ? width / 2 - 30 : width / 4 - 14"},
                "text": {
                    # on a narrow screen there is room for the name alone
                    "signal": "width < 520 ? datum.name : format(100 * datum.size / datum.total, '.1f') + ' % ' + datum.name"
                },
            }
        },
    }


def _x(stage: str) -> str:
    return f"({stage} == 'A' ? 0 : {stage} == 'B' ? (width - {_BLOCK}) / 2 : width - {_BLOCK})"


def _cells() -> list[Spec]:
    """Fold small nations of each stage, and add up what then is one."""
    folded: list[Spec] = [{"type": "joinaggregate", "fields": ["share"], "ops": ["sum"], "as": ["total"]}]
    for stage in "abc":
        size = f"size_{stage}"
        folded.append(
            {
                "type": "joinaggregate",
                "groupby": [stage],
                "fields": ["share"],
                "ops": ["sum"],
                "as": [size],
            }
        )
        small = f"datum.{size} < {LEAST} * datum.total ? '{OTHERS}' : datum.{stage}"
        folded.append({"type": "formula", "expr": small, "as": stage.upper()})
    merged = {
        "type": "aggregate",
        "groupby": ["A", "B", "C", "total"],
        "fields": ["share"],
        "ops": ["sum"],
        "as": ["v"],
    }
    return [*folded, merged]


def _nodes() -> list[Spec]:
    """Stack the nations of each stage, largest first, with a gap between them."""
    return [
        {"type": "fold", "fields": ["A", "B", "C"], "as": ["stage", "name"]},
        {
            "type": "aggregate",
            "groupby": ["stage", "name", "total"],
            "fields": ["v"],
            "ops": ["sum"],
            "as": ["size"],
        },
        {
            "type": "formula",
            "expr": f"datum.name == '{OTHERS}' || datum.name == 'unknown' ? 1 : 0",
            "as": "last",
        },
        {
            "type": "window",
            "groupby": ["stage"],
            "sort": {"field": ["last", "size"], "order": ["ascending", "descending"]},
            # nations of one size stand under each other, not in one place
            "ignorePeers": True,
            "ops": ["row_number", "sum"],
            "fields": [None, "size"],
            "as": ["place", "end"],
        },
        {"type": "joinaggregate", "groupby": ["stage"], "ops": ["count"], "as": ["many"]},
        {"type": "joinaggregate", "fields": ["many"], "ops": ["max"], "as": ["most"]},
        {"type": "formula", "expr": f"height - {_ROOM} - {_GAP} * (datum.most - 1)", "as": "room"},
        {
            "type": "formula",
            "expr": f"{_ROOM} + (datum.end - datum.size) / datum.total * datum.room + {_GAP} * (datum.place - 1)",
            "as": "top",
        },
        {"type": "formula", "expr": "datum.top + datum.size / datum.total * datum.room", "as": "bottom"},
        {"type": "formula", "expr": "datum.stage + datum.name", "as": "id"},
    ]


def _links(left: str, right: str) -> list[Spec]:
    """Join two stages: a ribbon from a nation's block to another's, in the order of the blocks."""
    both = {
        "type": "aggregate",
        "groupby": [left, right, "total"],
        "fields": ["v"],
        "ops": ["sum"],
        "as": ["v"],
    }
    transforms: list[Spec] = [both]
    for side, letter in ((left, "l"), (right, "r")):
        transforms += [
            {"type": "formula", "expr": f"'{side}' + datum.{side}", "as": f"{letter}_id"},
            {
                "type": "lookup",
                "from": "nodes",
                "key": "id",
                "fields": [f"{letter}_id"],
                "values": ["top", "room"],
                "as": [f"{letter}_top", "room"],
            },
        ]
    for side, other, letter in ((left, "r_top", "l"), (right, "l_top", "r")):
        ends = [f"{letter}0", f"{letter}1"]
        transforms += [
            {"type": "stack", "groupby": [side], "field": "v", "sort": {"field": other}, "as": ends},
            *(
                {
                    "type": "formula",
                    "expr": f"datum.{letter}_top + datum.{end} / datum.total * datum.room",
                    "as": f"y{end}",
                }
                for end in ends
            ),
        ]
    x0, x1 = f"{_x(repr(left))} + {_BLOCK}", _x(repr(right))
    transforms += [
        {"type": "formula", "expr": x0, "as": "x0"},
        {"type": "formula", "expr": x1, "as": "x1"},
        {"type": "formula", "expr": "(datum.x0 + datum.x1) / 2", "as": "xm"},
        {"type": "formula", "expr": _PATH, "as": "path"},
    ]
    return transforms


_PATH = (
    "'M' + datum.x0 + ',' + datum.yl0 + 'C' + datum.xm + ',' + datum.yl0 + ' ' + datum.xm + ',' + datum.yr0 "
    "+ ' ' + datum.x1 + ',' + datum.yr0 + 'L' + datum.x1 + ',' + datum.yr1 + 'C' + datum.xm + ',' + datum.yr1 "
    "+ ' ' + datum.xm + ',' + datum.yl1 + ' ' + datum.x0 + ',' + datum.yl1 + 'Z'"
)


def _path(links: str, left: str) -> Spec:
    right = "C" if left == "B" else "B"
    return {
        "type": "path",
        "from": {"data": links},
        "encode": {
            "update": {
                "path": {"field": "path"},
                "fill": _fill(left),
                "fillOpacity": {"value": 0.3},
                "tooltip": {
                    "signal": f"datum.{left} + ' → ' + datum.{right} + ': ' + format(datum.v / datum.total, '.1%')"
                },
            },
            "hover": {"fillOpacity": {"value": 0.6}},
        },
    }


def _fill(name: str) -> list[Spec]:
    """Return a nation's colour; what is folded or unknown is grey."""
    grey = {"test": f"datum.{name} == '{OTHERS}' || datum.{name} == 'unknown'", "value": GREY}
    return [grey, {"scale": "colour", "field": name}]


def _head(stage: str, words: str) -> Spec:
    align = {"A": "left", "B": "center", "C": "right"}[stage]
    x = {"A": "0", "B": "width / 2", "C": "width"}[stage]
    return {
        "type": "text",
        "encode": {
            "update": {
                "x": {"signal": x},
                "y": {"value": 8},
                "align": {"value": align},
                "text": {"value": words},
                "fontWeight": {"value": 600},
            }
        },
    }
