"""Chips sold and not located, for people."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from accounting.accounts.sales.result import Bound, SoldLine, Unlocated
from flopcensus.output import percent, print_table, say

_NATIONS_SHOWN = 12
_NATIONS_IN_LINE = 3


def print_unlocated(found: Unlocated) -> None:
    """Print sold, located and not, by designer and owner, and what national shares may be."""
    say(f"sold, not located, {found.on} (medians; H100e of 8-bit peak)")
    if found.outside:
        say(f"  {found.outside:,.0f} located chips are of models or times that the sales do not cover\n")
    _print_lines("designer", found.designers)
    _print_lines("owner", found.owners)
    _print_bounds("territory", found.territories)
    _print_bounds("provider", found.providers)


def print_unlocated_line(found: Unlocated, countries: Collection[str] = ()) -> None:
    """Print in a few lines what is sold and not located, and what that leaves open of national shares.

    ``countries`` are the territories asked for; all where empty.
    """
    parts = [
        f"{line.name} {_millions(line.chips.unlocated.p50)} of {_millions(line.chips.sold.p50)}"
        for line in sorted(found.designers, key=lambda line: -line.h100e.sold.p50)
    ]
    bounds = [
        f"{bound.name} {percent(bound.lowest.p5)} to {percent(bound.highest.p95)}"
        for bound in [b for b in found.territories if not countries or b.code in countries][:_NATIONS_IN_LINE]
    ]
    say(f"sold, not located by this census, {found.on} (million chips, medians): {'; '.join(parts)}")
    where = "; ".join(bounds) or "none located there"
    say(f"  shares of what was sold, wherever the rest stands: {where} (--sold shipped: all)\n")


def _millions(count: float) -> str:
    return f"{count / 1e6:.2f}"


def _print_lines(level: str, lines: Iterable[SoldLine]) -> None:
    rows = [
        (
            line.name,
            *(f"{one.p50:,.0f}" for one in (line.chips.sold, line.chips.located, line.chips.unlocated)),
            *(f"{one.p50:,.0f}" for one in (line.h100e.sold, line.h100e.located, line.h100e.unlocated)),
        )
        for line in lines
    ]
    if rows:
        units = [
            f"{what} {unit}" for unit in ("chips", "H100e") for what in ("sold", "located", "not located")
        ]
        print_table(f"sold, not located, by {level}", (level, *units), rows)


def _print_bounds(level: str, bounds: tuple[Bound, ...]) -> None:
    raked = any(bound.adjusted_share for bound in bounds)
    rows = [
        (
            bound.name,
            percent(bound.share.mean),
            percent(bound.lowest.p5),
            percent(bound.highest.p95),
            *([percent(bound.adjusted_share.mean) if bound.adjusted_share else ""] if raked else []),
        )
        for bound in bounds[:_NATIONS_SHOWN]
    ]
    columns = (level, "as located", "at least", "at most", *(["raked (assumed)"] if raked else []))
    print_table(f"share by {level}, wherever the rest stands (5th and 95th percentile)", columns, rows)
