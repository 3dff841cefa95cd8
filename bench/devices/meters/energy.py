"""Energy of a window: from a counter, else from power integrated over time, else not available, never 0.

How long a window must be: a counter that moves every P seconds is off by up to P at either end of a window,
so that a window of W seconds is off by up to P/W. P is watched, not assumed; Yang, Adamek and Armour
("Accurate and convenient energy measurements for GPUs", SC24) found that NVIDIA's power readings are renewed
every 20 to 100 ms.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.devices.device import Clock, Reading

NOT_AVAILABLE = "not available"
INTEGRATED = "integrated_power"
# A window of this many periods of the counter is off by 5 % at the most.
PERIODS_PER_WINDOW = 20
# A driver renews its power reading ten times a second or more.
POWER_WINDOW_SECONDS = 2.0
# How a counter's period is found: it is read this often, for as long, until it has moved so many times.
POLL_SECONDS = 0.001
WATCH_SECONDS = 0.6
MOVES_WANTED = 4
# Of the window, what its power samples must span.
LEAST_COVER = 0.5


@dataclass(frozen=True)
class Timed:
    """A reading, and when it was taken on the clock of its taker. Unit: s."""

    seconds: float
    reading: Reading


@dataclass(frozen=True)
class Energy:
    """Energy of a window.

    Attributes:
        joules: Unit: J. None where nothing tells it.
        source: ``nvml_counter``, ``amdsmi_counter``, ``rapl``, ``integrated_power`` or ``not available``.
        window_seconds: From the first reading to the last. Unit: s.
    """

    joules: float | None
    source: str
    window_seconds: float

    @property
    def mean_power_w(self) -> float | None:
        """Energy ÷ time. Unit: W."""
        return self.joules / self.window_seconds if self.joules and self.window_seconds else None


def energy_over(points: Sequence[Timed]) -> Energy:
    """Energy from the first point to the last, by the best meter that has it.

    A counter that stands still or goes back over the window is passed over for integrated power: it tells
    nothing, rather than that nothing was used.
    """
    if len(points) < 2:
        return Energy(None, NOT_AVAILABLE, 0.0)
    window = points[-1].seconds - points[0].seconds
    counted = _counted(points)
    if counted is not None:
        return Energy(counted, _source(points), window)
    integrated = _integrated(points, window)
    return Energy(integrated, NOT_AVAILABLE if integrated is None else INTEGRATED, window)


def least_window_seconds(
    read: Callable[[], Reading],
    *,
    clock: Clock = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> float | None:
    """Shortest window whose energy is worth telling; None where no energy is told at all. Unit: s."""
    first = read()
    if first.energy_j is not None:
        period = counter_period_seconds(read, clock=clock, sleep=sleep)
        if period is not None:
            return PERIODS_PER_WINDOW * period
    return None if first.power_w is None else POWER_WINDOW_SECONDS


def counter_period_seconds(
    read: Callable[[], Reading],
    *,
    clock: Clock = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> float | None:
    """Time between two moves of the energy counter, as seen by watching it; None where it stays. Unit: s."""
    start = clock()
    last, moves = read().energy_j, list[float]()
    while clock() - start < WATCH_SECONDS and len(moves) < MOVES_WANTED:
        sleep(POLL_SECONDS)
        now = read().energy_j
        if now is None:
            return None
        if now != last:
            moves.append(clock())
            last = now
    gaps = [after - before for before, after in itertools.pairwise(moves)]
    return statistics.median(gaps) if gaps else None


def _counted(points: Sequence[Timed]) -> float | None:
    first, last = points[0].reading.energy_j, points[-1].reading.energy_j
    if first is None or last is None or last <= first:
        return None
    return last - first


def _source(points: Sequence[Timed]) -> str:
    return points[-1].reading.energy_source or "counter"


def _integrated(points: Sequence[Timed], window: float) -> float | None:
    """Trapezoids between the samples, their mean power held to the ends of the window. Unit: J."""
    samples = [(point.seconds, power) for point in points if (power := point.reading.power_w)]
    span = samples[-1][0] - samples[0][0] if samples else 0.0
    if span <= 0 or span < LEAST_COVER * window:
        return None
    area = sum((b - a) * (p + q) / 2 for (a, p), (b, q) in itertools.pairwise(samples))
    return area / span * window
