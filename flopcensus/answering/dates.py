"""Dates as options give them."""

from __future__ import annotations

import datetime


def read_day(text: str | None, option: str) -> datetime.date:
    """Return the date of an option, today where it is left out. Raises InputError naming the option."""
    from pydantic_core import PydanticCustomError

    from accounting.validation import read_date
    from bench.errors import InputError

    if text is None:
        return datetime.datetime.now().date()
    try:
        return read_date(text)
    except PydanticCustomError as error:
        raise InputError(f"{option}: {error} (found '{text}')") from None
