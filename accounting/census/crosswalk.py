"""Which rows of several lists speak of the same site, and which list is believed where they do.

A row is named ``SOURCE:NAME``: ``ours:isambard-ai``, ``epoch-clusters:University of Bristol Isambard-AI``,
``epoch-data-centers:…`` (by the site's name), ``top500:180365`` (by the system's number). Ties are stated,
never guessed: by ``same_as`` and ``part_of`` of a facility, and in ``configs/crosswalk.yaml`` for sites that
are no facility of ours. A part and its whole are one place here, since a list that states the whole counts
the part.

Within one list every row counts. Where several lists have rows of one accelerator at one site, valued at one
date, those of the list named first are counted. A row whose accelerator is not known is counted only where
no other list knows an accelerator at its site.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from accounting.census.ledger import Entry, Ledger, by_model
from accounting.reference.facts import Facts
from accounting.validation import Date, FactModel, Text, Url, load

OURS = "ours"
TOP500 = "top500"


class Place(FactModel):
    """Rows of other lists that speak of one place."""

    name: Text
    rows: tuple[Text, ...] = Field(min_length=2, description="the rows, as SOURCE:NAME")
    source: Url
    date: Date
    note: Text | None = None


class CrosswalkFile(FactModel):
    """The file ``configs/crosswalk.yaml``."""

    places: tuple[Place, ...]


@dataclass
class Crosswalk:
    """Rows joined into sites; :meth:`tie` says that two rows speak of the same one.

    >>> crosswalk = Crosswalk()
    >>> crosswalk.tie("ours:lumi", "top500:180048")
    >>> crosswalk.site("top500:180048") == crosswalk.site("ours:lumi")
    True
    >>> crosswalk.site("ours:other") is None
    True
    """

    _parent: dict[str, str] = field(default_factory=dict)

    def tie(self, one: str, other: str) -> None:
        """State that two rows speak of the same site; the order of statements does not matter."""
        first, second = sorted((self._root(one), self._root(other)))
        self._parent[second] = first

    def site(self, row: str) -> str | None:
        """Return the name of a row's site (its first row by name), None where nothing is tied to it."""
        return self._root(row) if row in self._parent else None

    def rows(self) -> Mapping[str, tuple[str, ...]]:
        """Return all rows by site, both sorted."""
        found: dict[str, list[str]] = {}
        for row in sorted(self._parent):
            found.setdefault(self._root(row), []).append(row)
        return {site: tuple(rows) for site, rows in sorted(found.items())}

    def _root(self, row: str) -> str:
        above = self._parent.setdefault(row, row)
        while above != row:
            # halve the way for the next
            self._parent[row] = self._parent[above]
            row, above = above, self._parent[above]
        return row


def crosswalk_of(entries: Iterable[Entry], file: Path | None = None) -> Crosswalk:
    """Return the sites that facilities of ours and a file of further ties state.

    Args:
        entries: entries of our own facilities, with ``same_as`` and ``part_of``.
        file: ``crosswalk.yaml``, or None for none.

    Raises:
        InputFaults: the file has faults.
    """
    crosswalk = Crosswalk()
    for entry in entries:
        own = f"{OURS}:{entry.facility}"
        for row in (*entry.same_as, *_whole(entry)):
            crosswalk.tie(own, row)
    if file is not None:
        for place in load(file, CrosswalkFile)[1].places:
            for row in place.rows[1:]:
                crosswalk.tie(place.rows[0], row)
    return crosswalk


def _whole(entry: Entry) -> Iterator[str]:
    if entry.part_of:
        yield entry.part_of if ":" in entry.part_of else f"{OURS}:{entry.part_of}"


def row_name(source: str, entry: Entry) -> str:
    """Return the name that ties use for an entry of a list; ``source`` is its reader's prefix."""
    if source == TOP500:
        return f"{TOP500}:{entry.id.removeprefix(f'{TOP500}-')}"
    return f"{source}:{entry.facility if source == OURS else entry.facility_name}"


@dataclass(frozen=True)
class Sites:
    """The sites of a joined ledger: by entry id the site, and the place of its list among those named."""

    site: Mapping[str, str]
    rank: Mapping[str, int]
    lists: tuple[str, ...]

    def settle(self, entries: Sequence[Entry]) -> tuple[list[Entry], Counter[str]]:
        """Keep, for each site and accelerator, the entries of the first list that has any.

        Returns:
            The entries kept, in order, and how many gave way, by reason.
        """
        winners = self._winners(entries)
        kept, gone = [], Counter[str]()
        for entry in entries:
            winner = winners.get(self._key(entry))
            rank = self.rank[entry.id]
            if winner is None or (winner >= rank if _valued(entry) else winner == rank):
                kept.append(entry)
            else:
                gone[f"the same site and accelerator stand in {self.lists[winner]}"] += 1
        return kept, gone

    def _key(self, entry: Entry) -> tuple[str, str | None]:
        # a site of its own where nothing is tied to it
        return self.site.get(entry.id, f"{entry.id}:"), entry.accelerator if _valued(entry) else None

    def _winners(self, entries: Iterable[Entry]) -> dict[tuple[str, str | None], int]:
        """Return the first list that has an accelerator at a site, and (under None) any accelerator there."""
        winners: dict[tuple[str, str | None], int] = {}
        for entry in entries:
            if _valued(entry):
                site, accelerator = self._key(entry)
                for key in ((site, accelerator), (site, None)):
                    winners[key] = min(self.rank[entry.id], winners.get(key, len(self.lists)))
        return winners


def _valued(entry: Entry) -> bool:
    return entry.accelerator is not None and entry.count is not None


def join(ledgers: Sequence[tuple[str, Ledger]], crosswalk: Crosswalk, facts: Facts) -> Ledger:
    """Return several lists as one ledger, with the ties that say which of its rows are of one site.

    Which list is believed of a site is decided later (:meth:`Sites.settle`), among the rows that a selection
    leaves: a list that knows a site from an earlier day on is believed until then.

    Args:
        ledgers: (reader's prefix, or ``ours``; its ledger), the most believed first.
        crosswalk: the ties between their rows.
        facts: who designs the chips that a row states beside its first.

    Chips that a row states beside its first become entries of their own, so that each is counted once.
    """
    entries: list[Entry] = []
    site: dict[str, str] = {}
    rank: dict[str, int] = {}
    seen: dict[str, datetime.date] = {}
    left_out: Counter[str] = Counter()
    warnings: list[str] = []
    for place, (source, ledger) in enumerate(ledgers):
        tied = 0
        for entry in ledger.entries:
            found = crosswalk.site(row_name(source, entry))
            tied += found is not None
            for one in by_model(_named_apart(entry, source), facts):
                entries.append(one)
                rank[one.id] = place
                if ledger.snapshot is not None:
                    seen[one.id] = ledger.snapshot
                if found is not None:
                    site[one.id] = found
        left_out.update(ledger.left_out)
        warnings += [f"{ledger.name}: {warning}" for warning in ledger.warnings]
        warnings.append(_untied(ledger, tied))
    names = tuple(ledger.name for _, ledger in ledgers)
    return Ledger(
        " + ".join(names),
        tuple(entries),
        left_out=dict(left_out),
        warnings=tuple(warnings),
        sites=Sites(site, rank, names),
        snapshot=min((ledger.snapshot for _, ledger in ledgers if ledger.snapshot), default=None),
        seen=seen,
    )


def _untied(ledger: Ledger, tied: int) -> str:
    return (
        f"{ledger.name}: {tied} of {len(ledger.entries)} rows are tied to a site; the others count as sites "
        "of their own, so that a site without a tie may be counted twice (lint shows likely ones)"
    )


def _named_apart(entry: Entry, source: str) -> Entry:
    """Return an entry with the list's name before its ids where the list is foreign: unlike all of ours."""
    if source == OURS:
        return entry
    superseded = f"{source}:{entry.superseded_by}" if entry.superseded_by else None
    return dataclasses.replace(
        entry, id=f"{source}:{entry.id}", facility=f"{source}:{entry.facility}", superseded_by=superseded
    )
