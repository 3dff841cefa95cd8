"""Estimates as published: plain data of ``flopcensus/estimate/1``, read by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from accounting.accounts.levels import SEPARATOR
from accounting.reference.names import EU

Plain = Mapping[str, Any]
TOTAL = "total"
# before the level, names the groups of nations of that level (EU, OECD, …)
GROUP = "group of "


def members_of(group: Plain) -> frozenset[str]:
    """Return the codes whose rows a group adds up; bodies of the Union count in the Union's own group."""
    own = (EU,) if group["code"] == EU else ()
    return frozenset((*group["members"], *own))


def codes_of(row: Plain, account: str) -> Mapping[str, str]:
    """Return the code of a row on each level of its account."""
    codes: Mapping[str, str] = row.get("codes") or {account: row["code"]}
    return codes


def code_on(codes: Mapping[str, str], levels: str) -> str:
    """Return the code of the row of coarser levels (joined by commas) that a row is part of.

    >>> code_on({"territory": "FR", "vendor": "amd", "owner": "ovh"}, "territory,vendor")
    'FR / amd'
    """
    return SEPARATOR.join(codes[level] for level in levels.split(","))


def account_with(accounts: Sequence[str], levels: str, contributor: str) -> str | None:
    """Return the first account that is crossed with the contributors' level and has all of ``levels``.

    >>> account_with(["territory", "territory,owner"], "territory", "owner")
    'territory,owner'
    """
    wanted = {*(levels.split(",") if levels else ()), contributor}
    return next((account for account in accounts if wanted <= set(account.split(","))), None)
