"""What all answers share: the document that the command line prints, and tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# 5th, 50th and 95th percentile and mean, as documents name them
QUANTILES = ("p5", "p50", "p95", "mean")
_ROWS_SHOWN = 12
_DIGITS = 4


class Answer:
    """An answer, whose tables are views of one document: that of the command with ``--format json``."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the figures should know; nothing is printed."""
        return ()

    def to_dict(self) -> dict[str, Any]:
        """Return the document that ``--format json`` prints."""
        raise NotImplementedError

    def to_json(self) -> str:
        """Return what ``--format json`` prints, to the byte."""
        from flopcensus.output import to_json

        return to_json(self.to_dict())

    def to_csv(self) -> str:
        """Return what ``--format csv`` prints."""
        raise NotImplementedError

    @cached_property
    def _document(self) -> dict[str, Any]:
        """The document, made once: tables are read off it, callers of `to_dict` get one of their own."""
        return self.to_dict()

    def _title(self) -> str:
        """Say in one line what this is."""
        return type(self).__name__

    def _shown(self) -> Mapping[str, pd.DataFrame]:
        """Return the tables that a notebook shows, by title."""
        return {}

    def __repr__(self) -> str:
        """Return the title, the tables cut to some lines, and the warnings."""
        parts = [self._title()]
        for title, frame in self._shown().items():
            text = frame.to_string(max_rows=_ROWS_SHOWN, max_cols=12, float_format=_number, line_width=110)
            parts += ["", title, text]
        return "\n".join([*parts, *(f"warning: {text}" for text in self.warnings)])

    def _repr_html_(self) -> str:
        """Return the same as HTML; every text is escaped."""
        parts = [f"<div class='flopcensus'><p><strong>{escape(self._title())}</strong></p>"]
        for title, frame in self._shown().items():
            table = frame.to_html(
                max_rows=_ROWS_SHOWN, float_format=_number, escape=True, border=0, na_rep="", notebook=True
            )
            parts += [f"<p>{escape(title)}</p>", table]
        if self.warnings:
            items = "".join(f"<li>{escape(text)}</li>" for text in self.warnings)
            parts.append(f"<details open><summary>warnings</summary><ul>{items}</ul></details>")
        return "\n".join([*parts, "</div>"])


def _number(value: float) -> str:
    # an H100 count or a FLOP rate: four digits, and never more than there are
    return f"{value:,.0f}" if 10**_DIGITS <= abs(value) < 1e7 else f"{value:.{_DIGITS}g}"


def table(
    rows: Iterable[Mapping[str, Any]], index: Sequence[str], columns: Sequence[str] = ()
) -> pd.DataFrame:
    """Return rows as a frame with an index; columns named are there even where no row is.

    A value that is not known is missing (NaN), a list a tuple. Rows keep their order.
    """
    import pandas as pd

    plain = [{key: tuple(v) if isinstance(v, list) else v for key, v in row.items()} for row in rows]
    frame = pd.DataFrame(plain)
    for name in (*index, *columns):
        if name not in frame.columns:
            frame[name] = None
    places = _in_order(frame[list(index)])
    shown = list(columns) or [name for name in frame.columns if name not in index]
    return frame[shown].set_axis(places, axis="index")


def _in_order(keys: pd.DataFrame) -> pd.Index[Any]:
    """Return an index whose levels stand in the order of the rows.

    Pandas finds ``frame.loc["peak"]`` fast, and without a warning, where the rows of one key stand together
    and in the order of its level; that need not be the alphabet's.
    """
    import pandas as pd

    if len(keys.columns) == 1:
        return keys.set_index(list(keys.columns)).index
    parts = [pd.factorize(keys[name]) for name in keys.columns]
    return pd.MultiIndex(
        levels=[list(values) for _, values in parts],
        codes=[codes.tolist() for codes, _ in parts],
        names=list(keys.columns),
    )


def as_days(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return a frame whose columns of dates are of the type that pandas counts with."""
    import pandas as pd

    return frame.assign(**{name: pd.to_datetime(frame[name]) for name in columns if name in frame})


def prefixed(quantiles: Mapping[str, float] | None, prefix: str = "") -> dict[str, float | None]:
    """Return 5/50/95 and mean as columns, missing where there are none."""
    return {f"{prefix}{key}": (quantiles or {}).get(key) for key in QUANTILES}
