"""Chips sold and not located, as plain data."""

from __future__ import annotations

from typing import Any

from accounting.accounts.sales.result import Bound, Held, SoldLine, Unlocated
from flopcensus.documents.parts import quantiles


def unlocated_entry(found: Unlocated) -> dict[str, Any]:
    """Return what is sold, located and not, and the bounds of national shares, as plain data."""
    return {
        "on": found.on.isoformat(),
        "sales_since": {code: day.isoformat() for code, day in found.since.items()},
        "h100e": "of 8-bit peak, by model as in the sales",
        "designer": [_line(line) for line in found.designers],
        "model": [_line(line) for line in found.models],
        "owner": [_line(line) for line in found.owners],
        "bounds": {
            "territory": [_bound(bound) for bound in found.territories],
            "provider": [_bound(bound) for bound in found.providers],
        },
        "located_outside_of_the_sales": found.outside,
        "reconciled": found.reconciled,
        "kind": "assumed" if found.reconciled == "rake" else "derived",
        "warnings": list(found.warnings),
    }


def _line(line: SoldLine) -> dict[str, Any]:
    return {
        "code": line.code,
        "name": line.name,
        "chips": _held(line.chips),
        "h100e": _held(line.h100e),
    }


def _held(held: Held) -> dict[str, Any]:
    return {
        "sold": quantiles(held.sold),
        "located": quantiles(held.located),
        "unlocated": quantiles(held.unlocated),
    }


def _bound(bound: Bound) -> dict[str, Any]:
    entry = {
        "code": bound.code,
        "name": bound.name,
        "h100e": quantiles(bound.located),
        "share": quantiles(bound.share),
        "lowest": quantiles(bound.lowest),
        "highest": quantiles(bound.highest),
    }
    if bound.adjusted is not None and bound.adjusted_share is not None:
        entry |= {
            "adjusted_h100e": quantiles(bound.adjusted),
            "adjusted_share": quantiles(bound.adjusted_share),
        }
    return entry
