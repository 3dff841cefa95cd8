"""What a fleet's judgement is: groups, how metrics are spread, and what is out of line."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from bench.fleets.comparability import Likeness
from bench.fleets.faults import Kind
from bench.fleets.judging.baseline import Shift


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
    """How one metric is spread over the devices of one group.

    Attributes:
        group: Number of the group.
        metric: Name of the metric.
        unit: Of ``median``, ``least``, ``most`` and ``quantiles``.
        devices: How many have a value.
        median: Over these devices.
        spread: Robust scale of the log values: 0.02 is about 2 %.
        least: Lowest value.
        most: Highest value.
        quantiles: By name, p1 to p99.
    """

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
    """Devices that are judged by one another.

    Attributes:
        likeness: What they have in common.
        devices: How many there are.
        nodes: Of how many nodes.
        learnt: Whether these are nodes enough to compare the devices with each other.
    """

    likeness: Likeness
    devices: int
    nodes: int
    learnt: bool


@dataclass(frozen=True)
class Judgement:
    """What was found in a fleet.

    Attributes:
        groups: Devices that were judged by one another.
        distributions: How each metric is spread in each group.
        outliers: What is out of line, by node and device.
        tests: How many comparisons with peers were made.
        rate: Chance, at most, that a fleet without a fault shows any outlier at all.
        notes: What a reader should know of how it came about.
        shifts: How each metric of each group moved since the baseline, where there is one.
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
