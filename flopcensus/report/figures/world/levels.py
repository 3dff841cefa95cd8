"""All levels side by side: whose nation, and whose firm, from the ground down to the memory."""

from __future__ import annotations

import json
from collections.abc import Sequence

from accounting.accounts.levels import LEVELS, MEANING, NATIONAL
from accounting.reference.names import ALTERNATIVES, UNKNOWN, WITHHELD
from flopcensus.output import printable
from flopcensus.report.document.cube import Cube
from flopcensus.report.figures.figure import AMOUNTS, Column, Figure, Rows, Spec, vega_lite
from flopcensus.report.figures.marks import FOLDED, grey_last, in_rows, names_above, share_axis
from flopcensus.report.figures.world.holders import HOLDERS, PART, SOURCE, held
from flopcensus.report.words import level_name

# the three levels of compute sovereignty, then what lies deeper
THREE = ("territory", "provider", "vendor_nation")
_NAMED = 5
_OTHERS, _SEVERAL, _NONE = "all others", "one of several", "unknown"


def ordered(levels: Sequence[str]) -> list[str]:
    """Return single levels as they are read: three of nations, deeper nations, then firms and the rest."""
    known = [level for level in LEVELS if level in levels]
    nations = [level for level in known if level in NATIONAL and level not in THREE]
    rest = [level for level in known if level not in NATIONAL]
    return [*(level for level in THREE if level in levels), *nations, *rest]


def levels_figures(cube: Cube) -> tuple[Figure, ...]:
    """Return the levels of nations, and those of firms and what else capacity is grouped by."""
    rows, levels = held(cube), ordered(cube.levels)
    nations = tuple(level for level in levels if level in NATIONAL)
    rest = tuple(level for level in levels if level not in NATIONAL)
    found = []
    if nations:
        found.append(_levels("levels", "Nations on every level", nations, rows))
    if rest:
        found.append(_levels("makers", "Firms on every level", rest, rows))
    return tuple(found)


def _levels(identity: str, title: str, levels: tuple[str, ...], rows: Rows) -> Figure:
    return Figure(
        id=identity,
        section="world",
        title=title + ", at {year}: {basis}, {precision}",
        says="One stacked bar a level, its parts the shares of the mean; the line under the end of the first part "
        "runs from its 5th to its 95th percentile.",
        rows=rows,
        follows=("basis", "precision", "year"),
        where={"level": levels},
        amounts=AMOUNTS,
        order="size",
        columns=(Column("Level", "level"), *HOLDERS),
        spec=_stacked(levels, _largest(levels, rows)),
        source=SOURCE,
        caveats=(
            PART,
            "“One of several” is what has one maker of some named, not known which; what is folded as small is "
            "in “all others”. Intervals of the other parts are in the table.",
        ),
    )


def _largest(levels: tuple[str, ...], rows: Rows) -> list[str]:
    """Return the names that hold most over all levels and views: they keep their colours."""
    held: dict[str, float] = {}
    columns = rows.columns
    for level, code, name, share in zip(
        *(columns[c] for c in ("level", "code", "name", "share")), strict=True
    ):
        plain = code not in {UNKNOWN, WITHHELD, FOLDED} and ALTERNATIVES not in code
        if level in levels and plain and level not in {"sector", "access", "accelerator"}:
            held[name] = held.get(name, 0.0) + share
    largest = sorted(held, key=lambda name: (-held[name], name))[:_NAMED]
    # as names stand in the page's rows
    return [printable(name) for name in largest]


def _stacked(levels: tuple[str, ...], named: list[str]) -> Spec:
    words = {level: _words(level) for level in levels}
    unknown = f"datum.code == '{UNKNOWN}' || datum.code == '{WITHHELD}'"
    group = (
        f"{unknown} ? '{_NONE}' : indexof(datum.code, '{ALTERNATIVES}') >= 0 ? '{_SEVERAL}' : "
        f"indexof({json.dumps(named)}, datum.name) >= 0 ? datum.name : '{_OTHERS}'"
    )
    last = f"datum.group == '{_NONE}' ? 3 : datum.code == '{FOLDED}' ? 2 : datum.group == '{_OTHERS}' ? 1 : 0"
    domain = [*grey_last(named, _NONE), _SEVERAL, _OTHERS]
    span = "(datum.x1 - datum.x0) * width"
    return vega_lite(
        height={"step": 44},
        transform=[
            {"calculate": f"({words!r})[datum.level]", "as": "level_words"},
            {"calculate": group, "as": "group"},
            {"calculate": last, "as": "last"},
            {
                "stack": "share",
                "groupby": ["level"],
                "sort": [{"field": "last", "order": "ascending"}, {"field": "share", "order": "descending"}],
                "as": ["x0", "x1"],
                "offset": "zero",
            },
            {"calculate": f"{span} > 40 ? truncate(datum.name, {span} / 7) : ''", "as": "words"},
            {"calculate": "(datum.x0 + datum.x1) / 2", "as": "middle"},
        ],
        encoding={"y": in_rows("level", named=False) | {"sort": list(levels)}},
        layer=[
            {"transform": [{"filter": "datum.x0 == 0"}], **names_above("level_words", 11)},
            {
                "mark": {"type": "bar", "height": 20, "x2Offset": -1, "opacity": 0.55},
                "encoding": _parts(domain),
            },
            {
                "mark": {"type": "text", "baseline": "middle"},
                "encoding": {
                    "x": {"field": "middle", "type": "quantitative"},
                    "text": {"field": "words", "type": "nominal"},
                },
            },
            {
                "transform": [{"filter": "datum.x0 == 0 && datum.share_p95 > datum.share_p5"}],
                "mark": {"type": "rule", "yOffset": 13},
                "encoding": {
                    "x": {"field": "share_p5", "type": "quantitative"},
                    "x2": {"field": "share_p95"},
                },
            },
        ],
    )


def _words(level: str) -> str:
    """Return what a level is called and what it asks."""
    name, meaning = level_name(level), MEANING[level].split(":")[0]
    return meaning if meaning.startswith(name) else f"{name}: {meaning}"


def _parts(domain: list[str]) -> Spec:
    return {
        "x": {
            "field": "x0",
            "type": "quantitative",
            "title": "share of the total",
            "axis": share_axis(),
            "scale": {"domain": [0, 1], "nice": False},
        },
        "x2": {"field": "x1"},
        "color": {
            "field": "group",
            "type": "nominal",
            "scale": {"domain": domain},
            "legend": {
                "title": None,
                "values": [name for name in (*domain[:_NAMED], *reversed(domain[_NAMED:])) if name.strip()],
                "columns": {"expr": "containerSize()[0] < 480 ? 2 : 4"},
                "labelLimit": 140,
            },
        },
        "tooltip": [
            {"field": "level_words", "title": "level"},
            {"field": "name", "title": "holder"},
            {"field": "share", "type": "quantitative", "format": ".1%"},
            {"field": "share_p5", "type": "quantitative", "format": ".1%", "title": "5 %"},
            {"field": "share_p95", "type": "quantitative", "format": ".1%", "title": "95 %"},
        ],
    }
