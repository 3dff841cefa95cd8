"""What there is to choose for, and what was chosen."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.devices.device import Batch, Clock, Device
from bench.record import Search

if TYPE_CHECKING:
    from kernels.workload import Place, Prepared, Shape, Workload


# A call this share of its slot long leaves about twenty calls a round.
ENOUGH_OF_SLOT = 0.05


class NothingToChoose(Exception):
    """The device cannot run the workload in this precision at all; the text says why."""


@dataclass(frozen=True)
class Bout:
    """One workload in one precision on one device.

    Attributes:
        workload: What is run.
        precision: In which precision.
        device: Where, as calls are timed on it.
        place: Where, as the workload sees it.
        seed: Draws the operands.
        clock: Tells the time. Unit: s.
    """

    workload: Workload
    precision: str
    device: Device
    place: Place
    seed: int
    clock: Clock

    def work(self, shape: Shape) -> float:
        """FLOP, bytes, tokens or launches of one call in this shape, as the metric says."""
        return work_of(self.workload, shape, self.precision)

    def prepare(self, shape: Shape, backend: str | None = None) -> Prepared:
        """Operands in place, with the library named or torch's default."""
        return self.workload.prepare(self.precision, shape, self.place, seed=self.seed, backend=backend)

    def time(self, prepared: Prepared, count: int, *, warm_up: int = 1) -> Batch:
        """Time calls after some to warm up, the output poisoned before."""
        prepared.poison()
        with prepared.setting():
            if warm_up:
                self.device.time_calls(prepared.run, warm_up, _nothing)
            return self.device.time_calls(prepared.run, count, _nothing)

    def rate(self, shape: Shape, batch: Batch) -> float:
        """Work of a call ÷ median time of a call. Unit: the workload's."""
        return self.work(shape) / statistics.median(batch.call_seconds)


@dataclass(frozen=True)
class Chosen:
    """What to measure.

    Attributes:
        shape: The shape.
        backend: Library, one of the workload's ``backends``; None for torch's default.
        call_seconds: Mean time of a call, to plan with. Unit: s.
        search: How it was found, where more than a ladder was climbed.
        notes: What a reader should know, for example that memory ran out at the next larger shape.
    """

    shape: Shape
    backend: str | None
    call_seconds: float
    search: Search | None = None
    notes: tuple[str, ...] = field(default=())


def work_of(workload: Workload, shape: Shape, precision: str) -> float:
    """What a workload's metric counts, of one call.

    Raises:
        TypeError: The metric counts tokens or launches, and the workload does not say how many.
    """
    if workload.metric == "flop_rate":
        return workload.flop(shape)
    if workload.metric == "bandwidth":
        return workload.bytes_moved(shape, precision)
    # By name, since another package may hide ours until that was checked.
    count = getattr(workload, "count", None)
    if count is None:
        raise TypeError(f"{workload.name} has metric {workload.metric} and must say its count(shape)")
    return float(count(shape))


def in_words(shape: Shape) -> str:
    """For people: ``m=512 n=1024 k=512``."""
    return " ".join(f"{side}={size}" for side, size in shape.items())


def _nothing() -> None:
    """For calls that no meter is read beside."""
