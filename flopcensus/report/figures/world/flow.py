"""The flow from territory through provider to designer: whose chips, whose company, whose ground."""

from __future__ import annotations

from typing import Any

from accounting.accounts.levels import SEPARATOR
from flopcensus.report.document.cube import Cube
from flopcensus.report.figures.figure import AMOUNTS, Column, Figure, Rows, counted
from flopcensus.report.figures.marks import FOLDED
from flopcensus.report.figures.world.flow_picture import LEAST, OTHERS, ribbons
from flopcensus.report.figures.world.holders import SOURCE
from flopcensus.report.words import level_name

STAGES = ("territory", "provider", "vendor_nation")
_KEY = ",".join(STAGES)


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
            spec=ribbons([level_name(stage) for stage in STAGES]),
            source=SOURCE,
            caveats=(
                f"Nations below {LEAST:.1%} of the total stand together as “others”; the table has all.",
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
    return [OTHERS if part == FOLDED else name for part, name in zip(code.split("|"), named, strict=True)]
