"""A file without a name, written once and read again and again. For systems that have fcntl."""

from __future__ import annotations

import fcntl
import mmap
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import numpy.typing as npt

from kernels.moving.mounts import file_system
from kernels.moving.reading import BLOCK_BYTES, CACHED, DIRECT, DROPPED
from kernels.workload import Verdict

Words = npt.NDArray[np.uint64]
WORD_BYTES = 8
# Number of macOS's request to leave a file out of its cache.
F_NOCACHE = 48


class Shard:
    """The file. It is gone from the folder before the first byte is written.

    Its blocks are one block of random bytes, each time combined with another random word by exclusive or.
    """

    def __init__(self, folder: str, size_bytes: int, seed: int, *, flush: bool) -> None:
        source = np.random.default_rng(seed)
        self.folder, self.size_bytes = folder, size_bytes
        self._block = source.integers(0, 2**64, BLOCK_BYTES // WORD_BYTES, dtype=np.uint64)
        self._keys = source.integers(0, 2**64, -(-size_bytes // BLOCK_BYTES), dtype=np.uint64)
        # Where the system can, the file never has a name; else it is deleted once it is open.
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - open while this lives
        self._descriptor = self._file.fileno()
        self._write()
        if flush:
            os.fsync(self._descriptor)

    def __del__(self) -> None:
        file = getattr(self, "_file", None)
        if file is not None:
            file.close()

    def blocks(self) -> Iterator[tuple[int, Words]]:
        """Where each block begins, and what it holds."""
        for number, key in enumerate(self._keys):
            start = number * BLOCK_BYTES
            size = min(BLOCK_BYTES, self.size_bytes - start)
            yield start, self._block[: size // WORD_BYTES] ^ key

    def way_that_works(self, ways: Sequence[str]) -> str:
        """The first of the ways of reading that the file system takes; the file is left set for it.

        Raises:
            OSError: It takes none.
        """
        for way in ways:
            try:
                self._set_for(way)
                self.read_into(memoryview(mmap.mmap(-1, mmap.PAGESIZE)), 0)
            except OSError as error:
                refusal = error
            else:
                return way
        raise refusal

    def read_into(self, memory: memoryview, start: int) -> None:
        """Fill memory with what the file holds from a place on.

        Raises:
            EOFError: The file ends before.
        """
        done = 0
        while done < len(memory):
            count = os.preadv(self._descriptor, [memory[done:]], start + done)
            if count == 0:
                raise EOFError(f"the file ends after {start + done} bytes")
            done += count

    def drop(self) -> None:
        """Ask the system to forget the file's pages."""
        os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def _write(self) -> None:
        if sys.platform == "darwin":
            fcntl.fcntl(self._descriptor, F_NOCACHE, 1)
        for start, block in self.blocks():
            rest = block.data.cast("B")
            while rest:
                written = os.pwrite(self._descriptor, rest, start + len(block) * WORD_BYTES - len(rest))
                rest = rest[written:]

    def _set_for(self, way: str) -> None:
        if sys.platform == "darwin":
            fcntl.fcntl(self._descriptor, F_NOCACHE, int(way == DIRECT))
            return
        flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL) & ~os.O_DIRECT
        fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags | (os.O_DIRECT if way == DIRECT else 0))
        if way != CACHED:
            self.drop()


class PreparedStorage:
    """The file, memory as large, and threads that read."""

    def __init__(self, shard: Shard, threads: int, way: str) -> None:
        self.shard, self._threads, self._way = shard, threads, way
        # Begins with a page, as direct reads need it.
        self._mapping = mmap.mmap(-1, shard.size_bytes)
        self._memory = memoryview(self._mapping)
        self.found: Words = np.frombuffer(self._mapping, np.uint64)
        self._pool = ThreadPoolExecutor(threads)
        self.poison()

    @property
    def backend(self) -> str:
        """How it is read, and the file system."""
        return f"{self._way}, {file_system(self.shard.folder) or 'file system unknown'}"

    def setting(self) -> AbstractContextManager[None]:
        """Nothing to set."""
        return nullcontext()

    def poison(self) -> None:
        """Fill the memory with ones, which no block begins with but by a chance of 2^-64."""
        self.found.fill(2**64 - 1)

    def run(self) -> None:
        """The whole file; where its pages must be dropped first, that is a small part of the call."""
        if self._way == DROPPED:
            self.shard.drop()
        list(self._pool.map(self._read, range(0, self.shard.size_bytes, BLOCK_BYTES)))

    def _read(self, start: int) -> None:
        self.shard.read_into(self._memory[start : start + BLOCK_BYTES], start)

    def check(self) -> Verdict:
        """Every byte against what was written, drawn again."""
        wrong = sum(
            not np.array_equal(self.found[start // WORD_BYTES :][: len(block)], block)
            for start, block in self.shard.blocks()
        )
        count = -(-self.shard.size_bytes // BLOCK_BYTES)
        return Verdict(correct=wrong == 0, detail=f"{wrong} of {count} blocks differ from what was written")

    def digest(self) -> str | None:
        """Nothing to promise: ``check`` compares every byte anyway."""
        return None
