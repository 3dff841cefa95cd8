"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import InputError


def write_text_atomic(path: Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends, so that a reader sees the old file or the new one.

    Raises:
        InputError: The folder cannot be made or written to, or the disk is full.
    """
    write_bytes_atomic(path, text.encode("utf-8"))


def write_bytes_atomic(path: Path, data: bytes) -> None:
    """Write bytes beside the target, flush them to the disk, then take the target's place.

    Raises:
        InputError: The folder cannot be made or written to, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data)
    except OSError as error:
        raise cannot_write(path, error) from error


def write_text_new(candidates: Iterable[Path], text: str) -> Path:
    """Write UTF-8 text whole under the first name that nobody has, and say which; never over another file.

    Two nodes that write into one shared folder at the same moment get two files.

    Raises:
        InputError: The folder cannot be made or written to, or the disk is full.
    """
    for path in candidates:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _put_new(path, text.encode("utf-8"))
        except FileExistsError:
            continue
        except OSError as error:
            raise cannot_write(path, error) from error
        return path
    raise ValueError("no name was left to try")


def _put_new(path: Path, data: bytes) -> None:
    """Give a finished file its name by a link, which fails where the name is taken; a rename would not."""
    with _part_of(path, data) as part:
        try:
            os.link(part, path)
        except FileExistsError:
            raise
        except OSError:
            # A file system without links (FAT, some network ones): take the name, then its place.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            part.replace(path)


def cannot_write(path: Path, error: OSError) -> InputError:
    """The error for a file that could not be written: what, why, and how to mend it."""
    reason = error.strerror or str(error)
    return InputError(f"{path}: cannot be written: {reason}; choose a folder that is writable and has room")


def _replace(path: Path, data: bytes) -> None:
    with _part_of(path, data) as part:
        part.replace(path)


@contextmanager
def _part_of(path: Path, data: bytes) -> Iterator[Path]:
    """The data on the disk, beside the target; gone afterwards, unless it was renamed."""
    # The same folder, because a rename across file systems is a copy, and a copy can be seen half done.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(_mode_for(path))
        yield part
    finally:
        part.unlink(missing_ok=True)


def _mode_for(path: Path) -> int:
    """The mode the file has, or that a new file would get: mkstemp's own is private to the user."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
