"""Entries known by power, cost or a bare number of chips: their counts, and their part of a total."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from accounting.capacity.bases import MEMORY
from accounting.capacity.draws import Z95, log_sd
from accounting.capacity.peaks import peak_rate
from accounting.capacity.sizing.counts import NOBODY, Clue, Sized, needs_sizing, size
from accounting.capacity.sizing.facts import load_sizing
from accounting.census.ledger import Entry, Ledger
from accounting.quantities import Uncertain
from accounting.reference.facts import Facts

Sizing = Literal["keep", "drop"]
# clues further apart than this many standard deviations are named
APART = Z95


@dataclass(frozen=True)
class Apart:
    """A deployment whose clues disagree: each clue's median and its distance from the others."""

    deployment: str
    clues: tuple[Clue, ...]
    widening: float


@dataclass(frozen=True)
class SizedEntries:
    """How much of an estimate rests on power, cost or a typical accelerator.

    ``clues`` counts entries by what their count rests on ("power", "count and power", …), ``typical`` those
    whose accelerator is assumed. ``share`` is their part of the mean peak, 0 where there is nothing to value.
    """

    entries: int
    clues: Mapping[str, int]
    typical: int
    share: float
    apart: tuple[Apart, ...]


@dataclass(frozen=True)
class Resized:
    """Entries with counts, those left out by reason, and the summary."""

    entries: tuple[Entry, ...]
    skipped: Mapping[str, int]
    summary: SizedEntries


def stated(ledger: Ledger) -> Ledger:
    """Return a ledger of the entries that state an accelerator and a count."""
    return replace(ledger, entries=tuple(e for e in ledger.entries if e.accelerator and e.count))


def resize(entries: Sequence[Entry], facts: Facts, precision: str) -> Resized:
    """Give a count, and where needed an accelerator, to the entries that lack them.

    Entries with a figure of their source's own in ``precision`` keep it. Those that nothing leads to are left
    out with the reason; those without any clue stay, and are left out where they are valued.
    """
    if not any(needs_sizing(entry) for entry in entries):
        return Resized(tuple(entries), {}, SizedEntries(0, {}, 0, 0.0, ()))
    facts_of_size = load_sizing(facts)
    kept: list[Entry] = []
    found: dict[int, Sized] = {}
    skipped: Counter[str] = Counter()
    for entry in entries:
        if not needs_sizing(entry) or precision in entry.values:
            kept.append(entry)
            continue
        sized = size(entry, facts, facts_of_size)
        if isinstance(sized, Sized):
            found[len(kept)] = sized
            kept.append(sized.entry)
        elif entry.count or entry.power or entry.cost:
            skipped[_reason(entry, sized.reason)] += 1
        else:
            kept.append(entry)
    return Resized(tuple(kept), dict(skipped), _summary(kept, found, facts, precision))


def on_chip_share(entries: Iterable[Entry], facts: Facts) -> float:
    """Return what of the mean peak memory bandwidth is of accelerators whose memory is on the chip (SRAM)."""
    whole = on_chip = 0.0
    for entry in entries:
        worth = _mean_peak(entry, facts, MEMORY)
        whole += worth
        chip = facts.accelerators.get(entry.accelerator or "")
        on_chip += worth if chip is not None and (chip.memory_type or "").startswith("SRAM") else 0.0
    return on_chip / whole if whole else 0.0


def _reason(entry: Entry, reason: str) -> str:
    known = "count" if entry.count else "power" if entry.power else "cost"
    return f"{known} known, but {reason}" if reason == NOBODY else reason


def _summary(
    entries: Sequence[Entry], found: Mapping[int, Sized], facts: Facts, precision: str
) -> SizedEntries:
    changed = {place: sized for place, sized in found.items() if _rests(sized) != "count" or sized.typical}
    apart = [
        Apart(one.entry.id, one.clues, one.widening)
        for one in found.values()
        if any(abs(clue.z or 0.0) > APART for clue in one.clues)
    ]
    clues = Counter(_rests(one) for one in changed.values())
    typical = sum(one.typical for one in changed.values())
    share = 0.0
    if changed:
        worth = [_mean_peak(entry, facts, precision) for entry in entries]
        whole = math.fsum(worth)
        share = math.fsum(worth[place] for place in changed) / whole if whole else 0.0
    return SizedEntries(len(changed), dict(clues), typical, share, tuple(apart))


def _rests(sized: Sized) -> str:
    return " and ".join(clue.what for clue in sized.clues if clue.used)


def _mean_peak(entry: Entry, facts: Facts, precision: str) -> float:
    """Return mean count × peak, in FLOP/s or B/s: the mean of a lognormal is e^(μ + σ²/2)."""
    if entry.accelerator is None or entry.count is None:
        return entry.values.get(precision, 0.0)
    return _mean(entry.count) * (peak_rate(facts.accelerators[entry.accelerator], precision) or 0.0)


def _mean(count: Uncertain) -> float:
    return count.best * math.exp(log_sd(count) ** 2 / 2)


def warnings(summary: SizedEntries) -> Iterable[str]:
    """Yield what a reader must know of it in words."""
    if summary.entries:
        how = ", ".join(f"{number} by {clue}" for clue, number in summary.clues.items())
        yield (
            f"deployments not stated as accelerators and number: {summary.entries}, or "
            f"{summary.share:.1%} of the peak ({how}); of {summary.typical} the accelerator is what "
            "their designer typically sold (--sized drop leaves them out)"
        )
    if summary.apart:
        names = ", ".join(one.deployment for one in summary.apart)
        yield f"count, power or cost disagree for {names}: see 'sized' in --format json"
