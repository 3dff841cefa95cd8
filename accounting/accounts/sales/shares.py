"""One designer's shares side by side, each with its denominator: of revenue, of sales, of what is located.

"NVIDIA has 90 %" and "NVIDIA has two thirds" can both be true: the first is of the revenue from data-centre
GPUs, the second of H100 equivalents sold, and neither is of the capacity that anybody has located.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from accounting.accounts.crossing import crossings
from accounting.accounts.crosstabs import share_of, whole
from accounting.accounts.nations.request import BriefRequest, valuer_and_unit
from accounting.accounts.sized import resize
from accounting.accounts.sized import warnings as sizing_warnings
from accounting.capacity.calibration import Calibration
from accounting.capacity.valuation import Skipped
from accounting.census.ledger import Ledger
from accounting.census.readers.chip_totals import ControlTotals, Percentiles
from accounting.census.selection import select
from accounting.reference.facts import Facts
from accounting.reference.market_shares import MarketShare
from accounting.validation import Kind
from bench.errors import InputError

_VENDOR = ("vendor",)


@dataclass(frozen=True)
class StatedShare:
    """A share (0 to 1; p5 and p95 where it is uncertain), of what, of which day, and where it is from."""

    of: str
    excludes: str
    share: float
    p5: float
    p95: float
    date: datetime.date
    kind: Kind
    source: str


@dataclass(frozen=True)
class Shares:
    """The shares of one organisation; none of them is another's denominator."""

    organisation: str
    shares: tuple[StatedShare, ...]
    warnings: tuple[str, ...]


def shares(
    organisation: str,
    ledger: Ledger,
    request: BriefRequest,
    facts: Facts,
    calibration: Calibration,
    market: tuple[MarketShare, ...],
    sold: ControlTotals | None = None,
) -> Shares:
    """Return the shares of a designer.

    Args:
        organisation: its id.
        ledger: the census that says what is located.
        request: day, basis, precision, draws of the located share.
        facts: reference facts.
        calibration: efficiencies, for a basis below peak.
        market: shares that others state.
        sold: chip sales, None where there are none.

    Raises:
        InputError: nothing is located at the day, or sales that cover no complete period up to it.
    """
    resized = resize(select(ledger, request.selection).entries, facts, request.precision)
    found = [_of_market(one) for one in market if one.organisation == organisation]
    found += list(_of_sales(organisation, request.selection.as_of, sold)) if sold else []
    valuer, _ = valuer_and_unit(ledger, request, facts, calibration)
    sums = crossings(resized.entries, valuer, [_VENDOR], request.basis)[_VENDOR]
    if not sums:
        raise InputError(f"nothing is located at {request.selection.as_of}: see the dates of the census")
    own = share_of(whole(sums, lambda key: key[0] == organisation), whole(sums))
    day, missing = request.selection.as_of, "what nobody has located"
    capacity = f"located capacity, {request.precision} dense {request.basis}"
    found.append(StatedShare(capacity, missing, own.share, own.p5, own.p95, day, "derived", ledger.name))
    sites: dict[str, bool] = {}
    for entry in resized.entries:
        if not isinstance(valuer.term(entry), Skipped):
            sites[entry.facility] = sites.get(entry.facility, False) or entry.vendor == organisation
    part = sum(sites.values()) / len(sites)
    of = f"located facilities, large and small alike ({len(sites)})"
    found.append(StatedShare(of, missing, part, part, part, day, "derived", ledger.name))
    return Shares(organisation, tuple(found), (*ledger.warnings, *sizing_warnings(resized.summary)))


def _of_market(one: MarketShare) -> StatedShare:
    v = one.value
    return StatedShare(one.of, one.excludes or "", v.best, v.low, v.high, one.date, one.kind, one.source)


def _of_sales(organisation: str, day: datetime.date, sold: ControlTotals) -> Iterator[StatedShare]:
    """Yield the share of H100 equivalents sold; its ends are outer bounds, all others at their other end."""
    spans = sold.covered(day)
    if not spans:
        raise InputError(f"the chip sales cover no complete period up to {day}")
    until = min(last for _, last in spans.values())
    totals = {code: total.h100e for code, total in sold.at(until).items() if code in spans}
    if organisation not in totals:
        return
    own, others = totals.pop(organisation), Percentiles(0.0, 0.0, 0.0)
    for one in totals.values():
        others += one
    files = sorted({row.file for row in sold.rows if row.owner_name is None})
    more = f" and {len(files) - 1} more files" if files[1:] else ""
    since = min(first for first, _ in spans.values())
    yield StatedShare(
        f"H100 equivalents (8-bit peak) sold since {since}, of {len(totals) + 1} designers",
        "other designers",
        own.p50 / (own.p50 + others.p50),
        own.p5 / (own.p5 + others.p95),
        own.p95 / (own.p95 + others.p5),
        until,
        "derived",
        f"chip sales: {files[0]}{more}",
    )
