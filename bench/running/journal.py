"""Results kept as they are finished: a JSON line each, on the disk before the next one starts.

A run that is killed leaves its journal; the record that a finished run writes takes its place.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.errors import InputError, RecordError
from bench.files import cannot_write, lock


class Journal:
    """An append-only file of JSON lines: ``{"kind": …, …}``, of which ``result`` lines hold results.

    Raises:
        InputError: The file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8", newline="\n")
        except OSError as error:
            raise cannot_write(path, error) from error
        if lock(self._file.fileno()) is False:
            self._file.close()
            raise InputError(f"{path}: this run is still going on; wait for it, or stop it")
        _cut_torn_line(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A line that found no room is told of when it is added; here it would only be tried once more.
        with suppress(OSError):
            self._file.close()

    def append(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add a line and wait until the disk has it.

        Raises:
            InputError: The disk is full, or the file can no longer be written.
        """
        try:
            self._file.write(json.dumps({"kind": kind, **data}, ensure_ascii=False, allow_nan=False) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise cannot_write(self.path, error) from error


def _cut_torn_line(path: Path) -> None:
    """A line that a kill cut off would spoil the one that is added after it."""
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.truncate(path, whole)


def read_journal(path: Path) -> tuple[dict[str, Any], ...]:
    """All whole lines; a last line that was cut off by a kill is left out.

    Raises:
        RecordError: The file cannot be read, or a line before the last is not a JSON object.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}; give a journal of bench") from error
    # What follows the last line end is empty, or a line that was never finished.
    return tuple(_parse(path, number, line) for number, line in enumerate(lines[:-1], start=1))


def is_held(path: Path) -> bool:
    """Whether the run of a journal is still going on."""
    try:
        with path.open("r+b") as file:
            return lock(file.fileno()) is False
    except OSError:
        return False


def _parse(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}:{number}: not a line of a journal; run flopcensus bench again") from error
    if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str):
        raise RecordError(f"{path}:{number}: not a line of a journal; run flopcensus bench again")
    return entry
