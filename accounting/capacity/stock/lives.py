"""The lives of systems as a census has seen them: ended, or still going on at its snapshot."""

from __future__ import annotations

import datetime

from accounting.capacity.stock.projection import years_between
from accounting.capacity.stock.survival import Life
from accounting.census.ledger import Ledger


def lives_of(ledger: Ledger, snapshot: datetime.date) -> tuple[Life, ...]:
    """Return a life for each deployment whose date in service is known; plans and doubts are left out.

    A census made today names more of what still runs than of what is gone, so that lifetimes fitted to it
    come out too long.
    """
    found = []
    for entry in ledger.entries:
        began, ended = entry.in_service, entry.retired
        if began is None or began > snapshot:
            continue
        if entry.status == "retired" and ended is not None and ended <= snapshot:
            found.append(Life(years_between(began, ended), True))
        elif entry.status == "operational":
            found.append(Life(years_between(began, snapshot), False))
    return tuple(found)
