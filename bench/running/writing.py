"""A record on the disk, and the version that wrote it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.errors import InputError, RecordNotWrittenError
from bench.files import write_text_new
from bench.record import Record


def own_version() -> str:
    """Version of flopcensus; ``unknown`` in a checkout that is not installed."""
    try:
        return version("flopcensus")
    except PackageNotFoundError:
        return "unknown"


def write_record(folder: Path, record: Record) -> Path:
    """Write a record whole, over no other, and say where.

    Raises:
        RecordNotWrittenError: It could not be written; the error carries it.
    """
    try:
        return write_text_new(_names_for(folder, record), record.to_json())
    except InputError as error:
        raise RecordNotWrittenError(str(error), record) from error


def _names_for(folder: Path, record: Record) -> Iterator[Path]:
    """The record's path; numbered where one of the same second and node name was there."""
    yield folder / record.file_name
    stem = Path(record.file_name).stem
    yield from (folder / f"{stem}-{number}.json" for number in itertools.count(2))
