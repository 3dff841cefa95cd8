"""A ledger valued in every view of the cube."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from accounting.accounts.account import Quantiles, percentiles
from accounting.accounts.levels import LEVELS, Holders, Levels
from accounting.accounts.sized import resize
from accounting.capacity.bases import BASES, MEMORY, MEMORY_BASES, Basis, Draws
from accounting.capacity.calibration import Calibration
from accounting.capacity.valuation import Valuer
from accounting.census.ledger import Entry, Ledger
from accounting.census.selection import PLANNED, Selection, planned, select
from accounting.reference.facts import Facts
from accounting.reference.names import UNKNOWN
from flopcensus.studies.cube.cells import (
    FOLD_BELOW,
    FOLD_BELOW_BEFORE,
    Coverage,
    Cube,
    CubeRequest,
    CubeRow,
    Slot,
)
from flopcensus.studies.cube.sums import Items, Key, summed

# who holds it at three levels at once, for a picture of flows
CROSSING: Levels = ("territory", "provider", "vendor_nation")
# their rows are the facilities themselves, which stand elsewhere in the results
LEFT_OUT = frozenset({"facility", "deployment"})
# the combinations of a crossing are many and small, and a picture of flows needs more of them: there the
# thresholds of folding are multiplied by this
FOLD_CROSSED = 0.2
_ROUGH_DRAWS = 200


def cube(
    ledger: Ledger,
    request: CubeRequest,
    facts: Facts,
    calibration: Calibration,
    progress: Callable[[int, int], None] | None = None,
) -> Cube:
    """Value a ledger in every view.

    Args:
        ledger: the census, valued by chips.
        request: the views.
        facts: the reference facts.
        calibration: the efficiencies.
        progress: called with the views done and those in all.
    """
    run = _Run(ledger, request, facts, calibration, progress)
    for precision in run.precisions:
        run.value(precision)
    folded = {level: len(codes) for level, codes in run.small.items() if codes}
    return Cube(request, run.levels, tuple(run.rows), tuple(run.coverage), run.lacking, folded)


@dataclass
class _Run:
    ledger: Ledger
    request: CubeRequest
    facts: Facts
    calibration: Calibration
    progress: Callable[[int, int], None] | None
    rows: list[CubeRow] = field(default_factory=list)
    coverage: list[Coverage] = field(default_factory=list)
    lacking: dict[tuple[str, Basis], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.slots = self.request.slots()
        self.selected = [_selected(self.ledger, slot) for slot in self.slots]
        self.holders = Holders(self.facts, self.request.joint)
        self.levels = known_levels({e.id: e for chosen in self.selected for e in chosen}, self.holders)
        self.small: dict[Levels, frozenset[tuple[str, ...]]] = {}
        self.small = self._small()
        self.precisions = list(dict.fromkeys((self.request.precision, *self.request.precisions)))
        if self._bases(MEMORY):
            self.precisions.append(MEMORY)
        self.done, self.whole = 0, len(self.slots) * len(self.precisions)

    def value(self, precision: str) -> None:
        """Add the cells of one precision."""
        bases = self._bases(precision)
        if not bases:
            return
        own = self.slots.index(Slot(self.request.as_of, "operational"))
        others = list(range(len(self.slots)))
        if precision == self.request.precision:
            others.remove(own)
            self._value(precision, bases, [own], self.request.draws)
        self._value(precision, bases, others, self.request.view_draws)

    def _bases(self, precision: str) -> tuple[Basis, ...]:
        """Return the bases asked for that a precision is calibrated for, noting the others."""
        if precision == MEMORY:
            # no file's own columns state it
            known = MEMORY_BASES if self.ledger.valued_by == "chips" else ()
            return tuple(basis for basis in known if basis in self.request.bases)
        found: list[Basis] = []
        reason = ""
        for basis in BASES:
            pooled = basis == "peak" or self.calibration.efficiency(basis, None, precision)
            reason = reason or ("" if pooled else f"no {basis} measurement in {precision} to calibrate with")
            if basis in self.request.bases and reason:
                self.lacking[precision, basis] = reason
            elif basis in self.request.bases:
                found.append(basis)
        return tuple(found)

    def _valuer(self, precision: str, bases: tuple[Basis, ...], draws: int) -> Valuer:
        seed, values = self.request.seed, self.ledger.valued_by
        return Valuer(self.facts, self.calibration, precision, bases, seed, draws, values)

    def _value(self, precision: str, bases: tuple[Basis, ...], places: Sequence[int], draws: int) -> None:
        valuer = self._valuer(precision, bases, draws)
        items = self._items(valuer, places, self.levels)
        totals = dict(summed(replace(items, levels=((),)), valuer))
        for key, columns in summed(items, valuer):
            whole = totals[replace(key, levels=(), codes=())]
            for basis, total, held in zip(valuer.asked, whole, columns, strict=True):
                self._add(key, precision, basis, held, total)
        for place in places:
            skipped = Counter(items.skipped[place])
            self.coverage.append(Coverage(self.slots[place], precision, items.valued[place], dict(skipped)))
        self.done += len(places)
        if self.progress:
            self.progress(self.done, self.whole)

    def _items(self, valuer: Valuer, places: Sequence[int], levels: Sequence[Levels]) -> Items:
        entries: dict[str, tuple[Entry, list[int]]] = {}
        for place in places:
            for entry in self.selected[place]:
                entries.setdefault(entry.id, (entry, []))[1].append(place)
        unsized: dict[int, Counter[str]] = {place: Counter() for place in places}
        if self.ledger.valued_by != "chips":
            # a file's own figures need no count
            sized = [(entry, tuple(at)) for entry, at in entries.values()]
            return Items(sized, unsized, valuer, levels, self.holders, self.small)
        kept = {
            e.id: e for e in resize([e for e, _ in entries.values()], self.facts, valuer.precision).entries
        }
        for name, (entry, at) in entries.items():
            if name not in kept:
                reasons = resize((entry,), self.facts, valuer.precision).skipped
                for place in at:
                    unsized[place].update(reasons)
        sized = [(kept[name], tuple(at)) for name, (_, at) in entries.items() if name in kept]
        return Items(sized, unsized, valuer, levels, self.holders, self.small)

    def _add(self, key: Key, precision: str, basis: Basis, held: Draws, total: Draws) -> None:
        quantiles = Quantiles.of(held)
        if not quantiles.mean:
            return
        low, _, high = percentiles(np.where(total > 0, held / np.where(total > 0, total, 1.0), 0.0))
        share = quantiles.mean / float(np.mean(total))
        row = CubeRow(
            self.slots[key.slot], precision, basis, key.levels, key.codes, quantiles, share, low, high
        )
        self.rows.append(row)

    def _small(self) -> dict[Levels, frozenset[tuple[str, ...]]]:
        """Return the codes by level that are small at every date, by peaks."""
        levels = [level for level in self.levels if level and level not in self.request.whole]
        valuer = self._valuer(self.request.precision, ("peak",), _ROUGH_DRAWS)
        items = self._items(valuer, range(len(self.slots)), [(), *levels])
        means = {key: float(np.mean(columns[0])) for key, columns in summed(items, valuer)}
        small: dict[Levels, dict[tuple[str, ...], bool]] = {level: {} for level in levels}
        for key, mean in means.items():
            if not key.levels or key.codes == (UNKNOWN,):
                continue
            least = FOLD_BELOW_BEFORE if self.slots[key.slot].day < self.request.as_of else FOLD_BELOW
            if len(key.levels) > 1:
                least *= FOLD_CROSSED
            share = mean / (means[replace(key, levels=(), codes=())] or 1.0)
            here = small[key.levels]
            here[key.codes] = here.get(key.codes, True) and share < least
        found = {level: [codes for codes, is_small in of.items() if is_small] for level, of in small.items()}
        # one alone takes no more room than what it would be folded into
        return {level: frozenset(codes) for level, codes in found.items() if len(codes) > 1}


def _selected(ledger: Ledger, slot: Slot) -> tuple[Entry, ...]:
    if slot.status == "operational":
        return select(ledger, Selection(as_of=slot.day)).entries
    chosen = select(ledger, Selection(as_of=slot.day, statuses=frozenset(PLANNED))).entries
    if ledger.sites is None:
        return chosen
    # plans of one list give way to what another says operates
    firm = {entry.id for entry in planned(ledger, Selection(as_of=slot.day))}
    return tuple(entry for entry in chosen if entry.id in firm)


def known_levels(entries: Mapping[str, Entry], holders: Holders) -> tuple[Levels, ...]:
    """Return the total (), each level of which anything is known, and the crossing."""
    known: list[Levels] = [()]
    for level in LEVELS:
        if level in LEFT_OUT:
            continue
        if any(codes != (UNKNOWN,) for e in entries.values() for codes, _ in holders.codes(e, (level,))):
            known.append((level,))
    return (*known, CROSSING)
