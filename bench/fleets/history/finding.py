"""What has changed in a history: devices that lost speed and did not regain it, the whole fleet, trends.

A device is judged by its distance from the median of all devices of its model that night, so that what moves
all of them alike (a driver, a summer) is not held against one; the median itself is judged as a series of its
own. Where most nights have fewer than five nodes there is no such median, and devices are judged by
themselves.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from bench.errors import InputError
from bench.fleets.history.asking import Asked, Nights, Series, Setting
from bench.fleets.history.changes import (
    LEAST_NIGHTS,
    Floats,
    Ints,
    changes,
    false_discoveries,
    night_correlation,
    screen,
    shift,
    slope,
)
from bench.fleets.robust import LEAST_NODES

# Nobody drains a node for less.
LEAST_SIZE = 0.01
_MOST_RELATIVE_GAPS = 0.2
_DAY_0 = date(1970, 1, 1)
_A_MONTH = 30
_WORDS = {"uuid": "another device (UUID)", "driver": "driver", "torch": "torch", "runtime": "CUDA or ROCm"}


@dataclass(frozen=True)
class Step:
    """A change of level: the first night after it, and new ÷ old with its 95 % interval."""

    date: date
    ratio: float
    ci95: tuple[float, float]


@dataclass(frozen=True)
class Found:
    """A series whose level changed; ``node`` and ``device`` are empty for the median of all devices.

    Attributes:
        steps: Every change found.
        regressed: Whether a drop has not been made good, by one per cent or more.
        since: Date of that drop; None where there is none.
        lost: Share by which the present level lies below that before the drop, with its 95 % interval.
        before, now: Medians before that drop and at present, in ``unit``; not relative to others.
        chance: That a series that never changed shows so great a change.
        relative: Whether it was judged by its distance from its peers.
        along: What else changed on the device between the last night before and the first after.
    """

    node: str
    device: str
    name: str
    model: str
    unit: str
    steps: tuple[Step, ...]
    regressed: bool
    since: date | None
    lost: float | None
    lost_ci95: tuple[float, float] | None
    before: float | None
    now: float
    chance: float
    relative: bool
    along: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trend:
    """How one series, or the median of all devices, moved over the whole time.

    ``per_month`` is the change in 30 days as a share, with its 95 % interval; ``level`` the median of the
    last month.
    """

    node: str
    device: str
    name: str
    model: str
    unit: str
    devices: int
    nights: int
    level: float
    per_month: float
    ci95: tuple[float, float]


@dataclass(frozen=True)
class Findings:
    """What a history says. ``rate``: chance, at most, that one in which nothing changed shows any finding."""

    first: date | None
    last: date | None
    nights: int
    nodes: int
    series: int
    judged: int
    rate: float
    found: tuple[Found, ...]
    trends: tuple[Trend, ...]
    correlation: float
    notes: tuple[str, ...]

    @property
    def regressed(self) -> tuple[Found, ...]:
        """Those that lost speed."""
        return tuple(one for one in self.found if one.regressed)


@dataclass
class _Line:
    """One series on its nights: what is judged, and the plain logs."""

    series: Series
    days: Ints
    judged: Floats
    logs: Floats
    relative: bool
    devices: int = 1
    correlation: float = 0.0
    chance: float = 1.0


def find(asked: Asked, rate: float, node: str | None = None) -> Findings:
    """Judge every series of what was asked for.

    Args:
        asked: part of a history.
        rate: chance, at most, of any finding in a history in which nothing changed; of the series found, at
            most this share is false on average.
        node: only devices of this node are judged, by their distance from those of all nodes.

    Raises:
        InputError: the rate is none.
    """
    if not 0 < rate < 1:
        raise InputError(f"the rate of false alarms must lie between 0 and 1 (found {rate:g})")
    nights = asked.nights()
    lines = [*_lines(nights, node), *_medians(nights)]
    long = [one for one in lines if len(one.days) >= LEAST_NIGHTS]
    _judge(long)
    limit = false_discoveries([one.chance for one in long], rate)
    found = [_found(one, limit, asked) for one in long if one.chance <= limit]
    days = np.unique(nights.day)
    return Findings(
        first=_date(days[0]) if len(days) else None,
        last=_date(days[-1]) if len(days) else None,
        nights=len(days),
        nodes=len({one.node for one in nights.series}),
        series=len(lines),
        judged=len(long),
        rate=rate,
        found=tuple(sorted((one for one in found if one is not None), key=_order)),
        trends=tuple(_trends(long, node)),
        correlation=float(np.median([one.correlation for one in long])) if long else 0.0,
        notes=tuple(_notes(lines, long)),
    )


def _order(one: Found) -> tuple[object, ...]:
    return not one.regressed, one.node, one.device, -(one.lost or 0.0), one.name, one.model


def _lines(nights: Nights, node: str | None) -> Iterator[_Line]:
    """Every series of the devices asked for, apart from its peers where there are enough of them."""
    alone = _alone(nights)
    starts = np.searchsorted(nights.which, np.arange(len(nights.series) + 1))
    for number, series in enumerate(nights.series):
        if node is not None and series.node != node:
            continue
        rows = slice(starts[number], starts[number + 1])
        days, logs = nights.day[rows], nights.log[rows]
        if _kind(series) in alone:
            yield _Line(series, days, logs, logs, relative=False)
            continue
        enough = nights.nodes[rows] >= LEAST_NODES
        off = logs - nights.middle[rows]
        yield _Line(series, days[enough], off[enough], logs[enough], relative=True)


def _kind(series: Series) -> Series:
    """What peers have in common."""
    return Series("", "", *series_key(series))


def series_key(series: Series) -> tuple[str, ...]:
    """All of a series but whose it is."""
    return series.model, series.workload, series.size, series.precision, series.metric, series.unit


def _alone(nights: Nights) -> set[Series]:
    """Kinds of series of which most values have fewer than five nodes beside them."""
    few: defaultdict[Series, list[int]] = defaultdict(lambda: [0, 0])
    size = len(nights.series)
    short = np.bincount(nights.which, nights.nodes < LEAST_NODES, size)
    whole = np.bincount(nights.which, minlength=size)
    for number, series in enumerate(nights.series):
        held = few[_kind(series)]
        held[0] += int(short[number])
        held[1] += int(whole[number])
    return {kind for kind, (lacking, count) in few.items() if lacking > _MOST_RELATIVE_GAPS * count}


def _medians(nights: Nights) -> Iterator[_Line]:
    """The median of all devices of a model, a series for each kind that has five nodes or more."""
    alone = _alone(nights)
    kinds: defaultdict[Series, list[int]] = defaultdict(list)
    for number, series in enumerate(nights.series):
        if _kind(series) not in alone:
            kinds[_kind(series)].append(number)
    for kind, members in kinds.items():
        mine = np.isin(nights.which, members) & (nights.nodes >= LEAST_NODES)
        days, first = np.unique(nights.day[mine], return_index=True)
        logs = nights.middle[mine][first]
        yield _Line(kind, days, logs, logs, relative=False, devices=len(members))


def _judge(lines: Sequence[_Line]) -> None:
    """Set the chance of each series; those of one kind share the correlation between nights."""
    kinds: defaultdict[Series, list[_Line]] = defaultdict(list)
    for one in lines:
        kinds[_kind(one.series)].append(one)
    for members in kinds.values():
        # the medians of a kind have a correlation of their own
        for part in ([one for one in members if one.series.node], [o for o in members if not o.series.node]):
            if part:
                _judge_kind(part)


def _judge_kind(lines: Sequence[_Line]) -> None:
    lengths: defaultdict[int, list[_Line]] = defaultdict(list)
    for one in lines:
        lengths[len(one.days)].append(one)
    stacked = {length: np.stack([one.judged for one in same]) for length, same in lengths.items()}
    screened = {length: screen(values) for length, values in stacked.items()}
    found = [night_correlation(stacked[length], one.splits) for length, one in screened.items()]
    correlation = min(0.95, max(0.0, float(np.median(np.concatenate(found)))))
    for length, same in lengths.items():
        chances = screen(stacked[length], correlation).chances
        for one, chance in zip(same, chances, strict=True):
            one.correlation, one.chance = correlation, float(chance)


def _found(line: _Line, limit: float, asked: Asked) -> Found | None:
    """What is said of a series that changed; None where no change is as large as anyone would mind."""
    steps = changes(line.judged, limit, line.correlation)
    if not steps or all(abs(one.size) < -math.log1p(-LEAST_SIZE) for one in steps):
        return None
    places = [one.place for one in steps]
    drop = _drop(line, places)
    since, lost, interval, before = None, None, None, None
    along: tuple[str, ...] = ()
    if drop is not None:
        since = _date(line.days[places[drop]])
        earlier, present = _level(places, drop, line.judged), line.judged[places[-1] :]
        size, low, high = shift(earlier, present, line.correlation)
        lost, interval = -math.expm1(size), (-math.expm1(high), -math.expm1(low))
        before = math.exp(float(np.median(_level(places, drop, line.logs))))
        along = tuple(_along(asked, line, places[drop]))
    return Found(
        node=line.series.node,
        device=line.series.device,
        name=line.series.name,
        model=line.series.model,
        unit=line.series.unit,
        steps=tuple(
            Step(_date(line.days[one.place]), math.exp(one.size), (math.exp(one.low), math.exp(one.high)))
            for one in steps
        ),
        regressed=drop is not None,
        since=since,
        lost=lost,
        lost_ci95=interval,
        before=before,
        now=math.exp(float(np.median(line.logs[places[-1] :]))),
        chance=line.chance,
        relative=line.relative,
        along=along,
    )


def _level(places: Sequence[int], number: int, values: Floats) -> Floats:
    """The nights between the change before the one by that number, and it."""
    return values[places[number - 1] if number else 0 : places[number]]


def _drop(line: _Line, places: Sequence[int]) -> int | None:
    """The first change for the worse that has not been made good."""
    present = float(np.median(line.judged[places[-1] :]))
    for number, place in enumerate(places):
        before = float(np.median(_level(places, number, line.judged)))
        end = places[number + 1] if number + 1 < len(places) else len(line.judged)
        after = float(np.median(line.judged[place:end]))
        if after < before and present - before <= math.log1p(-LEAST_SIZE):
            return number
    return None


def _along(asked: Asked, line: _Line, place: int) -> Iterator[str]:
    """What else changed on a device between the last night before a change and the first after it."""
    if not line.series.node:
        return
    before: Setting | None = None
    for one in asked.settings(line.series.node, line.series.device):
        if one.day <= line.days[place - 1]:
            before = one
        elif one.day <= line.days[place] and before is not None:
            for name, words in _WORDS.items():
                old, new = getattr(before, name), getattr(one, name)
                if old != new:
                    yield words if name == "uuid" else f"{words} {old or 'not told'} → {new or 'not told'}"


def _trends(lines: Sequence[_Line], node: str | None) -> Iterator[Trend]:
    """Trends of the medians, or of the devices of the node asked for."""
    medians = any(not one.series.node for one in lines)
    for one in lines:
        if one.series.node if (node is None and medians) else not one.series.node:
            continue
        middle, low, high = (math.expm1(_A_MONTH * x) for x in slope(one.days, one.logs))
        recent = one.logs[one.days > one.days[-1] - _A_MONTH]
        yield Trend(
            one.series.node,
            one.series.device,
            one.series.name,
            one.series.model,
            one.series.unit,
            one.devices,
            len(one.days),
            math.exp(float(np.median(recent))),
            middle,
            (low, high),
        )


def _notes(lines: Sequence[_Line], long: Sequence[_Line]) -> Iterator[str]:
    if len(long) < len(lines):
        yield (
            f"{len(lines) - len(long):,} of {len(lines):,} series have fewer than {LEAST_NIGHTS} nights and "
            "are not judged"
        )
    alone = sum(not one.relative and bool(one.series.node) for one in long)
    if alone:
        yield (
            f"{alone:,} series are judged by themselves: fewer than {LEAST_NODES} nodes of their model ran "
            "on most nights"
        )


def _date(day: int) -> date:
    return _DAY_0 + timedelta(days=int(day))
