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
