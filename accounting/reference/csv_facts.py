"""Tables of facts as CSV: whole rows under the columns they must have, or a fault with its line."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from accounting.errors import Fault, InputFaults, quote


def read_rows(path: Path, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a table with their lines, counted from 1.

    Raises:
        InputFaults: the file is absent, not UTF-8 text, no CSV, has other columns, or a row of another width.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = next(reader, [])
            rows = [(reader.line_num, row) for row in reader if row]
    except OSError as error:
        raise InputFaults([Fault(str(path), 0, 0, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        found = f"byte 0x{error.object[error.start]:02x}"
        raise InputFaults([Fault(str(path), 0, 0, "", "not UTF-8 text", found)]) from None
    except csv.Error as error:
        raise InputFaults([Fault(str(path), 0, 0, "", f"no CSV: {error}")]) from None
    if header != list(columns):
        message = f"the columns must be {', '.join(columns)}"
        raise InputFaults([Fault(str(path), 1, 1, "", message, quote(header))])
    odd = [(line, len(row)) for line, row in rows if len(row) != len(columns)]
    if odd:
        message = f"a row of {len(columns)} cells is expected"
        raise InputFaults(Fault(str(path), line, 1, "", message, str(width)) for line, width in odd)
    return [(line, dict(zip(columns, row, strict=True))) for line, row in rows]
