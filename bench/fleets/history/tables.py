"""Tables of runs: read, joined so that the best record of each run is left, put in one order, and written.

The join is commutative, associative and idempotent, and what is written depends on nothing but which records
are in it: same rows, same bytes (with one version of pyarrow).
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import InputError
from bench.extras import require_parquet, require_pyarrow
from bench.fleets.history.batch import Rank
from bench.fleets.history.schema import ORDER, SCHEMA, STRINGS, arrow_schema
from bench.fleets.reading import rank

_ROWS_A_GROUP = 131_072


def read_parquet(file: Path) -> Any:
    """Read one file, its columns in our order.

    Raises:
        FileNotFoundError: it is gone.
        InputError: it is no Parquet file, cut short, or lacks a column.
    """
    pa, pq = require_pyarrow(), require_parquet()
    try:
        # through a stream: pyarrow takes a name with "://" for an address
        with file.open("rb") as opened:
            table = pq.ParquetFile(opened, read_dictionary=list(STRINGS)).read()
        return table.select(arrow_schema().names).cast(arrow_schema())
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, KeyError) as error:
        raise InputError(
            f"{file}: cannot be read: {str(error)[:120]}; remove it, and add the records of that date again"
        ) from error


def best_of(tables: Sequence[Any]) -> dict[str, Rank]:
    """The rank of the best record of each run."""
    best: dict[str, Rank] = {}
    for table in tables:
        for run, results, content in _records(table):
            mine = rank(results, content)
            if run not in best or mine < best[run]:
                best[run] = mine
    return best


def _records(table: Any) -> Iterator[tuple[str, int, str]]:
    pc = _compute()
    picked = table.select(["run", "results", "content"])
    # each record begins with its result 0
    picked = picked.filter(pc.equal(table["ordinal"], 0))
    yield from zip(*(picked[name].to_pylist() for name in picked.column_names), strict=True)


def _compute() -> Any:
    require_pyarrow()
    return importlib.import_module("pyarrow.compute")


def joined(tables: Sequence[Any]) -> Any:
    """The join of tables: of each run the rows of its best record, once, in order."""
    pa = require_pyarrow()
    wanted = {content: run for run, (_, content) in best_of(tables).items()}
    parts = []
    for table in tables:
        taken = {content for run, _, content in _records(table) if wanted.get(content) == run}
        mine = _is_in(table["content"], taken)
        parts.append(table if mine.all() else table.filter(pa.array(mine)))
        for content in taken:
            del wanted[content]
    whole = pa.concat_tables(parts) if parts else arrow_schema().empty_table()
    return _ordered(whole.unify_dictionaries().combine_chunks())


def _is_in(column: Any, texts: set[str]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    pa = require_pyarrow()
    return np.asarray(_compute().is_in(column, value_set=pa.array(sorted(texts), pa.string())))


def _ordered(table: Any) -> Any:
    """A table in our order, dictionaries sorted and without a text that no row has: same rows, same bytes."""
    pa = require_pyarrow()
    texts = {name: _canonical(table[name]) for name in STRINGS}
    keys = []
    for name in ORDER:
        column = table[name]
        plain = column.cast(pa.int64()) if name == "created" else column
        keys.append(texts[name][0] if name in texts else np.asarray(plain))
    order = np.lexsort(keys[::-1])
    arrays = []
    for name in table.column_names:
        if name in texts:
            codes, known = texts[name]
            indices = pa.array(codes[order], mask=codes[order] < 0)
            arrays.append(pa.DictionaryArray.from_arrays(indices, pa.array(known, pa.string())))
        else:
            arrays.append(table[name].take(pa.array(order)))
    return pa.Table.from_arrays(arrays, schema=arrow_schema())


def _canonical(column: Any) -> tuple[np.ndarray[Any, np.dtype[np.int32]], list[str]]:
    """Codes into the sorted list of texts that occur; −1 for null."""
    pc = _compute()
    chunk = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    chunk = chunk.chunk(0) if hasattr(chunk, "num_chunks") and chunk.num_chunks else chunk
    if not len(chunk):
        return np.zeros(0, dtype=np.int32), []
    codes = np.asarray(pc.fill_null(chunk.indices, -1)).astype(np.int32)
    texts = chunk.dictionary.to_pylist()
    used = np.unique(codes[codes >= 0])
    order = sorted(used.tolist(), key=texts.__getitem__)
    places = np.full(len(texts) + 1, -1, dtype=np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    return places[codes], [texts[one] for one in order]


def name_of(table: Any) -> str:
    """The name of a file with these records: a hash of which they are."""
    contents = sorted(content for _, _, content in _records(table))
    digest = blake2b("\n".join([SCHEMA, *contents]).encode(), digest_size=16).hexdigest()
    return f"part-{digest}.parquet"


def to_parquet(table: Any) -> bytes:
    """A table as a Parquet file without anything of Arrow or pandas in it."""
    pq = require_parquet()
    stream = io.BytesIO()
    pq.write_table(
        table,
        stream,
        compression="zstd",
        use_dictionary=list(STRINGS),
        row_group_size=_ROWS_A_GROUP,
        version="2.6",
        store_schema=False,
    )
    return stream.getvalue()
