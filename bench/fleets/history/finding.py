"""What has changed in a history: devices that lost speed and did not regain it, the whole fleet, trends.

What is judged of each device is its distance from its peers (`bench.fleets.history.lines`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import numpy as np

from bench.errors import InputError
from bench.fleets.history.asking import Asked, Setting
from bench.fleets.history.changes import LEAST_NIGHTS, Floats, changes, false_discoveries, shift, slope
from bench.fleets.history.findings import Findings, Found, Step, Trend
from bench.fleets.history.lines import Line, judge_lines, lines_of, medians_of
from bench.fleets.judging.robust import LEAST_NODES

# Nobody drains a node for less.
LEAST_SIZE = 0.01
_DAY_0 = date(1970, 1, 1)
_A_MONTH = 30
_WORDS = {"uuid": "another device (UUID)", "driver": "driver", "torch": "torch", "runtime": "CUDA or ROCm"}


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
    lines = [*lines_of(nights, node), *medians_of(nights)]
    long = [one for one in lines if len(one.days) >= LEAST_NIGHTS]
    judge_lines(long)
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


def _found(line: Line, limit: float, asked: Asked) -> Found | None:
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


def _drop(line: Line, places: Sequence[int]) -> int | None:
    """The first change for the worse that has not been made good."""
    present = float(np.median(line.judged[places[-1] :]))
    for number, place in enumerate(places):
        before = float(np.median(_level(places, number, line.judged)))
        end = places[number + 1] if number + 1 < len(places) else len(line.judged)
        after = float(np.median(line.judged[place:end]))
        if after < before and present - before <= math.log1p(-LEAST_SIZE):
            return number
    return None


def _along(asked: Asked, line: Line, place: int) -> Iterator[str]:
    """What else changed on a device between the last night before a change and the first after it."""
    if not line.series.node:
        return
    settings = asked.settings(line.series.node, line.series.device)
    before = [one for one in settings if one.day <= line.days[place - 1]][-1:]
    after = [one for one in settings if line.days[place - 1] < one.day <= line.days[place]]
    for earlier, later in itertools.product(before, after):
        yield from _differences(earlier, later)


def _differences(earlier: Setting, later: Setting) -> Iterator[str]:
    """What of a device and its software changed, ``driver 550.54 → 560.28``."""
    for name, words in _WORDS.items():
        old, new = getattr(earlier, name), getattr(later, name)
        if old != new:
            yield words if name == "uuid" else f"{words} {old or 'not told'} → {new or 'not told'}"


def _trends(lines: Sequence[Line], node: str | None) -> Iterator[Trend]:
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


def _notes(lines: Sequence[Line], long: Sequence[Line]) -> Iterator[str]:
    if len(long) < len(lines):
        yield (
            f"{len(lines) - len(long):,} of {len(lines):,} series have fewer than {LEAST_NIGHTS} nights and "
            "are not judged"
        )
    alone = sum(not one.relative and bool(one.series.node) for one in long)
    if alone:
        yield (
            f"{alone:,} series are judged by themselves: fewer than {LEAST_NODES} nodes of their model ran "
            "on more than a fifth of the nights"
        )


def _date(day: int) -> date:
    return _DAY_0 + timedelta(days=int(day))
