"""Bandwidth by size of what is read: a step down at the end of every cache.

Each core reads its own part over and over, so private caches show at their own size and a shared one at its
size divided by the cores.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernels.shared.refusals import require_backend, require_place, require_precision
from kernels.shared.streams import ELEMENT_BYTES, PreparedMemory
from kernels.workload import Choice, Metric, Place, Prepared, Shape, Unit, Verdict

if TYPE_CHECKING:
    import torch

SMALLEST_BYTES = 16 << 10
# Beyond this multiple of the last-level cache, nothing more is to be seen.
LARGEST_MULTIPLE = 4
MOST_SIZES = 18
LINE_BYTES = 64
# Read by each core in one call: some 5 ms from the first caches, some 20 ms from main memory.
CACHED_TRAFFIC_BYTES = 1 << 30
TRAFFIC_BYTES = 256 << 20
# Where a core's second cache is unknown: no prefetching for what is smaller.
ASSUMED_PRIVATE_BYTES = 1 << 20
GPU_SMALLEST_BYTES = 1 << 20


@dataclass(frozen=True)
class MemoryLadder:
    """Read bandwidth for working sets from 16 KiB a core to four times the last-level cache."""

    name: str = "memory_ladder"
    family: str = "memory"
    summary: str = "read bandwidth by working set, every cache level visible; bytes read"
    metric: Metric = "bandwidth"
    unit: Unit = "B/s"
    precisions: tuple[str, ...] = ("fp32",)
    choice: Choice = "each"
    headline: bool = False

    def flop(self, shape: Shape) -> float:
        """One addition an element. Unit: FLOP."""
        return self.bytes_moved(shape, "fp32") / ELEMENT_BYTES

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Bytes of a core × cores × passes. Unit: B."""
        return float(shape["bytes"] * shape["threads"] * shape["passes"])

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """Bytes of a core × cores. Unit: B."""
        return shape["bytes"] * shape["threads"]

    def lacks(self, precision: str, place: Place) -> str | None:
        """Without compiled routines on a CPU: starting torch's threads takes longer than reading a cache."""
        if place.kind != "cpu" or place.native is not None:
            return None
        return place.native_absent or "no compiled routines"

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """The compiled read; torch's sum on GPUs."""
        return ("native",) if place.kind == "cpu" else ("torch",)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """At most eighteen sizes, evenly spaced on a logarithmic scale; empty where the memory holds none."""
        threads = len(place.cpus) if place.kind == "cpu" else 1
        smallest = SMALLEST_BYTES if place.kind == "cpu" else GPU_SMALLEST_BYTES
        largest = max(smallest, LARGEST_MULTIPLE * place.cache_bytes // threads)
        sizes = (size for size in _spaced(smallest, largest) if size * threads <= place.memory_bytes)
        return tuple({"bytes": size, "threads": threads, "passes": _passes(size, place)} for size in sizes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """Standard normal values, each core's part touched first by that core."""
        require_precision(self, precision)
        require_backend(self, precision, place, backend)
        require_place(self, precision, place)
        elements = self.footprint_bytes(shape, precision) // ELEMENT_BYTES
        if place.kind != "cpu":
            return _in_torch(elements, shape["passes"], place, seed)
        from kernels.native.stream import prepare_native  # noqa: PLC0415 - looks into memory through torch

        beyond = place.caches_bytes[1] if len(place.caches_bytes) > 1 else ASSUMED_PRIVATE_BYTES
        far = shape["bytes"] > beyond
        return prepare_native("read", elements, place, seed, streaming=far, passes=shape["passes"])


def _spaced(smallest: int, largest: int) -> Iterator[int]:
    """Sizes in whole lines, evenly spaced: a factor √2 apart, or more where else they were too many."""
    steps = MOST_SIZES - 1
    ratio = max((largest / smallest) ** (1 / steps), 2**0.5)
    size = float(smallest)
    while size <= largest * 1.001:
        yield round(size / LINE_BYTES) * LINE_BYTES
        size *= ratio


def _passes(size: int, place: Place) -> int:
    beyond = place.caches_bytes[1] if len(place.caches_bytes) > 1 else ASSUMED_PRIVATE_BYTES
    traffic = CACHED_TRAFFIC_BYTES if size <= beyond or place.kind != "cpu" else TRAFFIC_BYTES
    return max(1, traffic // size)


class PreparedSum:
    """Torch's sum over one array, as often as said, on a device of its own."""

    def __init__(self, values: torch.Tensor, passes: int) -> None:
        self.values, self.passes = values, passes
        self.target = values.new_empty(1)

    @property
    def backend(self) -> str:
        """Torch's own reduction."""
        return "torch/native"

    def setting(self) -> AbstractContextManager[None]:
        """Nothing to set."""
        return nullcontext()

    def poison(self) -> None:
        """Fill the sum with NaN."""
        self.target.fill_(float("nan"))

    def run(self) -> None:
        """All passes."""
        import torch  # noqa: PLC0415

        for _ in range(self.passes):
            torch.sum(self.values, 0, keepdim=True, out=self.target)

    def check(self) -> Verdict:
        """As `memory_read` does."""
        return PreparedMemory("read", self.target, self.values).check()

    def digest(self) -> str | None:
        """Nothing to promise: atomics may add in any order."""
        return None


def _in_torch(elements: int, passes: int, place: Place, seed: int) -> PreparedSum:
    from kernels.shared import tensors  # noqa: PLC0415 - torch takes seconds to import

    return PreparedSum(tensors.normal_vector(elements, tensors.generator(place.device, seed)), passes)
