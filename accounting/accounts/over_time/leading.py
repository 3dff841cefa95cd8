"""The leading systems: those among the ten largest when they came into service."""

from __future__ import annotations

import datetime
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from dataclasses import replace

from accounting.accounts.over_time.growth import Growth, trend
from accounting.census.ledger import Entry, Ledger
from accounting.census.selection import PLANNED, Selection, select

LEADING = 10
Value = Callable[[Entry], float | None]


def leading_trend(ledger: Ledger, wanted: Selection, value: Value, rank: int = LEADING) -> Growth | None:
    """Return the growth of systems of at most ``rank`` when they came into service.

    Least squares on the logs of their values at those dates. What was superseded or retired since is kept:
    it led in its time. Plans are left out.

    Args:
        ledger: the census; its own ranks serve where it states any.
        wanted: what to count, up to its date.
        value: an entry's capacity, None where it has none.
        rank: the last rank that leads.
    """
    statuses = (wanted.statuses - set(PLANNED)) | {"operational", "retired"}
    everything = replace(wanted, statuses=statuses, drop_superseded=False, project=False)
    entries = select(ledger, everything).entries
    ranked = _stated(ledger, entries, rank) if ledger.ranks else _largest(entries, value, rank)
    found = [(e.in_service, value(e)) for e in ranked]
    return trend([(day, size) for day, size in found if day is not None and size])


def _stated(ledger: Ledger, entries: tuple[Entry, ...], rank: int) -> Iterator[Entry]:
    return (e for e in entries if ledger.ranks.get(e.id, rank + 1) <= rank)


def _largest(entries: tuple[Entry, ...], value: Value, rank: int) -> Iterator[Entry]:
    """Yield those with fewer than ``rank`` larger ones in service on the day that they came into it."""
    sizes = {e.id: size for e in entries if (size := value(e))}
    came: dict[datetime.date, list[Entry]] = {}
    for entry in entries:
        if entry.id in sizes and entry.in_service is not None:
            came.setdefault(entry.in_service, []).append(entry)
    gone = sorted((e.retired, sizes[e.id]) for day in came.values() for e in day if e.retired)
    running: list[float] = []
    left = 0
    for day in sorted(came):
        for entry in came[day]:
            insort(running, sizes[entry.id])
        while left < len(gone) and gone[left][0] <= day:
            del running[bisect_left(running, gone[left][1])]
            left += 1
        for entry in came[day]:
            if len(running) - bisect_right(running, sizes[entry.id]) < rank:
                yield entry
