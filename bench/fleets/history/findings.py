"""What is found in a history: steps, what lost speed, trends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


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
