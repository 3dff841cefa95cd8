"""The long table as Parquet: a typed column each, the dictionary in the metadata. Needs pyarrow."""

from __future__ import annotations

import datetime
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.errors import MissingExtraError
from flopcensus.exports.dictionary import COLUMNS, NAMES, Column, dictionary_rows
from flopcensus.exports.table import Cell, Row
from flopcensus.exports.text import EXPORT_SCHEMA


def to_parquet(rows: Sequence[Row]) -> bytes:
    """Return the rows as a Parquet file; each field carries its unit and meaning.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    pa, pq = _pyarrow()
    arrays = [
        pa.array([_stored(column, row[column.name]) for row in rows], _type(pa, column)) for column in COLUMNS
    ]
    about = {"schema": EXPORT_SCHEMA, "dictionary": json.dumps(dictionary_rows(), ensure_ascii=False)}
    fields = [
        pa.field(c.name, _type(pa, c), metadata={"unit": c.unit, "meaning": c.meaning}) for c in COLUMNS
    ]
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=about)), stream)
    return stream.getvalue()


def from_parquet(source: Path | bytes) -> list[Row]:
    """Return the rows of :func:`to_parquet`. Raises MissingExtraError."""
    _, pq = _pyarrow()
    table = pq.read_table(io.BytesIO(source) if isinstance(source, bytes) else source)
    return [{name: _read(line[name]) for name in NAMES} for line in table.to_pylist()]


def _type(pa: Any, column: Column) -> Any:
    types = {
        "text": pa.string(),
        "number": pa.float64(),
        "integer": pa.int64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
    }
    return types[column.type]


def _stored(column: Column, value: Cell) -> Any:
    dated = column.type == "date" and isinstance(value, str)
    return datetime.date.fromisoformat(str(value)) if dated else value


def _read(value: Any) -> Cell:
    return value.isoformat() if isinstance(value, datetime.date) else value


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        message = "Parquet needs pyarrow; install it with: pip install 'flopcensus[tables]'"
        raise MissingExtraError(message) from error
    return pyarrow, pyarrow.parquet
