"""What stands in one cell of a foreign table: numbers, dates and truth, read strictly.

Text that may be read in two ways is refused, never guessed: ``1,234`` is 1234 where the file writes a
decimal point and 1.234 where it writes a decimal comma, and ``3/4/2024`` is in March or in April. Which
holds is decided once for a file or a column, by cells that can be read in one way only.
"""

from __future__ import annotations

import calendar
import datetime
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

_LONGEST_NUMBER = 400
# a blank, a no-break blank, a thin blank and a narrow no-break blank
_BLANKS = " \u00a0\u2009\u202f"


class NumberStyle(Enum):
    """How a file writes decimals: with a point, with a comma, or not known from what it holds."""

    POINT = "point"
    COMMA = "comma"
    UNDECIDED = "undecided"


class DateOrder(Enum):
    """How a column writes dates of the form ``1/2/2024``."""

    MONTH_FIRST = "month first"
    DAY_FIRST = "day first"
    UNDECIDED = "undecided"


def _number_pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    group = rf"[1-9]\d{{0,2}}(?P<gap>[{thousands}{_BLANKS}])\d{{3}}(?:(?P=gap)\d{{3}})*"
    return re.compile(
        rf"[+-]?(?:(?:{group}|\d+)(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d{{1,4}})?", re.ASCII
    )


_DIGITS = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d{1,4})?", re.ASCII)
_PATTERNS = {
    NumberStyle.POINT: (_number_pattern(r"\.", ","), "."),
    NumberStyle.COMMA: (_number_pattern(",", "."), ","),
}


def number(text: str, style: NumberStyle = NumberStyle.POINT) -> float:
    """Read a number; thousands may be parted by the other sign or by blanks.

    Raises:
        ValueError: a percentage, a formula, ambiguous, not finite, or no number at all.

    >>> number("1 742 000,00", NumberStyle.COMMA)
    1742000.0
    """
    # most cells are plain digits: a million rows are read in half the time
    plain = style is NumberStyle.POINT and len(text) <= _LONGEST_NUMBER and _DIGITS.fullmatch(text)
    value = float(text if plain else _plain(text, style))
    if not math.isfinite(value):
        raise ValueError("too large for a number")
    return value


def amount(text: str, style: NumberStyle = NumberStyle.POINT) -> float:
    """Read a number that cannot be negative. Raises ValueError."""
    value = number(text, style)
    if value < 0:
        raise ValueError("must not be negative")
    return value


def integer(text: str, style: NumberStyle = NumberStyle.POINT) -> int:
    """Read a whole number exactly, also past what a float holds; ``25000.0`` is whole.

    Raises:
        ValueError: as :func:`number`, and a fraction.
    """
    number(text, style)  # bounds the exponent before the digits are written out
    exact = Decimal(_plain(text, style))
    if exact != exact.to_integral_value():
        raise ValueError("not a whole number")
    return int(exact)


def _plain(text: str, style: NumberStyle) -> str:
    """Return the number as Python writes it."""
    text = text.strip().replace("\u2212", "-")
    if text.startswith("="):
        raise ValueError("a formula, not its result")
    if text.startswith("#"):
        raise ValueError("an error value of a spreadsheet")
    if "%" in text:
        raise ValueError("a percentage; a plain number is expected")
    if style is not NumberStyle.UNDECIDED:
        return _in_style(text, style) or _refuse("not a number")
    point, comma = _in_style(text, NumberStyle.POINT), _in_style(text, NumberStyle.COMMA)
    if point and comma and float(point) != float(comma):
        raise ValueError("ambiguous: the file does not show whether it writes a decimal point or a comma")
    return point or comma or _refuse("not a number")


def _in_style(text: str, style: NumberStyle) -> str:
    """Return the number in Python's form, empty where the text is none in this style."""
    pattern, decimal = _PATTERNS[style]
    if len(text) > _LONGEST_NUMBER or (match := pattern.fullmatch(text)) is None:
        return ""
    if gap := match["gap"]:
        text = text.replace(gap, "")
    return text.replace(decimal, ".")


def _refuse(message: str) -> str:
    raise ValueError(message)


def style_shown(text: str) -> NumberStyle | None:
    """Return the style that a cell proves, None where it is no number or may be read either way.

    >>> style_shown("12,34"), style_shown("1,234")
    (<NumberStyle.COMMA: 'comma'>, None)
    """
    if "." not in text and "," not in text:
        return None
    point, comma = _in_style(text, NumberStyle.POINT), _in_style(text, NumberStyle.COMMA)
    if bool(point) == bool(comma):
        return None
    return NumberStyle.POINT if point else NumberStyle.COMMA


_TRUTHS: Mapping[str, bool] = {
    **dict.fromkeys(
        ("true", "1", "1.0", "yes", "y", "checked", "x", "wahr", "vrai", "verdadero", "vero"), True
    ),
    **dict.fromkeys(("", "false", "0", "0.0", "no", "n", "unchecked", "falsch", "faux", "falso"), False),
}


def truth(text: str) -> bool:
    """Read a tick, as exports and spreadsheets in several languages write it; blank is False.

    Raises:
        ValueError: any other word.
    """
    found = _TRUTHS.get(text.strip().casefold())
    if found is None:
        raise ValueError("neither true nor false")
    return found


_MONTHS = {
    name.casefold(): place
    for names in (calendar.month_name, calendar.month_abbr)
    for place, name in enumerate(names)
    if name
} | {"sept": 9}
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
