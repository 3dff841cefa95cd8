"""How much of a public list's capacity stands in another census, territory by territory, by stated ties."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from accounting.census.crosswalk import Crosswalk, row_name
from accounting.census.ledger import Entry, Ledger


@dataclass(frozen=True)
class Coverage:
    """The located capacity of a list in one territory, and the part that is tied to a site of the census.

    ``flop_per_s`` and ``covered_flop_per_s`` are in the list's own column; ``missing`` are the rows that
    are not tied, the largest first, with their capacity.
    """

    territory: str
    flop_per_s: float
    covered_flop_per_s: float
    missing: tuple[tuple[str, float], ...]

    @property
    def share(self) -> float:
        """The part covered (0 to 1); 1 where the list has nothing there."""
        return self.covered_flop_per_s / self.flop_per_s if self.flop_per_s else 1.0


def coverage(
    source: str, listed: Ledger, crosswalk: Crosswalk, known: Collection[str], *, column: str = "bf16"
) -> tuple[Coverage, ...]:
    """Return the coverage by territory, the largest first.

    Args:
        source: the prefix of the list's reader.
        listed: the list.
        crosswalk: the ties.
        known: rows of the census (``ours:ID``) that count as covering.
        column: the list's own column that capacity is taken from.

    Counted are rows of the list that operate, whose territory is known, that are neither duplicates nor
    superseded by a row that operates, and whose name the list does not withhold ("Anonymized …").
    """
    covered = {crosswalk.site(name) for name in known} - {None}
    by_territory: dict[str, list[tuple[str, float, bool]]] = {}
    for entry in _counted(listed.entries):
        site = crosswalk.site(row_name(source, entry))
        row = (entry.facility_name, entry.values.get(column, 0.0), site in covered)
        by_territory.setdefault(str(entry.territory), []).append(row)
    found = [
        Coverage(
            territory,
            math.fsum(value for _, value, _ in rows),
            math.fsum(value for _, value, tied in rows if tied),
            tuple(sorted(((n, v) for n, v, tied in rows if not tied and v > 0), key=lambda row: -row[1])),
        )
        for territory, rows in by_territory.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.flop_per_s, one.territory)))


def _counted(entries: Iterable[Entry]) -> list[Entry]:
    rows = list(entries)
    running = {entry.id for entry in rows if entry.status == "operational"}
    return [
        entry
        for entry in rows
        if entry.id in running
        and entry.territory
        and not entry.duplicate
        and entry.superseded_by not in running
        and not entry.facility_name.startswith("Anonymized")
    ]
