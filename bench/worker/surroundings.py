"""What surrounds a batch of calls: meters, placement of the cores, and who else took CPU time."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bench.devices.device import Clock, Device
from bench.devices.meters.energy import Timed
from bench.devices.meters.telemetry import Telemetry, summarise_meters
from bench.devices.placement import MeasuredPlacement, measure_placement
from bench.environment import Load
from bench.errors import DeviceError
from bench.record import Placement
from bench.worker.tasks import Surroundings

if TYPE_CHECKING:
    from kernels.workload import Place


class Around:
    """Reads everything before and after a batch, and the meters while the device is busy.

    A GPU's meters are read in the background too. A CPU's are not: reading its clock takes a core from work.
    """

    def __init__(self, device: Device, place: Place, clock: Clock) -> None:
        self._device, self._place, self._clock = device, place, clock
        self._points: list[Timed] = []
        self._placed: list[MeasuredPlacement | None] = []
        self._background = None if place.kind == "cpu" else Telemetry(device, clock=clock)
        self._stack = ExitStack()
        self.window_seconds = 0.0

    def __enter__(self) -> Self:
        self._placed.append(measure_placement(self._place))
        self._load = Load()
        if self._background is None:
            self.during()
        else:
            self._stack.enter_context(self._background)
        self._start = self._clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.window_seconds = self._clock() - self._start
        if self._background is None:
            self.during()
        self._stack.close()
        self._loaded = self._load.since()
        self._placed.append(measure_placement(self._place))

    def during(self) -> None:
        """Read the meters: called while the device is busy, or hot from it."""
        self._points.append(Timed(self._clock(), self._device.read()))

    def surroundings(self) -> Surroundings:
        """What was read around the batch and while it ran; to be asked after the block.

        Raises:
            DeviceError: The driver says that the device has fallen off the bus.
        """
        meters, busy = summarise_meters(self._all_points()), summarise_meters(self._busy_points())
        if meters.lost:
            raise DeviceError("the driver says that the device has fallen off the bus")
        return Surroundings(
            clock_mhz=busy.clock_mhz or None,
            power_w=busy.power_w or None,
            energy_j=meters.energy.joules,
            energy_window_seconds=meters.energy.window_seconds,
            energy_source=meters.energy.source,
            temperature_c=busy.temperature_c,
            throttled=busy.throttled,
            throttle_reasons=busy.throttle_reasons,
            core_to_core_ns=_median(one.core_to_core_ns for one in self._placed if one),
            placement=self._placement(),
            steal_fraction=_fraction(self._loaded.get("steal_fraction")),
            other_load_fraction=_fraction(self._loaded.get("other_load_fraction")),
        )

    def _all_points(self) -> list[Timed]:
        background = () if self._background is None else self._background.points
        return sorted((*self._points, *background), key=lambda point: point.seconds)

    def _busy_points(self) -> list[Timed]:
        """Without the first, of a device that has not begun, and a GPU's last: its queue is empty then."""
        points = self._all_points()
        return (points[1:] if self._background is None else points[1:-1]) or points

    def _placement(self) -> Placement | None:
        """Near or far; None where the cores were moved in the middle, or nothing tells."""
        seen = {one.placement if one else None for one in self._placed}
        return seen.pop() if len(seen) == 1 else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value]
    return statistics.median(known) if known else None


def _fraction(value: object) -> float | None:
    return float(value) if isinstance(value, float) else None
