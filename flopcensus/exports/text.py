"""The long table as CSV and JSON, with the dictionary beside it or inside.

A text that a spreadsheet would run as a formula, or that would not survive a table, is written as a JSON
string, as in our flat CSV of a ledger (:func:`accounting.census.flat.write_text`), so that reading gives it
back.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence

from accounting.census.flat import read_text, write_text
from bench.errors import InputError
from flopcensus.exports.dictionary import COLUMNS, DICTIONARY_COLUMNS, NAMES, Type, dictionary_rows
from flopcensus.exports.table import Cell, Row
from flopcensus.output import to_json

EXPORT_SCHEMA = "flopcensus/export/1"
_READ: Mapping[Type, Callable[[str], Cell]] = {
    "text": read_text,
    "date": read_text,
    "number": float,
    "integer": int,
    "boolean": lambda text: {"true": True, "false": False}[text],
}
_TYPES: Mapping[str, Type] = {column.name: column.type for column in COLUMNS}


def write_cell(value: Cell) -> str:
    """Write a value so that :func:`read_cell` gives the same value again."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return write_text(value)


def read_cell(column: str, text: str) -> Cell:
    """Return the value of a cell, None where it is blank."""
    return _READ[_TYPES[column]](text) if text else None


def to_csv(rows: Sequence[Row]) -> str:
    """Return the rows as CSV: a header, then a line each."""
    return _csv(NAMES, [[write_cell(row[name]) for name in NAMES] for row in rows])


def dictionary_csv() -> str:
    """Return the dictionary as CSV."""
    return _csv(
        DICTIONARY_COLUMNS, [[write_text(v or None) for v in row.values()] for row in dictionary_rows()]
    )


def _csv(names: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(lines)
    return stream.getvalue()


def from_csv(text: str) -> list[Row]:
    """Return the rows of :func:`to_csv`. Raises InputError where columns or cells are not ours."""
    reader = csv.DictReader(io.StringIO(text))
    try:
        if tuple(reader.fieldnames or ()) != NAMES:
            raise InputError("is not a CSV of ours: its columns differ from the data dictionary")
        return [{name: read_cell(name, line[name]) for name in NAMES} for line in reader]
    except (ValueError, KeyError, TypeError, RecursionError, csv.Error) as error:
        raise InputError(f"is not a CSV of ours: {error}") from None


def to_json_document(rows: Sequence[Row]) -> str:
    """Return the rows as one JSON document, the dictionary under ``x-dictionary``."""
    return to_json({"schema": EXPORT_SCHEMA, "x-dictionary": dictionary_rows(), "rows": list(rows)})


def from_json_document(text: str) -> list[Row]:
    """Return the rows of :func:`to_json_document`. Raises InputError where the text is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not JSON: {error}") from None
    found = document.get("schema") if isinstance(document, dict) else None
    if found != EXPORT_SCHEMA:
        raise InputError(f"is not an export of ours (found schema {str(found)[:60]!r})")
    rows = document.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError("is not an export of ours: 'rows' must be a list of rows")
    return [{name: row.get(name) for name in NAMES} for row in rows]
