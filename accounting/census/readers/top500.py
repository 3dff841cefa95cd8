"""Reader of the TOP500 list, the official workbook and the European CSV alike.

The list has no count of accelerators, only their cores. Where these divide by the cores of one chip the
quotient is the count, and is called derived; where not, the count stays unknown. A run of HPL often leaves
installed chips out: :func:`coverage` says where that is known. Rmax and Rpeak are in fp64, of the whole
machine, and stay beside the count: nothing is valued with them. They are read as published, to 0.01
TFLOP/s, so that both forms of the list give the same ledger. See https://top500.org/resources/faq/.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from pathlib import Path

from accounting.census.facilities import SECTOR_OF_KIND
from accounting.census.ledger import Entry, Ledger, Owner
from accounting.census.readers.cells import NumberStyle, amount, integer
from accounting.census.readers.reading import Reading
from accounting.census.readers.tables import Row, open_table
from accounting.census.readers.top500_facts import Top500Facts, load_top500_facts
from accounting.quantities import Uncertain, exact
from accounting.reference.facts import Facts
from accounting.reference.unresolved import Unresolved, load_unresolved

PREFIX = "top500"

RMAX, RPEAK = "rmax_fp64", "rpeak_fp64"
COLUMNS: Mapping[str, str] = {RMAX: "Rmax [TFlop/s]", RPEAK: "Rpeak [TFlop/s]"}

_CHIP = "Accelerator/Co-Processor"
_CORES = "Accelerator/Co-Processor Cores"
_SYSTEM = "System ID"
_REQUIRED = ("Rank", "Computer", "Site", "Country", "Year", _CHIP, _CORES, *COLUMNS.values())
_SECTOR = {"industry": "private", "vendor": "private", "government": "public"}
_NO_CHIP = {"", "none"}
_TERA = 10**12
_RESOLUTION = Decimal("0.01")
_MOST_TFLOP_PER_S = 1e12

NO_RANK = "no rank: not a system"
LISTED_TWICE = "the system stands in an earlier row"
NOT_WHOLE = "the accelerator cores are no multiple of the chip's; its count is unknown"
NO_DIVISOR = "how many cores the list counts to this chip is not known; its count is unknown"
NO_CORES = "no accelerator cores; the count is unknown"
NO_CHIP = "accelerator cores without an accelerator; its model and count are unknown"


def recognises(columns: Collection[str]) -> bool:
    """Whether a header is that of a TOP500 list."""
    return {"Rank", _CHIP, _CORES, *COLUMNS.values()} <= set(columns)


def read(path: Path, facts: Facts) -> Ledger:
    """Read a list into a ledger; a row is a system, with its accelerators where it has any.

    Raises:
        InputFaults: the file cannot be read, is not this list, or lacks columns.
    """
    table = open_table(path)
    table.require(_REQUIRED)
    reading = Reading(table)
    source = _Source(reading, facts, load_top500_facts(facts), load_unresolved(facts))
    entries: list[Entry] = []
    ids: set[str] = set()
    bare = 0
    for row in reading.rows():
        if _whole(row.text("Rank"), table.style_of("Rank")) is None:
            reading.leave_out(row.line, NO_RANK, row.text("Rank"), "Rank")
            continue
        name = source.id_of(row)
        if name in ids:
            reading.leave_out(row.line, LISTED_TWICE, name, _SYSTEM)
            continue
        ids.add(name)
        bare += row.text(_CHIP).casefold() in _NO_CHIP
        entries.append(source.entry(row, name))
        reading.keep(row.line)
    _warn(reading, entries, source.known, bare)
    readout = reading.finish()
    return Ledger(
        f"{PREFIX}:{path.name}",
        tuple(entries),
        columns=tuple(COLUMNS),
        left_out=readout.reasons(),
        warnings=readout.summary(),
        readout=readout,
    )


def _whole(text: str, style: NumberStyle) -> int | None:
    try:
        return integer(text, style)
    except ValueError:
        return None


def _warn(reading: Reading, entries: Collection[Entry], known: Top500Facts, bare: int) -> None:
    reading.warn(f"{bare} of {len(entries)} systems name no accelerator: they are kept and valued not at all")
    reading.warn("counts are accelerator cores ÷ cores of one chip, of the chips that ran HPL")
    reading.warn("a year of installation counts from 1 January; a site is taken for the owner")
    found = _coverage(entries, known)
    _warn_of(reading, "HPL ran on fewer chips than are installed", [c for c in found if c.missing > 0])
    _warn_of(
        reading, "HPL ran on more chips than are said to be installed", [c for c in found if c.missing < 0]
    )


def _warn_of(reading: Reading, what: str, systems: Collection[Coverage]) -> None:
    if systems:
        listed = ", ".join(f"{item.name} ({item.ran:,.0f} of {item.installed.best:,.0f})" for item in systems)
        reading.warn(f"{what}: {listed}")


@dataclass(frozen=True)
class Coverage:
    """How many of the installed chips of a system ran HPL; ``source`` says how the installed are known."""

    system: str
    name: str
    accelerator: str
    ran: float
    installed: Uncertain
    source: str

    @property
    def missing(self) -> float:
        """Installed chips that did not run, at the least; negative where more ran than are said to stand."""
        if self.ran > self.installed.high:
            return self.installed.high - self.ran
        return max(self.installed.low - self.ran, 0.0)


def coverage(ledger: Ledger, facts: Facts) -> tuple[Coverage, ...]:
    """Return the systems whose installed chips are known, those that miss most chips first.

    Raises:
        InputFaults: a fault in the shipped facts.
    """
    return _coverage(ledger.entries, load_top500_facts(facts))


def _coverage(entries: Collection[Entry], known: Top500Facts) -> tuple[Coverage, ...]:
    found = [
        Coverage(entry.id, here.name, entry.accelerator, entry.count.best, here.count, here.source)
        for entry in entries
        if entry.count and entry.accelerator and (here := known.installed.get(_number(entry)))
    ]
    return tuple(sorted(found, key=lambda item: (-item.missing, item.system)))


def _number(entry: Entry) -> str:
    return entry.id.removeprefix(f"{PREFIX}-")


@dataclass(frozen=True)
class _Source:
    """What it takes to read the rows of one list."""

    reading: Reading
    facts: Facts
    known: Top500Facts
    unresolved: Unresolved

    def id_of(self, row: Row) -> str:
        """The system's number on top500.org; its line where the list has none."""
        number = self.reading.whole(row, _SYSTEM)
        return f"{PREFIX}-{number}" if number is not None else f"row-{row.line}"

    def entry(self, row: Row, name: str) -> Entry:
        names, year = self.facts.names, self.reading.take(row, "Year", _year)
        accelerator, vendor, count = self._chips(row)
        site = self.reading.resolve(row, "Site", names.organisations)
        values = {key: self._flop_per_s(row, column) for key, column in COLUMNS.items()}
        return Entry(
            id=name,
            facility=name,
            facility_name=f"{row.text('Name') or row.text('Computer')}, {row.text('Site')}",
            territory=self.reading.resolve(row, "Country", names.countries),
            owners=(Owner(site, self.facts.nation_of(site), 1.0),),
            operator=site,
            sector=self._sector(row, site),
            accelerator=accelerator,
            vendor=vendor,
            vendor_nation=self.facts.nation_of(vendor),
            count=exact(count) if count is not None else None,
            in_service=year,
            retired=None,
            status="operational",
            kind="derived" if count is not None else "reported",
            source=_page(name),
            values={key: value for key, value in values.items() if value is not None},
        )

    def _flop_per_s(self, row: Row, column: str) -> float | None:
        style = self.reading.table.style_of(column)
        return self.reading.take(row, column, partial(_rounded_flop_per_s, style=style))

    def _sector(self, row: Row, site: str | None) -> str | None:
        """Segments say what a system is used for: a research centre or a university may be either."""
        organisation = self.facts.organisations.get(site or "")
        by_kind = SECTOR_OF_KIND.get(organisation.kind) if organisation else None
        return by_kind or _SECTOR.get(row.text("Segment").casefold())

    def _chips(self, row: Row) -> tuple[str | None, str | None, float | None]:
        """Return accelerator, its designer and the count of chips."""
        text, cells = row.text(_CHIP), row.text(_CORES)
        cores = self.reading.whole(row, _CORES) or 0
        if text.casefold() in _NO_CHIP:
            if cores:
                self.reading.repair(row.line, _CORES, cells, "", NO_CHIP)
            return None, None, None
        accelerator = self.reading.resolve(row, _CHIP, self.facts.names.accelerators)
        if accelerator is None:
            return None, self.unresolved.designer(text), None
        vendor, per_chip = self.facts.accelerators[accelerator].designer, self.known.cores.get(accelerator)
        if per_chip is None or cores <= 0 or cores % per_chip:
            why = NO_DIVISOR if per_chip is None else NOT_WHOLE if cores > 0 else NO_CORES
            self.reading.repair(row.line, _CORES, cells, "", why)
            return accelerator, vendor, None
        return accelerator, vendor, cores / per_chip


def _rounded_flop_per_s(text: str, style: NumberStyle) -> float:
    """Read TFLOP/s as the list rounds them: half up to 0.01, judged on the digits that are written."""
    rate = amount(text, style)
    if rate > _MOST_TFLOP_PER_S:
        raise ValueError("more than any machine does")
    published = Decimal(repr(rate)).quantize(_RESOLUTION, ROUND_HALF_UP)
    return float(published * _TERA)


def _page(name: str) -> str:
    number = name.removeprefix(f"{PREFIX}-")
    return f"https://top500.org/system/{number}/" if number != name else "https://top500.org/lists/"


def _year(text: str) -> datetime.date:
    year = integer(text, NumberStyle.UNDECIDED)
    if not 1970 <= year <= 2100:
        raise ValueError("not a year")
    return datetime.date(year, 1, 1)
