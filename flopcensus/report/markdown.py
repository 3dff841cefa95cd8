"""A study's results as Markdown: the figures' tables in one view, with their sources and caveats."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flopcensus.output import printable
from flopcensus.report.blocks import overview
from flopcensus.report.cells import cell
from flopcensus.report.document.results import Results
from flopcensus.report.figures.all import TITLES, Figures
from flopcensus.report.figures.choosing import choose
from flopcensus.report.figures.figure import Column, Figure
from flopcensus.report.words import link

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!&])")
_MOST = 30
# what would end an address in angle brackets, or a cell
_IN_ADDRESS = str.maketrans({"<": "%3C", ">": "%3E", "|": "%7C", "\\": "%5C"})


def markdown(results: Results, figures: Figures | None, chosen: Mapping[str, str]) -> str:
    """Write the report of one view; rows after the thirtieth of a table are counted and left out."""
    study = results.study
    parts = [
        f"# {escape(study.title)}",
        f"As of {study.as_of}. Written by flopcensus {results.flopcensus_version}.",
    ]
    parts += _totals(results)
    warnings = overview.warnings(results.estimates)
    if warnings:
        parts += ["## Read with care", "\n".join(f"- {escape(text)}" for text in warnings)]
    for section, title in TITLES.items():
        found = figures.of(section) if figures else ()
        if found and figures:
            parts += [f"## {title}", *(_figure(figure, figures, chosen) for figure in found)]
    return "\n\n".join(parts) + "\n"


def _totals(results: Results) -> list[str]:
    found = overview.headlines(results.estimates)
    if not found:
        return []
    rows = [tuple(map(escape, (h.basis, h.meaning, h.median, h.interval))) for h in found]
    return ["## Totals", _table(("Basis", "Meaning", "Median", "5 to 95 %"), rows)]


def _figure(figure: Figure, figures: Figures, chosen: Mapping[str, str]) -> str:
    view = choose(figure, figures.controls, chosen)
    rows = [tuple(_cell(column, row, view.unit) for column in figure.columns) for row in view.rows[:_MOST]]
    parts = [f"### {escape(view.title)}"]
    parts.append(_table(tuple(c.label for c in figure.columns), rows) if rows else escape(view.empty))
    if len(view.rows) > _MOST:
        parts.append(f"{len(view.rows) - _MOST} more rows are in the page's table and its CSV.")
    parts += [f"- {escape(caveat)}" for caveat in figure.caveats]
    return "\n\n".join([*parts, f"Source: {escape(figure.source)}"])


def _cell(column: Column, row: Mapping[str, Any], unit: str) -> str:
    text = escape(cell(column, dict(row), unit))
    if column.kind != "link":
        return text
    address = link(str(row.get(column.fields.partition(":")[2]) or ""))
    return f"[{text}](<{address.translate(_IN_ADDRESS)}>)" if address else text


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Write a table of cells that are escaped already."""
    lines = [tuple(map(escape, heads)), tuple("---" for _ in heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escape(text: str) -> str:
    r"""Escape what Markdown would read as mark-up; a line stays one line.

    >>> print(escape("<b>*a|b*</b>"))
    \<b\>\*a\|b\*\</b\>
    """
    return _SPECIAL.sub(r"\\\1", printable(text).replace("\n", " "))
