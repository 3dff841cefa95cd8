"""Rows of the catalogue: what their cells may hold, and how JSON and CSV take them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]


def urls(sources: Iterable[Any]) -> str:
    """Return the addresses of sources, parted by blanks."""
    return " ".join(source.url for source in sources)


def plain(value: Any) -> Any:
    """Return a value as JSON and CSV take it: dates as text, lists joined by '; '."""
    if isinstance(value, (tuple, list)):
        return "; ".join(map(str, value))
    return value.isoformat() if hasattr(value, "isoformat") else value


def frame_rows(frame: pd.DataFrame) -> list[Row]:
    """Return the rows of a frame as plain data; what is missing in it is None."""
    known = frame.astype(object).where(frame.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in known.to_dict("records")]
