"""Which ranks are at work, which have ended, and which must be given up, so that nobody waits for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bench.devices.device import Clock
from bench.launching.attendance import Report, read_reports
from bench.plan import Plan

POLL_SECONDS = 0.5
DEFAULT_ABSENT_SECONDS = 120.0


@dataclass(frozen=True)
class Patience:
    """How long others are waited for.

    Attributes:
        absent_seconds: How long a rank may be silent, or not there at all, before it is given up. Unit: s.
        longest_seconds: How long it may be at work. Unit: s.
    """

    absent_seconds: float
    longest_seconds: float

    @classmethod
    def for_plan(cls, plan: Plan, absent_seconds: float = DEFAULT_ABSENT_SECONDS) -> Patience:
        """Patience with a plan's runs: twice the budget and a quarter of an hour; hung drivers end before."""
        return cls(absent_seconds, 2 * plan.budget_seconds + 900.0)

    @property
    def beat_seconds(self) -> float:
        """Time between two words of a rank: it is given up when it misses five or more of them. Unit: s."""
        return max(0.05, min(10.0, self.absent_seconds / 5))


@dataclass
class _Seen:
    """A rank as it was when its report last changed, on this process's clock."""

    report: Report
    changed: float
    first: float


@dataclass
class Roll:
    """The ranks of some folders, watched from now on.

    Attributes:
        folders: Says where to look; asked anew each time, because nodes come late.
        patience: How long to wait.
        oldest: Reports written before this are another launch's; on the file system's clock. Unit: s.
        clock: Tells the time. Unit: s.
        pause: Waits between two looks. Unit: s.
    """

    folders: Callable[[], Iterable[Path]]
    patience: Patience
    oldest: float = 0.0
    clock: Clock = time.monotonic
    pause: Callable[[float], None] = time.sleep
    _seen: dict[int, _Seen] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._start = self.clock()

    @property
    def reports(self) -> dict[int, Report]:
        """What was seen last of each rank that was ever seen."""
        return {rank: seen.report for rank, seen in self._seen.items()}

    def wait(self, settled: Callable[[], bool]) -> None:
        """Look again and again until ``settled`` is true. It must ask `lost`, or it may never become so."""
        self.look()
        while not settled():
            self.pause(POLL_SECONDS)
            self.look()

    def look(self) -> None:
        """Take in what the reports say now."""
        now = self.clock()
        for folder in self.folders():
            for rank, (report, written) in read_reports(folder).items():
                before = self._seen.get(rank)
                if written >= self.oldest and (before is None or before.report != report):
                    self._seen[rank] = _Seen(report, now, now if before is None else before.first)

    def lost(self, rank: int) -> str | None:
        """Why a rank must be given up; None where it has ended, or may still be at work."""
        now, limit = self.clock(), self.patience
        seen = self._seen.get(rank)
        if seen is None:
            away = now - self._start
            return f"never came, in {away:.0f} s of waiting" if away >= limit.absent_seconds else None
        if seen.report.ended:
            return None
        if now - seen.changed >= limit.absent_seconds:
            return f"on {seen.report.node} was heard of and then fell silent for {now - seen.changed:.0f} s"
        if now - seen.first >= limit.longest_seconds:
            return f"on {seen.report.node} has been at work for {now - seen.first:.0f} s, longer than it may"
        return None
