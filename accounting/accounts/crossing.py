"""From entries to cross-tabulations of capacity, which the accounts of nations are computed from.

The levels are those of :mod:`accounting.accounts.levels` and one more, ``kind``: how the value of an entry is
known. Cells are summed exactly (:mod:`accounting.capacity.sums`), so that a cell depends on the entries in it
and on nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import length_hint

import numpy as np

from accounting.accounts.crosstabs import Crosstab, Key
from accounting.accounts.joint import Joint
from accounting.accounts.levels import Holders
from accounting.accounts.rows import Codes, LevelRow, by_code
from accounting.capacity.bases import Basis, Draws
from accounting.capacity.passes import Cell
from accounting.capacity.sums import ONE_THREAD, Summation, Work
from accounting.capacity.valuation import Skipped, Term, Valuer
from accounting.census.ledger import Entry

KIND = "kind"


def crossings(
    entries: Iterable[Entry],
    valuer: Valuer,
    levels: Sequence[tuple[str, ...]],
    basis: Basis,
    unit_flop_per_s: float = 1.0,
    *,
    joint: Joint = "owner",
    work: Work = ONE_THREAD,
) -> dict[tuple[str, ...], Crosstab]:
    """Value entries once and group them by each of ``levels``.

    Args:
        entries: what to count, already selected; what cannot be valued is passed over.
        valuer: how to value it; ``basis`` must be among its bases.
        levels: each a crossing, that may begin with ``kind``.
        basis: which of the valuer's bases.
        unit_flop_per_s: the unit to state capacity in, in FLOP/s (an H100e constant, say).
        joint: whose a joint venture is counted as.
        work: threads, memory and whom to tell of progress; the result depends on none of them.

    Returns:
        For each crossing, draws by one code a level (shape: draws); every crossing has the same total in
        every draw, to rounding.
    """
    place = valuer.asked.index(basis)
    items = _Crossed(list(entries), valuer, levels, place, Holders(valuer.facts, joint))
    result: dict[tuple[str, ...], dict[Key, Draws]] = {level: {} for level in levels}
    for row, columns in Summation(items, valuer, work).rows():
        if isinstance(row, LevelRow):
            draws = columns[place] / unit_flop_per_s
            # what is exact has one draw
            result[row.levels][row.codes] = np.array(np.broadcast_to(draws, valuer.size))
    return dict(result)


@dataclass
class _Crossed:
    """Entries as terms, each with the cell it goes to; can be read any number of times."""

    entries: Sequence[Entry]
    valuer: Valuer
    levels: Sequence[tuple[str, ...]]
    place: int
    holders: Holders
    cells: dict[tuple[Codes, ...], Cell] = field(default_factory=dict)

    def __length_hint__(self) -> int:
        return length_hint(self.entries)

    def __iter__(self) -> Iterator[tuple[Term, Cell]]:
        for entry in self.entries:
            term = self.valuer.term(entry)
            if not isinstance(term, Skipped):
                yield term, self._cell(entry, term.chain.kinds(term.kind)[self.place])

    def _cell(self, entry: Entry, kind: str) -> Cell:
        key = tuple(tuple(self._codes(entry, level, kind)) for level in self.levels)
        cell = self.cells.get(key)
        if cell is None:
            cell = self.cells[key] = Cell(
                tuple(
                    tuple(((LevelRow(level, codes),), weight) for codes, weight in by_code(found).items())
                    for level, found in zip(self.levels, key, strict=True)
                )
            )
        return cell

    def _codes(
        self, entry: Entry, levels: tuple[str, ...], kind: str
    ) -> Iterator[tuple[tuple[str, ...], float]]:
        if levels[0] != KIND:
            yield from self.holders.codes(entry, levels)
            return
        for codes, weight in self.holders.codes(entry, levels[1:]):
            yield (kind, *codes), weight


def unvalued(entries: Iterable[Entry], valuer: Valuer) -> dict[str, int]:
    """Return how many entries cannot be valued, by reason."""
    found = (valuer.term(entry) for entry in entries)
    return dict(Counter(term.reason for term in found if isinstance(term, Skipped)))
