"""Reader of Epoch AI's "Frontier data centers": a deployment for each step in the chips of a site.

The file of quantities states, for a site, a chip and a date, how many there are from then on. A step is
therefore the difference to the one before: chips added come into service on its date, chips taken away
retire the oldest. Steps dated after the file was made are plans, and stay so: they never become
operational by waiting. Nothing here may be added to Epoch's clusters, which hold many of the same sites.
"""

from __future__ import annotations

import datetime
import re
from collections import defaultdict, deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from accounting.census.ledger import Entry, Ledger, Owner
from accounting.census.readers.cells import amount
from accounting.census.readers.dates import DateOrder
from accounting.census.readers.epoch_names import chip_name
from accounting.census.readers.epoch_sites import (
    NO_DATE,
    Files,
    Sites,
    find_files,
    read_day,
    read_owners,
    read_sites,
    role_of,
)
from accounting.census.readers.reading import Reading
from accounting.census.readers.tables import Row, Table, open_table
from accounting.census.snapshot import day_in
from accounting.errors import quote
from accounting.quantities import exact
from accounting.reference.facts import Facts
from accounting.validation import Kind

PREFIX = "epoch-data-centers"

_UNITS, _HOW = "Number of Units", "Number of Units source"
_KINDS: Mapping[str, Kind] = {"company disclosure": "reported", "estimate": "derived"}
_SOURCE = "https://epoch.ai/data/data-centers"
_URL = re.compile(r"https?://[^\s)\]<>\"]+")
_NO_OWNER = (Owner(None, None, 1.0),)
NO_NUMBER = "no number of units that can be read"
NO_STEP = "the number of an earlier step again: nothing came or went"
TAKEN_AWAY = "fewer than before: earlier steps are retired on this date"


@dataclass
class _Batch:
    """Chips that came in one step; a part taken away later is a batch of its own."""

    count: float
    since: datetime.date
    until: datetime.date | None = None


def recognises(columns: Collection[str]) -> bool:
    """Whether a header is that of one of the three files."""
    return role_of(columns) is not None


def read(path: Path, facts: Facts) -> Ledger:
    """Read a folder, or one of the files with the others beside it, into a ledger.

    Raises:
        InputFaults: a file is missing, cannot be read or lacks columns.
    """
    files = find_files(path)
    sites = read_sites(files, facts)
    reader = _Reader(files, sites, facts)
    entries = tuple(reader.entries())
    readout = reader.reading.finish()
    warnings = [
        f"{files.quantities.name} states no uncertainty: its own figures are taken as exact",
        *_without_chips(sites, {entry.facility_name for entry in entries}),
        *(line for one in sites.readouts for line in one.summary()),
        *readout.summary(),
    ]
    name = f"{PREFIX}:{path.name}"
    return Ledger(
        name,
        entries,
        left_out=readout.reasons(),
        warnings=tuple(warnings),
        readout=readout,
        snapshot=reader.made,
    )


def _without_chips(sites: Sites, with_chips: Collection[str]) -> Iterator[str]:
    bare = [site for name, site in sites.by_name.items() if name not in with_chips]
    if bare:
        h100e = sum(site.h100e or 0.0 for site in bare)
        yield (
            f"{len(bare)} of {len(sites.by_name)} sites state no chips and are not counted; "
            f"the file puts them at {h100e:,.0f} H100e of 8-bit peak now"
        )


@dataclass
class _Reader:
    files: Files
    sites: Sites
    facts: Facts
    reading: Reading = field(init=False)
    order: DateOrder = field(init=False)
    made: datetime.date = field(init=False)
    batches: Mapping[int, _Batch] = field(init=False)
    steady: frozenset[int] = field(init=False)
    ids: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Look through the file once, for its date and for the steps of each site and chip."""
        table = open_table(self.files.quantities)
        table.require(["Data center", "Date", "Chip type", _UNITS])
        self.reading = Reading(table)
        self.order = self.reading.date_orders(["Date"]).of("Date")
        self.batches, self.steady = _steps(table, self.order)
        self.made = self._date_made(table)

    def _date_made(self, table: Table) -> datetime.date:
        if stated := day_in(self.files.quantities.stem):
            return stated
        texts = (row.text("Last Modified") or row.text("Created") for row in table.rows())
        if days := [day for text in texts if (day := day_in(text))]:
            return max(days)
        self.reading.warn(
            f"{table.path.name} does not say when it was made: steps up to today are taken as done"
        )
        return datetime.datetime.now().date()

    def entries(self) -> Iterator[Entry]:
        """Yield an entry for each step."""
        for row in self.reading.rows():
            batch = self.batches.get(row.line)
            if batch is not None:
                yield self._entry(row, batch)
                self.reading.keep(row.line)
            else:
                self._leave_out(row)

    def _leave_out(self, row: Row) -> None:
        if row.line in self.steady:
            self.reading.leave_out(row.line, NO_STEP, row.text(_UNITS))
        elif read_day(row, self.order) is None:
            self.reading.leave_out(row.line, NO_DATE, row.text("Date"))
        elif _units(row, self.reading.table) is None:
            self.reading.leave_out(row.line, NO_NUMBER, row.text(_UNITS))
        else:
            self.reading.leave_out(row.line, TAKEN_AWAY, row.text(_UNITS))

    def _entry(self, row: Row, batch: _Batch) -> Entry:
        name = row.text("Data center")
        site = self.sites.by_name.get(name)
        if site is None:
            self.reading.unresolved(row.line, "Data center", "site", name, tuple(self.sites.by_name))
        accelerators = self.facts.names.accelerators
        chip = chip_name(row.text("Chip type"), accelerators)
        accelerator = self.reading.resolve(row, "Chip type", accelerators, chip)
        vendor = self.facts.accelerators[accelerator].designer if accelerator else None
        return Entry(
            id=self._id(row, batch),
            facility=_slug(name),
            facility_name=name,
            territory=site.territory if site else None,
            owners=self._owners(row),
            operator=None,
            sector=None,
            accelerator=accelerator,
            vendor=vendor,
            vendor_nation=self.facts.nation_of(vendor),
            count=exact(batch.count),
            in_service=batch.since,
            retired=batch.until,
            status=self._status(batch),
            kind=self._kind(row),
            source=found[0] if (found := _URL.search(row.text("Notes"))) else _SOURCE,
        )

    def _id(self, row: Row, batch: _Batch) -> str:
        day = batch.until or batch.since
        stem = f"{_slug(row.text('Data center'))}-{_slug(row.text('Chip type'))}-{day}"
        unique = stem if stem not in self.ids else f"{stem}-row-{row.line}"
        self.ids.add(unique)
        return unique

    def _status(self, batch: _Batch) -> str:
        if batch.since > self.made:
            return "announced"
        return "retired" if batch.until and batch.until <= self.made else "operational"

    def _kind(self, row: Row) -> Kind:
        text = row.text(_HOW)
        if (kind := _KINDS.get(text.casefold())) is None:
            self.reading.repair(row.line, _HOW, text, "Estimate", "not known, taken as an estimate")
        return kind or "derived"

    def _owners(self, row: Row) -> tuple[Owner, ...]:
        if owners := read_owners(row, self.reading, self.facts):
            return owners
        site = self.sites.by_name.get(row.text("Data center"))
        if site is None or not site.owners:
            return _NO_OWNER
        used = ", ".join(owner.organisation or "unknown" for owner in site.owners)
        self.reading.repair(row.line, "Owner", "", used, "blank, the site's owner is taken")
        return site.owners


def _units(row: Row, table: Table) -> float | None:
    try:
        return amount(row.text(_UNITS), table.style_of(_UNITS))
    except ValueError:
        return None


Key = tuple[str, str]


def _steps(table: Table, order: DateOrder) -> tuple[dict[int, _Batch], frozenset[int]]:
    """Return the batch of each line that adds or takes away, and the lines that repeat a number."""
    stated: defaultdict[Key, list[tuple[datetime.date, int, float]]] = defaultdict(list)
    for row in table.rows():
        day, units = read_day(row, order), _units(row, table)
        # rows that the reading leaves out must not count here either
        if day is not None and units is not None and not row.surplus:
            stated[row.text("Data center"), row.text("Chip type")].append((day, row.line, units))
    batches: dict[int, _Batch] = {}
    steady: set[int] = set()
    for steps in stated.values():
        steady |= _difference(sorted(steps), batches)
    return batches, frozenset(steady)


def _difference(steps: list[tuple[datetime.date, int, float]], batches: dict[int, _Batch]) -> set[int]:
    """Turn one chip's running numbers into batches; return the lines on which nothing changes."""
    running: deque[_Batch] = deque()
    total, steady = 0.0, set[int]()
    for day, line, units in steps:
        change, total = units - total, units
        if change > 0:
            batches[line] = _Batch(change, day)
            running.append(batches[line])
        elif change == 0:
            steady.add(line)
        elif (part := _retire(running, -change, day)) is not None:
            batches[line] = part
    return steady


def _retire(running: deque[_Batch], gone: float, day: datetime.date) -> _Batch | None:
    """Retire the oldest chips; return the part of a batch that goes while the rest of it stays."""
    while gone > 0 and running:
        oldest = running[0]
        if oldest.count > gone:
            oldest.count -= gone
            return _Batch(gone, oldest.since, day)
        gone -= oldest.count
        oldest.until = day
        running.popleft()
    return None


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-") or quote(name)
