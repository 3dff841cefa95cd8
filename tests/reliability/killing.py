"""Processes killed with all their children, at a moment in time or at a change of a file."""

from __future__ import annotations

import ctypes
import os
import random
import select
import signal
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

# Linux, include/uapi/linux/inotify.h
_MODIFY, _CLOSE_WRITE, _MOVED_TO, _CREATE, _DELETE = 0x2, 0x8, 0x80, 0x100, 0x200
_CHANGES = _MODIFY | _CLOSE_WRITE | _MOVED_TO | _CREATE | _DELETE
_IS_FOLDER = 0x40000000
_HEADER = struct.Struct("iIII")
LONGEST_S = 300.0


class Watch:
    """Counts the changes below a folder: files created, written to, closed, renamed and deleted."""

    def __init__(self, folder: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.handle = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.handle < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self._folders: dict[int, Path] = {}
        self._add(folder)
        self.changes = 0

    def wait(self, seconds: float) -> None:
        """Until something has changed, or the time is over."""
        if not select.select([self.handle], [], [], max(0.0, seconds))[0]:
            return
        data, place = b"", 0
        with suppress(BlockingIOError):
            data = os.read(self.handle, 65536)
        while place < len(data):
            watched, mask, _, length = _HEADER.unpack_from(data, place)
            name = data[place + _HEADER.size : place + _HEADER.size + length].rstrip(b"\0").decode()
            place += _HEADER.size + length
            self.changes += 1
            if mask & _IS_FOLDER and mask & (_CREATE | _MOVED_TO):
                self._add(self._folders[watched] / name)

    def close(self) -> None:
        """Watch no longer."""
        os.close(self.handle)

    def _add(self, folder: Path) -> None:
        number = self._libc.inotify_add_watch(self.handle, str(folder).encode(), _CHANGES)
        if number >= 0:
            self._folders[number] = folder
            # those that were made before it was watched
            for inner in folder.iterdir():
                if inner.is_dir():
                    self._add(inner)


@dataclass(frozen=True)
class Moment:
    """When to kill: after some seconds, or after so many changes and a little more."""

    seconds: float = LONGEST_S
    changes: int | None = None

    @classmethod
    def draw(cls, chance: random.Random, whole: Ended) -> Moment:
        """A random moment of a run that would take as long, and change as much, as the whole one did."""
        if whole.changes and chance.random() < 0.5:
            # up to 2 ms later, so that the kill does not always fall on the same step
            return cls(chance.uniform(0, 0.002), chance.randint(1, whole.changes))
        return cls(chance.uniform(0, whole.seconds))


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    seconds: float
    changes: int
    stdout: bytes = field(repr=False, default=b"")
    stderr: bytes = field(repr=False, default=b"")

    @property
    def killed(self) -> bool:
        """Whether the kill came before the end."""
        return self.code == -signal.SIGKILL


def run(
    args: Sequence[str],
    watched: Path,
    environment: Mapping[str, str],
    moment: Moment | None = None,
) -> Ended:
    """Run a command in a group of its own, and kill the group at the moment; else wait for its end."""
    moment = moment or Moment()
    watch = Watch(watched)
    said = watched.parent / "said"
    said.mkdir(exist_ok=True)
    start = time.monotonic()
    with (said / "out").open("wb") as out, (said / "err").open("wb") as err:
        process = subprocess.Popen(
            args,
            stdout=out,
            stderr=err,
            stdin=subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,
        )
    try:
        _await(process, watch, moment, start)
    finally:
        # also where it ended by itself, or we are stopped: nobody is left behind
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    seconds = time.monotonic() - start
    watch.wait(0)
    watch.close()
    return Ended(code, seconds, watch.changes, (said / "out").read_bytes(), (said / "err").read_bytes())


def _await(process: subprocess.Popen[bytes], watch: Watch, moment: Moment, start: float) -> None:
    ends = start + (moment.seconds if moment.changes is None else LONGEST_S)
    while process.poll() is None and (left := ends - time.monotonic()) > 0:
        # the end of a process is no change of a file: look for it now and then
        watch.wait(min(left, 0.02))
        if moment.changes is not None and watch.changes >= moment.changes:
            time.sleep(moment.seconds)
            return
