"""From entries to grouped sums: the one place that knows how entries are valued.

Levels are those of :mod:`accounting.accounts.levels`, and ``kind``: how the value of an entry is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from accounting.accounts.grouped import Grouped, Key
from accounting.accounts.levels import codes
from accounting.capacity.bases import Basis, Draws
from accounting.capacity.valuation import Skipped, Valuer
from accounting.census.ledger import Entry

KIND = "kind"


def crossings(
    entries: Iterable[Entry],
    valuer: Valuer,
    levels: Sequence[tuple[str, ...]],
    basis: Basis,
    unit_flop_per_s: float = 1.0,
) -> dict[tuple[str, ...], Grouped]:
    """Value entries once and group them by each of ``levels``.

    Args:
        entries: what to count, already selected; what cannot be valued is passed over.
        valuer: how to value it; ``basis`` must be among its bases.
        levels: each a crossing, that may begin with ``kind``.
        basis: which of the valuer's bases.
        unit_flop_per_s: the unit to state capacity in, in FLOP/s (an H100e constant, say).

    Returns:
        For each crossing, draws by one code a level; every crossing has the same total in every draw, to
        rounding.
    """
    result: dict[tuple[str, ...], dict[Key, Draws]] = {level: {} for level in levels}
    for entry in entries:
        valued = valuer.value(entry)
        if isinstance(valued, Skipped):
            continue
        draws = valued.capacity[basis].draws / unit_flop_per_s
        for level, table in result.items():
            known = (valued.kinds[basis],) if level[0] == KIND else ()
            for code, weight in codes(entry, level[len(known) :]):
                key = (*known, *code)
                part = draws * weight
                table[key] = table[key] + part if key in table else part
    return dict(result)


def unvalued(entries: Iterable[Entry], valuer: Valuer) -> dict[str, int]:
    """Return how many entries cannot be valued, by reason."""
    short = replace(valuer, size=1)
    found = (short.value(entry) for entry in entries)
    return dict(Counter(value.reason for value in found if isinstance(value, Skipped)))
