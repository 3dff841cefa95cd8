"""How tables write a figure with its interval: the median, and the 5th to 95th percentile."""

from __future__ import annotations

from accounting.accounts.account import Quantiles
from flopcensus.output import percent, si


def interval(q: Quantiles, unit: str) -> str:
    """Write the 5th to 95th percentile; what is stated without uncertainty says so."""
    return "as stated" if q.p5 == q.p95 else f"{si(q.p5, unit)} to {si(q.p95, unit)}"


def percents(low: float, high: float) -> str:
    """Write an interval of shares."""
    return "as stated" if low == high else f"{percent(low)} to {percent(high)}"


def span(q: Quantiles, unit: str) -> str:
    """Write the median, with its interval in brackets where there is one.

    >>> from accounting.accounts.account import Quantiles
    >>> span(Quantiles(1e15, 2e15, 4e15, 2.1e15), "FLOP/s")
    '2.00 PFLOP/s (1.00 PFLOP/s to 4.00 PFLOP/s)'
    """
    if q.p5 == q.p95:
        return si(q.p50, unit)
    return f"{si(q.p50, unit)} ({interval(q, unit)})"
