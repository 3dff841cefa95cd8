"""Reader of Epoch AI's clusters file ("AI supercomputers", later "GPU clusters"), and of copies of it.

The file values its rows by its own OP/s columns, which mix floats, integers past int64 and blanks. Its
``H100 equivalents`` are maximum OP/s ÷ 1.979e15, an 8-bit basis. Names are not unique (hundreds of rows are
"Anonymized Chinese System"), so a row is known by its line; a row superseded by another is linked to it
only where that other name is unique. See https://epoch.ai/data/gpu-clusters-documentation for the columns.

Copies that went through a spreadsheet carry other dates, decimals and separators, and lack columns that
nobody needs; they give the same ledger.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from accounting.census.ledger import Chips, Entry, Ledger, Owner
from accounting.census.readers.cells import truth
from accounting.census.readers.dates import DateOrder, DateOrders, date, decide_date_orders
from accounting.census.readers.reading import Reading
from accounting.census.readers.tables import Row, Table, open_table
from accounting.quantities import Uncertain, exact
from accounting.reference.facts import Facts
from accounting.reference.names import UNKNOWN, WITHHELD

PREFIX = "epoch-clusters"

# value name → column; the precisions are dense by Epoch's convention
COLUMNS: Mapping[str, str] = {
    "bf16": "16-bit OP/s",
    "fp8": "8-bit OP/s",
    "fp32": "32-bit OP/s",
    "max": "Max OP/s",
    "h100e": "H100 equivalents",
}

# without one of these a row could be counted twice, at a wrong time or in a wrong place
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
)
_IN_SERVICE = "First Operational Date"
_RETIRED = "Decommissioned Date (if applicable)"
_CHIP, _COUNT = "Chip type (primary)", "Chip quantity (primary)"
_FURTHER_CHIP, _FURTHER_COUNT = "Chip type (secondary)", "Chip quantity (secondary)"
_PAGE = "Source 1"
_RANK = "Rank when first operational"
_OPTIONAL = (_RETIRED, _CHIP, _COUNT, _FURTHER_CHIP, _FURTHER_COUNT, _PAGE, _RANK)
_READ = frozenset((*_REQUIRED, *_OPTIONAL, *COLUMNS.values()))
_STATUS = {"existing": "operational", "planned": "announced", "decommissioned": "retired"}
_SECTOR = {"private": "private", "public": "public", "public/private": "mixed"}
_NOBODY = {"", "unknown"}
_SOURCE = "https://epoch.ai/data/gpu-clusters"
UNCERTAINTY = "{} states no uncertainty: its own figures are taken as exact"


def recognises(columns: Collection[str]) -> bool:
    """Whether a header is that of Epoch's clusters file."""
    return {"16-bit OP/s", "H100 equivalents", "GPU Supplier (primary)"} <= set(columns)


def read(path: Path, facts: Facts) -> Ledger:
    """Read the file into a ledger; every row becomes an entry or is left out with a reason.

    Raises:
        InputFaults: the file cannot be read, is not this file, or lacks columns.
    """
    table = open_table(path)
    valued = {name: column for name, column in COLUMNS.items() if column in table.columns}
    needed = [*_REQUIRED, *(() if valued and set(_REQUIRED) <= set(table.columns) else COLUMNS.values())]
    table.require(needed)
    reader = _Reader(table, facts, valued)
    ranks: dict[str, int] = {}
    entries = tuple(reader.entries(ranks))
    readout = reader.reading.finish()
    return Ledger(
        f"{PREFIX}:{path.name}",
        entries,
        "file",
        tuple(valued),
        readout.reasons(),
        (UNCERTAINTY.format(path.name), *readout.summary()),
        readout,
        ranks=ranks,
    )


@dataclass
class _Reader:
    """What one reading of the file shares between its rows."""

    table: Table
    facts: Facts
    valued: Mapping[str, str]
    reading: Reading = field(init=False)
    dates: DateOrders = field(init=False)
    ids: Mapping[str, str] = field(init=False)
    owners: dict[str, tuple[Owner, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look through the file once: how it writes its dates, and which names are unique."""
        self.reading = Reading(self.table, _READ)
        times: Counter[str] = Counter()
        lines: dict[str, int] = {}

        def cells() -> Iterator[Mapping[str, str]]:
            for row in self.table.rows(("Name", _IN_SERVICE, _RETIRED)):
                times[row.text("Name")] += 1
                lines[row.text("Name")] = row.line
                yield row.cells

        self.dates = decide_date_orders(cells(), (_IN_SERVICE, _RETIRED), DateOrder.MONTH_FIRST)
        for note in self.dates.notes:
            self.reading.warn(f"{self.table.path.name}: {note}")
        self.ids = {name: f"row-{line}" for name, line in lines.items() if times[name] == 1}

    def entries(self, ranks: dict[str, int]) -> Iterator[Entry]:
        """Yield an entry for each row kept; note its rank, where stated, in ``ranks``."""
        for row in self.reading.rows():
            entry = self._entry(row)
            if (rank := self.reading.amount(row, _RANK)) is not None:
                ranks[entry.id] = int(rank)
            yield entry
            self.reading.keep(row.line)

    def _entry(self, row: Row) -> Entry:
        accelerator = self.reading.resolve(row, _CHIP, self.facts.names.accelerators)
        known = self.facts.accelerators.get(accelerator or "")
        vendor = self._vendor(row) or (known.designer if known else None)
        line = f"row-{row.line}"
        return Entry(
            id=line,
            facility=line,
            facility_name=row.text("Name"),
            territory=self.reading.resolve(row, "Country", self.facts.names.countries),
            owners=self._owners(row),
            operator=None,
            sector=self._word(row, "Sector", _SECTOR),
            accelerator=accelerator,
            vendor=vendor,
            vendor_nation=self.facts.nation_of(vendor),
            count=self._count(row, _COUNT),
            in_service=self._date(row, _IN_SERVICE),
            retired=self._date(row, _RETIRED),
            # a word not known here is not taken for any status, and so never counted
            status=self._word(row, "Status", _STATUS) or UNKNOWN,
            kind="reported",
            source=row.text(_PAGE) or _SOURCE,
            values=self._values(row),
            superseded_by=self.ids.get(row.text("Superseded by")) if row.text("Superseded by") else None,
            duplicate=self._ticked(row, "Possible Duplicate"),
            standard=self._ticked(row, "Include in Standard Analysis"),
            further_chips=self._further_chips(row),
        )

    def _values(self, row: Row) -> dict[str, float]:
        found = {name: self.reading.amount(row, column) for name, column in self.valued.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _count(self, row: Row, column: str) -> Uncertain | None:
        value = self.reading.amount(row, column)
        return exact(value) if value is not None else None

    def _further_chips(self, row: Row) -> tuple[Chips, ...]:
        """Return the chips of a second model; the file's own OP/s include them."""
        accelerator = self.reading.resolve(row, _FURTHER_CHIP, self.facts.names.accelerators)
        count = self._count(row, _FURTHER_COUNT)
        return (Chips(accelerator, count),) if row.text(_FURTHER_CHIP) or count else ()

    def _date(self, row: Row, column: str) -> datetime.date | None:
        order = self.dates.of(column)
        read: Callable[[str], datetime.date] = partial(date, order=order)
        return self.reading.take(row, column, read)

    def _ticked(self, row: Row, column: str) -> bool:
        return bool(self.reading.take(row, column, truth))

    def _word(self, row: Row, column: str, words: Mapping[str, str]) -> str | None:
        text = row.text(column)
        found = words.get(text.casefold())
        if text and found is None:
            self.reading.unresolved(row.line, column, column.lower(), text, tuple(words))
        return found

    def _vendor(self, row: Row) -> str | None:
        name = row.text("GPU Supplier (primary)")
        if name.casefold() == WITHHELD:
            return WITHHELD
        if name.casefold() in _NOBODY:
            return None
        return self.reading.resolve(row, "GPU Supplier (primary)", self.facts.names.organisations)

    def _owners(self, row: Row) -> tuple[Owner, ...]:
        """Resolve the owners; joint ones are parted by commas and own equal parts, none being stated."""
        organisations, text = self.facts.names.organisations, row.text("Owner")
        whole = organisations.find(text) if organisations and text else None
        names = [text] if whole else [part.strip() for part in text.split(",") if part.strip()]
        # each name is looked up again where it recurs, so that the unknown ones are counted
        found = [self.reading.resolve(row, "Owner", organisations, name) for name in names]
        if text not in self.owners:
            nation = self.facts.nation_of
            shared = tuple(Owner(one, nation(one), 1 / len(found)) for one in found)
            self.owners[text] = shared or (Owner(None, None, 1.0),)
        return self.owners[text]
