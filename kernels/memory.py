"""Bandwidth of main memory: read, copy, scale, add and triad over arrays larger than the last-level cache.

What counts as bytes: those the operation reads plus those it writes, as STREAM counts them. The line
fill that an ordinary store causes before it overwrites (write-allocate) is traffic too but does no work,
and is not counted: the same device with non-temporal stores then shows its gain.

Source of the kernels, the array rule and the count of bytes: McCalpin, Memory bandwidth and machine balance
in current high performance computers (IEEE TCCA newsletter, December 1995).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kernels.workload import Choice, Metric, Place, Prepared, Shape, Unit, Verdict

if TYPE_CHECKING:
    import torch

Kind = Literal["read", "copy", "scale", "add", "triad"]
ELEMENT_BYTES = 4
# STREAM's rule: each array at least four times the last-level cache. The larger ones let a fast device
# spread the cost of starting a call.
CACHE_MULTIPLES = (4, 8, 16, 32)
SMALLEST_CACHE_BYTES = 16 << 20
SCALAR = 3.0
# 4 MiB: stays in cache between the steps of a check.
BLOCK_ELEMENTS = 1 << 20
# Arrays read and written, and operations on each element.
READS: dict[Kind, int] = {"read": 1, "copy": 1, "scale": 1, "add": 2, "triad": 2}
WRITES: dict[Kind, int] = {"read": 0, "copy": 1, "scale": 1, "add": 1, "triad": 1}
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
        _refuse_other_precision(precision)
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
        _refuse_other_precision(precision)
        known = self.backends(precision, place)
        chosen = backend or known[-1]
        if chosen not in known:
            raise ValueError(f"no backend {backend!r} for {self.name} here; known: {', '.join(known)}")
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


class PreparedMemory:
    """Arrays in place; ``target`` is one element where nothing is written but a sum."""

    def __init__(
        self, kind: Kind, target: torch.Tensor, first: torch.Tensor, second: torch.Tensor | None = None
    ) -> None:
        self.kind = kind
        self.target, self.first, self.second = target, first, second

    @property
    def backend(self) -> str:
        """Torch's own elementwise kernels."""
        return "torch/native"

    def setting(self) -> AbstractContextManager[None]:
        """Nothing to set."""
        return nullcontext()

    def poison(self) -> None:
        """Fill the target with NaN."""
        self.target.fill_(math.nan)

    def run(self) -> None:
        """One pass over the arrays."""
        import torch  # noqa: PLC0415

        if self.kind == "read":
            torch.sum(self.first, 0, keepdim=True, out=self.target)
        elif self.kind == "copy":
            self.target.copy_(self.first)
        elif self.kind == "scale":
            torch.mul(self.first, SCALAR, out=self.target)
        else:
            torch.add(self.first, self._required_second(), alpha=self._alpha(), out=self.target)

    def check(self) -> Verdict:
        """Every element: bitwise for copy, within a few roundings of a second computation elsewhere."""
        if self.kind == "read":
            return self._check_sum()
        if self.kind == "copy":
            wrong = self._differing()
            return Verdict(correct=wrong == 0, detail=f"{wrong} of {len(self.target)} elements differ")
        worst = self._worst_error()
        return Verdict(correct=worst <= 1, detail=f"largest error at {worst:.3g} of its tolerance")

    def digest(self) -> str | None:
        """Nothing to promise: ``check`` compares every element anyway."""
        return None

    def _check_sum(self) -> Verdict:
        """The sum against one in float64.

        A float32 sum of n terms in pairs or in many lanes errs by at most some log2(n) or n / lanes
        roundings of the sum of magnitudes; √n of them are allowed (Higham, Accuracy and Stability, 2nd ed.,
        section 4.2).
        """
        from kernels.shared import tensors  # noqa: PLC0415

        total, magnitude = 0.0, 0.0
        for part in self._blocks():
            block = tensors.float64(self.first[part])
            total, magnitude = total + float(block.sum()), magnitude + float(block.abs().sum())
        allowed = tensors.UNIT_ROUNDOFF_FP32 * math.sqrt(len(self.first)) * magnitude
        error = abs(float(self.target[0]) - total)
        return Verdict(correct=error <= allowed, detail=f"sum off by {error:.3g}, {allowed:.3g} allowed")

    def _differing(self) -> int:
        # A NaN differs from everything, itself included.
        return sum(int((self.target[part] != self.first[part]).sum()) for part in self._blocks())

    def _worst_error(self) -> float:
        """Largest error over all elements, as a share of its tolerance; NaN where an element is NaN.

        The reference is two float32 operations, each rounded once, as it may be in the routine or not (a
        fused one rounds once in all): tolerance 4u·(max|b| + s·max|c|) over the block. Float64 would double
        the traffic of what is already the longest check of all.
        """
        from kernels.shared import tensors  # noqa: PLC0415

        worst = 0.0
        for part in self._blocks():
            expected, size = self._expected(part)
            share = _largest(expected.sub_(self.target[part])) / (4 * tensors.UNIT_ROUNDOFF_FP32 * size)
            worst = share if math.isnan(share) else max(worst, share)
            if math.isnan(worst):
                break
        return worst

    def _expected(self, part: slice) -> tuple[torch.Tensor, float]:
        """What a block must be, and the magnitude of what was added to it."""
        first = self.first[part]
        if self.kind == "scale":
            return first * SCALAR, SCALAR * _largest(first)
        second = self._required_second()[part]
        scaled = second * self._alpha()
        return scaled.add_(first), _largest(first) + self._alpha() * _largest(second)

    def _alpha(self) -> float:
        return SCALAR if self.kind == "triad" else 1.0

    def _required_second(self) -> torch.Tensor:
        if self.second is None:
            raise ValueError(f"{self.kind} needs two operands")
        return self.second

    def _blocks(self) -> Iterator[slice]:
        return (slice(start, start + BLOCK_ELEMENTS) for start in range(0, len(self.first), BLOCK_ELEMENTS))


def _largest(values: torch.Tensor) -> float:
    """Largest magnitude; NaN where one is NaN."""
    low, high = (float(bound) for bound in values.aminmax())
    return max(-low, high)


def _refuse_other_precision(precision: str) -> None:
    if precision != "fp32":
        raise ValueError(f"memory moves float32 arrays; found precision {precision!r}")
