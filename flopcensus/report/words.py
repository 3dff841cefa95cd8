"""How values read on the page."""

from __future__ import annotations

import math
from collections.abc import Callable
from urllib.parse import urlsplit

from flopcensus.output import percent, si
from flopcensus.report.blocks.layout import Cell
from flopcensus.report.document.parts import Spread
from flopcensus.report.document.results import Range

AS_STATED = "as stated"
NONE = "none"
NOT_AVAILABLE = "not available"
_SMALLEST_SHARE = 0.0005  # what `percent` would round to 0.0 %
_NOISE = 1e-9
_SHOWN = 42
_FEW = 10  # H100 equivalents of which a tenth counts


def share(fraction: float) -> str:
    """Write a share; only nothing reads as none, and only all of it as 100 %.

    >>> share(0.00017)
    'under 0.1 %'
    """
    if fraction == 0:
        return NONE
    if fraction < _SMALLEST_SHARE:
        return "under 0.1 %"
    return "over 99.9 %" if 1 - _SMALLEST_SHARE < fraction < 1 - _NOISE else percent(fraction)


def amount(value: float, unit: str) -> str:
    """Write an amount with an SI prefix; nothing reads as none.

    >>> amount(1.5, "H100e")
    '1.5 H100e'
    """
    if not value:
        return NONE
    return f"{value:,.1f} H100e" if unit == "H100e" and abs(value) < _FEW else si(value, unit)


def interval(low: float, high: float, write: Callable[[float], str], nothing: str = "0") -> str:
    """Write an interval: one of nothing as a dash, an exact one as stated.

    ``nothing`` is how a low end of 0 reads.

    >>> interval(0.0, 2e18, lambda value: amount(value, "FLOP/s"))
    '0 to 2.00 EFLOP/s'
    """
    if high == 0:
        return "–"
    if math.isclose(low, high, rel_tol=1e-9):
        return AS_STATED
    return between(write(low) if low else nothing, write(high))


def shares(low: float, high: float) -> str:
    """Write an interval of shares."""
    return interval(low, high, share, "0 %")


def spread(q: Spread, unit: str) -> str:
    """Write the interval from the 5th to the 95th percentile of an amount."""
    return interval(q.p5, q.p95, lambda value: amount(value, unit))


def ratios(q: Spread) -> str:
    """Write an interval of ratios."""
    return AS_STATED if math.isclose(q.p5, q.p95, rel_tol=1e-9) else between(f"{q.p5:.2f}", f"{q.p95:.2f}")


def between(low: str, high: str) -> str:
    """Write an interval from its two ends; a unit that both have is said once.

    >>> between("1.2 EFLOP/s", "3.4 EFLOP/s")
    '1.2 to 3.4 EFLOP/s'
    """
    if low == high:
        return low if low.startswith(("under", "over")) else f"{low}, within rounding"
    figure, _, unit = low.rpartition(" ")
    return f"{figure} to {high}" if unit and high.endswith(f" {unit}") else f"{low} to {high}"


def tick(value: float, unit: str) -> str:
    """Write a value of an axis, without noughts that say nothing.

    >>> tick(5e18, "FLOP/s")
    '5 EFLOP/s'
    """
    return si(value, unit, digits=2).replace(".0 ", " ") if value else "0"


def count(value: float | Range | None) -> Cell:
    """Write a number of accelerators, with its interval where it has one."""
    if value is None:
        return Cell("not stated")
    if isinstance(value, Range):
        return Cell(f"{value.best:,.0f}", f"{value.low:,.0f} to {value.high:,.0f}")
    return Cell(f"{value:,.0f}")


def fraction(value: float | Range | None) -> Cell:
    """Write a fraction of peak or of time, with its interval where it has one."""
    if value is None:
        return Cell("–")
    if isinstance(value, Range):
        return Cell(percent(value.best), between(percent(value.low), percent(value.high)))
    return Cell(percent(value))


def source(text: str) -> Cell:
    """Write a source; only an http or https address becomes a link."""
    address = link(text)
    if address is None:
        return Cell(text)
    shown = address.split("://", 1)[1].removeprefix("www.").rstrip("/")
    return Cell(shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…", href=address)


def link(text: str) -> str | None:
    """Return the text if a browser may follow it as a web address, else None."""
    if not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in {"http", "https"} and parts.netloc else None


def host(address: str) -> str:
    """Return what a link is called: the host of its address, or the address where it has none.

    >>> host("https://www.epoch.ai/data")
    'epoch.ai'
    """
    try:
        return (urlsplit(address).hostname or address).removeprefix("www.")
    except ValueError:
        return address


def listed(texts: list[str]) -> str:
    """Write a list as prose.

    >>> listed(["peak", "sustained", "delivered"])
    'peak, sustained and delivered'
    """
    return " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)


def level_name(level: str) -> str:
    """Write the key of a level or a crossing as words."""
    return level.replace("_", " ").replace(",", " × ")
