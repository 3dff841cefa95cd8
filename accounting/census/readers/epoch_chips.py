"""Reader of Epoch AI's chip sales and chip owners: control totals that a census can be held against.

The files come as exported from https://github.com/epoch-research/ai-chip-counts, or as the later table of
sales (https://epoch.ai/data/ai-chip-sales). A row states units and H100e (of 8-bit peak) as 5th, 50th and
95th percentile, of a quarter or cumulated since a first quarter, by designer, chip and, in some, owner.
They are sales and holdings, not deployments, and are never added to a census.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from accounting.census.readers.cells import truth
from accounting.census.readers.chip_totals import ChipRow, ControlTotals, Percentiles
from accounting.census.readers.dates import DateOrders, date
from accounting.census.readers.epoch_names import FULL_NAMES, chip_name
from accounting.census.readers.reading import Reading, Readout
from accounting.census.readers.records import fault
from accounting.census.readers.tables import Row, Table, open_table
from accounting.reference.facts import Facts

PREFIX = "epoch-chips"

# what a column is called in the exports and in the later table, case ignored
_HEADS: Mapping[str, tuple[str, ...]] = {
    "designer": ("chip manufacturer", "vendor"),
    "chip": ("chip type", "chip"),
    "owner": ("owner",),
    "start": ("start date", "start"),
    "end": ("end date", "end"),
    "incomplete": ("incomplete",),
    "notes": ("notes",),
    "modified": ("last_modified", "last modified"),
    "units p5": ("number of units (5th percentile)", "units_p5"),
    "units p50": ("number of units (median)", "number of units", "units"),
    "units p95": ("number of units (95th percentile)", "units_p95"),
    "h100e p5": ("compute estimate in h100e (5th percentile)", "h100e (5th percentile)", "h100e_p5"),
    "h100e p50": ("compute estimate in h100e (median)", "h100e"),
    "h100e p95": ("compute estimate in h100e (95th percentile)", "h100e (95th percentile)", "h100e_p95"),
}
_NEEDED = ("designer", "start", "end", "units p50", "h100e p50")
_CUMULATED = re.compile(r"\bcumulative\b|\bQ[1-4] \d{4} to Q[1-4] \d{4}\b")
_MADE = re.compile(r"Estimates generated on: (\d{2})-(\d{2})-(\d{4})")
# what is left over, and a market: no organisations
_NO_ORGANISATION = {"other", "china", "remainder"}
_INPUTS = "data_inputs"
NO_PERIOD = "no first and last day that can be read"
NO_FIGURES = "neither units nor H100e that can be read"
NO_SUCH_DAY = "no such day (MM-DD-YYYY), read as blank"
NOT_RISING = "the 5th, 50th and 95th percentile do not rise"


@dataclass(frozen=True)
class ChipTable:
    """The rows of one or more files, and what became of all of them."""

    rows: tuple[ChipRow, ...]
    readout: Readout = field(repr=False)


def recognises(columns: Collection[str]) -> bool:
    """Whether a header is that of a file of chip sales or chip owners."""
    return set(_NEEDED) <= set(_heads(columns))


def _heads(columns: Iterable[str]) -> dict[str, str]:
    by_name = {column.casefold(): column for column in columns}
    found = {
        key: next((by_name[name] for name in names if name in by_name), None) for key, names in _HEADS.items()
    }
    return {key: column for key, column in found.items() if column is not None}


def read(path: Path, facts: Facts) -> ChipTable:
    """Read one file, or all that are of this format in a folder and its folders.

    Raises:
        InputFaults: a file cannot be read or is of another format, or the folder has none of this one.
    """
    if not path.is_dir():
        return _read_file(open_table(path), facts)
    tables: list[ChipTable] = []
    warnings: list[str] = []
    files = sorted(path.rglob("*.csv"))
    inputs = [file for file in files if _INPUTS in file.relative_to(path).parts]
    if inputs:
        warnings.append(f"{path.name}: {_INPUTS}/ holds what these files were made from, and is not read")
    for file in files:
        if file in inputs:
            continue
        table = open_table(file)
        if recognises(table.columns):
            tables.append(_read_file(table, facts))
        else:
            warnings.append(f"{file.name} is of another format and is not read")
    if not tables:
        raise fault(path, 0, "no file of chip sales or chip owners in this folder")
    return _together(tables, warnings)


def _together(tables: Sequence[ChipTable], warnings: Sequence[str] = ()) -> ChipTable:
    rows = tuple(row for table in tables for row in table.rows)
    return ChipTable(rows, sum((table.readout for table in tables), Readout(0, 0, warnings=tuple(warnings))))


def control_totals(paths: Sequence[Path], facts: Facts) -> ControlTotals:
    """Read files and folders together; totals at a date by designer, chip or owner come from the result.

    Raises:
        InputFaults: as :func:`read`.
    """
    table = _together([read(path, facts) for path in paths])
    return ControlTotals(table.rows, table.readout)


def _read_file(table: Table, facts: Facts) -> ChipTable:
    heads = _heads(table.columns)
    if missing := [key for key in _NEEDED if key not in heads]:
        table.require([_HEADS[key][0] for key in missing])
    reader = _Reader(table, facts, heads)
    rows = tuple(reader.rows())
    return ChipTable(rows, reader.reading.finish())


@dataclass
class _Reader:
    table: Table
    facts: Facts
    heads: Mapping[str, str]
    reading: Reading = field(init=False)
    dates: DateOrders = field(init=False)

    def __post_init__(self) -> None:
        self.reading = Reading(self.table)
        self.dates = self.reading.date_orders([self.heads[key] for key in ("start", "end")])

    def rows(self) -> Iterator[ChipRow]:
        for row in self.reading.rows():
            start, end = self._date(row, "start"), self._date(row, "end")
            units, h100e = self._percentiles(row, "units"), self._percentiles(row, "h100e")
            if start is None or end is None or end < start:
                self.reading.leave_out(row.line, NO_PERIOD, self._text(row, "end"))
            elif units is None and h100e is None:
                self.reading.leave_out(row.line, NO_FIGURES, self._text(row, "units p50"))
            elif not all(one is None or one.rising for one in (units, h100e)):
                self.reading.leave_out(row.line, NOT_RISING, self._text(row, "units p50"))
            else:
                yield self._row(row, (start, end), units, h100e)
                self.reading.keep(row.line)

    def _row(
        self,
        row: Row,
        period: tuple[datetime.date, datetime.date],
        units: Percentiles | None,
        h100e: Percentiles | None,
    ) -> ChipRow:
        names, notes = self.facts.names, self._text(row, "notes")
        chip, owner = self._text(row, "chip"), self._text(row, "owner")
        full = chip_name(chip, names.accelerators)
        organisation = "" if owner.casefold() in _NO_ORGANISATION else owner
        said = row.text("Name") or self.table.path.stem.replace("_", " ")
        ticked = self.reading.take(row, self.heads.get("incomplete", ""), truth)
        return ChipRow(
            file=self.table.path.name,
            line=row.line,
            designer=self.reading.resolve(
                row, self.heads["designer"], names.organisations, self._text(row, "designer")
            ),
            designer_name=self._text(row, "designer"),
            chip=self.reading.resolve(row, self.heads.get("chip", ""), names.accelerators, full),
            chip_name=FULL_NAMES.get(chip, chip) or None,
            owner=self.reading.resolve(row, self.heads.get("owner", ""), names.organisations, organisation),
            owner_name=owner or None,
            start=period[0],
            end=period[1],
            cumulative=_CUMULATED.search(said) is not None,
            incomplete=bool(ticked) or notes.startswith("Incomplete"),
            modified=self._modified(row, notes),
            units=units,
            h100e=h100e,
        )

    def _text(self, row: Row, key: str) -> str:
        return row.text(self.heads.get(key, ""))

    def _date(self, row: Row, key: str) -> datetime.date | None:
        try:
            return date(self._text(row, key), self.dates.of(self.heads[key]))
        except ValueError:
            return None

    def _percentiles(self, row: Row, what: str) -> Percentiles | None:
        columns = [self.heads.get(f"{what} {end}", "") for end in ("p5", "p50", "p95")]
        low, middle, high = (self.reading.amount(row, column) for column in columns)
        if middle is None:
            return None
        # rows put in by hand state one figure
        return Percentiles(middle if low is None else low, middle, middle if high is None else high)

    def _modified(self, row: Row, notes: str) -> datetime.date | None:
        if found := _MADE.search(notes):
            month, day, year = (int(part) for part in found.groups())
            try:
                return datetime.date(year, month, day)
            except ValueError:
                self.reading.repair(row.line, self.heads["notes"], found[0], "", NO_SUCH_DAY)
        return self.reading.take(row, self.heads.get("modified", ""), date)
