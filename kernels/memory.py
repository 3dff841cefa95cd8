"""Bandwidth of main memory: read, copy, scale, add and triad over arrays larger than the last-level cache.

What counts as bytes: those the operation reads plus those it writes, as STREAM counts them. The line
fill that an ordinary store causes before it overwrites (write-allocate) is traffic too but does no work,
and is not counted: the same device with non-temporal stores then shows its gain.

Source of the kernels, the array rule and the count of bytes: McCalpin, Memory bandwidth and machine balance
in current high performance computers (IEEE TCCA newsletter, December 1995).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from kernels.shared.refusals import require_backend, require_precision
from kernels.shared.streams import ELEMENT_BYTES, READS, WRITES, Kind, PreparedMemory
from kernels.workload import Choice, Metric, Place, Prepared, Shape, Unit

# STREAM's rule: each array at least four times the last-level cache. The larger ones let a fast device
# spread the cost of starting a call.
CACHE_MULTIPLES = (4, 8, 16, 32)
SMALLEST_CACHE_BYTES = 16 << 20
# Operations on each element.
OPERATIONS: dict[Kind, int] = {"read": 1, "copy": 0, "scale": 1, "add": 1, "triad": 2}
FORMULAS: dict[Kind, str] = {
    "read": "reading a",
    "copy": "a = b",
    "scale": "a = s·b",
    "add": "a = b + c",
    "triad": "a = b + s·c",
}
TORCH, NATIVE, STREAMING = "torch", "native", "native nt"


@dataclass(frozen=True)
class Memory:
    """One of STREAM's operations over float32 arrays, or a mere read.

    Where a CPU has the compiled routines, the one with non-temporal stores (for a read: with prefetches) is
    measured unless another backend is named: it moves no bytes that do no work.
    """

    kind: Kind
    family: str = "memory"
    metric: Metric = "bandwidth"
    unit: Unit = "B/s"
    precisions: tuple[str, ...] = ("fp32",)
    choice: Choice = "climb"
    headline: bool = False

    @property
    def name(self) -> str:
        """``memory_read``, ``memory_copy`` and so on."""
        return f"{self.family}_{self.kind}"

    @property
    def summary(self) -> str:
        """One sentence on what is measured."""
        formula = FORMULAS[self.kind]
        return f"main-memory bandwidth of {formula}; bytes read plus written, write-allocate not counted"

    @property
    def _arrays(self) -> int:
        return READS[self.kind] + WRITES[self.kind]

    def flop(self, shape: Shape) -> float:
        """Read (a sum), scale and add: 1 an element; copy 0; triad 2. Unit: FLOP."""
        return float(OPERATIONS[self.kind] * shape["elements"])

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Read: 1 array. Copy, scale: 1 read, 1 written. Add, triad: 2 read, 1 written. Unit: B."""
        return float(self.footprint_bytes(shape, precision))

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """As many float32 arrays as are read and written. Unit: B."""
        require_precision(self, precision)
        return self._arrays * shape["elements"] * ELEMENT_BYTES

    def lacks(self, precision: str, place: Place) -> str | None:
        """Nothing: every torch device copies and adds."""
        return None

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """Torch's own elementwise kernels, and the compiled ones with ordinary and non-temporal stores."""
        return (TORCH,) if place.native is None else (TORCH, NATIVE, STREAMING)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Sizes from the least that STREAM's rule allows; empty where the memory does not hold that."""
        least_bytes = max(place.cache_bytes, SMALLEST_CACHE_BYTES)
        sizes = ({"elements": multiple * least_bytes // ELEMENT_BYTES} for multiple in CACHE_MULTIPLES)
        return tuple(s for s in sizes if self.footprint_bytes(s, precision) <= place.memory_bytes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """Put standard normal operands on the device."""
        require_precision(self, precision)
        require_backend(self, precision, place, backend)
        chosen = backend or self.backends(precision, place)[-1]
        if chosen == TORCH:
            return _in_torch(self.kind, shape["elements"], place, seed)
        from kernels.native.stream import prepare_native  # noqa: PLC0415 - looks into memory through torch

        return prepare_native(self.kind, shape["elements"], place, seed, streaming=chosen == STREAMING)


def _in_torch(kind: Kind, elements: int, place: Place, seed: int) -> PreparedMemory:
    from kernels.shared import tensors  # noqa: PLC0415 - torch takes seconds to import

    source = tensors.generator(place.device, seed)
    sources = [tensors.normal_vector(elements, source) for _ in range(READS[kind])]
    target = sources[0].new_full((elements if WRITES[kind] else 1,), math.nan)
    return PreparedMemory(kind, target, *sources)
