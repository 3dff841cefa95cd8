"""The sums of the cube: each entry's draws, added to the rows of all dates at which the entry counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from accounting.accounts.levels import Holders, Levels
from accounting.capacity.bases import Draws
from accounting.capacity.passes import Cell, Division
from accounting.capacity.sums import Summation, Work
from accounting.capacity.valuation import Skipped, Term, Valuer
from accounting.census.ledger import Entry
from flopcensus.studies.cube.cells import (
    OTHER,
)

# sums of one pass; more rows are summed in several
_SUMS_BYTES = 192 * 2**20


@dataclass(frozen=True, slots=True)
class Key:
    """A row: the number of its slot, its level (empty: the total), and a code for each level in it."""

    slot: int
    levels: Levels
    codes: tuple[str, ...]


@dataclass
class Items:
    """Entries as terms with the rows of all their slots; can be read any number of times."""

    entries: Sequence[tuple[Entry, tuple[int, ...]]]
    unsized: Mapping[int, Counter[str]]
    valuer: Valuer
    levels: Sequence[Levels]
    holders: Holders
    small: Mapping[Levels, frozenset[tuple[str, ...]]]
    valued: Counter[int] = field(default_factory=Counter)
    skipped: dict[int, Counter[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._cells: dict[object, Cell] = {}

    def __iter__(self) -> Iterator[tuple[Term, Cell]]:
        self.valued, self.skipped = (
            Counter(),
            {place: Counter(found) for place, found in self.unsized.items()},
        )
        for entry, places in self.entries:
            term = self.valuer.term(entry)
            if isinstance(term, Skipped):
                for place in places:
                    self.skipped[place][term.reason] += 1
                continue
            self.valued.update(places)
            yield term, self._cell(entry, places)

    def _cell(self, entry: Entry, places: tuple[int, ...]) -> Cell:
        held = tuple(tuple(self._codes(entry, level).items()) for level in self.levels)
        found = self._cells.get((places, held))
        if found is None:
            pairs = zip(self.levels, held, strict=True)
            divisions = tuple(_division(level, codes, places) for level, codes in pairs)
            found = self._cells[places, held] = Cell(divisions)
        return found

    def _codes(self, entry: Entry, levels: Levels) -> dict[tuple[str, ...], float]:
        if not levels:
            return {(): 1.0}
        weights: dict[tuple[str, ...], float] = {}
        small = self.small.get(levels, frozenset())
        for codes, weight in self.holders.codes(entry, levels):
            kept = (OTHER,) * len(levels) if codes in small else codes
            weights[kept] = weights.get(kept, 0.0) + weight
        return weights


def _division(
    levels: Levels, held: Sequence[tuple[tuple[str, ...], float]], places: Sequence[int]
) -> Division:
    return tuple((tuple(Key(place, levels, codes) for place in places), weight) for codes, weight in held)


def summed(items: Items, valuer: Valuer) -> Iterator[tuple[Key, tuple[Draws, ...]]]:
    """Yield the draws of each row by basis, what the sums keep for themselves left out."""
    for key, columns in Summation(items, valuer, Work(sums_bytes=_SUMS_BYTES)).rows():
        if isinstance(key, Key):
            yield key, columns
