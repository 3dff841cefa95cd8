"""What a workload is: the contract between what is run (here) and how it is measured (bench).

A workload describes itself without importing torch, so that it can be listed and its arithmetic checked
where torch is not installed. It knows nothing of time, files or the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from ctypes import CDLL

# Which torch calls cuda: its streams, graphs and libraries, and Triton.
CUDA_KINDS = ("cuda", "rocm")
# GPUs with memory and units for the sizes that models have; Apple's get those of a CPU.
LARGE_GPUS = (*CUDA_KINDS, "xpu")
Shape = Mapping[str, int]
Metric = Literal["flop_rate", "bandwidth", "token_rate", "call_rate"]
Unit = Literal["FLOP/s", "B/s", "token/s", "1/s"]
Choice = Literal["climb", "search", "each"]
"""How the floor above settles on a shape: the best rung of the ladder, the best of a searched grid of shapes
and backends, or every rung as a result of its own."""


@dataclass(frozen=True)
class Place:
    """Where a workload runs, as the floor above found it.

    Attributes:
        device: Name in torch: ``cpu``, ``cuda:0``.
        kind: ``cpu``, ``cuda``, ``rocm``, ``xpu`` or ``mps``.
        memory_bytes: Memory that operands may take. Unit: B.
        cache_bytes: Last-level cache, all instances that serve the device. Unit: B.
        caches_bytes: Data caches as one core sees them, first level first. Unit: B.
        cpus: Logical CPUs that may be used, one a thread.
        isa: Instruction sets, by the names that `bench.devices.system.processor` gives them.
        architecture: Compute capability (``9.0``) or GPU architecture (``gfx942``).
        native: Compiled routines; None with the reason in ``native_absent``.
        native_absent: Why there are no compiled routines.
        peers: Other devices of the same kind in the node, as torch names them.
        numa_cpus: Logical CPUs that may be used on each memory node that has any.
        folder: Where a workload that reads files may put one; None where nobody said.
        ranks: Processes that take part in a call together, each with a device of its own.
        rank: Number of this process among them, from 0.
        group: Their process group in torch; None for that of all processes.
    """

    device: str = "cpu"
    kind: str = "cpu"
    memory_bytes: int = 1 << 62
    cache_bytes: int = 64 << 20
    caches_bytes: tuple[int, ...] = ()
    cpus: tuple[int, ...] = (0,)
    isa: frozenset[str] = frozenset()
    architecture: str | None = None
    native: CDLL | None = None
    native_absent: str | None = None
    peers: tuple[str, ...] = ()
    numa_cpus: tuple[tuple[int, ...], ...] = ()
    folder: str | None = None
    ranks: int = 1
    rank: int = 0
    group: object | None = None

    def for_probe(self) -> Place:
        """The place without what changes from call to call, so that what was asked of it once stays known."""
        return Place(self.device, self.kind, isa=self.isa, architecture=self.architecture)


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
        """Compare the output of the last call with an independent reference."""

    def digest(self) -> str | None:
        """Hash of the output of the last call; None where a repeated call need not be bitwise equal."""


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
        """What the value is: a rate of arithmetic, of bytes, of tokens or of calls."""

    @property
    def unit(self) -> Unit:
        """SI base unit of the value."""

    @property
    def precisions(self) -> tuple[str, ...]:
        """Precisions it can run in, the headline one first."""

    @property
    def choice(self) -> Choice:
        """How its shape is chosen."""

    @property
    def headline(self) -> bool:
        """Whether it is among the figures people quote, and so worth a long run."""

    def flop(self, shape: Shape) -> float:
        """Operations of one call: a multiplication and an addition count as two. Unit: FLOP."""

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Bytes one call must read and write at least. Unit: B."""

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """Memory that the operands take. Unit: B."""

    def lacks(self, precision: str, place: Place) -> str | None:
        """Why the software at hand cannot run it there in this precision; None where it can.

        What the hardware lacks, the device itself tells. A library that emulates a precision counts as
        lacking: it would pass off one precision's rate as another's.
        """

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """Libraries that can do the work there; what torch takes by default comes first."""

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Shapes worth trying, smallest first; empty where none fits the place's memory."""

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """Put normal random operands in place.

        Args:
            precision: One of ``precisions``.
            shape: One of the ladder's, or of the same form.
            place: Where.
            seed: Draws the operands.
            backend: One of ``backends``; the first where left out.

        Raises:
            ValueError: The precision or the backend is not among those listed.
        """


@runtime_checkable
class Counted(Protocol):
    """A workload that also counts tokens or launches: needed where its metric is a rate of those."""

    def count(self, shape: Shape) -> float:
        """How many tokens one call reads or makes; of a ``call_rate``, how many launches it makes."""


@runtime_checkable
class Remarked(Protocol):
    """A workload whose figure cannot be read without a remark, for example on what its FLOP include."""

    def remark(self, shape: Shape) -> str:
        """What a reader of the figure should know of how its work was counted."""


@runtime_checkable
class Lengthy(Protocol):
    """A workload of which only long calls are worth measuring, as of a model at its full width."""

    @property
    def enough_of_slot(self) -> float:
        """Share of a round from which on a call is long enough, so that no larger shape is tried."""
