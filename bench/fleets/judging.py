"""From a fleet's columns to the devices that are out of line, and why; and how often a healthy one would be.

Each signal of each device (and of each node with several devices) is one test, one-sided. A device is an
outlier where it lies further off than a healthy one would with chance α ÷ tests (Bonferroni), so that in a
fleet without a fault there is any outlier at all with chance at most α. Outliers are then taken out of the
baseline and the others judged again, until none is found; a fleet without a fault never gets to a second
pass without a first alarm, so that α holds. A baseline is learnt from no fewer than five nodes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import InputError
from bench.fleets.baseline import Before, Shift, lost_alone, ratios_of, regressions, shifts
from bench.fleets.comparability import Likeness, groups_of, require_comparable
from bench.fleets.faults import Fault, Kind
from bench.fleets.gathering import Gathered, Rows
from bench.fleets.robust import (
    LEAST_NODES,
    Centre,
    Floats,
    centre_of,
    chance_of,
    independent_worth,
    quantiles,
    tail,
)
from bench.fleets.signals import Signal, Table, signals_of, table_of

DEFAULT_RATE = 0.05
_PASSES = 6
# Values of a group that agree to this share have no spread to speak of.
_NO_SPREAD = 1e-9


@dataclass(frozen=True)
class Outlier:
    """One device, or one node as a whole, that is out of line.

    Attributes:
        device: Id in its node; None where all devices of the node are together.
        effect: How far off the median in plain terms: a fraction, °C for temperature.
        distance: From the median, in robust scales.
        limit: The distance from which on it is an outlier.
        chance: That a healthy device lies so far off in this one signal.
        value: The metric's value in ``unit``; None where the signal is of several metrics.
    """

    node: str
    device: str | None
    kind: Kind
    signal: str
    effect: float
    distance: float | None = None
    limit: float | None = None
    chance: float | None = None
    value: float | None = None
    median: float | None = None
    unit: str | None = None
    words: str = ""


@dataclass(frozen=True)
class Distribution:
    """How one metric is spread over the devices of one group, in its unit."""

    group: int
    metric: str
    unit: str
    devices: int
    median: float
    spread: float
    least: float
    most: float
    quantiles: dict[str, float]


@dataclass(frozen=True)
class Group:
    """Devices that are judged by one another."""

    likeness: Likeness
    devices: int
    nodes: int
    learnt: bool


@dataclass(frozen=True)
class Judgement:
    """What was found in a fleet.

    ``shifts`` say how the fleet moved since a baseline. ``tests`` is how many were made; ``rate`` the chance
    that a fleet without a fault shows any outlier at all.
    """

    groups: tuple[Group, ...]
    distributions: tuple[Distribution, ...]
    outliers: tuple[Outlier, ...]
    tests: int
    rate: float
    notes: tuple[str, ...] = ()
    shifts: tuple[Shift, ...] = ()

    @property
    def sick(self) -> dict[str, list[Outlier]]:
        """Outliers by node, the strongest first."""
        found: defaultdict[str, list[Outlier]] = defaultdict(list)
        for one in self.outliers:
            found[one.node].append(one)
        return dict(sorted(found.items()))


@dataclass
class _Work:
    """One group while it is judged."""

    devices: NDArray[np.int64]
    nodes: NDArray[np.int64]
    table: Table
    signals: list[Signal]
    sick: NDArray[np.bool_]
    learnt: bool
    ratios: Floats | None = None


def judge(
    gathered: Gathered,
    withdrawn: Collection[int] = (),
    rate: float = DEFAULT_RATE,
    *,
    force: bool = False,
    before: Before | None = None,
) -> Judgement:
    """Judge every device of a fleet by its peers and by itself.

    Args:
        gathered: the records.
        withdrawn: places of records that do not count (`bench.fleets.reading.Reading.withdrawn`).
        rate: chance, at most, of any false alarm in a fleet without a fault; between 0 and 1.
        force: judge groups of devices that differ each apart, in place of refusing them.
        before: the same fleet at an earlier time.

    Raises:
        IncomparableError: devices of one kind differ, and ``force`` is off.
        InputError: the rate is none.
    """
    if not 0 < rate < 1:
        raise InputError(f"the rate of false alarms must lie between 0 and 1 (found {rate:g})")
    counted = [place for place, one in enumerate(gathered.devices) if one.places - set(withdrawn)]
    if not force:
        require_comparable(gathered.devices[one].likeness for one in counted)
    rows, faults = gathered.rows(withdrawn), _faults(gathered, set(withdrawn))
    works: list[_Work] = []
    notes: list[str] = []
    for group in groups_of([gathered.devices[one].likeness for one in counted]):
        work = _work(gathered, rows, [counted[one] for one in group], faults)
        notes.extend(_told(gathered, work))
        if before is not None:
            notes.extend(_compare(gathered, work, before))
        works.append(work)
    tests = sum(_tests(work) for work in works)
    outliers = [found for work in works for found in _alone(gathered, work, faults)]
    for work in works:
        outliers.extend(_beside_peers(gathered, work, rate / max(tests, 1)))
    return Judgement(
        tuple(_group(gathered, work) for work in works),
        tuple(one for number, work in enumerate(works) for one in _distributions(number, work.table)),
        tuple(sorted(outliers, key=_order)),
        tests,
        rate,
        tuple(notes),
        tuple(one for work in works if work.ratios is not None for one in shifts(work.table, work.ratios)),
    )


def _work(gathered: Gathered, rows: Rows, members: Sequence[int], faults: list[list[Fault]]) -> _Work:
    nodes = np.array([gathered.devices[one].node for one in members])
    table = table_of(gathered, rows, members)
    learnt = len(np.unique(nodes)) >= LEAST_NODES
    signals = [one for one in signals_of(table) if np.isfinite(one.badness).any()] if learnt else []
    sick = np.array([_left_out(faults[one]) for one in members])
    return _Work(np.array(members), nodes, table, signals, sick, learnt)


def _group(gathered: Gathered, work: _Work) -> Group:
    likeness = gathered.devices[work.devices[0]].likeness
    return Group(likeness, len(work.devices), len(np.unique(work.nodes)), work.learnt)


def _told(gathered: Gathered, work: _Work) -> Iterator[str]:
    if not work.learnt:
        name, count = gathered.devices[work.devices[0]].description.name, len(np.unique(work.nodes))
        yield (
            f"{len(work.devices)} devices ({name}) of {count} nodes: no baseline is learnt from fewer than "
            f"{LEAST_NODES} nodes; only what a record says by itself is judged"
        )


def _compare(gathered: Gathered, work: _Work, before: Before) -> Iterator[str]:
    """Set a group beside its baseline, and say what could not be compared."""
    ratios, different = ratios_of(gathered, [int(one) for one in work.devices], work.table, before)
    both = int(np.isfinite(ratios).any(axis=1).sum())
    if both:
        work.ratios = ratios
        if work.learnt:
            work.signals.extend(regressions(work.table, ratios))
    if both < len(work.devices):
        told = f", {different} of them because their hardware differs" if different else ""
        yield f"{len(work.devices) - both} devices are not in the baseline{told}"


def _order(one: Outlier) -> tuple[Any, ...]:
    strength = one.distance / one.limit if one.distance and one.limit else float("inf")
    return one.node, one.device or "", -strength, one.kind, one.signal, one.words


def _faults(gathered: Gathered, withdrawn: set[int]) -> list[list[Fault]]:
    """Faults of each device that its records state, each once."""
    return [
        sorted(
            {fault for place, found in one.faults.items() if place not in withdrawn for fault in found},
            key=lambda fault: (fault.kind, fault.words),
        )
        for one in gathered.devices
    ]


def _left_out(faults: Sequence[Fault]) -> bool:
    """Whether a device is known to be sick before it is compared, so that nothing is learnt from it."""
    return any(fault.kind in ("wrong", "throttling") for fault in faults)


def _tests(work: _Work) -> int:
    several = len(np.unique(work.nodes))
    by_node = several if several < len(work.nodes) else 0
    return sum(len(work.nodes) + (by_node if one.of_node else 0) for one in work.signals)


def _alone(gathered: Gathered, work: _Work, faults: list[list[Fault]]) -> Iterator[Outlier]:
    """What records say by themselves; what fails on most devices is not a device's fault."""
    failing = Counter(f.workload for one in work.devices for f in faults[one] if f.kind == "failing")
    for one in work.devices:
        seen = gathered.devices[one]
        for fault in faults[one]:
            everywhere = fault.kind == "failing" and 2 * failing[fault.workload] >= len(work.devices)
            if everywhere or (fault.kind == "slow" and work.learnt):
                continue
            yield Outlier(
                gathered.nodes[seen.node],
                seen.description.id,
                fault.kind,
                fault.workload or fault.kind,
                0.0,
                words=fault.words,
            )
    if work.learnt:
        yield from _links(gathered, work)
    elif work.ratios is not None:
        for place, load, lost in lost_alone(work.table, work.ratios):
            seen = gathered.devices[work.devices[place]]
            yield Outlier(
                gathered.nodes[seen.node],
                seen.description.id,
                "regressed",
                f"{load} since the baseline",
                lost,
                words=f"{load}: {100 * lost:.1f} % below the baseline",
            )


def _links(gathered: Gathered, work: _Work) -> Iterator[Outlier]:
    """Links that are less than those of most peers: what a slot or a cable gives at best, active NVLinks."""
    names = {
        "pcie_generation_max": "PCIe generation at most",
        "pcie_width": "PCIe width",
        "nvlink_active": "active NVLinks",
    }
    for name, words in names.items():
        told = [gathered.devices[one].description.details.get(name) for one in work.devices]
        values = [value for value in told if isinstance(value, int) and not isinstance(value, bool)]
        if not values:
            continue
        usual, count = Counter(values).most_common(1)[0]
        if 2 * count <= len(values):
            continue
        for one, value in zip(work.devices, told, strict=True):
            if isinstance(value, int) and value < usual:
                seen = gathered.devices[one]
                yield Outlier(
                    gathered.nodes[seen.node],
                    seen.description.id,
                    "link",
                    name,
                    1 - value / usual,
                    words=f"{words} {value}; most peers have {usual}",
                )


def _beside_peers(gathered: Gathered, work: _Work, chance: float) -> list[Outlier]:
    found: dict[tuple[int, int], Outlier] = {}
    for _ in range(_PASSES):
        before = len(found)
        for number, signal in enumerate(work.signals):
            for place, distance, centre in _far(signal.badness, signal.effect, signal.least, work, chance):
                key = (number, place)
                if key not in found:
                    found[key] = _outlier(gathered, work, signal, place, distance, centre, chance)
        work.sick[[place for _, place in found]] = True
        if len(found) == before:
            break
    return [*found.values(), *_whole_nodes(gathered, work, chance)]


def _far(
    badness: Floats, effect: Floats, least: float, work: _Work, chance: float
) -> Iterator[tuple[int, float, Centre]]:
    """Places of devices too far off to be healthy, with the distance and the baseline it is from."""
    known = np.isfinite(badness)
    healthy = known & ~work.sick
    if len(np.unique(work.nodes[healthy])) < LEAST_NODES:
        healthy = known
    if len(np.unique(work.nodes[healthy])) < LEAST_NODES:
        return
    worth = independent_worth(badness[healthy], work.nodes[healthy])
    centre = centre_of(badness[healthy], worth)
    if centre.scale <= _NO_SPREAD:
        # peers agree exactly: any device off by more than nobody would mind is out of line
        centre = Centre(centre.median, _NO_SPREAD, worth)
    limit = tail(chance, worth)
    distances = centre.distances(badness)
    with np.errstate(invalid="ignore"):
        out = known & (distances > limit) & (effect >= least)
    for place in np.flatnonzero(out):
        yield int(place), float(distances[place]), centre


def _outlier(
    gathered: Gathered,
    work: _Work,
    signal: Signal,
    place: int,
    distance: float,
    centre: Centre,
    chance: float,
) -> Outlier:
    seen = gathered.devices[work.devices[place]]
    metric, values = signal.metric, signal.values
    middle = None if values is None else float(np.nanmedian(values))
    return Outlier(
        node=gathered.nodes[seen.node],
        device=seen.description.id,
        kind=signal.kind,
        signal=signal.name,
        effect=float(signal.effect[place]),
        distance=distance,
        limit=tail(chance, centre.worth),
        chance=chance_of(distance, centre.worth),
        value=None if values is None else float(values[place]),
        median=middle,
        unit=metric.unit if metric else None,
    )


def _whole_nodes(gathered: Gathered, work: _Work, chance: float) -> Iterator[Outlier]:
    """Nodes whose devices, the sick ones apart, are off together: air, host, power supply."""
    nodes, inverse = np.unique(work.nodes, return_inverse=True)
    if len(nodes) == len(work.nodes) or len(nodes) < LEAST_NODES:
        return
    for signal in (one for one in work.signals if one.of_node):
        used = np.isfinite(signal.badness) & ~work.sick
        count = np.bincount(inverse[used], minlength=len(nodes))
        with np.errstate(invalid="ignore", divide="ignore"):
            badness = np.bincount(inverse[used], signal.badness[used], len(nodes)) / count
            effect = np.bincount(inverse[used], signal.effect[used], len(nodes)) / count
        # the mean of one device is that device, judged already
        badness[count < 2] = np.nan
        alone = _Work(nodes, nodes, work.table, [], np.zeros(len(nodes), dtype=bool), work.learnt)
        for place, distance, centre in _far(badness, effect, signal.least, alone, chance):
            yield Outlier(
                gathered.nodes[nodes[place]],
                None,
                signal.kind,
                signal.name,
                float(effect[place]),
                distance,
                tail(chance, centre.worth),
                chance_of(distance, centre.worth),
            )


def _distributions(group: int, table: Table) -> Iterator[Distribution]:
    for place, metric in enumerate(table.metrics):
        logs = table.logs[:, place]
        logs = logs[np.isfinite(logs)]
        if len(logs):
            values = np.exp(logs)
            yield Distribution(
                group,
                metric.name,
                metric.unit,
                len(values),
                float(np.median(values)),
                centre_of(logs).scale,
                float(values.min()),
                float(values.max()),
                quantiles(values),
            )
