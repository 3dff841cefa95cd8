"""Rows of a figure from plain dictionaries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from flopcensus.report.figures.figure import Rows


def plain_rows(name: str, rows: Iterable[Mapping[str, Any]]) -> Rows:
    """Return rows by column; all have the keys of the first."""
    given = list(rows)
    keys = list(given[0]) if given else []
    return Rows(name, {key: [row[key] for row in given] for key in keys})


def host(address: str) -> str:
    """Return what a link is called: the host of its address, or the address where it has none.

    >>> host("https://www.epoch.ai/data")
    'epoch.ai'
    """
    try:
        return (urlsplit(address).hostname or address).removeprefix("www.")
    except ValueError:
        return address
