"""Files that are written whole or not at all, and folders that one run at a time writes to.

What is being written lies beside its target as ``.NAME.XXXXXXXX.flopcensus.part``, locked by its writer. One
that nobody holds was left by a writer that was killed; the next to write into the folder deletes it.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.errors import InputError

PART = ".flopcensus.part"
_swept: set[Path] = set()


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
            flush_folder(path.parent)
        except FileExistsError:
            continue
        except OSError as error:
            raise cannot_write(path, error) from error
        return path
    raise ValueError("no name was left to try")


@contextmanager
def claimed(folder: Path, patience_seconds: float = 0.0) -> Iterator[None]:
    """Hold a folder, made if need be, against another run that would mix its files with ours.

    The claim ends with the process, however that ends, and leaves nothing behind. File systems without locks
    (some network ones) and Windows grant it to all.

    Args:
        folder: The folder.
        patience_seconds: How long to wait for another run to be done with it. Unit: s.

    Raises:
        InputError: Another run is writing there, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY) if os.name == "posix" else None
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        if handle is not None and not _locked_within(handle, patience_seconds):
            raise InputError(f"{folder}: another run is writing there; wait for it, or name another folder")
        yield
    finally:
        if handle is not None:
            os.close(handle)


def lock(handle: int) -> bool | None:
    """Lock an open file or folder until it is closed; False where another holds it, None where none can."""
    try:
        import fcntl  # noqa: PLC0415 - POSIX only
    except ImportError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _locked_within(handle: int, seconds: float) -> bool:
    ends = time.monotonic() + seconds
    while (held := lock(handle)) is False and time.monotonic() < ends:
        time.sleep(0.05)
    return held is not False


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
    _sweep(path.parent)
    handle, part = _open_part(path)
    file = os.fdopen(handle, "wb")
    try:
        file.write(data)
        file.flush()
        os.fsync(handle)
        part.chmod(_mode_for(path))
        if os.name != "posix":
            file.close()  # Windows renames no open file
        yield part
    finally:
        part.unlink(missing_ok=True)
        # what found no room is tried once more, and has been told of
        with suppress(OSError):
            file.close()


def _open_part(path: Path) -> tuple[int, Path]:
    """A new file beside the target, locked."""
    while True:
        # The same folder, because a rename across file systems is a copy, and a copy can be seen half done.
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent)
        lock(handle)
        # Another process may have swept it away before it was locked.
        if os.fstat(handle).st_nlink:
            return handle, Path(name)
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Delete parts that killed writers left: those that nobody holds. Once for each folder and process."""
    if folder.absolute() in _swept:
        return
    _swept.add(folder.absolute())
    for part in folder.glob(f".*{PART}"):
        with suppress(OSError):
            handle = os.open(part, os.O_RDWR)
            try:
                # where nothing can be locked, nothing tells whether its writer lives
                if lock(handle):
                    part.unlink()
            finally:
                os.close(handle)


def flush_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system can do that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _mode_for(path: Path) -> int:
    """The mode the file has, or that a new file would get: mkstemp's own is private to the user."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
