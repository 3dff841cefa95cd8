"""The leading systems: those among the ten largest when they came into service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from accounting.accounts.growth import Growth, trend
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
    sizes = {e.id: value(e) or 0.0 for e in entries}
    for entry in entries:
        day = entry.in_service
        larger = sum(
            sizes[other.id] > sizes[entry.id]
            for other in entries
            if day
            and other.in_service
            and other.in_service <= day
            and not (other.retired and other.retired <= day)
        )
        if sizes[entry.id] and larger < rank:
            yield entry
