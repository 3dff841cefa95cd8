"""Bytes moved from the memory of one node of a CPU (NUMA) to that of another.

The cores of the receiving node copy: what they read comes over the link between the nodes, what they write
stays. Each byte counts once.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from kernels.moving import memory_nodes
from kernels.shared.refusals import require_backend, require_place, require_precision
from kernels.transfer import ELEMENT_BYTES
from kernels.workload import Choice, Metric, Place, Prepared, Shape, Unit, Verdict

SMALLEST_CACHE_BYTES = 16 << 20
# Each array, as STREAM's rule has it.
CACHE_MULTIPLES = (4, 8, 16)
# More do not draw more over the link, but take longer to wake.
MOST_THREADS = 32
# Whole blocks of `kernels.moving.payload`, and what a thread fills at a time.
CHUNK_BYTES = 1 << 20
# Of the pages of the two arrays; beyond, part of the copy did not cross the link.
MOST_COMMON = 0.1


@dataclass(frozen=True)
class TransferBetweenNodes:
    """An array copied from the first memory node into the last, by the cores of the last."""

    name: str = "transfer_between_nodes"
    family: str = "transfer"
    summary: str = "copies from one memory node (NUMA) of the CPU into another; each byte counted once"
    metric: Metric = "bandwidth"
    unit: Unit = "B/s"
    precisions: tuple[str, ...] = ("fp32",)
    choice: Choice = "climb"
    headline: bool = False

    def flop(self, shape: Shape) -> float:
        """None. Unit: FLOP."""
        return 0.0

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """The payload once. Unit: B."""
        require_precision(self, precision)
        return float(shape["bytes"])

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """An array on each node. Unit: B."""
        require_precision(self, precision)
        return 2 * shape["bytes"]

    def lacks(self, precision: str, place: Place) -> str | None:
        """Where there is one memory node, or threads cannot be held to one."""
        if place.kind != "cpu":
            return "memory nodes are the CPU's: measured with it"
        if not hasattr(os, "sched_setaffinity"):
            return "this system does not hold threads to CPUs"
        return None if len(place.numa_cpus) > 1 else "the CPUs that may be used have one memory node"

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """The C library's copy, on threads of the receiving node."""
        return () if self.lacks(precision, place) else ("memmove",)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Arrays of at least four times the last-level cache; empty where the memory does not hold that."""
        least = -(-max(place.cache_bytes, SMALLEST_CACHE_BYTES) // CHUNK_BYTES) * CHUNK_BYTES
        sizes: list[Shape] = [{"bytes": multiple * least} for multiple in CACHE_MULTIPLES]
        return tuple(s for s in sizes if self.footprint_bytes(s, precision) <= place.memory_bytes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """Float32 normal values first touched on the first node, and room first touched on the last."""
        require_precision(self, precision)
        require_place(self, precision, place)
        require_backend(self, precision, place, backend)
        sender, receiver = Crew(place.numa_cpus[0]), Crew(place.numa_cpus[-1])
        return PreparedBetweenNodes(shape["bytes"], sender, receiver, seed)


class Crew:
    """Threads that stay on the CPUs of one memory node."""

    def __init__(self, cpus: Sequence[int]) -> None:
        self.threads = min(len(cpus), MOST_THREADS)
        self._pool = ThreadPoolExecutor(
            self.threads, initializer=os.sched_setaffinity, initargs=(0, frozenset(cpus))
        )

    def share(self, size: int, do: Callable[[int, int], None]) -> None:
        """Call ``do(start, end)`` for a part on each thread; return once all are done."""
        step = -(-size // (self.threads * CHUNK_BYTES)) * CHUNK_BYTES
        starts = range(0, size, step)
        list(self._pool.map(do, starts, (min(start + step, size) for start in starts)))


class PreparedBetweenNodes:
    """Two arrays in memory fresh from the system, which lies where it is first touched."""

    def __init__(self, size: int, sender: Crew, receiver: Crew, seed: int) -> None:
        import torch  # noqa: PLC0415 - it takes seconds to import

        from kernels.moving import payload  # noqa: PLC0415

        self._size, self._receiver = size, receiver
        # So large that the allocator maps them anew, untouched.
        self.source, self.target = (torch.empty(size // ELEMENT_BYTES) for _ in range(2))
        self._from, self._to = self.source.data_ptr(), self.target.data_ptr()
        pattern = payload.payload(CHUNK_BYTES // ELEMENT_BYTES, seed)

        def fill(start: int, end: int) -> None:
            for place in range(start, end, CHUNK_BYTES):
                ctypes.memmove(self._from + place, pattern.data_ptr(), min(CHUNK_BYTES, end - place))

        sender.share(size, fill)
        payload.number(self.source)
        self.poison()

    @property
    def backend(self) -> str:
        """The C library's copy, and by how many threads."""
        return f"memmove, {self._receiver.threads} threads"

    def setting(self) -> AbstractContextManager[None]:
        """Nothing to set."""
        return nullcontext()

    def poison(self) -> None:
        """Fill what receives with bits of NaN, on its own node."""
        self._receiver.share(self._size, self._spoil)

    def run(self) -> None:
        """One copy."""
        self._receiver.share(self._size, self._copy)

    def _spoil(self, start: int, end: int) -> None:
        ctypes.memset(self._to + start, 0xFF, end - start)

    def _copy(self, start: int, end: int) -> None:
        ctypes.memmove(self._to + start, self._from + start, end - start)

    def check(self) -> Verdict:
        """All bits, as `kernels.moving.payload` compares them; and that the two arrays lie on two nodes.

        The system may move memory to the cores that use it (automatic NUMA balancing).
        """
        from kernels.moving import payload  # noqa: PLC0415

        verdict = payload.compare(self.source, self.target)
        nodes = memory_nodes.nodes_of(self._from, self._size), memory_nodes.nodes_of(self._to, self._size)
        if nodes[0] is None or nodes[1] is None:
            return Verdict(verdict.correct, f"{verdict.detail}; memory nodes not told")
        common = memory_nodes.common_share(nodes[0], nodes[1])
        detail = f"{verdict.detail}; {common:.0%} of pages on common memory nodes"
        return Verdict(verdict.correct and common <= MOST_COMMON, detail)

    def digest(self) -> str | None:
        """Nothing to promise: ``check`` compares all bits anyway."""
        return None
