"""A trial: one workload on one device in one precision, from its first probe to its result."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.devices.device import Batch, Clock, Device, Reading

if TYPE_CHECKING:
    from kernels.workload import Prepared, Shape, Verdict, Workload

# More events than this in one queue only cost memory; the interval comes from rounds, not calls.
MOST_CALLS = 20_000


@dataclass(frozen=True)
class Round:
    """One fresh batch of calls.

    Attributes:
        value: Work of a call ÷ median time of a call. Unit: the workload's.
        sample_count: Timed calls.
        sample_seconds: Time inside them. Unit: s.
        window_seconds: Time between the meter readings before and after. Unit: s.
        energy_j: Energy over that window. Unit: J.
        during: Meters while the device was busy.
    """

    value: float
    sample_count: int
    sample_seconds: float
    window_seconds: float
    energy_j: float | None
    during: Reading


@dataclass
class Trial:
    """State of one measurement; ``error`` or ``skipped`` ends it without a value."""

    workload: Workload
    device: Device
    precision: str
    seed: int
    clock: Clock
    shape: Shape = field(default_factory=dict)
    prepared: Prepared | None = None
    backend: str | None = None
    call_seconds: float = 0.0
    check_seconds: float = 0.0
    seconds_spent: float = 0.0
    rounds: list[Round] = field(default_factory=list)
    verdict: Verdict | None = None
    skipped: str | None = None
    error: str | None = None
    interrupted: bool = False

    @property
    def active(self) -> bool:
        """Whether rounds can be taken."""
        return self.prepared is not None and self.error is None and self.skipped is None

    @property
    def values(self) -> tuple[float, ...]:
        """Value of each round, in the workload's unit."""
        return tuple(taken.value for taken in self.rounds)

    @property
    def label(self) -> str:
        """For people: ``gemm bf16 on cpu``."""
        return f"{self.workload.name} {self.precision} on {self.device.description.id}"

    def work(self, shape: Shape) -> float:
        """FLOP or bytes of one call in this shape, as the metric says."""
        if self.workload.metric == "flop_rate":
            return self.workload.flop(shape)
        return self.workload.bytes_moved(shape, self.precision)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Book the time, and turn a failure into the trial's error, so that other trials go on."""
        start = self.clock()
        try:
            with self.device.activated():
                yield
        # Whatever a kernel or a driver raises ends this trial, and only this one.
        except Exception as error:
            self.fail(describe(error))
        finally:
            self.seconds_spent += self.clock() - start

    def fail(self, reason: str) -> None:
        """End the trial without a value, and let go of its memory."""
        self.error = reason
        self.release()

    def release(self) -> None:
        """Let go of the operands."""
        self.prepared = None
        # A device that has just failed may fail again here, and its first error is the one to report.
        with suppress(RuntimeError):
            self.device.release_memory()

    def check(self) -> None:
        """Verify the output of the last call; a verdict that was once bad stays bad."""
        if self.prepared is None:
            return
        start = self.clock()
        verdict = self.prepared.check()
        self.check_seconds = self.clock() - start
        if self.verdict is None or self.verdict.correct:
            self.verdict = verdict

    def take_round(self, slot_seconds: float) -> None:
        """Poison, warm up, then time as many calls as fill what is left of the slot."""
        if self.prepared is None:
            return
        start = self.clock()
        self.prepared.poison()
        with self.prepared.setting():
            self._time(1, _nothing)
            left = slot_seconds - (self.clock() - start)
            count = min(MOST_CALLS, max(1, int(left / self.call_seconds)))
            taken = self._measured_batch(count)
        self.rounds.append(taken)
        self.call_seconds = taken.sample_seconds / taken.sample_count

    def _measured_batch(self, count: int) -> Round:
        readings: list[Reading] = []
        before, start = self.device.read(), self.clock()
        batch = self._time(count, lambda: readings.append(self.device.read()))
        window, after = self.clock() - start, self.device.read()
        energy = None
        if before.energy_j is not None and after.energy_j is not None:
            energy = after.energy_j - before.energy_j
        value = self.work(self.shape) / statistics.median(batch.call_seconds)
        return Round(
            value, count, batch.total_seconds, window, energy, readings[0] if readings else Reading()
        )

    def _time(self, count: int, during: Callable[[], None]) -> Batch:
        if self.prepared is None:
            raise RuntimeError("nothing is prepared")
        return self.device.time_calls(self.prepared.run, count, during)


def describe(error: BaseException) -> str:
    """An exception on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on the host or on a device."""
    text = str(error).lower()
    signs = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")
    return isinstance(error, MemoryError) or any(sign in text for sign in signs)


def _nothing() -> None:
    """For calls that are not measured."""
