"""Rounds plain data, so that a document carries no digits that its draws do not."""

from __future__ import annotations

from typing import Any

# more than the draws carry: a reader who sums parts sees no difference
DIGITS = 6


def rounded(value: Any) -> Any:
    """Round all floating-point numbers of plain data to six significant digits.

    >>> rounded({"a": [1.23456789, 2], "b": "1.23456789"})
    {'a': [1.23457, 2], 'b': '1.23456789'}
    """
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    return value
