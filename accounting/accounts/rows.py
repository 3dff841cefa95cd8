"""Which rows of an account an entry goes to: of each level, and of the groups of nations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import length_hint

from accounting.accounts.levels import Holders, Levels, is_national
from accounting.capacity.passes import Cell, Division, RowKey
from accounting.capacity.valuation import Skipped, Term, Valuer
from accounting.census.ledger import Entry
from accounting.reference.names import ALTERNATIVES, EU

# entries of a million facilities may have as many cells; those that come again are few
_MOST_CELLS = 50_000

Codes = tuple[tuple[tuple[str, ...], float], ...]


def by_code(found: Codes) -> dict[tuple[str, ...], float]:
    """Return one weight a code: two owners of one nation are one holder.

    >>> by_code(((("FR",), 0.5), (("FR",), 0.25), (("DE",), 0.25)))
    {('FR',): 0.75, ('DE',): 0.25}
    """
    weights: dict[tuple[str, ...], float] = {}
    for code, weight in found:
        weights[code] = weights.get(code, 0.0) + weight
    return weights


@dataclass(frozen=True, slots=True)
class LevelRow:
    """A row of a level: a code for each of its levels."""

    levels: Levels
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupOf:
    """The members of a group of nations, on a level."""

    levels: Levels
    group: str


@dataclass
class Valuation:
    """Entries as terms, each with the cell it goes to; can be read any number of times.

    ``skipped`` and ``valued`` count the entries of the last reading.
    """

    entries: Iterable[Entry]
    valuer: Valuer
    levels: Sequence[Levels]
    groups: Mapping[str, tuple[str, ...]]
    holders: Holders
    skipped: Counter[str] = field(default_factory=Counter)
    valued: int = 0

    def __post_init__(self) -> None:
        """Keep what can be read only once."""
        if isinstance(self.entries, Iterator):
            self.entries = list(self.entries)
        self._cells: dict[tuple[Codes, ...], Cell] = {}
        self._groups_of: dict[str, tuple[str, ...]] = {}

    def __length_hint__(self) -> int:
        """Return how many entries there are, 0 where that is not known."""
        return length_hint(self.entries, 0)

    def __iter__(self) -> Iterator[tuple[Term, Cell]]:
        """Yield what can be valued."""
        self.skipped, self.valued = Counter(), 0
        for entry in self.entries:
            term = self.valuer.term(entry)
            if isinstance(term, Skipped):
                self.skipped[term.reason] += 1
            else:
                self.valued += 1
                yield term, self._cell(entry)

    def _cell(self, entry: Entry) -> Cell:
        key = tuple(tuple(self.holders.codes(entry, level)) for level in self.levels)
        cell = self._cells.get(key)
        if cell is None:
            if len(self._cells) >= _MOST_CELLS:
                self._cells.clear()
            pairs = zip(self.levels, key, strict=True)
            cell = self._cells[key] = Cell(tuple(self._division(level, found) for level, found in pairs))
        return cell

    def _division(self, level: Levels, found: Codes) -> Division:
        return tuple((self._rows(level, code), weight) for code, weight in by_code(found).items())

    def _rows(self, level: Levels, code: tuple[str, ...]) -> tuple[RowKey, ...]:
        groups = self._groups(code[0]) if is_national(level) else ()
        return (LevelRow(level, code), *(GroupOf(level, group) for group in groups))

    def _groups(self, nation: str) -> tuple[str, ...]:
        """Return the groups that a nation is of."""
        found = self._groups_of.get(nation)
        if found is None:
            # a code of alternatives ("JP+KR") counts in a group only if every one of them is a member
            may_be = nation.split(ALTERNATIVES)
            found = tuple(
                group
                for group, members in self.groups.items()
                # the Union's own bodies belong to no member state, but count in the Union's group
                if all(one in members or (group == EU and one == EU) for one in may_be)
            )
            self._groups_of[nation] = found
        return found
