"""The facilities on a page: how large each is, how it is known, and how much of the spread is its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.accounts.crosstabs import Crosstab, Key, Share, share_of
from accounting.capacity.bases import Draws
from accounting.census.ledger import Entry
from accounting.reference.names import UNKNOWN


@dataclass(frozen=True)
class FacilityLine:
    """One facility of the country, with what is known of it; ``spread_share`` is its part of the variance."""

    id: str
    name: str
    territory: str
    capacity: Quantiles
    share: Share
    spread_share: float
    entries: tuple[Entry, ...]


def lines_of(sites: Mapping[str, Draws], entries: Iterable[Entry], every: Draws) -> tuple[FacilityLine, ...]:
    """Return facilities by id as lines, the largest mean first; ``every`` is what they are a share of."""
    known: dict[str, list[Entry]] = {}
    for entry in entries:
        known.setdefault(entry.facility, []).append(entry)
    variance, from_mean = float(np.var(every)), every - every.mean()
    lines = []
    for facility, draws in sites.items():
        mine = tuple(known[facility])
        spread = float(np.mean((draws - draws.mean()) * from_mean))
        lines.append(
            FacilityLine(
                facility,
                mine[0].facility_name,
                mine[0].territory or UNKNOWN,
                Quantiles.of(draws),
                share_of(draws, every),
                spread / variance if variance else 0.0,
                mine,
            )
        )
    return tuple(sorted(lines, key=lambda line: (-line.capacity.mean, line.id)))


def kinds_of(sums: Crosstab, keep: Callable[[Key], bool]) -> dict[str, float]:
    """Return shares by kind (first level) of the means that ``keep`` takes, largest first."""
    held: Counter[str] = Counter()
    for key in sorted(sums):
        if keep(key):
            held[key[0]] += float(np.mean(sums[key]))  # type: ignore[assignment]
    weight = sum(held.values())
    return {kind: value / weight for kind, value in held.most_common()} if weight else {}
