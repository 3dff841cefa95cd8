"""Quantiles and rows of accounts as plain data: what every document is made of."""

from __future__ import annotations

from typing import Any

from accounting.accounts.account import Account, GroupRow, Quantiles, Row


def quantiles(q: Quantiles) -> dict[str, float]:
    """Return quantiles as plain data."""
    return {"p5": q.p5, "p50": q.p50, "p95": q.p95, "mean": q.mean}


def row_entry(row: Row, account: Account | None = None) -> dict[str, Any]:
    """Return a row of an account as plain data; a crossing's row carries ``codes``."""
    entry: dict[str, Any] = {"code": row.code, "name": row.name}
    if account is not None and len(account.levels) > 1:
        entry["codes"] = dict(zip(account.levels, row.codes, strict=True))
    if row.nation is not None:
        entry["nation"] = row.nation
    entry |= quantiles(row.quantiles)
    return entry | {"share": row.share, "share_p5": row.share_p5, "share_p95": row.share_p95}


def group_entry(group: GroupRow) -> dict[str, Any]:
    """Return a group of nations as plain data."""
    entry = {"level": group.level, "code": group.row.code, "name": group.row.name}
    return entry | {"members": list(group.members)} | row_entry(group.row)
