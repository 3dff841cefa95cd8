"""Which entries of a ledger an estimate values, and why the others are left out."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from accounting.census.ledger import Entry, Ledger, Settling

Test = Callable[[Entry], bool]

# statuses of what is meant to come into service, the surest first
PLANNED = ("under_construction", "contracted", "announced")

# What published figures were computed on, written as the options they stand for.
RECIPES: Mapping[str, Mapping[str, str]] = {
    "epoch-2025": {
        "since": "2019-01-01",
        "subset": "standard",
        "superseded": "drop",
        "duplicates": "keep",
        "unknown": "drop",
    },
}


@dataclass(frozen=True)
class Selection:
    """What to count.

    ``statuses`` are those asked for by name; an entry in service before ``as_of`` and retired after it was
    operational then. ``since`` leaves out what came into service before it. ``standard_only`` keeps the
    subset that a foreign file marks for analysis; ``known_only`` drops rows without country.

    ``project`` says that ``as_of`` is a day after the snapshot, and that plans among the statuses are drawn
    (:mod:`accounting.capacity.stock`): they then make nothing give way that operates. ``with_plans`` lets a
    projection add the plans, where no status was asked for by name.
    """

    as_of: datetime.date
    statuses: frozenset[str] = frozenset({"operational"})
    since: datetime.date | None = None
    standard_only: bool = False
    drop_superseded: bool = True
    drop_duplicates: bool = True
    known_only: bool = False
    project: bool = False
    with_plans: bool = True


@dataclass(frozen=True)
class Selected:
    """The entries to value, and how many were left out for each reason; together all rows of the ledger."""

    entries: tuple[Entry, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)


def status_on(entry: Entry, day: datetime.date) -> str:
    """Return the status an entry had on ``day``: what is retired now may have been in operation then."""
    if entry.retired is not None:
        if entry.retired <= day:
            return "retired"
        return "operational" if entry.status == "retired" else entry.status
    return entry.status


def select(ledger: Ledger, wanted: Selection) -> Selected:
    """Apply a selection; each entry left out is counted under the first reason that applies."""
    chosen, skipped = _filter(ledger.entries, _tests(wanted), Counter(ledger.left_out))
    if wanted.drop_superseded:
        # judged against what exists and operates, whether or not the subset includes it
        firm = replace(wanted, statuses=wanted.statuses - set(PLANNED)) if wanted.project else wanted
        operating = {e.id for e in ledger.entries if _operates(e, firm)}
        tests = [("superseded by a later phase in operation", lambda e: e.superseded_by in operating)]
        chosen, skipped = _filter(chosen, tests, skipped)
    if ledger.sites is not None:
        chosen, gone = _settle(ledger.sites, chosen) if wanted.project else ledger.sites.settle(chosen)
        skipped.update(gone)
    return Selected(tuple(chosen), dict(skipped))


def planned(ledger: Ledger, wanted: Selection) -> tuple[Entry, ...]:
    """Return what is meant to come into service after a day: not operating then, and no duplicate.

    Where several lists are joined, plans give way to what operates and to plans of lists more believed.
    """
    day = wanted.as_of
    plans = [e for e in ledger.entries if status_on(e, day) in PLANNED and not e.duplicate]
    if ledger.sites is None:
        return tuple(plans)
    known = {e.id for e in plans}
    chosen = [*(e for e in select(ledger, wanted).entries if e.id not in known), *plans]
    return tuple(e for e in _settle(ledger.sites, chosen)[0] if e.status in PLANNED)


def _settle(sites: Settling, chosen: list[Entry]) -> tuple[list[Entry], Counter[str]]:
    """Settle what operates by itself; plans then give way to it and to plans of lists more believed."""
    operating, gone = sites.settle([e for e in chosen if e.status not in PLANNED])
    firm = {e.id for e in operating}
    settled, more = sites.settle([e for e in chosen if e.id in firm or e.status in PLANNED])
    kept = firm | {e.id for e in settled}
    return [e for e in chosen if e.id in kept], gone + more


def _filter(
    entries: Iterable[Entry], tests: Iterable[tuple[str, Test]], skipped: Counter[str]
) -> tuple[list[Entry], Counter[str]]:
    kept, counts, ordered = [], Counter(skipped), list(tests)
    for entry in entries:
        reason = next((name for name, fails in ordered if fails(entry)), None)
        if reason is None:
            kept.append(entry)
        else:
            counts[reason] += 1
    return kept, counts


def _operates(entry: Entry, wanted: Selection) -> bool:
    in_time = entry.in_service is not None and entry.in_service <= wanted.as_of
    return in_time and status_on(entry, wanted.as_of) in wanted.statuses


def _tests(wanted: Selection) -> list[tuple[str, Test]]:
    day, since = wanted.as_of, wanted.since
    asked = " or ".join(sorted(wanted.statuses)).replace("_", " ")
    tests: list[tuple[str, Test]] = [
        (f"not {asked}", lambda e: status_on(e, day) not in wanted.statuses),
        ("no date in service", lambda e: e.in_service is None),
        (f"in service after {day}", lambda e: e.in_service is not None and e.in_service > day),
    ]
    if since is not None:
        tests.append(
            (f"in service before {since}", lambda e: e.in_service is not None and e.in_service < since)
        )
    if wanted.known_only:
        tests.append(("no known country", lambda e: e.territory is None))
    if wanted.standard_only:
        tests.append(("not in the source's standard subset", lambda e: not e.standard))
    if wanted.drop_duplicates:
        tests.append(("possible duplicate", lambda e: e.duplicate))
    return tests
