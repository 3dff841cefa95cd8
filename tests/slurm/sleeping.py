"""The real command on a device that sleeps: eight nodes of it take two cores nearly nothing.

All is as users run it (options, launcher, journal, rounds, record, gathering) but for the device, whose calls
take real time asleep. A process that is stopped and continued all the time is slowed for real.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bench.environment
import bench.session
from bench.devices.device import Batch
from bench.devices.fake import FakeClock, FakeDevice, FakeWorkload
from flopcensus.cli import main
from kernels.workload import Verdict

CALL_SECONDS = 0.02


class RealClock(FakeClock):
    """Time passes by itself, and advancing is waiting."""

    def __call__(self) -> float:
        """Seconds since some start."""
        return time.perf_counter()

    def advance(self, seconds: float) -> None:
        """Wait. Unit: s."""
        time.sleep(seconds)


@dataclass
class SleepingDevice(FakeDevice):
    """Calls that are timed as they went, in place of as they were to go."""

    def time_calls(self, call: Callable[[], None], count: int, during: Callable[[], None]) -> Batch:
        """Sleep through them."""
        seconds = []
        for _ in range(count):
            start = time.perf_counter()
            call()
            time.sleep(CALL_SECONDS)
            seconds.append(time.perf_counter() - start)
        during()
        return Batch(tuple(seconds))


def measure(*arguments: Any, **options: Any) -> Any:
    """`bench.session.measure` with that device, and without torch, which nothing needs here."""
    clock = RealClock()
    workload = FakeWorkload(Verdict(correct=True, detail=""), name="gemm", family="gemm", headline=True)
    return _measure(
        *arguments,
        **options | {"lookup": lambda _: None},
        devices=[SleepingDevice(clock)],
        workloads={"gemm": workload},
        clock=clock,
    )


if __name__ == "__main__":
    bench.environment.library_facts = dict  # type: ignore[attr-defined]
    _measure, bench.session.measure = bench.session.measure, measure
    main()
