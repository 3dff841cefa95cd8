"""From the rows of an estimate to a table whose confidential cells can be chosen, and back.

Takes plain data of ``flopcensus/estimate/1``. Who stands behind a cell is read from a crossing of its levels
with the contributors' level (``territory,owner`` for ``territory``), which the estimate must have been asked
for and which is itself never published.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from accounting.accounts.release.document import (
    GROUP,
    TOTAL,
    Plain,
    account_with,
    code_on,
    codes_of,
    members_of,
)
from accounting.accounts.release.suppression import Cell, Table
from bench.errors import InputError


def published(estimate: Plain, contributor: str) -> tuple[str, ...]:
    """Return the accounts that may be published: those that do not name contributors."""
    return tuple(key for key in estimate["accounts"] if contributor not in key.split(","))


def table(estimate: Plain, contributor: str) -> Table:
    """Return the cells of an estimate (level, code), the sums between them, and their contributors.

    Means are taken, since only they add up. Groups of nations are sums of rows like any other.

    Raises:
        InputError: an account lacks its crossing with the contributors' level.
    """
    accounts = published(estimate, contributor)
    values: dict[Cell, float] = {(TOTAL, TOTAL): estimate["total"]["mean"]}
    for key in accounts:
        values |= {(key, row["code"]): row["mean"] for row in estimate["accounts"][key]}
    values |= {(GROUP + g["level"], g["code"]): g["mean"] for g in _groups(estimate, accounts)}
    equations = tuple(_equations(estimate, accounts))
    return Table(values, equations, _contributions(estimate, accounts, contributor))


def _groups(estimate: Plain, accounts: tuple[str, ...]) -> list[Plain]:
    return [group for group in estimate.get("groups", ()) if group["level"] in accounts]


def _equations(estimate: Plain, accounts: tuple[str, ...]) -> Iterator[tuple[Cell, tuple[Cell, ...]]]:
    for key in accounts:
        rows = estimate["accounts"][key]
        if rows:
            yield (TOTAL, TOTAL), tuple((key, row["code"]) for row in rows)
        for finer in accounts:
            if set(key.split(",")) < set(finer.split(",")):
                yield from _margins(estimate, key, finer)
    for group in _groups(estimate, accounts):
        level, members = group["level"], members_of(group)
        held = [row["code"] for row in estimate["accounts"][level] if row["code"] in members]
        if held:
            yield (GROUP + level, group["code"]), tuple((level, code) for code in held)


def _margins(estimate: Plain, key: str, finer: str) -> Iterator[tuple[Cell, tuple[Cell, ...]]]:
    parts: dict[str, list[Cell]] = defaultdict(list)
    for row in estimate["accounts"][finer]:
        parts[code_on(codes_of(row, finer), key)].append((finer, row["code"]))
    for code, cells in parts.items():
        yield (key, code), tuple(cells)


def _contributions(
    estimate: Plain, accounts: tuple[str, ...], contributor: str
) -> dict[Cell, dict[str, float]]:
    found: dict[Cell, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for key in accounts:
        crossing = _crossing(estimate, key, contributor)
        for row in estimate["accounts"][crossing]:
            found[key, code_on(codes_of(row, crossing), key)][row["codes"][contributor]] += row["mean"]
    if not accounts:
        return {}
    for row in estimate["accounts"][_crossing(estimate, accounts[0], contributor)]:
        found[TOTAL, TOTAL][row["codes"][contributor]] += row["mean"]
    for group in _groups(estimate, accounts):
        for code in members_of(group):
            for who, value in found.get((group["level"], code), {}).items():
                found[GROUP + group["level"], group["code"]][who] += value
    return {cell: dict(held) for cell, held in found.items()}


def _crossing(estimate: Plain, key: str, contributor: str) -> str:
    found = account_with(list(estimate["accounts"]), key, contributor)
    if found is None:
        raise InputError(
            f"suppression: the document does not say which {contributor}s stand behind '{key}'; "
            f"estimate again with --by {key},{contributor} added"
        )
    return found
