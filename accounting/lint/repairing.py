"""A repaired copy of a table: the same rows and columns, with the cells that findings give figures for."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from accounting.census.readers import csv_tables
from accounting.census.readers.cells import NumberStyle
from accounting.census.readers.tables import open_table
from accounting.lint.rule import Finding
from bench.errors import InputError

CHANGE_COLUMNS = ("line", "column", "old", "new", "rule")


@dataclass(frozen=True)
class Change:
    """One cell changed: the line its row begins at in the original, and the rule that asked for it."""

    line: int
    column: str
    old: str
    new: str
    rule: str


@dataclass(frozen=True)
class Repaired:
    """The copy, in the encoding of the original, and what was changed in it."""

    content: bytes
    changes: tuple[Change, ...]


def repair(path: Path, found: Iterable[Finding]) -> Repaired:
    """Return a copy of a CSV file with the repairs of its findings; other cells stay as they are.

    Raises:
        InputFaults: the file cannot be read.
        InputError: the file is a workbook.
    """
    table = open_table(path)
    if not table.delimiter:
        raise InputError(f"{path}: only CSV files are repaired; save the workbook as CSV first")
    form = csv_tables.inspect(path)
    wanted = {
        (cell.line, cell.column): (cell.new, finding.rule.id)
        for finding in reversed(tuple(found))
        for cell in finding.evidence.repairs
        if Path(cell.file) == path
    }
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=table.delimiter, lineterminator="\n")
    changes: list[Change] = []
    header: list[str] = []
    for record in csv_tables.records(path, form):
        values = list(record.values)
        if not header:
            header = [" ".join(value.split()) for value in values]
        else:
            for place, column in enumerate(header[: len(values)]):
                if found_new := wanted.get((record.line, column)):
                    new = _written(found_new[0], table.style_of(column))
                    changes.append(Change(record.line, column, values[place], new, found_new[1]))
                    values[place] = new
        writer.writerow(values)
    # Excel's own line above the header, where the original has it
    text = f"sep={table.delimiter}\n{stream.getvalue()}" if form.skip else stream.getvalue()
    return Repaired(text.encode(_encoding(path, form.encoding)), tuple(changes))


def _encoding(path: Path, encoding: str) -> str:
    """Return the encoding to write in: with a byte order mark only where the original has one."""
    with path.open("rb") as stream:
        marked = stream.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8
    return "utf-8" if encoding == "utf-8-sig" and not marked else encoding


def _written(value: float, style: NumberStyle) -> str:
    text = repr(value)
    return text.replace(".", ",") if style is NumberStyle.COMMA else text
