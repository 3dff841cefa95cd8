"""The heat map of a fleet: its nodes, or racks of them, by metric, each cell a share of the fleet's median.

A cell shows the lowest device of a node, since one sick device makes a node sick. A device's share is its
value ÷ the median of the devices that it may be compared with; several runs of one device count as their
geometric mean.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from flopcensus.answering.fleet import Fleet

MOST_ROWS = 1_000
MOST_METRICS = 30
# Where one shade ends and the next begins, in per cent of the median.
BOUNDS = (80, 90, 95, 98, 103)
SHADES = ("below 80 %", "80 to 89 %", "90 to 94 %", "95 to 97 %", "98 to 102 %", "103 % and more")
_LAST_NUMBER = re.compile(r"\d+(?=\D*$)")


@dataclass(frozen=True)
class HeatCell:
    """A share of the median in per cent, and its shade; ``–`` and none where nothing was measured."""

    text: str
    shade: int | None
    share: float | None = None


@dataclass(frozen=True)
class HeatRow:
    """A node, or several; ``remark`` says what is wrong, or how many nodes it stands for."""

    name: str
    remark: str
    sick: bool
    cells: tuple[HeatCell, ...]


@dataclass(frozen=True)
class HeatMap:
    """Rows and columns; ``grouped``: a row stands for several nodes; ``left_out``: metrics not shown."""

    metrics: tuple[str, ...]
    rows: tuple[HeatRow, ...]
    grouped: bool
    left_out: int


def heat_map(fleet: Fleet, kinds: Mapping[str, Sequence[str]]) -> HeatMap:
    """Lay out the map.

    Args:
        fleet: a judged fleet.
        kinds: what is wrong with each sick node, by the name it goes by in public.
    """
    names, metrics, shares = _shares(fleet)
    chosen = np.argsort(-np.isfinite(shares).sum(axis=0), kind="stable")[:MOST_METRICS]
    chosen = np.array(sorted(chosen, key=lambda place: metrics[place]), dtype=np.int64)
    order = sorted(range(len(names)), key=lambda place: natural(names[place]))
    blocks = _blocks([names[place] for place in order])
    rows = []
    for title, first, last in blocks:
        members = order[first:last]
        rows.append(_row(title, [names[one] for one in members], shares[members][:, chosen], kinds))
    return HeatMap(
        tuple(metrics[place] for place in chosen),
        tuple(rows),
        len(blocks) < len(names),
        len(metrics) - len(chosen),
    )


def _shares(fleet: Fleet) -> tuple[list[str], list[str], NDArray[np.float64]]:
    """Public names of nodes, names of metrics, and the lowest device's share of its group's median."""
    from bench.fleets.comparability import groups_of

    gathered = fleet.gathered
    rows = gathered.rows(sorted(fleet.reading.withdrawn))
    metrics = sorted({one.name for one in gathered.metrics})
    column = {name: place for place, name in enumerate(metrics)}
    columns = np.array([column[one.name] for one in gathered.metrics], dtype=np.int64)
    size = (len(gathered.devices), len(metrics))
    if not len(rows.values):
        return [], metrics, np.full((0, len(metrics)), np.nan)
    cells = rows.devices.astype(np.int64) * size[1] + columns[rows.metrics]
    count = np.bincount(cells, minlength=size[0] * size[1])
    total = np.bincount(cells, np.log(rows.values), minlength=size[0] * size[1])
    with np.errstate(invalid="ignore"):
        logs = (total / np.where(count > 0, count, np.nan)).reshape(size)
    for members in groups_of([one.likeness for one in gathered.devices]):
        for place in range(size[1]):
            known = logs[members, place]
            known = known[np.isfinite(known)]
            if len(known):
                logs[members, place] -= np.median(known)
    seen = np.flatnonzero([bool(one.places - fleet.reading.withdrawn) for one in gathered.devices])
    nodes = np.array([gathered.devices[one].node for one in seen])
    present, inverse = np.unique(nodes, return_inverse=True)
    lowest = np.full((len(present), size[1]), np.inf)
    np.minimum.at(lowest, inverse, np.where(np.isfinite(logs[seen]), logs[seen], np.inf))
    shares = np.where(np.isfinite(lowest), np.exp(lowest), np.nan)
    return [fleet.name(gathered.nodes[one]) for one in present], metrics, shares


def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """A key by which names with numbers sort as people count: n2 before n10.

    >>> sorted(["n10", "n2"], key=natural)
    ['n2', 'n10']
    """
    parts = re.split(r"(\d{1,18})", name)
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts)


def _blocks(names: Sequence[str]) -> list[tuple[str, int, int]]:
    """Title, first and end of each row's nodes: one each where they fit, else racks, else equal parts."""
    if len(names) <= MOST_ROWS:
        return [(name, place, place + 1) for place, name in enumerate(names)]
    starts = [place for place, name in enumerate(names) if not place or rack(name) != rack(names[place - 1])]
    if not 1 < len(starts) <= MOST_ROWS:
        step = math.ceil(len(names) / MOST_ROWS)
        starts = list(range(0, len(names), step))
    ends = [*starts[1:], len(names)]
    return [
        (names[first] if end - first == 1 else f"{names[first]} to {names[end - 1]}", first, end)
        for first, end in zip(starts, ends, strict=True)
    ]


def rack(name: str) -> str:
    """A node's name without its last number: what stands in one rack, where names are given so.

    >>> rack("r03n05.example.org")
    'r03n.example.org'
    """
    return _LAST_NUMBER.sub("", name, count=1)


def _row(
    title: str, members: Sequence[str], shares: NDArray[np.float64], kinds: Mapping[str, Sequence[str]]
) -> HeatRow:
    sick = [name for name in members if name in kinds]
    if len(members) == 1:
        remark = ", ".join(kinds[members[0]]) if sick else ""
    else:
        remark = f"{len(members):,} nodes" + (f", {len(sick):,} sick" if sick else "")
    known = np.isfinite(shares)
    lowest = np.where(known, shares, np.inf).min(axis=0) if len(members) else np.zeros(0)
    return HeatRow(title, remark, bool(sick), tuple(_cell(float(one)) for one in lowest))


def _cell(share: float) -> HeatCell:
    if not math.isfinite(share):
        return HeatCell("–", None)
    # the shade is that of the figure shown
    percent = round(100 * min(share, 10.0))
    return HeatCell(
        f"{percent}" if percent < 1000 else "over 999", sum(percent >= bound for bound in BOUNDS), share
    )
