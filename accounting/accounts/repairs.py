"""A foreign file's own figures, computed anew from the chips and counts that the file itself states."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from accounting.census.ledger import Chips, Entry, Ledger
from accounting.reference.accelerators import Precision
from accounting.reference.facts import Facts
from accounting.reference.names import UNKNOWN

PRECISION: Precision = "bf16"
# a file's figures are rounded to three digits or more: what differs by less is no repair worth naming
_ROUNDING = 1e-3


@dataclass(frozen=True)
class Repair:
    """A row whose 16-bit figure was computed anew from its chips (FLOP/s; ``before`` None where blank)."""

    id: str
    name: str
    before: float | None
    after: float


def repaired(ledger: Ledger, facts: Facts) -> Ledger:
    """Return a foreign ledger whose 16-bit figures are chips × peak, where every chip and count is known.

    A row that names a second model of which chip or count is not known keeps the file's own figure: half
    of it would be no repair.
    """
    return replace(ledger, entries=tuple(_repaired(entry, facts) for entry in ledger.entries))


def _repaired(entry: Entry, facts: Facts) -> Entry:
    rates = [_rate(c, facts) for c in (Chips(entry.accelerator, entry.count), *entry.further_chips)]
    known = [rate for rate in rates if rate is not None]
    if len(known) < len(rates):
        return entry
    return replace(entry, values={**entry.values, PRECISION: math.fsum(known)})


def _rate(chips: Chips, facts: Facts) -> float | None:
    if chips.accelerator is None or chips.count is None:
        return None
    peak = facts.accelerators[chips.accelerator].peak_flop_per_s(PRECISION)
    return None if peak is None else chips.count.best * peak


def repairs(before: Mapping[str, Entry], mended: Ledger) -> Iterator[Repair]:
    """Yield what was repaired in the entries of ``before`` (by id), the largest change first."""
    found = []
    for entry in mended.entries:
        old = before.get(entry.id)
        if old is None or PRECISION not in entry.values:
            continue
        was, now = old.values.get(PRECISION), entry.values[PRECISION]
        if was is None or not math.isclose(was, now, rel_tol=_ROUNDING):
            found.append(Repair(entry.id, entry.facility_name or UNKNOWN, was, now))
    yield from sorted(found, key=lambda repair: (-abs(repair.after - (repair.before or 0.0)), repair.id))
