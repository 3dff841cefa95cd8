"""The flow from territory through provider to designer: whose chips, whose company, whose ground."""

from __future__ import annotations

from typing import Any

from accounting.accounts.levels import SEPARATOR
from flopcensus.report.document.cube import Cube
from flopcensus.report.figures.figure import AMOUNTS, Column, Figure, Rows, Spec, counted
from flopcensus.report.figures.marks import FOLDED, GREY
from flopcensus.report.figures.world.accounts import SOURCE
from flopcensus.report.words import level_name

STAGES = ("territory", "provider", "vendor_nation")
_KEY = ",".join(STAGES)
_GAP = 10  # pixels between the nations of a stage
_BLOCK = 12  # width of a nation's block
_OTHERS = "others"
_LEAST = 0.004  # share below which a nation joins the others of its stage


def flow_figures(cube: Cube) -> tuple[Figure, ...]:
    """Return the flow; none where the study did not cross the three levels."""
    if _KEY not in cube.levels:
        return ()
    return (
        Figure(
            id="flow",
            section="world",
            title="From territory to designer, at {year}: {basis}, {precision}",
            says="Three columns of nations: where capacity stands, whose company owns it, and who designed its chips; "
            "ribbons between them are as wide as the capacity that they join.",
            rows=_rows(cube),
            follows=("basis", "precision", "year"),
            amounts=AMOUNTS,
            order="mean",
            wide=True,
            columns=(
                Column("Stands in", "a"),
                Column("Provider of", "b"),
                Column("Designer of", "c"),
                Column("Median", "p50", "amount"),
                Column("5 to 95 %", "p5:p95", "interval"),
                Column("Share", "share", "share"),
                Column("Share, 5 to 95 %", "share_p5:share_p95", "share_interval"),
            ),
            spec=_ribbons(),
            source=SOURCE,
            caveats=(
                f"Nations below {_LEAST:.1%} of the total stand together as “others”; the table has all.",
            ),
        ),
    )


def _rows(cube: Cube) -> Rows:
    columns = dict(cube.columns)
    shown = counted(cube)
    kept = [n for n, level in enumerate(columns["level"]) if level == _KEY and shown(n)]
    names = [_names(cube, columns["code"][n]) for n in kept]
    picked: dict[str, list[Any]] = {
        key: [columns[key][n] for n in kept]
        for key in ("basis", "precision", *AMOUNTS, "share", "share_p5", "share_p95")
    }
    stages = {letter: [parts[n] for parts in names] for n, letter in enumerate("abc")}
    return Rows("flow", {"year": [columns["as_of"][n] for n in kept], **stages, **picked})


def _names(cube: Cube, code: str) -> list[str]:
    """Return the nations of a cell, stage by stage; what is folded stands with the small."""
    named = cube.names[_KEY][code].split(SEPARATOR)
    return [_OTHERS if part == FOLDED else name for part, name in zip(code.split("|"), named, strict=True)]


def _ribbons() -> Spec:
    heads = [level_name(stage) for stage in STAGES]
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
            {
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
            },
            {
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
            },
            *(_head(stage, words) for stage, words in zip("ABC", heads, strict=True)),
        ],
    }


_RESIZED = {"events": {"source": "window", "type": "resize"}, "update": "containerSize()[0] || width"}
_ROOM = 22  # above the blocks, for the heads


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
        small = f"datum.{size} < {_LEAST} * datum.total ? 'others' : datum.{stage}"
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
            "expr": "datum.name == 'others' || datum.name == 'unknown' ? 1 : 0",
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
    grey = {"test": f"datum.{name} == '{_OTHERS}' || datum.{name} == 'unknown'", "value": GREY}
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
