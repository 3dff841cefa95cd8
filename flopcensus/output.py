"""How results reach people and programs: tables, JSON and CSV on stdout, words on stderr."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TextIO

import click

Format = Literal["table", "json", "csv"]
Cell = str | float | int | None

_SECONDS_BETWEEN_NOTES = 5.0
# a spreadsheet runs cells that begin so, the wide forms where it is set to East Asia
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# what drives a terminal (C0, C1), turns the direction of writing, or ends a line unseen; not the line end
_DRIVING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_PREFIXES = ((1e21, "Z"), (1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def to_json(document: object) -> str:
    """Write a document as JSON; NaN and infinity are refused, since no standard reader takes them."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    # JSON escapes the controls below a space itself, and not those above the letters
    return _DRIVING.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def to_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Write rows as CSV, with cells that a spreadsheet would run as a formula made harmless."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([escape_cell(row.get(column)) for column in columns])
    return stream.getvalue()


def escape_cell(value: Any) -> Any:
    """Put a quote before text that a spreadsheet would run, and make control characters visible.

    >>> escape_cell("=1+1")
    "'=1+1"
    """
    if isinstance(value, str):
        return "'" + visible(value) if value.startswith(_FORMULA_STARTS) else visible(value)
    return "" if value is None else value


def si(value: float | None, unit: str, digits: int = 3) -> str:
    """Write a value with an SI prefix.

    >>> si(2.345e19, "FLOP/s")
    '23.4 EFLOP/s'
    >>> si(8.2e26, "FLOP/year")
    '8.20e+26 FLOP/year'
    """
    if value is None:
        return "not available"
    if unit == "H100e":
        return f"{value:,.0f} H100e"
    if unit == "FLOP/year":
        # work is written with a power of ten, as that of training runs is
        return f"{value:.{digits - 1}e} {unit}"
    for factor, prefix in _PREFIXES:
        if abs(value) >= factor:
            return f"{significant(value / factor, digits)} {prefix}{unit}"
    return f"{significant(value, digits)} {unit}"


def significant(value: float, digits: int = 3) -> str:
    """Write a value with so many significant digits, or all before the point."""
    whole = len(str(int(abs(value))))
    return f"{value:,.{max(digits - whole, 0)}f}"


def duration(seconds: float) -> str:
    """Write a time with the prefix that suits it.

    >>> duration(0.00002), duration(0.25), duration(90)
    ('20.0 µs', '250 ms', '90.0 s')
    """
    for factor, prefix in ((1.0, ""), (1e-3, "m"), (1e-6, "µ")):
        if seconds >= factor:
            return f"{significant(seconds / factor, 3)} {prefix}s"
    return f"{significant(seconds / 1e-9, 3)} ns"


def percent(fraction: float) -> str:
    """Write a fraction as a percentage with one decimal.

    >>> percent(0.7420)
    '74.2 %'
    """
    return f"{100 * fraction:.1f} %"


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table to stdout; the first column holds names, the others figures."""
    from flopcensus.tabular import table_lines, terminal_width, wants_emphasis

    if title:
        say(printable(title))
    cells = [[printable(cell) for cell in row] for row in rows]
    for line in table_lines(columns, cells, terminal_width(), bold=wants_emphasis()):
        click.echo(line)
    click.echo()


def printable(text: str) -> str:
    """Make control characters visible, so that a name in a file cannot drive the terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def visible(text: str) -> str:
    r"""Make visible what would drive the terminal; lines stay lines.

    >>> visible("two\nlines, \x1b[31mred")
    'two\nlines, \\x1b[31mred'
    """
    return _DRIVING.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def show(
    output: Format,
    document: Callable[[], object],
    as_csv: Callable[[], str],
    as_table: Callable[[], None],
    warnings: Iterable[str] = (),
) -> None:
    """Write an answer to stdout in the format asked for, and each warning once to stderr."""
    if output == "json":
        click.echo(to_json(document()), nl=False)
    elif output == "csv":
        click.echo(as_csv(), nl=False)
    else:
        as_table()
    for text in dict.fromkeys(warnings):
        warn(text)


def say(text: str) -> None:
    """Print plain lines to stdout, folded between words where a terminal is narrower."""
    _echo(text, sys.stdout)


def note(text: str) -> None:
    """Print a line of progress to stderr."""
    _echo(text, sys.stderr)


def _echo(text: str, stream: TextIO) -> None:
    from flopcensus.tabular import lines, terminal_width

    width = terminal_width(stream)
    click.echo("\n".join(lines(line, width) for line in visible(text).split("\n")), file=stream)


class Meter:
    """Says on stderr how far a long piece of work is: at most every five seconds, and nothing before that."""

    def __init__(self, what: str) -> None:
        """Name what is counted."""
        self.what, self._next = what, time.monotonic() + _SECONDS_BETWEEN_NOTES

    def __call__(self, done: int, whole: int) -> None:
        """Take the number done and, where known, that of all (else 0)."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _SECONDS_BETWEEN_NOTES
            note(f"{done:,} of {whole:,} {self.what}" if whole else f"{done:,} {self.what}")


MeterOf = Callable[[str], Callable[[int, int], None]]


def no_meter(what: str) -> Callable[[int, int], None]:
    """Stand in for Meter where nothing is to be shown."""
    del what
    return lambda done, whole: None


def warn(text: str) -> None:
    """Print a warning to stderr."""
    note(f"warning: {text}")
