"""What a workload is: the contract between what is run (here) and how it is measured (bench).

A workload describes itself without importing torch, so that it can be listed and its arithmetic checked
where torch is not installed. It knows nothing of time, files or the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

Shape = Mapping[str, int]
Metric = Literal["flop_rate", "bandwidth"]
Unit = Literal["FLOP/s", "B/s"]


@dataclass(frozen=True)
class Verdict:
    """Whether an output is right, and what was compared."""

    correct: bool
    detail: str


class Prepared(Protocol):
    """A workload with its operands on a device, ready to be called again and again."""

    @property
    def backend(self) -> str:
        """Library that does the work, for example ``torch/mkl``."""

    def setting(self) -> AbstractContextManager[None]:
        """Global switches that must hold while ``run`` is called, for example TF32 off."""

    def poison(self) -> None:
        """Fill the output with NaN, so that an output never written cannot pass ``check``."""

    def run(self) -> None:
        """One call. May return before the device is done."""

    def check(self) -> Verdict:
        """Compare the output of the last call with a float64 reference."""


class Workload(Protocol):
    """One kind of work, in closed form."""

    @property
    def name(self) -> str:
        """Name in records and on the command line."""

    @property
    def family(self) -> str:
        """Name that selects this and its relatives together, for example ``memory``."""

    @property
    def summary(self) -> str:
        """One sentence on what is measured."""

    @property
    def metric(self) -> Metric:
        """What the value is: a rate of arithmetic or of bytes."""

    @property
    def unit(self) -> Unit:
        """SI base unit of the value."""

    @property
    def precisions(self) -> tuple[str, ...]:
        """Precisions it can run in, the headline one first."""

    def flop(self, shape: Shape) -> float:
        """Floating-point operations of one call. Unit: FLOP."""

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Bytes one call must read and write at least. Unit: B."""

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """Memory that the operands take. Unit: B."""

    def ladder(self, precision: str, *, cache_bytes: int, memory_bytes: int) -> tuple[Shape, ...]:
        """Shapes worth trying, smallest first; empty where none fits.

        Args:
            precision: Precision of the operands.
            cache_bytes: Last-level cache, all instances that serve the device. Unit: B.
            memory_bytes: Memory that the operands may take. Unit: B.
        """

    def prepare(self, device: str, precision: str, shape: Shape, seed: int) -> Prepared:
        """Put normal random operands on a torch device.

        Raises:
            ValueError: The precision is not among ``precisions``.
        """
