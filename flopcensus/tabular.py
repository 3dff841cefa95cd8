"""Tables and lines fitted to a terminal: a figure is never parted from its unit, nor a number cut in two.

Where a table is wider than the terminal, cells are folded between words; where even that does not fit, each
row becomes a block of lines. Into files and pipes nothing is folded.
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TextIO

_GAP = 2
_INDENT = "  "
# stands for a blank at which no line is broken
_GLUE = "\ue000"
# between a figure and its unit
_UNIT = re.compile(r"(?<=\d) (?!to\b|of\b|and\b|or\b|more\b)(?=[^\W\d_]|%)")
Widths = list[int]


def terminal_width(stream: TextIO | None = None) -> int | None:
    """Return how many columns a stream has, None where it is no terminal. ``COLUMNS`` goes first."""
    import shutil

    found = sys.stdout if stream is None else stream
    return max(shutil.get_terminal_size().columns, 20) if found.isatty() else None


def table_lines(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None, *, bold: bool = False
) -> Iterator[str]:
    """Yield the lines of a table; the first column holds names, the others figures.

    Args:
        columns: headings.
        rows: a cell for each column.
        width: columns of the terminal; None for as wide as it needs to be.
        bold: emphasise the headings.
    """
    cells = [[_glued(cell) for cell in row] for row in (columns, *rows)]
    natural = [max(wide(row[place]) for row in cells) for place in range(len(columns))]
    widths = natural if width is None else _fitted(cells, natural, width)
    if widths is None:
        yield from _blocks(columns, rows, width or 0)
        return
    for number, row in enumerate(cells):
        folded = [_fold(cell, space) for cell, space in zip(row, widths, strict=True)]
        for parts in zip_longest(*folded, fillvalue=""):
            line = (" " * _GAP).join(
                _pad(part, space, left=place == 0)
                for place, (part, space) in enumerate(zip(parts, widths, strict=True))
            ).rstrip().replace(_GLUE, " ")  # fmt: skip
            yield f"\x1b[1m{line}\x1b[0m" if bold and not number else line


def lines(text: str, width: int | None) -> str:
    """Return a line folded between words, later parts indented; commands to copy are left whole."""
    if width is None or wide(text) <= width or text.lstrip().startswith(("flopcensus ", "#")):
        return text
    indent = text[: len(text) - len(text.lstrip())]
    return "\n".join(_wrapped(text, width, indent, f"{indent}{_INDENT}"))


def wants_emphasis() -> bool:
    """Whether headings may be bold: on a terminal, unless NO_COLOR is set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def wide(text: str) -> int:
    """Return how many columns of a terminal a text takes; East Asian signs take two.

    >>> wide("LUMI"), wide("富岳")
    (4, 4)
    """
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def _glued(text: str) -> str:
    return _UNIT.sub(_GLUE, text)


def _fitted(cells: Sequence[Sequence[str]], natural: Widths, width: int) -> Widths | None:
    """Return widths that fit, None where a word would have to be cut; the widest columns give way first."""
    places = range(len(natural))
    least = [max((wide(w) for row in cells for w in row[place].split(" ")), default=0) for place in places]
    room = width - _GAP * (len(natural) - 1)
    if sum(least) > room:
        return None
    found = list(natural)
    while sum(found) > room:
        place = max((p for p in places if found[p] > least[p]), key=lambda p: found[p])
        found[place] -= 1
    return found


def _fold(text: str, width: int) -> list[str]:
    if wide(text) <= width:
        return [text]
    return list(_wrapped(text, width, "", ""))


def _wrapped(text: str, width: int, first: str, later: str) -> Iterator[str]:
    line, empty = first, True
    for word in _glued(text).split():
        if not empty and wide(line) + 1 + wide(word) > width:
            yield line.replace(_GLUE, " ") if first or later else line
            line, empty = later, True
        line = f"{line}{word}" if empty else f"{line} {word}"
        empty = False
    yield line.replace(_GLUE, " ") if first or later else line


def _pad(text: str, width: int, *, left: bool) -> str:
    space = " " * (width - wide(text))
    return f"{text}{space}" if left else f"{space}{text}"


def _blocks(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Yield each row as a block: its name, then a line a figure."""
    for row in rows:
        yield from lines(row[0] or columns[0], width).splitlines()
        for column, cell in zip(columns[1:], row[1:], strict=True):
            if cell:
                label = f"{column}: " if column else ""
                yield from lines(f"{_INDENT}{label}{cell}", width).splitlines()
