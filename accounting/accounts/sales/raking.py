"""Raking: a table scaled until its margins are given ones, draw by draw.

Iterative proportional fitting (Deming and Stephan 1940, Ann. Math. Statist. 11, 427): rows and columns are
scaled to their margins in turn. The result keeps the table's odds ratios and its empty cells. What the table
hardly saw cannot be scaled up: an empty margin, or a weight above 10, is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.errors import InputError

Table = NDArray[np.float64]
MOST_WEIGHT = 10.0
_TOLERANCE = 1e-6
_ROUNDS = 1000
_MEND = "the census says too little of it to speak for the rest; use --reconcile none"


@dataclass(frozen=True)
class Margin:
    """Names of the rows or columns, and what each must add up to (shape: names × draws)."""

    names: tuple[str, ...]
    targets: Table


def rake(seed: Table, rows: Margin, columns: Margin) -> Table:
    """Scale ``seed`` (shape: rows × columns × draws) to both margins, and return the weights of its cells.

    The columns' margin is first scaled, draw by draw, to the sum of the rows', since the two come from
    different estimates. Cells that are empty stay so, with weight 1.

    Raises:
        InputError: a margin above nought whose cells are all empty, cells that leave no table with both
            margins, or a mean weight above 10.

    >>> one = np.ones((1, 1, 1))
    >>> rake(one, Margin(("a",), 2 * one[0]), Margin(("b",), one[0])).item()
    2.0
    """
    _refuse_empty(seed, rows, columns)
    wanted = columns.targets * (rows.targets.sum(axis=0) / columns.targets.sum(axis=0))
    table = seed.copy()
    for _ in range(_ROUNDS):
        table *= _ratio(rows.targets, table.sum(axis=1))[:, None, :]
        table *= _ratio(wanted, table.sum(axis=0))[None, :, :]
        if _apart(rows.targets, table.sum(axis=1)) < _TOLERANCE:
            break
    else:
        raise InputError(
            f"no table has both margins: of some model none are located where its buyers' are; {_MEND}"
        )
    _refuse_heavy(seed, table, rows.names, columns.names)
    return np.where(seed > 0, _ratio(table, seed), 1.0)


def _ratio(wanted: Table, found: Table) -> Table:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(found > 0, wanted / found, 0.0)


def _apart(wanted: Table, found: Table) -> float:
    """Return the largest relative distance of a margin from its target."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.max(np.where(wanted > 0, np.abs(found / wanted - 1.0), np.abs(found))))


def _refuse_empty(seed: Table, rows: Margin, columns: Margin) -> None:
    for margin, found in ((rows, seed.sum(axis=1)), (columns, seed.sum(axis=0))):
        empty = (margin.targets > 0) & (found <= 0)
        names = [name for name, any_draw in zip(margin.names, empty.any(axis=1), strict=True) if any_draw]
        if names:
            raise InputError(f"none located of {', '.join(names)}, though sold; {_MEND}")


def _refuse_heavy(seed: Table, table: Table, rows: Sequence[str], columns: Sequence[str]) -> None:
    before, after = seed.mean(axis=2), table.mean(axis=2)
    weights = _ratio(after, before)
    row, column = divmod(int(np.argmax(weights)), weights.shape[1])
    if weights[row, column] > MOST_WEIGHT:
        raise InputError(
            f"the {before[row, column]:,.0f} {rows[row]} located at {columns[column]} would stand for "
            f"{after[row, column]:,.0f}: a weight of {weights[row, column]:,.1f}, above {MOST_WEIGHT:g}; "
            f"{_MEND}"
        )
