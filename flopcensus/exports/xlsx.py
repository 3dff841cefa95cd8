"""The long table as a workbook: figures as numbers, text as text, the dictionary on a second sheet."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from accounting.census.flat import read_text, write_text
from bench.errors import InputError
from flopcensus.exports.dictionary import COLUMNS, DICTIONARY_COLUMNS, NAMES, dictionary_rows
from flopcensus.exports.table import Cell, Row

DATA, DICTIONARY = "data", "dictionary"
# what a cell of a workbook can hold
_LONGEST = 32_767


def to_xlsx(rows: Sequence[Row]) -> bytes:
    """Return the rows as a workbook.

    Text is stored as text whatever it begins with, so that nothing runs as a formula.

    Raises:
        InputError: a text is longer than a cell can hold.
    """
    from openpyxl import Workbook

    _check(rows)
    book = Workbook(write_only=True)
    _fill(book.create_sheet(DATA), NAMES, ([row[name] for name in NAMES] for row in rows))
    columns = DICTIONARY_COLUMNS
    _fill(
        book.create_sheet(DICTIONARY), columns, ([r[c] or None for c in columns] for r in dictionary_rows())
    )
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _check(rows: Sequence[Row]) -> None:
    # before the workbook is begun: half a one cannot be closed
    for row in rows:
        for name, value in row.items():
            if isinstance(value, str) and (length := len(_safe(value))) > _LONGEST:
                raise InputError(f"{name} has {length:,} characters, more than a cell of a workbook holds")


def _fill(sheet: Any, names: Iterable[str], lines: Iterable[Sequence[Cell]]) -> None:
    sheet.freeze_panes = "A2"
    sheet.append([_cell(sheet, name) for name in names])
    for line in lines:
        sheet.append([_cell(sheet, value) for value in line])


def _cell(sheet: Any, value: Cell) -> Any:
    from openpyxl.cell import WriteOnlyCell

    if value is None or isinstance(value, bool):
        return value
    # openpyxl writes 16 digits of a number where some need 17
    cell = WriteOnlyCell(sheet, value=_safe(value) if isinstance(value, str) else repr(value))
    cell.data_type = "s" if isinstance(value, str) else "n"
    return cell


def _safe(text: str) -> str:
    """Write as a JSON string what XML would change: signs that cannot be seen, and its own escapes."""
    plain = text and text.isprintable() and text == text.strip() and text[0] != '"' and "_x" not in text
    if plain:
        return text
    written = write_text(text)
    return written if written.startswith('"') else f'"{written}"'


def from_xlsx(source: Path | bytes) -> list[Row]:
    """Return the rows of :func:`to_xlsx`."""
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(source) if isinstance(source, bytes) else source, read_only=True)
    lines = book[DATA].iter_rows(values_only=True)
    if tuple(next(lines)) != NAMES:
        raise InputError("is not a workbook of ours: its columns differ from the data dictionary")
    return [{c.name: _value(c.type, value) for c, value in zip_longest(COLUMNS, line)} for line in lines]


def _value(kind: str, value: Any) -> Cell:
    if isinstance(value, str):
        return read_text(value)
    # a workbook does not tell 1.0 from 1
    return float(value) if kind == "number" and value is not None else value
