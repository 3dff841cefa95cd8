"""Bandwidth of main memory: copy and triad over arrays far larger than the last-level cache.

What counts as bytes: those the operation reads plus those it writes, as STREAM counts them. The line
fill that an ordinary store causes before it overwrites (write-allocate) is traffic too but does no work,
and is not counted: the same device with non-temporal stores then shows its gain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kernels.workload import Choice, Metric, Place, Prepared, Shape, Unit, Verdict

if TYPE_CHECKING:
    import torch

ELEMENT_BYTES = 4
# STREAM's rule: each array at least four times the last-level cache. The larger ones let a fast device
# spread the cost of starting a call.
CACHE_MULTIPLES = (4, 8, 16, 32)
SMALLEST_CACHE_BYTES = 16 << 20
TRIAD_SCALAR = 3.0
# 4 MiB: stays in cache between the steps of a check.
BLOCK_ELEMENTS = 1 << 20


@dataclass(frozen=True)
class Memory:
    """Copy ``a = b`` or triad ``a = b + s·c`` over float32 arrays.

    Source of the kernels, the array rule and the count of bytes: McCalpin, Memory bandwidth and machine
    balance in current high performance computers (IEEE TCCA newsletter, December 1995).
    """

    kind: Literal["copy", "triad"]
    family: str = "memory"
    metric: Metric = "bandwidth"
    unit: Unit = "B/s"
    precisions: tuple[str, ...] = ("fp32",)
    choice: Choice = "climb"
    headline: bool = False

    @property
    def name(self) -> str:
        """``memory_copy`` or ``memory_triad``."""
        return f"{self.family}_{self.kind}"

    @property
    def summary(self) -> str:
        """One sentence on what is measured."""
        formula = "a = b" if self.kind == "copy" else "a = b + s·c"
        return f"main-memory bandwidth of {formula}; bytes read plus written, write-allocate not counted"

    @property
    def _arrays(self) -> int:
        return 2 if self.kind == "copy" else 3

    def flop(self, shape: Shape) -> float:
        """0 for copy; 2 an element for triad (multiply, add). Unit: FLOP."""
        return 0.0 if self.kind == "copy" else 2.0 * shape["elements"]

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Copy: 1 array read, 1 written. Triad: 2 read, 1 written. Unit: B."""
        return float(self.footprint_bytes(shape, precision))

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """2 (copy) or 3 (triad) arrays of float32. Unit: B."""
        _refuse_other_precision(precision)
        return self._arrays * shape["elements"] * ELEMENT_BYTES

    def lacks(self, precision: str, place: Place) -> str | None:
        """Nothing: every torch device copies and adds."""
        return None

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """Torch's own elementwise kernels."""
        return ("torch",)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Sizes from the least that STREAM's rule allows; empty where the memory does not hold that."""
        least_bytes = max(place.cache_bytes, SMALLEST_CACHE_BYTES)
        sizes = ({"elements": multiple * least_bytes // ELEMENT_BYTES} for multiple in CACHE_MULTIPLES)
        return tuple(s for s in sizes if self.footprint_bytes(s, precision) <= place.memory_bytes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """Put standard normal operands on the device."""
        from kernels import tensors  # noqa: PLC0415 - torch takes seconds to import

        _refuse_other_precision(precision)
        source = tensors.generator(place.device, seed)
        sources = [tensors.normal_vector(shape["elements"], source) for _ in range(self._arrays - 1)]
        target = sources[0].new_full((shape["elements"],), math.nan)
        return PreparedMemory(target, *sources)


class PreparedMemory:
    """Arrays in place: ``target = first`` or ``target = first + s·second``."""

    def __init__(self, target: torch.Tensor, first: torch.Tensor, second: torch.Tensor | None = None) -> None:
        import torch  # noqa: PLC0415

        self.target, self.first, self.second = target, first, second
        self._add: Callable[..., torch.Tensor] = torch.add

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
        if self.second is None:
            self.target.copy_(self.first)
        else:
            self._add(self.first, self.second, alpha=TRIAD_SCALAR, out=self.target)

    def check(self) -> Verdict:
        """Every element: bitwise for copy, within a few roundings of a second computation for triad."""
        if self.second is None:
            wrong = self._differing()
            return Verdict(correct=wrong == 0, detail=f"{wrong} of {len(self.target)} elements differ")
        worst = self._worst_error(self.second)
        return Verdict(correct=worst <= 1, detail=f"largest error at {worst:.3g} of its tolerance")

    def digest(self) -> str | None:
        """Nothing to promise: ``check`` compares every element anyway."""
        return None

    def _differing(self) -> int:
        # A NaN differs from everything, itself included.
        return sum(int((self.target[part] != self.first[part]).sum()) for part in self._blocks())

    def _worst_error(self, second: torch.Tensor) -> float:
        """Largest error over all elements, as a share of its tolerance; NaN where an element is NaN.

        The reference is b + s·c as two float32 operations, each rounded once, as it may be in the triad or
        not (a fused one rounds once in all): tolerance 4u·(max|b| + s·max|c|) over the block. Float64
        would double the traffic of what is already the longest check of all.
        """
        from kernels import tensors  # noqa: PLC0415

        worst = 0.0
        for part in self._blocks():
            error = (second[part] * TRIAD_SCALAR).add_(self.first[part]).sub_(self.target[part])
            size = _largest(self.first[part]) + TRIAD_SCALAR * _largest(second[part])
            share = _largest(error) / (4 * tensors.UNIT_ROUNDOFF_FP32 * size)
            worst = share if math.isnan(share) else max(worst, share)
            if math.isnan(worst):
                break
        return worst

    def _blocks(self) -> Iterator[slice]:
        return (slice(start, start + BLOCK_ELEMENTS) for start in range(0, len(self.target), BLOCK_ELEMENTS))


def _largest(values: torch.Tensor) -> float:
    """Largest magnitude; NaN where one is NaN."""
    low, high = (float(bound) for bound in values.aminmax())
    return max(-low, high)


def _refuse_other_precision(precision: str) -> None:
    if precision != "fp32":
        raise ValueError(f"memory moves float32 arrays; found precision {precision!r}")
