"""How the cells of a figure's table read in words; the page's script writes them the same."""

from __future__ import annotations

from typing import Any

from flopcensus.output import significant
from flopcensus.report.figures.figure import Column
from flopcensus.report.words import NOT_AVAILABLE, amount, interval, share, shares

_SMALL = 0.01


def cell(column: Column, row: dict[str, Any], unit: str) -> str:
    """Write one cell; ``unit`` is that of amounts. What is not there reads as not available, never as 0.

    >>> cell(Column("5 to 95 %", "p5:p95", "interval"), {"p5": 1e18, "p95": 2e18}, "FLOP/s")
    '1.00 to 2.00 EFLOP/s'
    """
    first, _, second = column.fields.partition(":")
    # a number says itself what it is of
    value, own = row.get(first), column.unit or ("" if column.kind == "number" else unit)
    if value is None or value == "":
        return NOT_AVAILABLE
    if "interval" in column.kind:
        return _interval(column, value, row.get(second), own)
    write = {"amount": amount, "number": _number, "share": _share}.get(column.kind)
    return write(value, own) if write else str(value)


def _interval(column: Column, low: float, high: float | None, unit: str) -> str:
    if high is None:
        return NOT_AVAILABLE
    if column.kind == "share_interval":
        return shares(low, high)
    return interval(low, high, lambda end: amount(end, unit))


def _share(value: float, _: str) -> str:
    return share(value)


def _number(value: float, unit: str) -> str:
    # a nought has no sign
    text = f"{value:.2e}" if 0 < abs(value) < _SMALL else significant(value or 0.0)
    return f"{text} {unit}".strip()
