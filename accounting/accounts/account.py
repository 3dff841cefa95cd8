"""Accounts: a ledger valued on a basis, grouped by levels, as quantiles of draws.

Memory holds the draws of rows, never those of deployments (:mod:`accounting.capacity.sums`). Shares are
shares of the mean; their quantiles come from the same draws.
"""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from accounting.accounts.joint import Joint
from accounting.accounts.levels import ORGANISATIONS, SEPARATOR, Holders, Levels, is_national
from accounting.accounts.rows import GroupOf, LevelRow, Valuation
from accounting.capacity.bases import Basis, Denomination, Draws
from accounting.capacity.passes import TOTAL, KindsRow, RowKey
from accounting.capacity.sums import ONE_THREAD, Summation, Work
from accounting.capacity.valuation import Valuer
from accounting.census.ledger import Entry
from accounting.reference.facts import Facts

if TYPE_CHECKING:
    import pandas as pd


def percentiles(draws: Draws) -> tuple[float, float, float]:
    """Return the 5th, 50th and 95th percentile, as :func:`numpy.quantile` does, in a fifth of its time."""
    ordered = np.sort(draws)
    found = []
    for fraction in (0.05, 0.5, 0.95):
        place = fraction * (len(ordered) - 1)
        below = int(place)
        low, high = float(ordered[below]), float(ordered[min(below + 1, len(ordered) - 1)])
        found.append(low + (high - low) * (place - below))
    return found[0], found[1], found[2]


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
        return cls(*percentiles(draws), float(np.mean(draws)))


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

        What is ``unknown`` counts as one holder, and so do suppliers under one code (``a+b``);
        :mod:`.concentration` has the bounds that they leave.
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


def account(  # noqa: PLR0913  (each is a choice of its own)
    entries: Iterable[Entry],
    valuer: Valuer,
    levels: Sequence[Levels],
    *,
    as_of: datetime.date,
    h100e_flop_per_s: Mapping[Basis, float] | None = None,
    skipped: Mapping[str, int] | None = None,
    work: Work = ONE_THREAD,
    joint: Joint = "owner",
) -> dict[Basis, Accounts]:
    """Value entries and group them.

    Args:
        entries: what to count, already selected. They may be read more than once.
        valuer: how to value it; says bases, precision, seed and number of draws.
        levels: each a level or a crossing of levels.
        as_of: the day whose groups (EU, …) are used.
        h100e_flop_per_s: constants by basis to state the results in H100e; FLOP/s where left out.
        skipped: entries left out before, by reason; those that cannot be valued are added.
        joint: whose a joint venture is counted as (:mod:`.joint`).
        work: threads, memory and whom to tell of progress; the result depends on none of them.

    Returns:
        Accounts by basis. Every level's rows add up to the total in every draw.
    """
    holders = Holders(valuer.facts, joint)
    items = Valuation(entries, valuer, levels, valuer.facts.groups_on(as_of), holders)
    tables = [_Table(basis, valuer, h100e_flop_per_s) for basis in valuer.asked]
    for row, columns in Summation(items, valuer, work).rows():
        for table, draws in zip(tables, columns, strict=True):
            table.add(row, draws)
    reasons = Counter(skipped or {}) + items.skipped
    return {t.basis: t.close(valuer.facts, levels, items, dict(reasons)) for t in tables}


@dataclass
class _Table:
    """The rows of one basis, as they come: the total first."""

    basis: Basis
    valuer: Valuer
    h100e: Mapping[Basis, float] | None
    total: Draws = field(default_factory=lambda: np.zeros(1))
    rows: dict[RowKey, _Summary] = field(default_factory=dict)

    def add(self, row: RowKey, draws: Draws) -> None:
        if self.h100e:
            draws = draws / self.h100e[self.basis]
        if row == TOTAL:
            self.total = draws
        self.rows[row] = _summary(draws, self.total)

    def close(
        self, facts: Facts, levels: Sequence[Levels], items: Valuation, skipped: Mapping[str, int]
    ) -> Accounts:
        nothing = _summary(np.zeros(1), self.total)
        held: dict[Levels, list[Row]] = {level: [] for level in levels}
        kinds: Counter[str] = Counter()
        place = self.valuer.asked.index(self.basis)
        for key, summary in self.rows.items():
            if isinstance(key, LevelRow):
                held[key.levels].append(_row(key.codes, summary, key.levels, facts))
            elif isinstance(key, KindsRow):
                kinds[key.kinds[place]] += summary.quantiles.mean  # type: ignore[assignment]
        groups = tuple(
            GroupRow(
                level[0],
                members,
                _named((code,), facts.groups[code].name, summary),
                facts.groups[code].headline,
            )
            for level in levels
            if is_national(level)
            for code, members in items.groups.items()
            for summary in [self.rows.get(GroupOf(level, code), nothing)]
        )
        accounts = tuple(
            Account(level, tuple(sorted(rows, key=lambda row: (-row.quantiles.mean, row.codes))))
            for level, rows in held.items()
        )
        denomination = _stated(self.valuer.denomination(self.basis), self.h100e)
        total = Quantiles.of(self.total)
        return Accounts(denomination, total, accounts, groups, _shares(kinds), items.valued, skipped)


@dataclass(frozen=True)
class _Summary:
    quantiles: Quantiles
    share: float
    share_p5: float
    share_p95: float


def _summary(draws: Draws, total: Draws) -> _Summary:
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(total > 0, draws / total, 0.0)
    low, _, high = percentiles(shares)
    mean_total = float(np.mean(total))
    share = float(np.mean(draws)) / mean_total if mean_total else 0.0
    return _Summary(Quantiles.of(draws), share, low, high)


def _row(codes: tuple[str, ...], summary: _Summary, levels: Levels, facts: Facts) -> Row:
    name = SEPARATOR.join(facts.label(code) for code in codes)
    firms = len(levels) == 1 and levels[0] in ORGANISATIONS
    nation = facts.nation_of(codes[0]) if firms else None
    return _named(codes, name, summary, nation)


def _named(codes: tuple[str, ...], name: str, summary: _Summary, nation: str | None = None) -> Row:
    s = summary
    return Row(codes, name, s.quantiles, s.share, s.share_p5, s.share_p95, nation)


def _shares(kinds: Counter[str]) -> dict[str, float]:
    weight = math.fsum(kinds.values())
    return {kind: value / weight for kind, value in kinds.most_common()} if weight else {}


def _stated(denomination: Denomination, h100e: Mapping[Basis, float] | None) -> Denomination:
    return replace(denomination, unit="H100e") if h100e else denomination


def _flat(row: Row, levels: Levels) -> dict[str, object]:
    flat: dict[str, object] = dict(zip(levels, row.codes, strict=True))
    flat |= {"name": row.name}
    if row.nation:
        flat["nation"] = row.nation
    q = row.quantiles
    flat |= {"p5": q.p5, "p50": q.p50, "p95": q.p95, "mean": q.mean}
    return flat | {"share": row.share, "share_p5": row.share_p5, "share_p95": row.share_p95}
