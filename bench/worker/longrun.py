"""A long run without a pause: the rate of the first second, and the steady rate after it.

Power and heat pull the clock down within seconds (GPUs under a power limit) to minutes (air cooling); a short
batch never sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench.devices.device import Clock, Device, Reading, unwatched
from bench.devices.meters.energy import Timed, energy_over
from bench.record import TracePoint
from bench.worker.tasks import LongRunTaken

BURST_SECONDS = 1.0
# How often the meters are read, and at most how many points a trace has.
POINT_SECONDS = 0.25
MOST_POINTS = 120


@dataclass(frozen=True)
class _Stretch:
    """Calls between two looks at the meters."""

    start: float
    end: float
    work: float
    seconds: float
    reading: Reading


def run_long(
    device: Device, call: Callable[[], None], work: float, call_seconds: float, seconds: float, clock: Clock
) -> LongRunTaken:
    """Call again and again for the given time.

    Args:
        device: What the calls are timed on.
        call: One call.
        work: Work of a call. Unit: FLOP or B.
        call_seconds: About how long a call takes. Unit: s.
        seconds: How long to go on. Unit: s.
        clock: Tells the time. Unit: s.
    """
    # What is made ready on the first call (libraries, compiled kernels) is not part of the first second.
    device.time_calls(call, 1, unwatched)
    begin, stretches = clock(), list[_Stretch]()
    pace = max(POINT_SECONDS, seconds / MOST_POINTS)
    while not stretches or stretches[-1].end < seconds:
        start = clock() - begin
        readings: list[Reading] = []
        count = max(1, round(pace / call_seconds))
        batch = device.time_calls(call, count, partial(_keep, device, readings))
        call_seconds = batch.total_seconds / count
        stretches.append(_Stretch(start, clock() - begin, work * count, batch.total_seconds, readings[-1]))
    return _taken(stretches, seconds)


def _taken(stretches: Sequence[_Stretch], seconds: float) -> LongRunTaken:
    last_half = [one for one in stretches if one.start >= seconds / 2] or stretches[-1:]
    # Readings are taken at the same point of each stretch, so that between the first and the last of them
    # lies the work of all stretches but one.
    energy = energy_over([Timed(one.end, one.reading) for one in last_half])
    return LongRunTaken(
        burst=_rate([one for one in stretches if one.start < BURST_SECONDS]),
        steady=_rate(last_half),
        trace=tuple(_point(one) for one in stretches),
        energy_j=energy.joules,
        energy_work=sum(one.work for one in last_half[1:]),
        energy_source=energy.source,
    )


def _keep(device: Device, readings: list[Reading]) -> None:
    readings.append(device.read())


def _rate(stretches: Sequence[_Stretch]) -> float:
    return sum(one.work for one in stretches) / sum(one.seconds for one in stretches)


def _point(stretch: _Stretch) -> TracePoint:
    reading = stretch.reading
    return TracePoint(
        seconds=(stretch.start + stretch.end) / 2,
        value=stretch.work / stretch.seconds,
        clock_mhz=reading.clock_mhz,
        power_w=reading.power_w,
        temperature_c=reading.temperature_c,
        throttle_reasons=reading.throttle_reasons,
    )
