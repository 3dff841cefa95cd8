"""Confidential cells: which are withheld, and which others must be, so that none can be computed back.

Primary suppression is by :mod:`accounting.accounts.release.sensitive_cells`.

Secondary suppression treats every published sum as a linear equation that anybody can solve: margins of
crossings, totals, groups of nations. For each sensitive cell two linear programmes (Kelly, Golden and Assad
1992, *Networks* 22: 397-417; Hundepool et al. 2012, chapter 4) look for a change of withheld cells that
leaves every equation true, no cell negative, and moves the cell up, or down, by its protection. The cells
that move are withheld too, the cheapest first. The changes found are the proof: an outsider who knows that
no capacity is negative cannot narrow the cell down any further. Cells with one contributor get a second look,
since that contributor can take its own figure out.

Needs scipy (the extra ``tables``). One basis at a time: two published side by side give two equations a sum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from accounting.accounts.release.sensitive_cells import Contributions, Rules, standing_behind
from bench.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Cell = tuple[str, ...]
Direction = Literal["up", "down"]
# a cell moves at most this many times the protection asked for, which keeps the programme well scaled
_FARTHEST = 1e4
_MOVED = 1e-9
# the grand total is withheld last
_TOTAL_COST = 1e3


@dataclass(frozen=True)
class Table:
    """Cells, the sums that tie them, and what stands behind each.

    ``equations`` are (sum, parts): the first cell is the sum of the others. ``contributions`` by cell and
    contributor; cells without are never sensitive.
    """

    values: Mapping[Cell, float]
    equations: tuple[tuple[Cell, tuple[Cell, ...]], ...]
    contributions: Mapping[Cell, Contributions]


@dataclass(frozen=True)
class Pattern:
    """Which cells are withheld.

    ``primary`` with reasons, ``secondary`` for the sake of the others. ``protection`` is by how much each
    primary cell can differ, up and down, for all that an outsider can work out, in its own unit. ``weak``
    names cells that the one contributor of another withheld cell could work out more closely, where no
    further cell could prevent it.
    """

    primary: Mapping[Cell, str]
    secondary: frozenset[Cell]
    protection: Mapping[Cell, float]
    weak: tuple[Cell, ...] = ()

    @property
    def withheld(self) -> frozenset[Cell]:
        """Primary and secondary together."""
        return frozenset(self.primary) | self.secondary


def suppress(table: Table, rules: Rules) -> Pattern:
    """Choose what to withhold.

    Raises:
        MissingExtraError: scipy is not installed.
        InputError: a sum that its parts do not add up to, or a cell that nothing can protect.
    """
    _check(table)
    primary = {c: why for c, held in table.contributions.items() if (why := rules.reason(held))}
    protection = {c: rules.protection(table.contributions[c]) for c in primary}
    # a cell of nothing tells nothing
    needing = sorted((c for c in primary if protection[c] > 0), key=lambda c: (-protection[c], c))
    search = _Search(table, set(primary))
    for cell in needing:
        for direction in _DIRECTIONS:
            if not search.protect(cell, protection[cell], direction):
                raise InputError(f"suppression: nothing can hide {' / '.join(cell)}: its sums are published")
    weak = [cell for cell in needing if not _against_insiders(search, cell, protection[cell])]
    return Pattern(primary, frozenset(search.withheld - set(primary)), protection, tuple(weak))


_DIRECTIONS: tuple[Direction, ...] = ("up", "down")


def _check(table: Table) -> None:
    for total, parts in table.equations:
        found, stated = sum(table.values[part] for part in parts), table.values[total]
        if abs(found - stated) > 1e-9 * max(abs(stated), abs(found)):
            raise InputError(
                f"suppression: the parts of {' / '.join(total)} add up to {found:g}, not {stated:g}"
            )
    if any(value < 0 for value in table.values.values()):
        raise InputError("suppression: a cell is negative")


def _against_insiders(search: _Search, cell: Cell, protection: float) -> bool:
    """Protect a cell from insiders: each stands alone behind another withheld cell, and so knows it.

    Returns False where one of them can work the cell out more closely than its protection.
    """
    own = search.alone(cell)
    safe = True
    for direction in _DIRECTIONS:
        # a cell that the change found so far does not move is no part of the proof: knowing it helps nobody
        insiders = sorted(search.insiders(cell, direction) - {own})
        together = frozenset(c for insider in insiders for c in search.known_to(insider)) - {cell}
        # one proof against all of them at once serves where it withholds nothing more
        if not insiders or search.protect(cell, protection, direction, together, more=False):
            continue
        for insider in insiders:
            safe &= search.protect(cell, protection, direction, frozenset(search.known_to(insider)))
    return safe


@dataclass
class _Search:
    """The withheld cells as they grow, and for each cell and direction the change that proves it."""

    table: Table
    withheld: set[Cell]
    proofs: dict[tuple[Cell, Direction], frozenset[Cell]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cells = list(self.table.values)
        self.place = {cell: place for place, cell in enumerate(self.cells)}
        self.values = np.array([self.table.values[cell] for cell in self.cells])
        signed = _matrix(self.table.equations, self.place)
        # what rises, then what falls
        self.matrix = _scipy()[1].hstack([signed, -signed], format="csr")
        self.totals = {cell for cell, _ in self.table.equations} - {
            p for _, s in self.table.equations for p in s
        }
        self._sole: dict[str, set[Cell]] = defaultdict(set)
        for cell in self.table.contributions:
            if (insider := self.alone(cell)) is not None:
                self._sole[insider].add(cell)

    def alone(self, cell: Cell) -> str | None:
        """Return who stands alone behind a cell, None where several do."""
        found = standing_behind(self.table.contributions.get(cell, {}))
        return found[0] if len(found) == 1 else None

    def known_to(self, insider: str) -> set[Cell]:
        """Return the cells that one contributor stands alone behind, and so knows."""
        return self._sole[insider]

    def insiders(self, cell: Cell, direction: Direction) -> set[str]:
        """Return who stands alone behind a cell that the proof moves."""
        return {who for other in self.proofs[cell, direction] if (who := self.alone(other)) is not None}

    def protect(
        self,
        cell: Cell,
        protection: float,
        direction: Direction,
        known: frozenset[Cell] = frozenset(),
        *,
        more: bool = True,
    ) -> bool:
        """Withhold what lets a cell move by its protection; False where nothing does.

        ``known`` cells stay where they are; without ``more`` no further cell is withheld.
        """
        fixed = known if more else known | (set(self.cells) - self.withheld)
        moved = _change(self, cell, protection, direction, fixed)
        if moved is None:
            return False
        cells = frozenset(self.cells[place] for place in np.flatnonzero(np.abs(moved) > _MOVED))
        self.withheld |= cells
        if not known:
            self.proofs[cell, direction] = cells
        return True

    def costs(self) -> NDArray[np.float64]:
        """What it costs to withhold each cell: its share of the whole; nothing where it is withheld."""
        scale = float(self.values.max()) or 1.0
        # a little for every cell, so that few are withheld
        costs = self.values / scale + 1e-3
        for place, cell in enumerate(self.cells):
            if cell in self.withheld:
                costs[place] = 0.0
            elif cell in self.totals:
                costs[place] *= _TOTAL_COST
        return np.asarray(costs, dtype=np.float64)


def _change(
    search: _Search, cell: Cell, protection: float, direction: Direction, fixed: Set[Cell]
) -> NDArray[np.float64] | None:
    """Find the cheapest change of cells, in units of the protection, that keeps every sum."""
    optimize, _ = _scipy()
    size, matrix = len(search.cells), search.matrix
    down = np.minimum(search.values / protection, _FARTHEST)
    up = np.full(size, _FARTHEST)
    for other in fixed:
        up[search.place[other]] = down[search.place[other]] = 0.0
    bounds = np.column_stack([np.zeros(2 * size), np.concatenate([up, down])])
    chosen, against = search.place[cell], search.place[cell] + size
    rising, falling = (chosen, against) if direction == "up" else (against, chosen)
    bounds[rising] = 1.0
    bounds[falling] = 0.0
    found = optimize.linprog(
        np.concatenate([search.costs()] * 2),
        A_eq=matrix,
        b_eq=np.zeros(matrix.shape[0]),
        bounds=bounds,
        method="highs",
    )
    return np.asarray(found.x[:size] - found.x[size:]) if found.status == 0 else None


def feasible_interval(table: Table, withheld: Iterable[Cell], cell: Cell) -> tuple[float, float]:
    """Return the least and the most that a withheld cell can be, given all that is published.

    The upper end is cut at 10,000 times the cell where nothing bounds it. Raises MissingExtraError.
    """
    optimize, _ = _scipy()
    hidden = [c for c in table.values if c in set(withheld)]
    place = {c: p for p, c in enumerate(hidden)}
    scale = table.values[cell] or 1.0
    values = np.array([table.values[c] for c in hidden]) / scale
    matrix = _matrix(table.equations, place)
    ends = []
    for sign in (1.0, -1.0):
        aim = np.zeros(len(hidden))
        aim[place[cell]] = sign
        bounds = np.column_stack([-values, np.full(len(hidden), _FARTHEST)])
        found = optimize.linprog(
            aim, A_eq=matrix, b_eq=np.zeros(matrix.shape[0]), bounds=bounds, method="highs"
        )
        ends.append(table.values[cell] + scale * sign * float(found.fun))
    return max(ends[0], 0.0), ends[1]


def _matrix(equations: Sequence[tuple[Cell, tuple[Cell, ...]]], place: Mapping[Cell, int]) -> Any:
    """Return the sums as rows: −1 for the sum, 1 for each part; cells without a place are fixed."""
    _, sparse = _scipy()
    rows, columns, signs = [], [], []
    for row, (total, parts) in enumerate(equations):
        for cell, sign in ((total, -1.0), *((part, 1.0) for part in parts)):
            if cell in place:
                rows.append(row)
                columns.append(place[cell])
                signs.append(sign)
    return sparse.csr_matrix((signs, (rows, columns)), shape=(len(equations), len(place)))


def _scipy() -> tuple[Any, Any]:
    try:
        from scipy import optimize, sparse  # noqa: PLC0415  (half a second that only this needs)
    except ModuleNotFoundError as error:
        message = "suppression needs scipy; install it with: pip install 'flopcensus[tables]'"
        raise MissingExtraError(message) from error
    return optimize, sparse
