"""Records of a folder as a stream: one in memory at a time, and what is no record set aside with the reason.

Whatever keeps or judges many records reads them by `stream`: it gives each run once, in an order that does
not depend on the file system.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from bench.errors import InputError
from bench.fleets.decoding import MOST_BYTES, FleetRecord, Unusable, decode, plain

SUFFIXES = (".json", ".json.gz")
Watch = Callable[[int, int], None]
"""Told how many files are done, and how many there are."""


@dataclass(frozen=True)
class SetAside:
    """A file that was not taken, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Read:
    """A record that was read.

    Attributes:
        file: Where it was read from.
        record: The record.
        place: Its number among the records given out, from 0.
        data: The file's bytes, gzip or plain.
    """

    file: str
    record: FleetRecord
    place: int
    data: bytes = b""

    @property
    def content(self) -> str:
        """A hash of the file, unpacked."""
        return content_of(self.data)


@dataclass
class Reading:
    """What became of the files while a stream was read.

    Attributes:
        set_aside: Files that do not count, in the order in which that was found.
        withdrawn: Places of records that do not count after all: a later file of the same run replaced them.
        files: How many files were read.
        records: How many records were given out, withdrawn ones included.
    """

    set_aside: list[SetAside] = field(default_factory=list)
    withdrawn: set[int] = field(default_factory=set)
    files: int = 0
    records: int = 0


class _Run(NamedTuple):
    file: str
    results: int
    place: int


def content_of(data: bytes) -> str:
    """A hash of what a file of a record holds, gzip or plain."""
    return blake2b(plain(data), digest_size=16).hexdigest()


def rank(results: int, content: str) -> tuple[int, str]:
    """What decides which of two records of a run counts: the lower rank does.

    The record with more results ranks lower; of two with as many the one whose hash sorts first.
    """
    return -results, content


def record_files(folder: Path) -> list[str]:
    """Return the files below a folder that may be records, sorted; a file stands for itself.

    Hidden files and folders, and links to folders, are passed over.

    Raises:
        InputError: There is no such folder, or none of its files may be a record.
    """
    if folder.is_file():
        return [str(folder)]
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give one with records of flopcensus bench")
    found = sorted(_below(str(folder)))
    if not found:
        raise InputError(f"{folder}: holds no {' or '.join(SUFFIXES)} file; give a folder of bench records")
    return found


def _below(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield os.path.join(parent, name)  # noqa: PTH118  (a Path each takes as long as reading it)


def stream(files: Sequence[str], reading: Reading, watch: Watch | None = None) -> Iterator[Read]:
    """Yield each run's record once; what is no record, or one twice, goes to ``reading.set_aside``.

    Two files with the same content are one. Of two files of one run (node, start and seed) that differ, the
    one with more results counts, then the one whose hash sorts first, so that the order of files does
    not matter; the place of a record already given is then in ``reading.withdrawn``.

    Args:
        files: paths; `record_files` finds them.
        reading: filled while the stream is read; complete when it has ended.
        watch: told of each file.
    """
    runs: dict[tuple[str, datetime, int], _Run] = {}
    for number, file in enumerate(files, 1):
        reading.files = number
        if watch is not None:
            watch(number, len(files))
        try:
            data = _bytes(file)
            record = decode(data)
        except Unusable as reason:
            reading.set_aside.append(SetAside(file, str(reason)))
            continue
        if (other := runs.get(record.run)) is not None and not _replaces(file, data, record, other, reading):
            continue
        runs[record.run] = _Run(file, len(record.results), reading.records)
        reading.records += 1
        yield Read(file, record, reading.records - 1, data)


def _bytes(file: str) -> bytes:
    try:
        with open(file, "rb") as opened:  # noqa: PTH123
            data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise Unusable(f"cannot be read: {error.strerror or error}") from error
    if len(data) > MOST_BYTES:
        raise Unusable(f"larger than {MOST_BYTES / 2**20:.0f} MiB")
    return data


def _replaces(file: str, data: bytes, record: FleetRecord, other: _Run, reading: Reading) -> bool:
    """Whether a second file of a run is the one to count; the other is set aside."""
    # read again: keeping every file's content, or its hash, would cost all records for the sake of a few
    try:
        earlier, new = plain(_bytes(other.file)), plain(data)
    except Unusable as reason:
        reading.set_aside.append(SetAside(file, f"another file of the run in {other.file} ({reason})"))
        return False
    if earlier == new:
        reading.set_aside.append(SetAside(file, f"duplicate of {other.file}"))
        return False
    if rank(other.results, content_of(earlier)) < rank(len(record.results), content_of(new)):
        reading.set_aside.append(SetAside(file, f"another file of the run in {other.file}"))
        return False
    reading.set_aside.append(SetAside(other.file, f"another file of the run in {file}"))
    reading.withdrawn.add(other.place)
    return True
