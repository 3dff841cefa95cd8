"""What several devices do together: sums, gathers, exchanges and broadcasts among ranks.

Each rank is a process with a device of its own. Sizes and bandwidths are those of nccl-tests, so that
figures can be set beside its own (https://github.com/NVIDIA/nccl-tests, doc/PERFORMANCE.md). With S the
size and t the time of a call, the algorithm bandwidth is S/t; the bus bandwidth, which is the value here,
is that times a factor that makes it what a rank's link must carry at least, whatever the number of ranks n:

=============== ========================================================= ============
workload        size S, as nccl-tests has it                              factor
=============== ========================================================= ============
all_reduce      the array that each rank has, and gets                    2·(n − 1)/n
all_gather      the array that each rank gets: n parts                    (n − 1)/n
reduce_scatter  the array that each rank gives: n parts                   (n − 1)/n
all_to_all      the array that each rank gives, and gets: n parts         (n − 1)/n
broadcast       the array that the first rank gives                       1
send_recv       the array that each rank sends to the next, in a ring     1
=============== ========================================================= ============

A size is rounded down to whole float32 elements on every rank, and up to one element a part.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernels.exchange.kinds import KINDS, LIBRARIES, Kind
from kernels.shared.refusals import require_backend, require_place, require_precision
from kernels.workload import Choice, Metric, Place, Prepared, Shape, Unit

# Those whose array falls into a part for each rank.
IN_PARTS = frozenset({"all_gather", "reduce_scatter", "all_to_all"})
SUMMARIES: dict[Kind, str] = {
    "all_reduce": "sum of the arrays of all ranks, given to all; bus bandwidth as nccl-tests defines it",
    "all_gather": "a part of each rank, given to all; bus bandwidth as nccl-tests defines it",
    "reduce_scatter": "sum of all ranks' arrays, a part to each; bus bandwidth as nccl-tests defines it",
    "all_to_all": "a part from each rank to each; bus bandwidth as nccl-tests defines it",
    "broadcast": "an array of the first rank, given to all; bus bandwidth as nccl-tests defines it",
    "send_recv": "an array from each rank to the next in a ring; bandwidth that each rank sends with",
}
ELEMENT_BYTES = 4
SMALLEST_BYTES = 8
STEP = 8


def bus_factor(kind: Kind, ranks: int) -> float:
    """Bus bandwidth ÷ algorithm bandwidth (nccl-tests, doc/PERFORMANCE.md).

    Example:
        >>> bus_factor("all_reduce", 8), bus_factor("all_gather", 4), bus_factor("broadcast", 8)
        (1.75, 0.75, 1.0)
    """
    if kind in ("broadcast", "send_recv"):
        return 1.0
    return (2 if kind == "all_reduce" else 1) * (ranks - 1) / ranks


def sized(kind: Kind, size: int, ranks: int) -> int:
    """The size that is measured where this one is asked for. Unit: B.

    Example:
        >>> sized("all_gather", 64, 3), sized("all_gather", 8, 4), sized("all_reduce", 8, 4)
        (60, 16, 8)
    """
    whole = ELEMENT_BYTES * (ranks if kind in IN_PARTS else 1)
    return max(whole, size // whole * whole)


@dataclass(frozen=True)
class Collective:
    """One of the operations, over float32 arrays; every rank must run the same one at the same time."""

    kind: Kind
    family: str = "collectives"
    metric: Metric = "bandwidth"
    unit: Unit = "B/s"
    precisions: tuple[str, ...] = ("fp32",)
    choice: Choice = "each"
    headline: bool = False

    @property
    def name(self) -> str:
        """``all_reduce`` and so on."""
        return self.kind

    @property
    def summary(self) -> str:
        """One sentence on what is measured."""
        return SUMMARIES[self.kind]

    def flop(self, shape: Shape) -> float:
        """Additions of one rank on the way to a sum: (n − 1)/n an element. Unit: FLOP."""
        if self.kind not in ("all_reduce", "reduce_scatter"):
            return 0.0
        return shape["bytes"] / ELEMENT_BYTES * (shape["ranks"] - 1) / shape["ranks"]

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Bytes that a rank's link must carry at least, one way: size × `bus_factor`. Unit: B."""
        require_precision(self, precision)
        return shape["bytes"] * bus_factor(self.kind, shape["ranks"])

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """What a rank holds: what it gives, and what it gets. Unit: B."""
        require_precision(self, precision)
        size, part = shape["bytes"], shape["bytes"] // shape["ranks"]
        return size + (part if self.kind in ("all_gather", "reduce_scatter") else size)

    def lacks(self, precision: str, place: Place) -> str | None:
        """Where there is one rank only, or torch has no library for several on such devices."""
        if place.ranks < 2:
            return "takes two ranks or more: several devices, --ranks 2 on a CPU, or a launcher"
        if place.kind not in LIBRARIES:
            return f"torch has no collectives between {place.kind} devices"
        return None

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """NCCL between NVIDIA GPUs, RCCL (which torch calls nccl too) between AMD's, XCCL, Gloo."""
        return () if self.lacks(precision, place) else (LIBRARIES[place.kind],)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """From 8 B on, each eight times the one before, as far as the memory goes."""
        if self.lacks(precision, place):
            return ()
        shapes: list[Shape] = []
        size = SMALLEST_BYTES
        while self.footprint_bytes(shape := self.shaped(size, place), precision) <= place.memory_bytes:
            if not shapes or shape["bytes"] > shapes[-1]["bytes"]:
                shapes.append(shape)
            size *= STEP
        return tuple(shapes)

    def shaped(self, size: int, place: Place) -> Shape:
        """The shape of a size among the ranks of a place. Unit of the size: B."""
        return {"bytes": sized(self.kind, size, place.ranks), "ranks": place.ranks}

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """What this rank gives, and room for what it gets; torch's process group must be there."""
        require_precision(self, precision)
        require_place(self, precision, place)
        require_backend(self, precision, place, backend)
        from kernels.exchange.operation import prepared  # noqa: PLC0415 - torch takes seconds to import

        return prepared(self.kind, shape["bytes"] // ELEMENT_BYTES, place, seed)


COLLECTIVES: tuple[Collective, ...] = tuple(Collective(kind) for kind in KINDS)
