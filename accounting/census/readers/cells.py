"""Numbers and ticks in the cells of a foreign table, read strictly (dates: :mod:`.dates`).

Text that may be read in two ways is refused, never guessed: ``1,234`` is 1234 where the file writes a
decimal point and 1.234 where it writes a decimal comma. Which holds is decided once for a column or a file,
by cells that can be read in one way only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum

from accounting.dimensions import DIMENSIONS

_LONGEST_NUMBER = 400
# as for counts in our own files: what is more is no figure of anything, and overflows in products
_LARGEST = DIMENSIONS["count"].maximum
# a blank, a no-break blank, a thin blank and a narrow no-break blank
_BLANKS = " \u00a0\u2009\u202f"


class NumberStyle(Enum):
    """How a file writes decimals: with a point, with a comma, or not known from what it holds."""

    POINT = "point"
    COMMA = "comma"
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
    """Read a number that cannot be negative. Raises ValueError, also for one above 1e100.

    >>> amount("25,000")
    25000.0
    """
    value = number(text, style)
    if value < 0:
        raise ValueError("must not be negative")
    return _within_reason(value)


def integer(text: str, style: NumberStyle = NumberStyle.POINT) -> int:
    """Read a whole number exactly, also past what a float holds; ``25000.0`` is whole.

    Raises:
        ValueError: as :func:`number`, a fraction, and what lies beyond 1e100 on either side of 0.
    """
    # bounds the exponent before the digits are written out
    _within_reason(number(text, style))
    exact = Decimal(_plain(text, style))
    if exact != exact.to_integral_value():
        raise ValueError("not a whole number")
    return int(exact)


def _within_reason(value: float) -> float:
    if abs(value) > _LARGEST:
        raise ValueError(f"more than {_LARGEST:g}, which is no figure of anything")
    return value


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
