"""The rows of a fleet as Parquet: a typed column each, its unit in the metadata. Needs pyarrow."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from bench.errors import MissingExtraError
from flopcensus.documents.fleet import COLUMNS, SCHEMA

UNITS = {"clock_mhz": "MHz", "power_w": "W", "temperature_c": "°C", "value": "that of column unit"}
_NUMBERS = {"value", "steady_over_burst", "clock_mhz", "power_w", "temperature_c"}
_ROWS_A_GROUP = 100_000


def to_parquet(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return the rows as a Parquet file, written in groups so that few are held at once.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        message = "Parquet needs pyarrow; install it with: pip install 'flopcensus[tables]'"
        raise MissingExtraError(message) from error
    types = {name: pa.float64() if name in _NUMBERS else pa.string() for name in COLUMNS} | {
        "sick": pa.bool_()
    }
    fields = [
        pa.field(name, types[name], metadata={"unit": UNITS[name]} if name in UNITS else None)
        for name in COLUMNS
    ]
    schema = pa.schema(fields, metadata={"schema": SCHEMA})
    stream = io.BytesIO()
    with pq.ParquetWriter(stream, schema) as writer:
        remaining = iter(rows)
        while group := list(islice(remaining, _ROWS_A_GROUP)):
            columns = [pa.array([row[name] for row in group], types[name]) for name in COLUMNS]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    return stream.getvalue()
