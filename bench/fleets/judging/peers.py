"""Devices beside their peers: who lies further off than a sound one would, alone or with all of its node.

Each signal of each device (and of each node with several devices) is one test, one-sided. A device is an
outlier where it lies further off than a sound one would with the chance of one test. Outliers are then taken
out of the baseline and the others judged again, until a pass finds none or six are made. This leaves the rate
of false alarms as it is: in a fleet without a fault there is no second pass unless the first raised an alarm.
A baseline is learnt from no fewer than five nodes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.fleets.gathering import Gathered
from bench.fleets.judging.robust import (
    LEAST_NODES,
    Centre,
    Floats,
    centre_of,
    independent_worth,
)
from bench.fleets.judging.signals import Signal, Table
from bench.fleets.judging.tails import degrees_of
from bench.fleets.judging.verdicts import Outlier

_PASSES = 6
# Values of a group that agree to this share have no spread to speak of.
_NO_SPREAD = 1e-9


@dataclass
class Cohort:
    """Devices of one group while they are judged by one another.

    Attributes:
        devices: Their numbers in `Gathered.devices`.
        nodes: Numbers of their nodes, in the same order.
        table: Their means over runs.
        signals: What they are compared by.
        sick: Which of them are left out of the baseline.
        learnt: Whether there are nodes enough to learn a baseline from.
        ratios: Logs of new ÷ old by metric, where there is an earlier fleet.
    """

    devices: NDArray[np.int64]
    nodes: NDArray[np.int64]
    table: Table
    signals: list[Signal]
    sick: NDArray[np.bool_]
    learnt: bool
    ratios: Floats | None = None


def tests_of(cohort: Cohort) -> int:
    """How many tests `beside_peers` makes."""
    by_device, by_node = families_of(cohort)
    return by_device * len(cohort.nodes) + by_node * len(np.unique(cohort.nodes))


def families_of(cohort: Cohort) -> tuple[int, int]:
    """How many signals are judged by device, and how many by node."""
    several = len(np.unique(cohort.nodes)) < len(cohort.nodes)
    return len(cohort.signals), sum(one.of_node for one in cohort.signals) if several else 0


def beside_peers(gathered: Gathered, cohort: Cohort, share: float) -> list[Outlier]:
    """Return devices, and nodes as a whole, that lie further off than chance would bring a sound one.

    Args:
        gathered: the records.
        cohort: who is judged; outliers found are marked as sick in it.
        share: chance, at most, that one signal raises any alarm in a fleet without a fault.
    """
    chance = share / max(len(cohort.nodes), 1)
    found: dict[tuple[int, int], Outlier] = {}
    for _ in range(_PASSES):
        before = len(found)
        for number, signal in enumerate(cohort.signals):
            for place, distance, centre in _far(signal, cohort, chance):
                if (number, place) not in found:
                    outlier = _outlier(gathered, cohort, signal, place, distance, centre, chance)
                    found[number, place] = outlier
        cohort.sick[[place for _, place in found]] = True
        if len(found) == before:
            break
    return [*found.values(), *_whole_nodes(gathered, cohort, share)]


def _far(signal: Signal, cohort: Cohort, chance: float) -> Iterator[tuple[int, float, Centre]]:
    """Yield place and distance of devices that a sound one would lie beyond with less than this chance.

    With each comes the baseline that the distance is from. Without the sick ones it is learnt from five nodes
    at least; where fewer are sound, the sick ones are taken in.
    """
    badness = signal.badness
    known = np.isfinite(badness)
    healthy = known & ~cohort.sick
    if len(np.unique(cohort.nodes[healthy])) < LEAST_NODES:
        healthy = known
    if len(np.unique(cohort.nodes[healthy])) < LEAST_NODES:
        return
    worth = independent_worth(badness[healthy], cohort.nodes[healthy])
    centre = centre_of(badness[healthy], worth)
    # Peers that agree exactly have no spread: then the least effect that matters decides alone.
    scale = max(centre.scale, _NO_SPREAD)
    degrees = degrees_of(badness[healthy], worth, signal.degrees)
    centre = Centre(centre.median, scale, worth, degrees)
    limit = centre.limit(chance)
    distances = centre.distances(badness)
    with np.errstate(invalid="ignore"):
        out = known & (distances > limit) & (signal.effect >= signal.least)
    for place in np.flatnonzero(out):
        yield int(place), float(distances[place]), centre


def _outlier(
    gathered: Gathered,
    cohort: Cohort,
    signal: Signal,
    place: int,
    distance: float,
    centre: Centre,
    chance: float,
) -> Outlier:
    seen = gathered.devices[cohort.devices[place]]
    metric, values = signal.metric, signal.values
    middle = None if values is None else float(np.nanmedian(values))
    return Outlier(
        node=gathered.nodes[seen.node],
        device=seen.description.id,
        kind=signal.kind,
        signal=signal.name,
        effect=float(signal.effect[place]),
        distance=distance,
        limit=centre.limit(chance),
        chance=centre.chance(distance),
        value=None if values is None else float(values[place]),
        median=middle,
        unit=metric.unit if metric else None,
    )


def _whole_nodes(gathered: Gathered, cohort: Cohort, share: float) -> Iterator[Outlier]:
    """Nodes whose devices, the sick ones apart, are off together: air, host, power supply."""
    nodes, inverse = np.unique(cohort.nodes, return_inverse=True)
    if len(nodes) == len(cohort.nodes) or len(nodes) < LEAST_NODES:
        return
    chance = share / len(nodes)
    for signal in (one for one in cohort.signals if one.of_node):
        used = np.isfinite(signal.badness) & ~cohort.sick
        count = np.bincount(inverse[used], minlength=len(nodes))
        with np.errstate(invalid="ignore", divide="ignore"):
            badness = np.bincount(inverse[used], signal.badness[used], len(nodes)) / count
            effect = np.bincount(inverse[used], signal.effect[used], len(nodes)) / count
        # the mean of one device is that device, judged already
        badness[count < 2] = np.nan
        # a mean's excess of kurtosis is that of one device divided by how many there are
        degrees = signal.degrees * float(np.mean(count[count >= 2])) if (count >= 2).any() else math.inf
        alone = Cohort(nodes, nodes, cohort.table, [], np.zeros(len(nodes), dtype=bool), cohort.learnt)
        of_nodes = replace(signal, badness=badness, effect=effect, degrees=degrees)
        for place, distance, centre in _far(of_nodes, alone, chance):
            yield Outlier(
                gathered.nodes[nodes[place]],
                None,
                signal.kind,
                signal.name,
                float(effect[place]),
                distance,
                centre.limit(chance),
                centre.chance(distance),
            )
