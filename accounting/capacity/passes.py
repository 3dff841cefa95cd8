"""Rows, the cells that entries go to, and which rows one pass over the entries sums."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field

from accounting.capacity.bases import Draws
from accounting.capacity.term_draws import Plan, Shared
from accounting.capacity.valuation import Term
from accounting.validation import Kind

RowKey = Hashable
# a division parts an entry: pairs of (rows that all get this part, weight); the weights add to 1
Division = tuple[tuple[tuple[RowKey, ...], float], ...]

TOTAL: RowKey = "total"


@dataclass(frozen=True, slots=True)
class KindsRow:
    """The row of all entries that are known alike: a kind for each basis asked for."""

    kinds: tuple[Kind, ...]


@dataclass(frozen=True, eq=False)
class Cell:
    """The divisions by which entries that share this cell are parted, one for each level asked for."""

    divisions: tuple[Division, ...]


@dataclass
class Part:
    """The sums of what goes to one row and shares the same factors, in grains: some drawn, some exact."""

    drawn: list[Draws | None]
    exact: list[int]
    lock: threading.Lock = field(default_factory=threading.Lock)


# a division with the parts of its rows in this pass: pairs of (parts that all get this part, weight)
Parts = tuple[tuple[tuple[Part, ...], float], ...]


@dataclass(frozen=True)
class Target:
    """Where terms of one kind are added: the divisions, and the number of sums that their chain makes."""

    divisions: tuple[Parts, ...]
    sums: int

    @property
    def parted(self) -> bool:
        """Whether any division parts an entry between several rows."""
        return any(len(division) > 1 for division in self.divisions)


@dataclass
class Pass:
    """The rows that one pass over the entries sums, and those that are left to the next."""

    most: int
    wanted: frozenset[RowKey] | None = None
    rows: dict[RowKey, dict[Shared, Part]] = field(default_factory=dict)
    left: dict[RowKey, None] = field(default_factory=dict)

    def part(self, row: RowKey, shared: Shared) -> Part | None:
        """Return the part of a row that shares these factors; None where the row is not of this pass."""
        parts = self.rows.get(row)
        if parts is None:
            if self.wanted is not None and row not in self.wanted:
                return None
            if len(self.rows) >= self.most:
                self.left[row] = None
                return None
            parts = self.rows[row] = {}
        if shared not in parts:
            parts[shared] = Part([None] * shared.sums, [0] * shared.sums)
        return parts[shared]

    def target(self, cell: Cell, term: Term, of_term: Plan) -> Target | None:
        """Return where terms like this one go; None where no row of theirs is of this pass."""
        shared = Shared(of_term.of_basis, term.bias)
        every: Division = (((TOTAL, KindsRow(term.chain.kinds(term.kind))), 1.0),)
        divisions = tuple(
            tuple((tuple(p for row in rows if (p := self.part(row, shared))), weight) for rows, weight in way)
            for way in (every, *cell.divisions)
        )
        held = tuple(way for way in divisions if any(parts for parts, _ in way))
        return Target(held, shared.sums) if held else None
