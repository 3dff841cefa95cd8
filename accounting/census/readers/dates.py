"""Dates in the cells of a foreign table, read strictly.

``3/4/2024`` is in March or in April, and is never guessed: the order of day and month is decided once for a
column, by dates that can be read in one way only.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum


class DateOrder(Enum):
    """How a column writes dates of the form ``1/2/2024``."""

    MONTH_FIRST = "month first"
    DAY_FIRST = "day first"
    UNDECIDED = "undecided"


# written out, since the calendar module names months in the language of the process
_MONTHS = {
    "jan": 1,
    "feb": 2,
    "mar": 3,
    "apr": 4,
    "may": 5,
    "jun": 6,
    "jul": 7,
    "aug": 8,
    "sep": 9,
    "sept": 9,
    "oct": 10,
    "nov": 11,
    "dec": 12,
    "january": 1,
    "february": 2,
    "march": 3,
    "april": 4,
    "june": 6,
    "july": 7,
    "august": 8,
    "september": 9,
    "october": 10,
    "november": 11,
    "december": 12,
}
_CLOCK = r"(?:[T ]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?(?: ?(?:Z|[+-]\d{2}:?\d{2}))?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/])(\d{{1,2}})(?:\2(\d{{1,2}}){_CLOCK})?", re.ASCII)
_YEAR = re.compile(r"(19|20|21)\d{2}", re.ASCII)
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([/.-])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_CLOCK}", re.ASCII)
_QUARTER = re.compile(r"(?:(\d{4})[ -]?Q([1-4])|Q([1-4])[ -]?(\d{4}))", re.ASCII | re.IGNORECASE)
_NAMED = (
    re.compile(r"(?P<month>[A-Za-z]+)\.?[ -](?P<year>\d{4}|\d{2})", re.ASCII),
    re.compile(r"(?P<month>[A-Za-z]+)\.? (?P<day>\d{1,2}),? (?P<year>\d{4})", re.ASCII),
    re.compile(r"(?P<day>\d{1,2})[ -](?P<month>[A-Za-z]+)\.?[ -](?P<year>\d{4}|\d{2})", re.ASCII),
)


def date(text: str, order: DateOrder = DateOrder.UNDECIDED) -> datetime.date:
    """Read a date; a part left out (day, month) counts as the first.

    Taken are ``2024-05-31`` (with or without a time of day), ``2024-05``, ``2024``, ``5/31/2024``,
    ``5/31/24``, ``31.5.2024``, ``May 2024``, ``May-24``, ``31 May 2024``, ``May 31, 2024`` and ``2024 Q2``.

    Raises:
        ValueError: no date, no such day, or a day and a month that cannot be told apart.

    >>> date("3/4/2024", DateOrder.MONTH_FIRST)
    datetime.date(2024, 3, 4)
    """
    text = " ".join(text.split())
    try:
        for read in _SHAPES:
            if found := read(text, order):
                return datetime.date(*found)
    except ValueError as error:
        raise ValueError(str(error) if "ambiguous" in str(error) else "no such day") from None
    raise ValueError("not a date; YYYY-MM-DD is expected")


Parts = tuple[int, int, int]


def _year_first(text: str, _: DateOrder) -> Parts | None:
    if _YEAR.fullmatch(text):
        return int(text), 1, 1
    match = _YEAR_FIRST.fullmatch(text)
    return (int(match[1]), int(match[3]), int(match[4] or 1)) if match else None


def _year_last(text: str, order: DateOrder) -> Parts | None:
    match = _YEAR_LAST.fullmatch(text)
    if match is None:
        return None
    first, second, year = int(match[1]), int(match[3]), _century(int(match[4]))
    shown = order_shown(text)
    if first != second and shown is None and order is DateOrder.UNDECIDED:
        raise ValueError("ambiguous: day and month cannot be told apart")
    if (shown or order) is DateOrder.DAY_FIRST:
        first, second = second, first
    return year, first, second


def _quarter(text: str, _: DateOrder) -> Parts | None:
    match = _QUARTER.fullmatch(text)
    return (int(match[1] or match[4]), 3 * int(match[2] or match[3]) - 2, 1) if match else None


def _named(text: str, _: DateOrder) -> Parts | None:
    for pattern in _NAMED:
        match = pattern.fullmatch(text)
        if match and (month := _MONTHS.get(match["month"].casefold())):
            parts = match.groupdict()
            year = int(parts["year"])
            return _century(year), month, int(parts.get("day") or 1)
    return None


def _century(year: int) -> int:
    """Return a year in full; one of two digits is of this century, as is all that these files hold."""
    return year + 2000 if year < 100 else year


_SHAPES: tuple[Callable[[str, DateOrder], Parts | None], ...] = (_year_first, _year_last, _quarter, _named)


def order_shown(text: str) -> DateOrder | None:
    """Return the order that a date proves by a part above 12 or by its points, None where it proves none.

    >>> order_shown("5/31/2024")
    <DateOrder.MONTH_FIRST: 'month first'>
    """
    match = _YEAR_LAST.fullmatch(" ".join(text.split()))
    if match is None:
        return None
    first, second = int(match[1]), int(match[3])
    if (first > 12) == (second > 12):
        # dates with points are written day first wherever they are written
        return DateOrder.DAY_FIRST if match[2] == "." else None
    return DateOrder.DAY_FIRST if first > 12 else DateOrder.MONTH_FIRST


@dataclass(frozen=True)
class DateOrders:
    """The order of each column's dates, and what had to be assumed."""

    orders: Mapping[str, DateOrder]
    notes: tuple[str, ...] = ()

    def of(self, column: str) -> DateOrder:
        """Return a column's order."""
        return self.orders.get(column, DateOrder.UNDECIDED)


def decide_date_orders(
    rows: Iterable[Mapping[str, str]], columns: Iterable[str], default: DateOrder
) -> DateOrders:
    """Decide each column's order by the dates that can be read in one way only.

    A column without any takes the order that the file's other columns show, else ``default``, with a
    note. A column that shows both orders has none: its ambiguous dates are refused.
    """
    shown: dict[str, set[DateOrder]] = {column: set() for column in columns}
    open_cells = dict.fromkeys(shown, False)
    for cells in rows:
        for column, seen in shown.items():
            text = cells.get(column, "")
            if len(text) < 6 or not _YEAR_LAST.fullmatch(text):
                continue
            if order := order_shown(text):
                seen.add(order)
            else:
                open_cells[column] = True
    elsewhere: set[DateOrder] = set().union(*shown.values())
    orders, notes = {}, []
    for column, seen in shown.items():
        decided = seen or elsewhere or {default}
        orders[column] = next(iter(decided)) if len(decided) == 1 else DateOrder.UNDECIDED
        if open_cells[column] and not seen:
            how = "as elsewhere in the file" if elsewhere else "as this format is usually written"
            notes.append(
                f"dates in '{column}' may have day or month first; read {orders[column].value}, {how}"
            )
    return DateOrders(orders, tuple(notes))
