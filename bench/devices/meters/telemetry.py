"""Meters read in the background while a device works.

The thread sleeps nearly all of its time: where a reading is slow, readings become fewer, so that they take no
more than a hundredth of one core.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from bench.devices.device import Clock, Reading
from bench.devices.meters.energy import Energy, Timed, energy_over

# Of one core, what reading may take.
MOST_SHARE = 0.01
# How long a reading that hangs may hold up the end of a run.
PATIENCE_SECONDS = 2.0


class Readable(Protocol):
    """Anything with meters."""

    def read(self) -> Reading:
        """All meters now."""


@dataclass(frozen=True)
class MeterSummary:
    """Meters over a window.

    Attributes:
        clock_mhz: Median. Unit: MHz.
        power_w: Mean over time, from the energy where it is known. Unit: W.
        temperature_c: Highest. Unit: °C.
        throttled: Whether the device said so at any moment; None where it never says.
        throttle_reasons: Every reason that was given at any moment, sorted.
        energy: Over the window, with its source.
        readings: How many were taken.
        failures: How many raised.
        lost: Whether the device fell off the bus.
    """

    clock_mhz: float | None
    power_w: float | None
    temperature_c: float | None
    throttled: bool | None
    throttle_reasons: tuple[str, ...]
    energy: Energy
    readings: int
    failures: int
    lost: bool


class Telemetry:
    """Reads a device's meters at the start, at intervals, and at the end of a block."""

    def __init__(
        self, device: Readable, interval_seconds: float = 0.1, *, clock: Clock = time.perf_counter
    ) -> None:
        """Prepare; nothing is read before the block begins.

        Args:
            device: What to read.
            interval_seconds: Time between readings, longer where one is slow. Unit: s.
            clock: Tells when a reading was taken. Unit: s.
        """
        self._device, self._interval, self._clock = device, interval_seconds, clock
        self._points: list[Timed] = []
        self._failures = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="telemetry", daemon=True)

    def __enter__(self) -> Self:
        self._take()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)
        # Where a reading hangs in the driver, another one would hang here.
        if not self._thread.is_alive():
            self._take()

    @property
    def points(self) -> tuple[Timed, ...]:
        """Readings so far, in order."""
        return tuple(self._points)

    @property
    def failures(self) -> int:
        """Readings that raised."""
        return self._failures

    def summary(self) -> MeterSummary:
        """What the readings so far amount to."""
        return summarise_meters(self.points, self._failures)

    def _watch(self) -> None:
        """Sleep, read, and sleep the longer the slower the reading was."""
        wait = self._interval
        while not self._stop.wait(wait):
            cost = self._take()
            wait = max(self._interval, cost / MOST_SHARE)

    def _take(self) -> float:
        """Take one reading; how long it took. Unit: s."""
        begun = time.perf_counter()
        try:
            reading = self._device.read()
        # A meter that fails must not end the measurement that it watches.
        except Exception:
            self._failures += 1
        else:
            self._points.append(Timed(self._clock(), reading))
        return time.perf_counter() - begun


def summarise_meters(points: Iterable[Timed], failures: int = 0) -> MeterSummary:
    """What readings amount to, whoever took them."""
    points = tuple(points)
    readings = [point.reading for point in points]
    clocks = [reading.clock_mhz for reading in readings if reading.clock_mhz is not None]
    powers = [reading.power_w for reading in readings if reading.power_w is not None]
    heats = [reading.temperature_c for reading in readings if reading.temperature_c is not None]
    told = [reading.throttled for reading in readings if reading.throttled is not None]
    energy = energy_over(points)
    return MeterSummary(
        clock_mhz=statistics.median(clocks) if clocks else None,
        power_w=energy.mean_power_w or (statistics.fmean(powers) if powers else None),
        temperature_c=max(heats, default=None),
        throttled=any(told) if told else None,
        throttle_reasons=tuple(sorted({name for reading in readings for name in reading.throttle_reasons})),
        energy=energy,
        readings=len(points),
        failures=failures,
        lost=any(reading.lost for reading in readings),
    )
