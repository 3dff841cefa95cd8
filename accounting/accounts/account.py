"""Accounts: a ledger valued on a basis, grouped by levels, as quantiles of draws.

Draws are added group by group as entries are valued, one entry at a time, so memory holds one vector a
group, never one a deployment. Shares are shares of the mean; their quantiles come from the same draws.
"""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from accounting.accounts.levels import NATIONAL, SEPARATOR, codes
from accounting.capacity.bases import Basis, Capacity, Denomination, Draws
from accounting.capacity.valuation import Skipped, Valued, Valuer
from accounting.census.ledger import Entry
from accounting.reference.facts import Facts
from accounting.reference.names import EU
from accounting.validation import Kind

if TYPE_CHECKING:
    import pandas as pd

Levels = tuple[str, ...]


@dataclass(frozen=True)
class Quantiles:
    """5th, 50th and 95th percentile and mean, in the unit of the account."""

    p5: float
    p50: float
    p95: float
    mean: float

    @classmethod
    def of(cls, draws: Draws) -> Quantiles:
        """Summarise draws."""
        p5, p50, p95 = np.quantile(draws, [0.05, 0.5, 0.95])
        return cls(float(p5), float(p50), float(p95), float(np.mean(draws)))


@dataclass(frozen=True)
class Row:
    """One holder's capacity and its share of the total. ``codes`` has one code a level."""

    codes: tuple[str, ...]
    name: str
    quantiles: Quantiles
    share: float
    share_p5: float
    share_p95: float
    nation: str | None = None

    @property
    def code(self) -> str:
        """The code, or the codes of a crossing joined."""
        return SEPARATOR.join(self.codes)


@dataclass(frozen=True)
class GroupRow:
    """A group of nations (EU, OECD, …) on one level. Never a row of the level: groups overlap."""

    level: str
    members: tuple[str, ...]
    row: Row
    headline: bool = True


@dataclass(frozen=True)
class Account:
    """One level or crossing: its rows, largest first, and how concentrated they are."""

    levels: Levels
    rows: tuple[Row, ...]

    @property
    def key(self) -> str:
        """The levels joined by commas, as asked for on the command line."""
        return ",".join(self.levels)

    @property
    def hhi(self) -> float:
        """Herfindahl-Hirschman index of the mean shares, 0 to 10,000.

        What is ``unknown`` counts as one holder, so that the index is an upper bound where there is any.
        """
        return 10_000 * sum(row.share**2 for row in self.rows)

    @property
    def effective_number(self) -> float:
        """Number of equal holders that would be as concentrated: 10,000 ÷ HHI."""
        return 10_000 / self.hhi if self.hhi else 0.0

    def to_frame(self) -> pd.DataFrame:
        """Return the rows indexed by the codes of the levels."""
        import pandas as pd  # noqa: PLC0415  (a third of a second that most commands need not spend)

        frame = pd.DataFrame([_flat(row, self.levels) for row in self.rows])
        return frame.set_index(list(self.levels)) if len(frame) else frame


@dataclass(frozen=True)
class Accounts:
    """All accounts of one basis: the total, the levels, the groups, and what the total rests on."""

    denomination: Denomination
    total: Quantiles
    accounts: tuple[Account, ...]
    groups: tuple[GroupRow, ...]
    provenance: Mapping[str, float]
    deployments: int
    skipped: Mapping[str, int]


@dataclass
class _Sums:
    """Running sums of one basis."""

    denomination: Denomination
    total: Draws
    groups: dict[Levels, dict[tuple[str, ...], Capacity]] = field(default_factory=lambda: defaultdict(dict))
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, entry: Entry, capacity: Capacity, kind: Kind, levels: Iterable[Levels]) -> None:
        self.total = (Capacity(self.total, self.denomination) + capacity).draws
        self.kinds[kind] += float(np.mean(capacity.draws))  # type: ignore[assignment]
        for level in levels:
            table = self.groups[level]
            for key, weight in codes(entry, level):
                part = capacity.scaled(weight)
                table[key] = table[key] + part if key in table else part


def account(
    entries: Iterable[Entry],
    valuer: Valuer,
    levels: Sequence[Levels],
    *,
    as_of: datetime.date,
    h100e_flop_per_s: Mapping[Basis, float] | None = None,
    skipped: Mapping[str, int] | None = None,
) -> dict[Basis, Accounts]:
    """Value entries and group them.

    Args:
        entries: what to count, already selected.
        valuer: how to value it; says bases, precision, seed and number of draws.
        levels: each a level or a crossing of levels.
        as_of: the day whose groups (EU, …) are used.
        h100e_flop_per_s: constants by basis to state the results in H100e; FLOP/s where left out.
        skipped: entries left out before, by reason; those that cannot be valued are added.

    Returns:
        Accounts by basis. Every level's rows add up to the total in every draw.
    """
    sums = {basis: _empty(valuer, basis, h100e_flop_per_s) for basis in valuer.bases}
    reasons: Counter[str] = Counter(skipped or {})
    valued_entries = 0
    for entry in entries:
        valued = valuer.value(entry)
        if isinstance(valued, Skipped):
            reasons[valued.reason] += 1
            continue
        valued_entries += 1
        _add(sums, entry, valued, levels, h100e_flop_per_s)
    facts = valuer.facts
    return {b: _close(s, facts, levels, as_of, valued_entries, dict(reasons)) for b, s in sums.items()}


def _empty(valuer: Valuer, basis: Basis, h100e: Mapping[Basis, float] | None) -> _Sums:
    capacity = Capacity(np.zeros(valuer.size), valuer.denomination(basis))
    if h100e:
        capacity = capacity.in_h100e(h100e[basis])
    return _Sums(capacity.denomination, capacity.draws)


def _add(
    sums: Mapping[Basis, _Sums],
    entry: Entry,
    valued: Valued,
    levels: Sequence[Levels],
    h100e: Mapping[Basis, float] | None,
) -> None:
    for basis, capacity in valued.capacity.items():
        stated = capacity.in_h100e(h100e[basis]) if h100e else capacity
        sums[basis].add(entry, stated, valued.kinds[basis], levels)


def _close(
    sums: _Sums,
    facts: Facts,
    levels: Sequence[Levels],
    as_of: datetime.date,
    deployments: int,
    skipped: Mapping[str, int],
) -> Accounts:
    accounts = tuple(_account(level, sums, facts) for level in levels)
    national = [level for level in levels if len(level) == 1 and level[0] in NATIONAL]
    groups = tuple(g for level in national for g in _groups(level, sums, facts, as_of))
    weight = sum(sums.kinds.values())
    provenance = {kind: value / weight for kind, value in sums.kinds.most_common()} if weight else {}
    total = Quantiles.of(sums.total)
    return Accounts(sums.denomination, total, accounts, groups, provenance, deployments, skipped)


def _account(levels: Levels, sums: _Sums, facts: Facts) -> Account:
    rows = [_row(key, c.draws, sums.total, levels, facts) for key, c in sums.groups[levels].items()]
    return Account(levels, tuple(sorted(rows, key=lambda row: (-row.quantiles.mean, row.codes))))


def _row(key: tuple[str, ...], draws: Draws, total: Draws, levels: Levels, facts: Facts) -> Row:
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(total > 0, draws / total, 0.0)
    low, high = np.quantile(shares, [0.05, 0.95])
    mean_total = float(np.mean(total))
    share = float(np.mean(draws)) / mean_total if mean_total else 0.0
    name = SEPARATOR.join(facts.label(code) for code in key)
    nation = facts.nation_of(key[0]) if levels in {("vendor",), ("owner",), ("operator",)} else None
    return Row(key, name, Quantiles.of(draws), share, float(low), float(high), nation)


def _groups(levels: Levels, sums: _Sums, facts: Facts, as_of: datetime.date) -> list[GroupRow]:
    table = sums.groups[levels]
    rows = []
    for code, members in facts.groups_on(as_of).items():
        # bodies of the Union are no member state's, but are the Union's
        inside = (*members, EU) if code == EU else members
        held = [table[(member,)].draws for member in inside if (member,) in table]
        draws = np.sum(held, axis=0) if held else np.zeros_like(sums.total)
        row = _row((code,), draws, sums.total, levels, facts)
        named = Row((code,), facts.groups[code].name, row.quantiles, row.share, row.share_p5, row.share_p95)
        rows.append(GroupRow(levels[0], members, named, facts.groups[code].headline))
    return rows


def _flat(row: Row, levels: Levels) -> dict[str, object]:
    flat: dict[str, object] = dict(zip(levels, row.codes, strict=True))
    flat |= {"name": row.name}
    if row.nation:
        flat["nation"] = row.nation
    q = row.quantiles
    flat |= {"p5": q.p5, "p50": q.p50, "p95": q.p95, "mean": q.mean}
    return flat | {"share": row.share, "share_p5": row.share_p5, "share_p95": row.share_p95}
