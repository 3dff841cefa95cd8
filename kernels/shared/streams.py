"""STREAM's operations on arrays in place: how many arrays each takes, and whether it did what it should.

Shared by the workloads of main memory and by the compiled routines; torch is loaded when one runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal

from kernels.workload import Verdict

if TYPE_CHECKING:
    import torch

Kind = Literal["read", "copy", "scale", "add", "triad"]
ELEMENT_BYTES = 4
SCALAR = 3.0
# 4 MiB: stays in cache between the steps of a check.
BLOCK_ELEMENTS = 1 << 20
# Arrays read and written.
READS: dict[Kind, int] = {"read": 1, "copy": 1, "scale": 1, "add": 2, "triad": 2}
WRITES: dict[Kind, int] = {"read": 0, "copy": 1, "scale": 1, "add": 1, "triad": 1}


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
