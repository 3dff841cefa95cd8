"""What the readers of CSV and XLSX hand on: records of text with their line, and faults of one shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accounting.errors import Fault, InputFaults

# what a spreadsheet can hold; more is no table
MOST_COLUMNS = 16_384
MOST_ROWS_OF_A_SHEET = 1_048_576


@dataclass(frozen=True, slots=True)
class Record:
    """One record: the line it begins on, its cells, and the places of formulas without a stored result."""

    line: int
    values: Sequence[str]
    formulas: tuple[int, ...] = ()


def fault(path: Path, line: int, message: str, found: str = "") -> InputFaults:
    """Return one fault at a line of a file (0: the whole file), ready to raise."""
    return InputFaults([Fault(str(path), line, 1 if line else 0, "", message, found)])
