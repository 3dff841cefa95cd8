"""Reading a shard of a dataset: from storage past the system's cache of it, and from that cache.

A file of random bytes (nothing to compress, no two blocks alike) is written and read again by several
threads, as the workers of a data loader do, 4 MiB at a time. It has no name, so that nothing is left behind
however the process ends. What counts as bytes is what is read from the file, once.

Cold means flushed to storage and read past the system's cache of pages. What lies below that (a host's cache
under a virtual machine, a server's behind a network file system, a drive's own) is part of the storage as
this node sees it. Warm is read from the system's cache and not flushed: it need never reach the storage.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import Literal

from kernels.moving.reading import BLOCK_BYTES, CACHED, DIRECT, DROPPED
from kernels.shared.refusals import require_backend, require_place, require_precision
from kernels.workload import Choice, Metric, Place, Prepared, Shape, Unit

Kind = Literal["cold", "warm"]
COLD_BYTES = (64 << 20, 256 << 20, 1 << 30)
# File and memory read into are together four times the last-level cache.
WARM_CACHE_MULTIPLE = 2
# Of what is free in the folder; others write there too.
SPACE_SHARE = 0.1
# Requests under way at once: those of a data loader's workers, enough for a drive to show what it can.
COLD_THREADS = 8
MOST_WARM_THREADS = 8
WORDS: dict[Kind, str] = {
    "cold": "reading a file from storage past the system's cache",
    "warm": "reading a file from the system's cache of it",
}


@dataclass(frozen=True)
class Storage:
    """One file read as a whole into memory.

    Attributes:
        kind: ``cold`` from storage, ``warm`` from the system's cache.
    """

    kind: Kind
    family: str = "storage"
    metric: Metric = "bandwidth"
    unit: Unit = "B/s"
    precisions: tuple[str, ...] = ("int8",)
    choice: Choice = "climb"
    headline: bool = False

    @property
    def name(self) -> str:
        """``storage_cold`` or ``storage_warm``."""
        return f"{self.family}_{self.kind}"

    @property
    def summary(self) -> str:
        """One sentence on what is measured."""
        return f"{WORDS[self.kind]}, by several threads; bytes of the file, each once"

    def flop(self, shape: Shape) -> float:
        """None. Unit: FLOP."""
        return 0.0

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Bytes of the file. Unit: B."""
        return float(shape["bytes"])

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """What the file is read into, and its pages in the system's cache, since it was written. Unit: B."""
        return 2 * shape["bytes"]

    def lacks(self, precision: str, place: Place) -> str | None:
        """Where there is no folder to use, too little space, or no way past the cache."""
        if place.kind != "cpu":
            return "storage belongs to the node: measured with the CPU"
        if not hasattr(os, "preadv"):
            return "this system does not read files into aligned memory (preadv)"
        if place.folder is None:
            return "no folder was named that a file may be put in"
        return self._lacks_in(place.folder) or self._lacks_space(place, place.folder)

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """Cold: direct reads, or ordinary ones of pages dropped beforehand. Warm: ordinary reads."""
        if self.lacks(precision, place):
            return ()
        if self.kind == "warm":
            return (CACHED,)
        return (DIRECT, DROPPED) if hasattr(os, "posix_fadvise") else (DIRECT,)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Cold: 64 MiB to 1 GiB. Warm: twice the last-level cache. All within a tenth of the free space."""
        if place.folder is None:
            return ()
        allowed = min(_allowed_bytes(place.folder), place.memory_bytes // 2)
        shapes = ({"bytes": size, "threads": self._threads(place)} for size in self._sizes(place))
        return tuple(shape for shape in shapes if shape["bytes"] <= allowed)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """Write the file; flush it where it is to be read from storage.

        Raises:
            OSError: The folder cannot be written to, or is full.
        """
        require_precision(self, precision)
        require_place(self, precision, place)
        require_backend(self, precision, place, backend)
        assert place.folder is not None  # noqa: S101 - lacks() has told
        from kernels.moving.shard import PreparedStorage, Shard  # noqa: PLC0415 - needs what not all systems have

        shard = Shard(place.folder, shape["bytes"], seed, flush=self.kind == "cold")
        ways = self.backends(precision, place) if backend is None else (backend,)
        return PreparedStorage(shard, shape["threads"], shard.way_that_works(ways))

    def _sizes(self, place: Place) -> tuple[int, ...]:
        if self.kind == "cold":
            return COLD_BYTES
        least = max(COLD_BYTES[0], WARM_CACHE_MULTIPLE * place.cache_bytes)
        return (-(-least // BLOCK_BYTES) * BLOCK_BYTES,)

    def _threads(self, place: Place) -> int:
        return COLD_THREADS if self.kind == "cold" else min(len(place.cpus), MOST_WARM_THREADS)

    def _lacks_in(self, folder: str) -> str | None:
        """What is wrong with the folder, whatever its space."""
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            return f"{folder} cannot be written to, or is not there"
        if self.kind == "warm":
            return None
        from kernels.moving.mounts import MEMORY_FILE_SYSTEMS, file_system  # noqa: PLC0415

        system = file_system(folder)
        if system in MEMORY_FILE_SYSTEMS:
            return f"{folder} is {system}: it is memory, not storage"
        direct = hasattr(os, "O_DIRECT") or sys.platform == "darwin"
        return None if direct else "this system does not read past its cache"

    def _lacks_space(self, place: Place, folder: str) -> str | None:
        allowed, least = _allowed_bytes(folder), self._sizes(place)[0]
        if allowed >= least:
            return None
        return (
            f"too little space in {folder}: {allowed / 1e6:.0f} MB may be taken ({SPACE_SHARE:.0%} of what "
            f"is free), {least / 1e6:.0f} MB are needed"
        )


def _allowed_bytes(folder: str) -> int:
    """What a file may take; 0 where the folder is not there."""
    try:
        return int(SPACE_SHARE * shutil.disk_usage(folder).free)
    except OSError:
        return 0
