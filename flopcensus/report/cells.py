"""How the cells of a figure's table read in words; the page's script writes them the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from flopcensus.output import si, significant
from flopcensus.report.figures.figure import Column
from flopcensus.report.words import AS_STATED, NONE, NOT_AVAILABLE, between, share

_SMALL = 0.01
Write = Callable[[float, str], str]


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
    if column.kind in _INTERVALS:
        return _interval(value, row.get(second), _INTERVALS[column.kind], own)
    write = _PLAIN.get(column.kind)
    return write(value, own) if write else str(value)


def _number(value: float, unit: str) -> str:
    text = f"{value:.2e}" if 0 < abs(value) < _SMALL else significant(value)
    return f"{text} {unit}".strip()


def amount(value: float, unit: str) -> str:
    """Write an amount with an SI prefix; nothing reads as none.

    >>> amount(1.5, "H100e")
    '1.5 H100e'
    """
    if not value:
        return NONE
    return f"{value:,.1f} H100e" if unit == "H100e" and abs(value) < 10 else si(value, unit)


def _share(value: float, _: str) -> str:
    return share(value)


def _interval(low: float, high: float | None, write: Write, unit: str) -> str:
    if high is None:
        return NOT_AVAILABLE
    if high == 0:
        return "–"
    if math.isclose(low, high, rel_tol=1e-9):
        return AS_STATED
    return between(write(low, unit) if low else _NOTHING[write], write(high, unit))


_PLAIN: dict[str, Write] = {"amount": amount, "share": _share, "number": _number}
_INTERVALS: dict[str, Write] = {"interval": amount, "share_interval": _share}
_NOTHING: dict[Write, str] = {amount: "0", _share: "0 %"}
