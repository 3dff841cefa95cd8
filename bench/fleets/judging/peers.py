"""Devices beside their peers: who lies further off than a sound one would, alone or with all of its node.

Each signal of each device (and of each node with several devices) is one test, one-sided. A device is an
outlier where it lies further off than a healthy one would with the chance of one test. Outliers are then
taken out of the baseline and the others judged again, until none is found; a fleet without a fault never gets
to a second pass without a first alarm, so that the rate of false alarms holds. A baseline is learnt from no
fewer than five nodes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

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

    ``devices`` and ``nodes`` are their places among what was gathered; ``sick`` are left out of the baseline;
    ``ratios`` are logs of new ÷ old by metric where there is an earlier fleet.
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
    """Return what a sound device, or a sound node, would show with no more chance than it has.

    Args:
        gathered: the records.
        cohort: who is judged; those found are marked as sick in it.
        share: chance, at most, that one signal raises any alarm in a fleet without a fault.
    """
    chance = share / max(len(cohort.nodes), 1)
    found: dict[tuple[int, int], Outlier] = {}
    for _ in range(_PASSES):
        before = len(found)
        for number, signal in enumerate(cohort.signals):
            for place, distance, centre in _far(
                signal.badness, signal.effect, signal.least, signal.degrees, cohort, chance
            ):
                key = (number, place)
                if key not in found:
                    found[key] = _outlier(gathered, cohort, signal, place, distance, centre, chance)
        cohort.sick[[place for _, place in found]] = True
        if len(found) == before:
            break
    return [*found.values(), *_whole_nodes(gathered, cohort, share)]


def _far(
    badness: Floats, effect: Floats, least: float, degrees: float, cohort: Cohort, chance: float
) -> Iterator[tuple[int, float, Centre]]:
    """Places of devices too far off to be healthy, with the distance and the baseline it is from."""
    known = np.isfinite(badness)
    healthy = known & ~cohort.sick
    if len(np.unique(cohort.nodes[healthy])) < LEAST_NODES:
        healthy = known
    if len(np.unique(cohort.nodes[healthy])) < LEAST_NODES:
        return
    worth = independent_worth(badness[healthy], cohort.nodes[healthy])
    centre = centre_of(badness[healthy], worth)
    # peers that agree exactly have no spread: any device off by more than nobody would mind is out of line
    scale = max(centre.scale, _NO_SPREAD)
    centre = Centre(centre.median, scale, worth, degrees_of(badness[healthy], worth, degrees))
    limit = centre.limit(chance)
    distances = centre.distances(badness)
    with np.errstate(invalid="ignore"):
        out = known & (distances > limit) & (effect >= least)
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
        for place, distance, centre in _far(badness, effect, signal.least, degrees, alone, chance):
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
