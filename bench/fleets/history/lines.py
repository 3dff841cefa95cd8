"""Series of nights as they are judged: each device beside its peers, the median of all, and their chances.

A device is judged by its distance from the median of all devices of its model that night, so that what moves
all of them alike (a driver, a summer) is not held against one; the median itself is judged as a series of its
own. Where more than a fifth of the values have fewer than five nodes beside them there is no such median, and
devices are judged by themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.fleets.history.asking import Nights, Series
from bench.fleets.history.changes import Floats, Ints, night_correlation, screen
from bench.fleets.judging.robust import LEAST_NODES

# Of the values of a kind of series, how many may lack a median of five nodes or more.
_MOST_WITHOUT_PEERS = 0.2


@dataclass
class Line:
    """One series on its nights: what is judged, and the plain logs."""

    series: Series
    days: Ints
    judged: Floats
    logs: Floats
    relative: bool
    devices: int = 1
    correlation: float = 0.0
    chance: float = 1.0


def lines_of(nights: Nights, node: str | None) -> Iterator[Line]:
    """Every series of the devices asked for, apart from its peers where there are enough of them."""
    alone = _alone(nights)
    starts = np.searchsorted(nights.which, np.arange(len(nights.series) + 1))
    for number, series in enumerate(nights.series):
        if node is not None and series.node != node:
            continue
        rows = slice(starts[number], starts[number + 1])
        days, logs = nights.day[rows], nights.log[rows]
        if _kind(series) in alone:
            yield Line(series, days, logs, logs, relative=False)
            continue
        enough = nights.nodes[rows] >= LEAST_NODES
        off = logs - nights.middle[rows]
        yield Line(series, days[enough], off[enough], logs[enough], relative=True)


def _kind(series: Series) -> Series:
    """What peers have in common: all of a series but whose it is."""
    return replace(series, node="", device="")


def _alone(nights: Nights) -> set[Series]:
    """Kinds of series of which more than a fifth of the values have fewer than five nodes beside them."""
    few: defaultdict[Series, list[int]] = defaultdict(lambda: [0, 0])
    size = len(nights.series)
    short = np.bincount(nights.which, nights.nodes < LEAST_NODES, size)
    whole = np.bincount(nights.which, minlength=size)
    for number, series in enumerate(nights.series):
        held = few[_kind(series)]
        held[0] += int(short[number])
        held[1] += int(whole[number])
    return {kind for kind, (lacking, count) in few.items() if lacking > _MOST_WITHOUT_PEERS * count}


def medians_of(nights: Nights) -> Iterator[Line]:
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
        yield Line(kind, days, logs, logs, relative=False, devices=len(members))


def judge_lines(lines: Sequence[Line]) -> None:
    """Set the chance of each series; those of one kind share the correlation between nights."""
    kinds: defaultdict[Series, list[Line]] = defaultdict(list)
    for one in lines:
        kinds[_kind(one.series)].append(one)
    for members in kinds.values():
        # the medians of a kind have a correlation of their own
        for part in ([one for one in members if one.series.node], [o for o in members if not o.series.node]):
            if part:
                _judge_kind(part)


def _judge_kind(lines: Sequence[Line]) -> None:
    lengths: defaultdict[int, list[Line]] = defaultdict(list)
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
