"""The highest rate at which all cores together move bytes to and from main memory.

What is run is the triad with non-temporal stores in huge pages, as likwid-bench has it too: two arrays are
read and one is written past the caches, all of that traffic counts, and nothing else is moved. A call is
several passes, between which the cores do not wait for each other: a core that a neighbour slows down for a
moment holds up the others once, not in every pass. On some machines a copy or a mere read is faster still;
they are offered as backends of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernels.memory import CACHE_MULTIPLES, SMALLEST_CACHE_BYTES
from kernels.shared.refusals import require_backend, require_place, require_precision
from kernels.shared.streams import ELEMENT_BYTES, READS, WRITES, Kind
from kernels.workload import Choice, Metric, Place, Prepared, Shape, Unit

PASSES = 8
BACKENDS: dict[str, Kind] = {"triad nt": "triad", "copy nt": "copy", "read": "read"}


@dataclass(frozen=True)
class MemoryCeiling:
    """Main memory's bandwidth by the compiled routine that leaves nothing on the table."""

    name: str = "ceiling_memory"
    family: str = "ceiling"
    summary: str = "main-memory bandwidth of a = b + s·c past the caches; bytes read plus written"
    metric: Metric = "bandwidth"
    unit: Unit = "B/s"
    precisions: tuple[str, ...] = ("fp32",)
    choice: Choice = "climb"
    headline: bool = False

    def flop(self, shape: Shape) -> float:
        """Those of the triad, 2 for 3 elements moved. Unit: FLOP."""
        return 2.0 * shape["bytes"] * shape["passes"] / (3 * ELEMENT_BYTES)

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Bytes × passes, whichever backend moves them. Unit: B."""
        return float(shape["bytes"] * shape["passes"])

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """Every byte is moved once a pass. Unit: B."""
        return shape["bytes"]

    def lacks(self, precision: str, place: Place) -> str | None:
        """Without compiled routines; other devices' ceiling is their best memory workload."""
        if place.kind != "cpu":
            return "a ceiling of its own is for CPUs; here torch's copy and triad are already past the caches"
        return None if place.native is not None else place.native_absent or "no compiled routines"

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """Triad, copy and read by the compiled routines."""
        return () if self.lacks(precision, place) else tuple(BACKENDS)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Three arrays of at least four times the last-level cache; empty where the memory is too small."""
        least = max(place.cache_bytes, SMALLEST_CACHE_BYTES)
        # Divisible by the arrays of every backend and whole lines of the cache.
        whole = 6 * 64
        sizes = (3 * multiple * least // whole * whole for multiple in CACHE_MULTIPLES)
        return tuple({"bytes": size, "passes": PASSES} for size in sizes if size <= place.memory_bytes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """Arrays that together are as large as the shape says."""
        require_precision(self, precision)
        require_place(self, precision, place)
        require_backend(self, precision, place, backend)
        kind = BACKENDS[backend or next(iter(BACKENDS))]
        elements = shape["bytes"] // ((READS[kind] + WRITES[kind]) * ELEMENT_BYTES)
        from kernels.native.stream import prepare_native  # noqa: PLC0415 - looks into memory through torch

        return prepare_native(kind, elements, place, seed, streaming=True, passes=shape["passes"])
