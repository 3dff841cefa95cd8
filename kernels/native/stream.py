"""STREAM's operations by the compiled routines, in huge pages and past the caches."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kernels.native.library import KINDS, WIDTHS, Array, best_width, cpu_array, require_success
from kernels.shared.streams import READS, SCALAR, WRITES, Kind, PreparedMemory
from kernels.workload import Place, Verdict

if TYPE_CHECKING:
    import torch

# Arrays that begin alike modulo the pages would meet in the same sets of caches and banks of memory.
STAGGER_BYTES = 64 << 10
POISON = 0x7FC00000


class NativeStream:
    """One operation over arrays in place, as often as said in one call.

    Attributes:
        width: Of the vectors: ``avx512``, ``avx2`` or ``sse2``.
        passes: In one call.
        sums: Of a read: one a thread, of the bits as 32-bit integers.
    """

    def __init__(
        self, kind: Kind, arrays: Sequence[Array], place: Place, *, streaming: bool, passes: int = 1
    ) -> None:
        if place.native is None:
            raise ValueError(place.native_absent or "no compiled routines")
        self.width, self.passes = best_width(place.isa), passes
        self.arrays = tuple(arrays)
        self.sums = (ctypes.c_uint32 * len(place.cpus))()
        self._library, self._cpus = place.native, place.cpus
        self._wall_seconds = ctypes.c_double()
        addresses = [one.address for one in arrays]
        written = [addresses.pop(0)] if WRITES[kind] else [None]
        read = [*addresses, *[None] * (2 - len(addresses))]
        self._arguments = (
            *(KINDS[kind], WIDTHS[self.width][1], int(streaming), *written, *read, SCALAR),
            *(arrays[0].elements, passes, cpu_array(place.cpus), len(place.cpus), self.sums),
            ctypes.byref(self._wall_seconds),
        )

    @property
    def wall_seconds(self) -> float:
        """Of the last call, first start to last end, without the call from Python. Unit: s."""
        return self._wall_seconds.value

    def run(self) -> None:
        """All passes, on all cores at once."""
        require_success(self._library.fc_stream(*self._arguments), "memory", self._cpus)


class PreparedNative(PreparedMemory):
    """Arrays in memory of our own, which torch looks into to fill and to check them."""

    def __init__(self, kind: Kind, stream: NativeStream, *, streaming: bool) -> None:
        import torch  # noqa: PLC0415

        self.stream, self._streaming = stream, streaming
        tensors = [torch.frombuffer(one.buffer(), dtype=torch.float32) for one in stream.arrays]
        target = tensors.pop(0) if WRITES[kind] else torch.full((1,), math.nan)
        super().__init__(kind, target, *tensors)

    @property
    def backend(self) -> str:
        """``native/``, the width of the vectors, ``nt`` for non-temporal stores, and the pages."""
        how = "" if not self._streaming else " prefetched" if self.kind == "read" else " nt"
        pages = {one.pages for one in self.stream.arrays}
        return f"native/{self.stream.width}{how}, {pages.pop() if len(pages) == 1 else 'mixed pages'}"

    def poison(self) -> None:
        """Fill the target with NaN, and the sums of a read with the bits of one."""
        super().poison()
        self.stream.sums[:] = [POISON] * len(self.stream.sums)

    def run(self) -> None:
        """One pass over the arrays."""
        self.stream.run()

    def _check_sum(self) -> Verdict:
        """The bits read, as integers: exact."""
        found = sum(self.stream.sums) & 0xFFFFFFFF
        expected = self.stream.passes * _bit_sum(self.first) & 0xFFFFFFFF
        return Verdict(correct=found == expected, detail=f"sum of bits {found:#x}, expected {expected:#x}")


def prepare_native(
    kind: Kind, elements: int, place: Place, seed: int, *, streaming: bool, passes: int = 1
) -> PreparedNative:
    """Standard normal operands in memory of our own."""
    from kernels.shared import tensors  # noqa: PLC0415 - torch takes seconds to import

    arrays = _arrays(READS[kind] + WRITES[kind], elements, place)
    stream = NativeStream(kind, arrays, place, streaming=streaming, passes=passes)
    prepared = PreparedNative(kind, stream, streaming=streaming)
    source = tensors.generator("cpu", seed)
    for operand in (prepared.first, prepared.second):
        if operand is not None:
            pattern = tensors.normal_vector(min(elements, tensors.PATTERN_ELEMENTS), source)
            tensors.repeat_along(operand, pattern)
    return prepared


def _arrays(count: int, elements: int, place: Place) -> list[Array]:
    if place.native is None:
        raise ValueError(place.native_absent or "no compiled routines")
    return [Array(place.native, elements, place.cpus, number * STAGGER_BYTES) for number in range(count)]


def _bit_sum(values: torch.Tensor) -> int:
    """Sum of the bits of float32 values as integers, modulo 2^32."""
    import torch  # noqa: PLC0415

    return int(values.view(torch.int32).sum(dtype=torch.int64)) & 0xFFFFFFFF
