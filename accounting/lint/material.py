"""What the rules work on: the rows of the files given, each with its place, its entry and its raw cells."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from accounting.census.facilities import Facility, FacilityFile, load_facilities
from accounting.census.ledger import Entry, Ledger, from_facilities
from accounting.census.readers import (
    epoch_chips,
    epoch_clusters,
    epoch_data_centers,
    epoch_hardware,
    flat_ledger,
    top500,
)
from accounting.census.readers.cells import amount, number
from accounting.census.readers.chip_totals import ChipRow
from accounting.census.readers.epoch_sites import Site, find_files, read_sites
from accounting.census.readers.tables import Row, Table, open_table
from accounting.census.snapshot import day_in
from accounting.documents import Document, is_there
from accounting.errors import Fault, InputFaults, UnknownNameError
from accounting.reference.facts import Facts
from accounting.validation import load_all, yaml_files

FACILITIES = "facilities"
CLUSTERS, DATA_CENTERS, TOP500 = epoch_clusters.PREFIX, epoch_data_centers.PREFIX, top500.PREFIX
CHIPS, HARDWARE, LEDGER = epoch_chips.PREFIX, epoch_hardware.PREFIX, flat_ledger.PREFIX
_RECOGNISE: Mapping[str, Callable[[Collection[str]], bool]] = {
    CLUSTERS: epoch_clusters.recognises,
    DATA_CENTERS: epoch_data_centers.recognises,
    TOP500: top500.recognises,
    CHIPS: epoch_chips.recognises,
    HARDWARE: epoch_hardware.recognises,
    LEDGER: flat_ledger.recognises,
}
_TABLE_SUFFIXES = {".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls"}
_MEGA = 1e6
_CLUSTER_POWER = "Power Capacity (MW)"


@dataclass(frozen=True)
class Line:
    """One row: where it stands, what the ledger made of it, and its cells as written.

    ``power_w`` is the power the source gives to the row (for our YAML: to its facility).
    """

    file: str
    line: int
    form: str
    entry: Entry
    cells: Mapping[str, str] = field(default_factory=dict, repr=False)
    table: Table | None = field(default=None, repr=False)
    location: str = ""
    power_w: float | None = None

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"

    def number(self, column: str) -> float | None:
        """Return a cell as a number, None where blank or unreadable."""
        text = self.cells.get(column, "")
        if not text or self.table is None:
            return None
        try:
            return number(text, self.table.style_of(column))
        except ValueError:
            return None

    @property
    def coordinates(self) -> tuple[float, float] | None:
        """Latitude and longitude in degrees."""
        north, east = self.number("latitude"), self.number("longitude")
        return None if north is None or east is None else (north, east)


@dataclass(frozen=True)
class SiteLine:
    """A data centre and its row in the file of sites."""

    place: str
    site: Site


@dataclass(frozen=True)
class SheetLine:
    """A row of a table of accelerators."""

    file: str
    row: Row
    table: Table = field(repr=False)

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.row.line}"

    def number(self, column: str) -> float | None:
        """Return a cell as a number, None where blank or unreadable."""
        try:
            return amount(self.row.text(column), self.table.style_of(column))
        except ValueError:
            return None


@dataclass(frozen=True)
class Material:
    """Everything read from the files given."""

    facts: Facts
    lines: tuple[Line, ...] = ()
    sites: tuple[SiteLine, ...] = ()
    chips: tuple[ChipRow, ...] = ()
    sheets: tuple[SheetLine, ...] = ()
    made: Mapping[str, datetime.date] = field(default_factory=dict)

    def of(self, form: str) -> tuple[Line, ...]:
        """Return the rows of one format."""
        return tuple(line for line in self.lines if line.form == form)

    def by_file(self, form: str | None = None) -> dict[str, list[Line]]:
        """Return the rows by file; our own facilities are one census, in however many files they stand."""
        found: defaultdict[str, list[Line]] = defaultdict(list)
        for line in self.lines:
            if form in (None, line.form):
                found[FACILITIES if line.form == FACILITIES else line.file].append(line)
        return dict(found)


def load_material(sources: Sequence[str], facts: Facts, today: datetime.date) -> Material:
    """Read files of any format known, one after another.

    Args:
        sources: paths, or ``PREFIX:PATH`` where the columns do not tell the format.
        facts: the reference facts.
        today: the date of a file whose name states none.

    Raises:
        InputFaults: a file that cannot be read, or is of a format without rows to check.
        UnknownNameError: an unknown prefix.
    """
    parts: list[Material] = []
    made: dict[str, datetime.date] = {}
    seen: set[tuple[str, Path]] = set()
    for source in sources:
        form, path = _locate(source)
        key = (form, (find_files(path).sites if form == DATA_CENTERS else path).resolve())
        if key in seen:
            continue
        seen.add(key)
        made[str(path)] = day_in(path.stem) or today
        parts.append(_READ[form](path, facts))
    return Material(
        facts,
        tuple(line for part in parts for line in part.lines),
        tuple(site for part in parts for site in part.sites),
        tuple(chip for part in parts for chip in part.chips),
        tuple(sheet for part in parts for sheet in part.sheets),
        {FACILITIES: today} | made,
    )


def _locate(source: str) -> tuple[str, Path]:
    prefix, colon, rest = source.partition(":")
    if colon and len(prefix) > 1 and not is_there(Path(source)):
        if prefix not in _READ:
            raise UnknownNameError("file format", prefix, _READ)
        return prefix, Path(rest)
    path = Path(source)
    if not is_there(path):
        raise InputFaults([Fault(source, 0, 0, "", "no such file or folder")])
    if path.is_dir() or path.suffix.lower() not in _TABLE_SUFFIXES:
        return FACILITIES, path
    columns = open_table(path).columns
    for form, fits in _RECOGNISE.items():
        if fits(columns):
            return form, path
    known = ", ".join(_RECOGNISE)
    message = f"the columns are of no file that can be checked; the formats are {known}"
    raise InputFaults([Fault(source, 1, 1, "", message, ", ".join(columns[:4]))])


def _read_facilities(path: Path, facts: Facts) -> Material:
    facilities = load_facilities([path], facts)
    entries = iter(from_facilities(str(path), facilities, facts).entries)
    documents = load_all(yaml_files(path), FacilityFile, facts.names)
    lines = [
        _facility_line(document, facility, (row, place), next(entries))
        for document, content in documents
        for row, facility in enumerate(content.facilities)
        for place in range(len(facility.deployments))
    ]
    return Material(facts, tuple(lines))


def _facility_line(document: Document, facility: Facility, at: tuple[int, int], entry: Entry) -> Line:
    position = document.position(("facilities", at[0], "deployments", at[1]))
    power_w = facility.power.value.best if facility.power else None
    location = facility.location or ""
    return Line(document.file, position.line, FACILITIES, entry, location=location, power_w=power_w)


def _read_ledger(path: Path, facts: Facts) -> Material:
    """Read our flat CSV; its rows are a census of ours, and checked as one."""
    rows = {row.text("id"): row for row in open_table(path).rows()}
    lines = [
        Line(str(path), rows[entry.id].line, FACILITIES, entry)
        for entry in flat_ledger.read(path, facts).entries
    ]
    return Material(facts, tuple(lines))


def _read_clusters(path: Path, facts: Facts) -> Material:
    table = open_table(path)
    rows = {f"row-{row.line}": row for row in table.rows()}
    lines = [
        _table_line(path, CLUSTERS, entry, rows[entry.id], table)
        for entry in epoch_clusters.read(path, facts).entries
    ]
    return Material(facts, tuple(lines))


def _table_line(path: Path, form: str, entry: Entry, row: Row, table: Table) -> Line:
    bare = Line(str(path), row.line, form, entry, row.cells, table, row.text("Location"))
    power_mw = bare.number(_CLUSTER_POWER)
    if power_mw is None:
        return bare
    return Line(
        str(path), row.line, form, entry, row.cells, table, row.text("Location"), power_w=power_mw * _MEGA
    )


def _read_top500(path: Path, facts: Facts) -> Material:
    table = open_table(path)
    lines = [
        _table_line(path, TOP500, entry, row, table)
        for entry, row in _paired(top500.read(path, facts), table)
    ]
    return Material(facts, tuple(lines))


def _paired(ledger: Ledger, table: Table) -> Iterator[tuple[Entry, Row]]:
    """Pair entries with their rows; the reader keeps the order of the file."""
    rows = table.rows()
    for entry in ledger.entries:
        for row in rows:
            name = f"{row.text('Name') or row.text('Computer')}, {row.text('Site')}"
            if name == entry.facility_name:
                yield entry, row
                break


def _read_data_centers(path: Path, facts: Facts) -> Material:
    files = find_files(path)
    sites = read_sites(files, facts).by_name
    places = {row.text("Name"): f"{files.sites}:{row.line}" for row in open_table(files.sites).rows()}
    return Material(facts, sites=tuple(SiteLine(places[name], site) for name, site in sites.items()))


def _read_chips(path: Path, facts: Facts) -> Material:
    return Material(facts, chips=tuple(epoch_chips.read(path, facts).rows))


def _read_hardware(path: Path, facts: Facts) -> Material:
    table = open_table(path)
    return Material(facts, sheets=tuple(SheetLine(str(path), row, table) for row in table.rows()))


_READ: Mapping[str, Callable[[Path, Facts], Material]] = {
    FACILITIES: _read_facilities,
    CLUSTERS: _read_clusters,
    DATA_CENTERS: _read_data_centers,
    TOP500: _read_top500,
    CHIPS: _read_chips,
    HARDWARE: _read_hardware,
    LEDGER: _read_ledger,
}
