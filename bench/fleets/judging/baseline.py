"""A fleet against itself at an earlier time: devices that lost more than their peers, and the whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench.fleets.gathering import Gathered
from bench.fleets.judging.robust import Floats
from bench.fleets.judging.signals import (
    LOADS,
    RATE_DEGREES,
    Signal,
    Table,
    load_of,
    mean_over,
    residuals,
    shrunk,
    table_of,
)

# Where no baseline can be learnt, a device that lost as much as this has regressed; less may be its scatter.
LOST_ALONE = 0.05
_CONFIDENCE = 0.95
# Φ⁻¹(0.975)
_Z = 1.959964
_COUNTED_BELOW = 1000


@dataclass(frozen=True)
class Before:
    """An earlier fleet, and the places of its records that do not count."""

    gathered: Gathered
    withdrawn: tuple[int, ...] = ()


@dataclass(frozen=True)
class Shift:
    """How one metric of a whole group moved: median of new ÷ old over its devices, with a 95 % interval.

    The interval is that of the sign test, between order statistics (Conover, Practical Nonparametric
    Statistics, 3rd ed. 1999, section 3.2); None where too few devices give one.
    """

    metric: str
    devices: int
    ratio: float
    ci95: tuple[float, float] | None

    @property
    def slower(self) -> bool:
        """Whether the interval lies wholly below 1, and the median by one per cent or more."""
        return self.ci95 is not None and self.ci95[1] < 1 and self.ratio <= 0.99


def ratios_of(gathered: Gathered, devices: Sequence[int], table: Table, before: Before) -> tuple[Floats, int]:
    """Logs of new ÷ old by device and metric of a group, and how many devices have other hardware by now.

    Software may differ: what a new driver did is what a baseline is often asked for.

    Args:
        gathered: The fleet as it is now.
        devices: Numbers of the group's devices.
        table: The group's means, a row for each of these devices.
        before: The fleet as it was.
    """
    old = before.gathered
    known = {(old.nodes[one.node], one.description.id): place for place, one in enumerate(old.devices)}
    pairs, different = [], 0
    for place, number in enumerate(devices):
        one = gathered.devices[number]
        found = known.get((gathered.nodes[one.node], one.description.id))
        if found is None:
            continue
        if old.devices[found].likeness.hardware != one.likeness.hardware:
            different += 1
            continue
        pairs.append((place, found))
    logs = np.full(table.logs.shape, np.nan)
    if pairs:
        earlier = table_of(old, old.rows(before.withdrawn), [found for _, found in pairs])
        columns = {metric: column for column, metric in enumerate(earlier.metrics)}
        places = [place for place, _ in pairs]
        for column, metric in enumerate(table.metrics):
            if metric in columns:
                logs[places, column] = table.logs[places, column] - earlier.logs[:, columns[metric]]
    return logs, different


def regressions(table: Table, ratios: Floats) -> Iterator[Signal]:
    """Yield what each device lost by what is loaded, against what its peers lost."""
    loads = np.array([load_of(metric) for metric in table.metrics])
    for load in LOADS:
        where = np.flatnonzero(loads == load)
        if len(where) and np.isfinite(ratios[:, where]).any():
            lost = mean_over(residuals(ratios[:, where])[0])
            yield Signal(
                f"{load} since the baseline", "regressed", -lost, shrunk(lost), 0.01, degrees=RATE_DEGREES
            )


def lost_alone(table: Table, ratios: Floats) -> Iterator[tuple[int, str, float]]:
    """Yield place, load and loss of devices that lost much, where there are too few peers to compare with."""
    loads = np.array([load_of(metric) for metric in table.metrics])
    for load in LOADS:
        where = np.flatnonzero(loads == load)
        if not len(where):
            continue
        lost = shrunk(mean_over(ratios[:, where]))
        for place in np.flatnonzero(np.nan_to_num(lost) >= LOST_ALONE):
            yield int(place), load, float(lost[place])


def shifts(table: Table, ratios: Floats) -> Iterator[Shift]:
    """Yield how each metric of the group moved."""
    for column, metric in enumerate(table.metrics):
        logs = np.sort(ratios[np.isfinite(ratios[:, column]), column])
        if len(logs):
            interval = None
            if (place := _order(len(logs))) is not None:
                interval = math.exp(logs[place]), math.exp(logs[-1 - place])
            yield Shift(metric.name, len(logs), math.exp(float(np.median(logs))), interval)


def _order(count: int) -> int | None:
    """Place, from 0, of the lower end of the sign test's interval among sorted values, if there is one.

    It is the largest k for which at most k of ``count`` fair coins show heads with a chance of 2.5 % or less:
    by counting below 1000 values, beyond by the normal approximation with its correction for continuity.

    >>> [_order(count) for count in (5, 6, 20)]
    [None, 0, 5]
    """
    if count >= _COUNTED_BELOW:
        return math.floor(count / 2 - _Z * math.sqrt(count) / 2 - 0.5)
    allowed = (1 - _CONFIDENCE) / 2
    term, total, place = 0.5**count, 0.0, -1
    while total + term <= allowed:
        total += term
        place += 1
        term *= (count - place) / (place + 1)
    return place if place >= 0 else None
