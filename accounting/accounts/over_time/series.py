"""Stock over time: the total of a census at many dates, seen up to its snapshot and projected beyond it.

Every deployment is valued once and counted at each date in the draws in which it is in service, so that
dates share their draws and growth is known better than the totals.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accounting.accounts.account import Account, Quantiles, account
from accounting.accounts.estimate import (
    FLOW,
    Request,
    chosen_entries,
    h100e_constants,
    refuse_what_cannot_be,
    valuer_of,
)
from accounting.accounts.over_time.growth import Growth, compound, trend
from accounting.accounts.over_time.leading import leading_trend
from accounting.capacity.bases import Basis, Denomination, Draws
from accounting.capacity.calibration import Calibration
from accounting.capacity.stock.projection import HORIZON, ProjectedValuer, Projection
from accounting.capacity.stock.rates import StockRates
from accounting.capacity.valuation import Skipped, Valuer
from accounting.census.ledger import Entry, Ledger
from accounting.census.selection import PLANNED, Selection
from accounting.census.snapshot import snapshot_of
from accounting.reference.facts import Facts
from bench.errors import InputError

FIRST_YEAR = 2015


@dataclass(frozen=True)
class Point:
    """One date: its total, and of a projected one the share of the mean that is planned capacity today."""

    as_of: datetime.date
    projected: bool
    statuses: tuple[str, ...]
    total: Quantiles
    planned_share: float
    deployments: int
    skipped: Mapping[str, int]
    accounts: tuple[Account, ...] = ()


@dataclass(frozen=True)
class Series:
    """Totals over time on one basis.

    ``growth`` leads from the first observed date with any capacity to the last, ``trend`` is the line of
    least squares through all observed ones, ``leading`` that through the leading systems at the dates that
    they came into service.
    """

    basis: Basis
    denomination: Denomination
    snapshot: datetime.date
    points: tuple[Point, ...]
    growth: Growth | None
    growth_from: datetime.date | None
    growth_to: datetime.date | None
    trend: Growth | None
    leading: Growth | None


def dates_of(first: int, last: int, as_of: datetime.date) -> tuple[datetime.date, ...]:
    """Return the end of each year, and ``as_of`` in its own.

    Raises:
        InputError: years out of order, or outside 2015 to 2035.

    >>> [str(day) for day in dates_of(2024, 2025, datetime.date(2025, 5, 31))]
    ['2024-12-31', '2025-05-31']
    """
    if not FIRST_YEAR <= first <= last <= HORIZON.year:
        raise InputError(
            f"years must rise and lie between {FIRST_YEAR} and {HORIZON.year} (found {first}:{last})"
        )
    return tuple(
        as_of if year == as_of.year else datetime.date(year, 12, 31) for year in range(first, last + 1)
    )


def projected_selection(wanted: Selection, day: datetime.date) -> Selection:
    """Return a selection at a day after the snapshot: plans join where no status was asked for by name."""
    statuses = wanted.statuses | set(PLANNED) if wanted.with_plans else wanted.statuses
    return replace(wanted, as_of=day, statuses=frozenset(statuses), project=True)


def series(
    ledger: Ledger,
    request: Request,
    dates: Sequence[datetime.date],
    facts: Facts,
    calibration: Calibration,
    projection: Projection,
    levels: Sequence[tuple[str, ...]] = (),
) -> dict[Basis, Series]:
    """Return the totals at dates by basis, with growth over those up to the snapshot.

    Args:
        ledger: the census.
        request: what to count and how to value it; its own date is not used.
        dates: in rising order.
        facts: the reference facts.
        calibration: the efficiencies.
        projection: the lives of this ledger's deployments (:func:`projection_of`).
        levels: also group each date by these.

    Raises:
        InputError: a precision, column or unit that the census cannot be stated in, or a flow; a date beyond
            2035.
    """
    refuse_what_cannot_be(ledger, request)
    if request.unit == FLOW:
        raise InputError(f"what is used has no series (found unit {request.unit}); use --unit flops")
    if late := [str(day) for day in dates if day > HORIZON]:
        raise InputError(f"no projection beyond {HORIZON}: stated rates say nothing of {late[0]}")
    valuer = valuer_of(ledger, request, facts, calibration)
    counted = tuple(_counted(ledger, request, dates, projection.snapshot, facts))
    run = _Run(ledger, request, valuer, projection, counted)
    run.value()
    return {
        basis: _close(run, basis, [_accounts(run, one, levels) for one in run.counted])
        for basis in request.bases
    }


def projection_of(ledger: Ledger, request: Request, rates: StockRates, today: datetime.date) -> Projection:
    """Return the lives of a ledger's deployments from its snapshot on, which is ``today`` at the latest.

    Only plans may still supersede what operates.
    """
    may_supersede = request.selection.drop_superseded
    plans = {e.id: e for e in ledger.entries if e.status in PLANNED} if may_supersede else {}
    return Projection(rates, snapshot_of(ledger, today), request.seed, request.draws, plans, ledger.seen)


@dataclass(frozen=True)
class _Counted:
    """The entries counted at one date."""

    day: datetime.date
    projected: bool
    statuses: tuple[str, ...]
    entries: Mapping[str, Entry]
    skipped: Mapping[str, int]


def _counted(
    ledger: Ledger,
    request: Request,
    dates: Sequence[datetime.date],
    snapshot: datetime.date,
    facts: Facts,
) -> Iterator[_Counted]:
    for day in dates:
        ahead = day > snapshot
        wanted = request.selection
        at_day = projected_selection(wanted, day) if ahead else replace(wanted, as_of=day, project=False)
        entries, skipped, _ = chosen_entries(ledger, replace(request, selection=at_day), facts)
        statuses = tuple(sorted(at_day.statuses))
        yield _Counted(day, ahead, statuses, {e.id: e for e in entries}, skipped)


@dataclass
class _Run:
    """One pass over all entries that count at any date, and its sums."""

    ledger: Ledger
    request: Request
    valuer: Valuer
    projection: Projection
    counted: tuple[_Counted, ...]

    def __post_init__(self) -> None:
        self.constants = h100e_constants(self.request)
        shape = (len(self.counted), self.request.draws)
        self.totals: dict[Basis, Draws] = {basis: np.zeros(shape) for basis in self.request.bases}
        self.planned: dict[Basis, list[float]] = {b: [0.0] * len(self.counted) for b in self.request.bases}
        self.valued = [0] * len(self.counted)
        self.skipped = [Counter(one.skipped) for one in self.counted]
        self.means: dict[str, Mapping[Basis, float]] = {}

    def value(self) -> None:
        """Value each entry once and add it to the dates it counts at."""
        everything = {name: e for one in self.counted for name, e in one.entries.items()}
        for name, entry in everything.items():
            places = [place for place, one in enumerate(self.counted) if name in one.entries]
            found = self._value(entry)
            if isinstance(found, Skipped):
                for place in places:
                    self.skipped[place][found.reason] += 1
                continue
            self._add(places, entry, found)

    def mean(self, entry: Entry, basis: Basis) -> float | None:
        """Return an entry's mean capacity in service, None where it cannot be valued."""
        if entry.id not in self.means and isinstance(self._value(entry), Skipped):
            return None
        return self.means[entry.id][basis]

    def _value(self, entry: Entry) -> dict[Basis, Draws] | Skipped:
        valued = self.valuer.value(entry)
        if isinstance(valued, Skipped):
            return valued
        stated = {
            basis: (c.in_h100e(self.constants[basis]) if self.constants else c).draws
            for basis, c in valued.capacity.items()
        }
        self.means[entry.id] = {basis: float(np.mean(draws)) for basis, draws in stated.items()}
        return stated

    def _add(self, places: Sequence[int], entry: Entry, found: Mapping[Basis, Draws]) -> None:
        ahead = [place for place in places if self.counted[place].projected]
        history = self.projection.history(entry, (self.counted[place].day for place in ahead))
        for place in places:
            self.valued[place] += 1
            running = next(history) if self.counted[place].projected else 1.0
            for basis, draws in found.items():
                there = draws * running
                self.totals[basis][place] += there
                if entry.status in PLANNED:
                    self.planned[basis][place] += float(np.mean(there))


def _accounts(
    run: _Run, one: _Counted, levels: Sequence[tuple[str, ...]]
) -> Mapping[Basis, tuple[Account, ...]]:
    if not levels:
        return dict.fromkeys(run.request.bases, ())
    ahead = one.projected
    valuer = ProjectedValuer.on(one.day, run.valuer, run.projection) if ahead else run.valuer
    found = account(
        one.entries.values(),
        valuer,
        tuple(levels),
        as_of=one.day,
        h100e_flop_per_s=run.constants,
        joint=run.request.joint,
    )
    return {basis: result.accounts for basis, result in found.items()}


def _close(run: _Run, basis: Basis, accounts: Sequence[Mapping[Basis, tuple[Account, ...]]]) -> Series:
    totals = run.totals[basis]
    points = []
    for place, one in enumerate(run.counted):
        total = Quantiles.of(totals[place])
        share = run.planned[basis][place] / total.mean if total.mean else 0.0
        skipped = dict(run.skipped[place])
        points.append(
            Point(
                one.day, one.projected, one.statuses, total, share, run.valued[place], skipped,
                accounts[place][basis],
            )
        )  # fmt: skip
    seen = [place for place, point in enumerate(points) if not point.projected and totals[place].all()]
    first, last = (seen[0], seen[-1]) if len(seen) > 1 else (None, None)
    grown = None
    if first is not None and last is not None:
        grown = compound(points[first].as_of, points[last].as_of, totals[first], totals[last])
    return Series(
        basis,
        _denomination(run, basis),
        run.projection.snapshot,
        tuple(points),
        grown,
        points[first].as_of if first is not None and grown else None,
        points[last].as_of if last is not None and grown else None,
        trend([(points[place].as_of, points[place].total.mean) for place in seen]),
        _leading(run, basis),
    )


def _denomination(run: _Run, basis: Basis) -> Denomination:
    plain = run.valuer.denomination(basis)
    return replace(plain, unit="H100e") if run.constants else plain


def _leading(run: _Run, basis: Basis) -> Growth | None:
    """Return the trend of the leading systems among those of the last observed date."""
    seen = [one.day for one in run.counted if not one.projected]
    if not seen:
        return None
    return leading_trend(
        run.ledger, replace(run.request.selection, as_of=seen[-1]), lambda e: run.mean(e, basis)
    )


def warnings_of(found: Series, rates: StockRates) -> tuple[str, ...]:
    """Return what a reader of projected figures must know."""
    ahead = [point for point in found.points if point.projected]
    if not ahead:
        return ()
    last = ahead[-1]
    planned = f". Plans make up {last.planned_share:.0%} of that at {last.as_of}" if _plans(last) else ""
    undated = last.skipped.get("no date in service", 0)
    median = rates.lifetime.median_years.value
    texts = [
        f"{ahead[0].as_of} and later lie after the snapshot of {found.snapshot}: their {found.basis} totals "
        f"are projections by stated rates (configs/stock.yaml, {rates.lifetime_kind}; median life "
        f"{median.low:g} to {median.high:g} years){planned}. What nobody has announced is not in them"
    ]
    if undated and _plans(last):
        texts.append(f"{undated} rows without a date in service, plans among them, are in no projection")
    return tuple(texts)


def _plans(point: Point) -> bool:
    return bool(set(point.statuses) & set(PLANNED))
