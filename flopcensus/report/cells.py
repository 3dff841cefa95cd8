"""How the cells of a figure's table read in words; the page's script writes them the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from flopcensus.output import si
from flopcensus.report.figures.figure import Column
from flopcensus.report.words import AS_STATED, NONE, NOT_AVAILABLE, between, share

Write = Callable[[float], str]


def cell(column: Column, row: dict[str, Any], unit: str) -> str:
    """Write one cell; ``unit`` is that of amounts. What is not there reads as not available, never as 0.

    >>> cell(Column("5 to 95 %", "p5:p95", "interval"), {"p5": 1e18, "p95": 2e18}, "FLOP/s")
    '1.00 to 2.00 EFLOP/s'
    """
    first, _, second = column.fields.partition(":")
    value, own = row.get(first), column.unit or unit
    if value is None or value == "":
        return NOT_AVAILABLE
    match column.kind:
        case "amount":
            return amount(value, own)
        case "interval":
            return _interval(value, row.get(second), lambda v: amount(v, own) if v else "0")
        case "share":
            return share(value)
        case "share_interval":
            return _interval(value, row.get(second), lambda v: share(v) if v else "0 %")
        case "number":
            return f"{si(value, '').strip() if value >= 1000 else f'{value:.3g}'} {column.unit}".strip()
        case _:
            return str(value)


def amount(value: float, unit: str) -> str:
    """Write an amount with an SI prefix; nothing reads as none.

    >>> amount(1.5, "H100e")
    '1.5 H100e'
    """
    if not value:
        return NONE
    return f"{value:,.1f} H100e" if unit == "H100e" and abs(value) < 10 else si(value, unit)


def _interval(low: float, high: float | None, write: Write) -> str:
    if high is None:
        return NOT_AVAILABLE
    if high == 0:
        return "–"
    return AS_STATED if math.isclose(low, high, rel_tol=1e-9) else between(write(low), write(high))
