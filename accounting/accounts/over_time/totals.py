"""Totals of a census at many dates: each entry is valued once and counted at every date it is in service."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accounting.accounts.estimate import Request, chosen_entries, h100e_constants
from accounting.capacity.bases import Basis, Draws
from accounting.capacity.stock.projection import Projection
from accounting.capacity.valuation import Skipped, Valuer
from accounting.census.ledger import Entry, Ledger
from accounting.census.selection import PLANNED, Selection
from accounting.reference.facts import Facts


def projected_selection(wanted: Selection, day: datetime.date) -> Selection:
    """Return a selection at a day after the snapshot: plans join where no status was asked for by name."""
    statuses = wanted.statuses | set(PLANNED) if wanted.with_plans else wanted.statuses
    return replace(wanted, as_of=day, statuses=frozenset(statuses), project=True)


@dataclass(frozen=True)
class Counted:
    """The entries counted at one date."""

    day: datetime.date
    projected: bool
    statuses: tuple[str, ...]
    entries: Mapping[str, Entry]
    skipped: Mapping[str, int]


def entries_at(
    ledger: Ledger,
    request: Request,
    dates: Sequence[datetime.date],
    snapshot: datetime.date,
    facts: Facts,
) -> Iterator[Counted]:
    """Yield the entries to count at each date; dates after the snapshot are projected."""
    for day in dates:
        ahead = day > snapshot
        wanted = request.selection
        at_day = projected_selection(wanted, day) if ahead else replace(wanted, as_of=day, project=False)
        entries, skipped, _ = chosen_entries(ledger, replace(request, selection=at_day), facts)
        statuses = tuple(sorted(at_day.statuses))
        yield Counted(day, ahead, statuses, {e.id: e for e in entries}, skipped)


@dataclass
class Totals:
    """Sums of draws by basis and date over all entries that count at any of the dates.

    ``totals`` are draws by basis (shape: dates × draws) in the unit of the request; ``planned`` is the mean
    of what is planned in them, ``valued`` and ``skipped`` count entries, all by date.
    """

    ledger: Ledger
    request: Request
    valuer: Valuer
    projection: Projection
    counted: tuple[Counted, ...]

    def __post_init__(self) -> None:
        self.constants = h100e_constants(self.request)
        shape = (len(self.counted), self.request.draws)
        self.totals: dict[Basis, Draws] = {basis: np.zeros(shape) for basis in self.request.bases}
        self.planned: dict[Basis, list[float]] = {b: [0.0] * len(self.counted) for b in self.request.bases}
        self.valued = [0] * len(self.counted)
        self.skipped = [Counter(one.skipped) for one in self.counted]
        self.means: dict[str, Mapping[Basis, float]] = {}

    def value(self) -> None:
        """Value each entry once and add it to the dates it counts at."""
        everything = {name: e for one in self.counted for name, e in one.entries.items()}
        for name, entry in everything.items():
            places = [place for place, one in enumerate(self.counted) if name in one.entries]
            found = self._value(entry)
            if isinstance(found, Skipped):
                for place in places:
                    self.skipped[place][found.reason] += 1
                continue
            self._add(places, entry, found)

    def mean(self, entry: Entry, basis: Basis) -> float | None:
        """Return an entry's mean capacity in service, None where it cannot be valued."""
        if entry.id not in self.means and isinstance(self._value(entry), Skipped):
            return None
        return self.means[entry.id][basis]

    def _value(self, entry: Entry) -> dict[Basis, Draws] | Skipped:
        valued = self.valuer.value(entry)
        if isinstance(valued, Skipped):
            return valued
        stated = {
            basis: (c.in_h100e(self.constants[basis]) if self.constants else c).draws
            for basis, c in valued.capacity.items()
        }
        self.means[entry.id] = {basis: float(np.mean(draws)) for basis, draws in stated.items()}
        return stated

    def _add(self, places: Sequence[int], entry: Entry, found: Mapping[Basis, Draws]) -> None:
        ahead = [place for place in places if self.counted[place].projected]
        history = self.projection.history(entry, (self.counted[place].day for place in ahead))
        for place in places:
            self.valued[place] += 1
            running = next(history) if self.counted[place].projected else 1.0
            for basis, draws in found.items():
                there = draws * running
                self.totals[basis][place] += there
                if entry.status in PLANNED:
                    self.planned[basis][place] += float(np.mean(there))
