"""Reader of Epoch AI's clusters file ("AI supercomputers", later "GPU clusters").

The file values its rows by its own OP/s columns, which mix floats, integers past int64 and blanks. Its
``H100 equivalents`` are maximum OP/s ÷ 1.979e15, an 8-bit basis. Names are not unique (hundreds of rows are
"Anonymized Chinese System"), so a row is known by its line; a row superseded by another is linked to it
only where that other name is unique. See https://epoch.ai/data/gpu-clusters-documentation for the columns.
"""

from __future__ import annotations

import csv
import datetime
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from accounting.census.ledger import Entry, Ledger, Owner
from accounting.errors import Fault, InputFaults, nearest, quote
from accounting.quantities import Uncertain, exact
from accounting.reference.facts import Facts, find_or_none
from accounting.reference.names import UNKNOWN, WITHHELD

T = TypeVar("T")

PREFIX = "epoch-clusters"

# value name → column; the precisions are dense by Epoch's convention
COLUMNS: Mapping[str, str] = {
    "bf16": "16-bit OP/s",
    "fp8": "8-bit OP/s",
    "fp32": "32-bit OP/s",
    "max": "Max OP/s",
    "h100e": "H100 equivalents",
}

_REQUIRED = (
    "Name",
    "Status",
    "Country",
    "Owner",
    "First Operational Date",
    "Sector",
    "GPU Supplier (primary)",
    "Include in Standard Analysis",
    "Superseded by",
    "Possible Duplicate",
    *COLUMNS.values(),
)
_STATUS = {"existing": "operational", "planned": "announced", "decommissioned": "retired"}
_SECTOR = {"private": "private", "public": "public", "public/private": "mixed"}
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?")
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
_NOBODY = {"", "unknown"}


def is_epoch_clusters(columns: list[str]) -> bool:
    """Whether a header is that of Epoch's clusters file."""
    return {"16-bit OP/s", "H100 equivalents", "GPU Supplier (primary)"} <= set(columns)


def read_epoch_clusters(path: Path, facts: Facts) -> Ledger:
    """Read the file into a ledger; every row becomes an entry or is counted in ``left_out``.

    Raises:
        InputFaults: the file cannot be read, is not this file, or lacks columns.
    """
    rows = _read_rows(path)
    unique = {name for name, times in Counter(row["Name"] for _, row in rows).items() if times == 1}
    ids = {row["Name"]: f"row-{line}" for line, row in rows if row["Name"] in unique}
    faults: list[Fault] = []
    entries = tuple(_entry(path, line, row, ids, facts, faults) for line, row in rows)
    if faults:
        raise InputFaults(faults)
    warning = f"{path.name} states no uncertainty: its own figures are taken as exact"
    return Ledger(f"{PREFIX}:{path.name}", entries, "file", tuple(COLUMNS), {}, (warning,))


def _read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            _check_columns(path, list(reader.fieldnames or []))
            return [(reader.line_num, _clean(row)) for row in reader]
    except OSError as error:
        raise InputFaults([Fault(str(path), 0, 0, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        message = "not UTF-8 text; a clusters CSV is expected"
        raise InputFaults(
            [Fault(str(path), 0, 0, "", message, f"byte 0x{error.object[error.start]:02x}")]
        ) from None
    except csv.Error as error:
        raise InputFaults([Fault(str(path), 0, 0, "", f"broken CSV: {error}")]) from None


def _clean(row: Mapping[str | None, str | list[str] | None]) -> dict[str, str]:
    return {key: value.strip() for key, value in row.items() if key and isinstance(value, str)} | {
        key: "" for key, value in row.items() if key and value is None
    }


def _check_columns(path: Path, columns: list[str]) -> None:
    if not columns:
        raise InputFaults([Fault(str(path), 0, 0, "", "the file is empty; a clusters CSV is expected")])
    missing = [column for column in _REQUIRED if column not in columns]
    if missing:
        raise InputFaults(
            Fault(str(path), 1, 1, "", f"the column '{column}' is missing", "", nearest(column, columns))
            for column in missing
        )


def _entry(
    path: Path, line: int, row: Mapping[str, str], ids: Mapping[str, str], facts: Facts, faults: list[Fault]
) -> Entry:
    def read(column: str, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(row[column]) if row.get(column) else None
        except ValueError as error:
            faults.append(Fault(str(path), line, 1, column, str(error), quote(row[column])))
            return None

    values = {name: read(column, _number) for name, column in COLUMNS.items()}
    count = read("Chip quantity (primary)", _number)
    accelerator = find_or_none(facts.names.accelerators, row.get("Chip type (primary)", ""))
    vendor = _vendor(row["GPU Supplier (primary)"], facts)
    return Entry(
        id=f"row-{line}",
        facility=f"row-{line}",
        facility_name=row["Name"],
        territory=find_or_none(facts.names.countries, row["Country"]),
        owners=_owners(row["Owner"], facts),
        operator=None,
        sector=_SECTOR.get(row["Sector"].casefold()),
        accelerator=accelerator,
        vendor=vendor,
        vendor_nation=facts.nation_of(vendor),
        count=_count(count),
        in_service=read("First Operational Date", _date),
        retired=read("Decommissioned Date (if applicable)", _date),
        # a word not known here is not taken for any status, and so never counted
        status=_STATUS.get(row["Status"].casefold(), UNKNOWN),
        kind="reported",
        source=row.get("Source 1") or "https://epoch.ai/data/gpu-clusters",
        values={name: value for name, value in values.items() if value is not None},
        superseded_by=_superseding(row["Superseded by"], ids),
        duplicate=_true(row["Possible Duplicate"]),
        standard=_true(row["Include in Standard Analysis"]),
    )


def _vendor(name: str, facts: Facts) -> str | None:
    if name.casefold() == WITHHELD:
        return WITHHELD
    return None if name.casefold() in _NOBODY else find_or_none(facts.names.organisations, name)


def _owners(text: str, facts: Facts) -> tuple[Owner, ...]:
    """Resolve the owner; joint owners are comma-joined and their shares not stated, so parts are equal."""
    if find_or_none(facts.names.organisations, text):
        names = [text]
    else:
        names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        return (Owner(None, None, 1.0),)
    ids = [find_or_none(facts.names.organisations, name) for name in names]
    return tuple(Owner(found, facts.nation_of(found), 1 / len(ids)) for found in ids)


def _superseding(name: str, ids: Mapping[str, str]) -> str | None:
    return ids.get(name) if name else None


def _count(value: float | None) -> Uncertain | None:
    return exact(value) if value is not None else None


def _true(text: str) -> bool:
    return text.casefold() in {"true", "1", "yes", "checked"}


def _number(text: str) -> float:
    try:
        # a comma between thousands only: "1,5" is refused, never read as 15
        value = float(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)
    except ValueError:
        raise ValueError("not a number") from None
    if not math.isfinite(value) or value < 0:
        raise ValueError("must be finite and not negative")
    return value


def _date(text: str) -> datetime.date:
    """Read ``YYYY-MM-DD`` or ``YYYY-MM``; a part left out counts as the first."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError("not a date; YYYY-MM-DD is expected")
    return datetime.date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
