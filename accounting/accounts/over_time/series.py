"""Stock over time: the total of a census at many dates, seen up to its snapshot and projected beyond it.

Every deployment is valued once and counted at each date in the draws in which it is in service, so that
dates share their draws and growth is known better than the totals.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from accounting.accounts.account import Account, Quantiles, account
from accounting.accounts.estimate import (
    FLOW,
    Request,
    check_request,
    valuer_of,
)
from accounting.accounts.over_time.growth import Growth, compound, trend
from accounting.accounts.over_time.leading import leading_trend
from accounting.accounts.over_time.totals import Counted, Totals, entries_at
from accounting.capacity.bases import Basis, Denomination
from accounting.capacity.calibration import Calibration
from accounting.capacity.stock.projection import HORIZON, ProjectedValuer, Projection
from accounting.capacity.stock.rates import StockRates
from accounting.census.ledger import Ledger
from accounting.census.selection import PLANNED
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
    check_request(ledger, request)
    if request.unit == FLOW:
        raise InputError(f"what is used has no series (found unit {request.unit}); use --unit flops")
    if late := [str(day) for day in dates if day > HORIZON]:
        raise InputError(f"no projection beyond {HORIZON}: stated rates say nothing of {late[0]}")
    valuer = valuer_of(ledger, request, facts, calibration)
    counted = tuple(entries_at(ledger, request, dates, projection.snapshot, facts))
    run = Totals(ledger, request, valuer, projection, counted)
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


def _accounts(
    run: Totals, one: Counted, levels: Sequence[tuple[str, ...]]
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


def _close(run: Totals, basis: Basis, accounts: Sequence[Mapping[Basis, tuple[Account, ...]]]) -> Series:
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


def _denomination(run: Totals, basis: Basis) -> Denomination:
    plain = run.valuer.denomination(basis)
    return replace(plain, unit="H100e") if run.constants else plain


def _leading(run: Totals, basis: Basis) -> Growth | None:
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
