"""The dataset on disk: added to by anyone at any time, never changed in place, the same whatever came first.

A date's folder holds the join of all that was ever added: of each run the best record
(`bench.fleets.reading.rank`). Joining is commutative, associative and idempotent, so that order, repetition
and parts do not matter.

Nothing is locked; many file systems of clusters cannot. Files are named by the records in them and appear
whole, by a rename. A writer deletes a file only after it has read it and has itself written another that
holds all of it and more. As two files with the same records have the same name, "holds all of it and more"
has no cycle, and what was once written is always in some file that is there, also when writers are killed or
meet.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from bench.errors import InputError
from bench.files import flush_folder, write_bytes_atomic
from bench.fleets.history.batch import Batch
from bench.fleets.history.schema import NOTE, SCHEMA, SCHEMA_VERSION, note
from bench.fleets.history.tables import best_of, joined, name_of, read_parquet, to_parquet

_FOLDER = re.compile(r"date=(\d{4}-\d\d-\d\d)")
_NEWER = re.compile(r"flopcensus/history/(\d{1,9})")
_ABANDONED_SECONDS = 86_400.0
_MEETINGS = 1_000


@dataclass(frozen=True)
class Added:
    """What became of the runs of a batch: new to the dataset, better than what it had, or known."""

    new: int = 0
    better: int = 0
    known: int = 0

    def __add__(self, other: Added) -> Added:
        """Add up two dates."""
        return Added(self.new + other.new, self.better + other.better, self.known + other.known)


class History:
    """A dataset of nightly runs."""

    def __init__(self, path: Path) -> None:
        """Open a dataset.

        Raises:
            InputError: there is none, or one of another or a newer schema.
        """
        self.path = path
        _check_note(path)

    @classmethod
    def at(cls, path: Path) -> History:
        """Open a dataset, or begin one in a folder that is absent or empty.

        Raises:
            InputError: the folder holds other things, or cannot be written to.
        """
        if not (path / NOTE).exists():
            if path.exists() and (not path.is_dir() or any(path.iterdir())) and not _only_ours(path):
                raise InputError(f"{path}: neither a history nor an empty folder; name another one")
            write_bytes_atomic(
                path / NOTE, msgspec.json.format(msgspec.json.encode(note()), indent=2) + b"\n"
            )
        return cls(path)

    def files(self) -> dict[date, list[Path]]:
        """The files of each date, in order."""
        found = {}
        for folder in self.path.iterdir():
            match = _FOLDER.fullmatch(folder.name)
            if match is None or not folder.is_dir():
                continue
            try:
                when = date.fromisoformat(match[1])
            except ValueError:
                continue
            if files := _files(folder):
                found[when] = files
        return dict(sorted(found.items()))

    def merge(self, batch: Batch) -> Added:
        """Add a batch; the dataset is then the join of what it was and the batch.

        Raises:
            InputError: a file of it cannot be read, or there is no room.
            MissingExtraError: pyarrow is not installed.
        """
        added = Added()
        for when, table in batch.tables().items():
            if table.num_rows:
                added += self._settle(when, table)
        return added

    def compact(self) -> int:
        """Leave one file a date, and nothing that a killed writer left behind; return how many files went.

        Raises:
            InputError: a file cannot be read or written.
        """
        gone = 0
        for when, files in self.files().items():
            folder = files[0].parent
            gone += _sweep(folder)
            if len(files) > 1:
                self._settle(when, None)
                gone += len(files) - 1
        return gone

    def table(self, when: date) -> Any:
        """The rows of a date, each run once, in order.

        Raises:
            InputError: a file cannot be read.
        """
        return joined(_read_all(self._folder(when))[1])

    def _folder(self, when: date) -> Path:
        return self.path / f"date={when.isoformat()}"

    def _settle(self, when: date, extra: Any) -> Added:
        """Join the files of a date, and ``extra`` if given, into one."""
        folder, added = self._folder(when), Added()
        folder.mkdir(parents=True, exist_ok=True)
        # Once more after each write: another writer may have come meanwhile.
        for _ in range(_MEETINGS):
            files, tables = _read_all(folder)
            brings_more = False
            if extra is not None:
                added = _compared(tables, extra)
                brings_more = bool(added.new or added.better)
                tables.append(extra)
            if len(files) == 1 and not brings_more:
                break
            _replace(folder, files, joined(tables))
            extra = None
        return added


def _replace(folder: Path, files: Sequence[Path], whole: Any) -> None:
    """Write one table that holds all of the files, and then delete them."""
    name = name_of(whole)
    if name not in {file.name for file in files}:
        write_bytes_atomic(folder / name, to_parquet(whole))
        flush_folder(folder)
    for file in files:
        if file.name != name:
            file.unlink(missing_ok=True)


def _only_ours(path: Path) -> bool:
    """Whether a folder holds what a writer leaves that was killed before its note, or begins just now."""
    names = [one.name for one in path.iterdir()]
    return all(name.startswith(f".{NOTE}.") or name == NOTE or _FOLDER.fullmatch(name) for name in names)


def _check_note(path: Path) -> None:
    try:
        data = msgspec.json.decode((path / NOTE).read_bytes())
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: no history (it has no {NOTE}); begin one with: flopcensus fleet DIR --history {path}"
        ) from error
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path / NOTE}: cannot be read: {error}") from error
    found = data.get("schema") if isinstance(data, dict) else None
    if found == SCHEMA:
        return
    match = _NEWER.fullmatch(found) if isinstance(found, str) else None
    if match and int(match[1]) > SCHEMA_VERSION:
        raise InputError(
            f"{path}: history version {match[1]} is newer than {SCHEMA_VERSION}; upgrade flopcensus"
        )
    raise InputError(f"{path / NOTE}: not that of a history (schema {repr(found)[:60]})")


def _files(folder: Path) -> list[Path]:
    return sorted(
        one for one in folder.iterdir() if one.suffix == ".parquet" and not one.name.startswith((".", "_"))
    )


def _read_all(folder: Path) -> tuple[list[Path], list[Any]]:
    """The files of a folder and their tables; listed again where one was replaced meanwhile."""
    for _ in range(_MEETINGS):
        files = _files(folder) if folder.is_dir() else []
        try:
            return files, [read_parquet(file) for file in files]
        except FileNotFoundError:
            continue
    raise InputError(f"{folder}: its files are replaced faster than they can be read; try again later")


def _compared(tables: Sequence[Any], extra: Any) -> Added:
    old, new = best_of(tables), best_of([extra])
    fresh = sum(run not in old for run in new)
    better = sum(run in old and mine < old[run] for run, mine in new.items())
    return Added(fresh, better, len(new) - fresh - better)


def _sweep(folder: Path) -> int:
    """Delete what writers left that were killed a day ago or earlier."""
    gone = 0
    for one in folder.glob(".*.part"):
        with suppress(FileNotFoundError):
            if time.time() - one.stat().st_mtime > _ABANDONED_SECONDS:
                one.unlink()
                gone += 1
    return gone


def counts(history: History) -> Mapping[str, int]:
    """How many dates, files and bytes a history has."""
    files = [file for one in history.files().values() for file in one]
    return {
        "dates": len(history.files()),
        "files": len(files),
        "bytes": sum(file.stat().st_size for file in files),
    }
