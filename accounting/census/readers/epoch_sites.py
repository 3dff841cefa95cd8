"""The sites of Epoch AI's "Frontier data centers", and the files they come in.

Three files belong together: sites, their timelines, and the quantities of their chips. They are found
beside one another by name, whichever is given, or by their columns in a folder. Power, H100e and most
counts are Epoch's own estimates (kind ``derived``); what the file of sites calls its current power is the
IT power of the timeline. See https://epoch.ai/data/data-centers-documentation.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from accounting.census.ledger import Owner
from accounting.census.readers.dates import DateOrder, date
from accounting.census.readers.reading import Reading, Readout
from accounting.census.readers.records import fault
from accounting.census.readers.tables import Row, open_table
from accounting.errors import InputFaults
from accounting.reference.facts import Facts

SITES, TIMELINES, QUANTITIES = "data_centers", "data_center_timelines", "data_center_chip_quantities"
_MARKS: Mapping[str, frozenset[str]] = {
    SITES: frozenset({"Name", "Country", "Owner", "Current H100 equivalents"}),
    TIMELINES: frozenset({"Data center", "Date", "IT power (MW)", "H100 equivalents"}),
    QUANTITIES: frozenset({"Data center", "Date", "Chip type", "Number of Units"}),
}
_SUFFIXES = {".csv", ".xlsx"}
_MEGA = 1e6
UNKNOWN_SITE = "a data centre that the file of sites does not have"
NO_DATE = "no date that can be read"


@dataclass(frozen=True)
class Step:
    """What a site had from a day on; None where the file does not say. Units: W, and H100e on 8-bit peaks."""

    day: datetime.date
    it_power_w: float | None
    facility_power_w: float | None
    h100e: float | None


@dataclass(frozen=True)
class Site:
    """A data centre: who owns and uses it, where it stands, what it has now, and its steps by date."""

    name: str
    territory: str | None
    owners: tuple[Owner, ...]
    users: tuple[str, ...]
    address: str
    it_power_w: float | None
    h100e: float | None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Files:
    """The files of one vintage; timelines may be absent."""

    sites: Path
    quantities: Path
    timelines: Path | None = None


@dataclass(frozen=True)
class Sites:
    """All sites by name, and what became of the rows of their files."""

    by_name: Mapping[str, Site]
    readouts: tuple[Readout, ...] = field(default=(), repr=False)


def role_of(columns: Collection[str]) -> str | None:
    """Return which of the three files a header is of, None for any other."""
    return next((role for role, marks in _MARKS.items() if marks <= set(columns)), None)


def find_files(path: Path) -> Files:
    """Find the files that belong together, from any of them or from their folder.

    Raises:
        InputFaults: none or several of a kind in the folder, or the file is none of the three.
    """
    found = _in_folder(path) if path.is_dir() else _beside(path)
    for role, what in ((SITES, "sites"), (QUANTITIES, "chip quantities")):
        if role not in found:
            message = f"the file of {what} is missing; it should lie beside, as {role}….csv"
            raise fault(path, 0, message)
    return Files(found[SITES], found[QUANTITIES], found.get(TIMELINES))


def _beside(path: Path) -> dict[str, Path]:
    role = role_of(open_table(path).columns)
    if role is None:
        raise fault(path, 1, "the columns are not those of data centres, their timelines or their chips")
    found = {role: path}
    if role in path.stem:
        named = {other: path.with_name(path.name.replace(role, other)) for other in _MARKS if other != role}
        return found | {other: file for other, file in named.items() if file.is_file()}
    return _in_folder(path.parent) | found


def _in_folder(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in _SUFFIXES or not file.is_file():
            continue
        try:
            role = role_of(open_table(file).columns)
        except InputFaults:
            continue  # another file of the folder, which nobody asked for
        if role in found:
            message = f"two files of one kind, {found[role].name} and {file.name}; name the one to read"
            raise fault(folder, 0, message)
        if role:
            found[role] = file
    return found


def read_sites(files: Files, facts: Facts) -> Sites:
    """Read the sites with their timelines. Raises InputFaults."""
    table = open_table(files.sites)
    table.require(["Name", "Country", "Owner"])
    reading = Reading(table)
    sites: dict[str, Site] = {}
    for row in reading.rows():
        name = row.text("Name")
        if not name or name in sites:
            reading.leave_out(row.line, "no name" if not name else "a site named twice", name)
            continue
        sites[name] = _site(row, reading, facts)
        reading.keep(row.line)
    if files.timelines is None:
        return Sites(sites, (reading.finish(),))
    steps, timelines = _read_steps(files.timelines, sites)
    dated = {name: replace(site, steps=tuple(steps.get(name, ()))) for name, site in sites.items()}
    return Sites(dated, (reading.finish(), timelines))


def _site(row: Row, reading: Reading, facts: Facts) -> Site:
    power_mw = reading.amount(row, "Current power (MW)")
    return Site(
        name=row.text("Name"),
        territory=reading.resolve(row, "Country", facts.names.countries),
        owners=read_owners(row, reading, facts),
        users=tuple(tagged_names(row.text("Users"))),
        address=row.text("Address"),
        it_power_w=_watts(power_mw),
        h100e=reading.amount(row, "Current H100 equivalents"),
    )


def tagged_names(text: str) -> list[str]:
    """Split names joined by commas, each followed by how sure Epoch is of it (``Oracle #likely``)."""
    names = (part.partition("#")[0].strip() for part in text.split(","))
    return [name for name in names if name]


def read_owners(row: Row, reading: Reading, facts: Facts) -> tuple[Owner, ...]:
    """Resolve the owners of a row in equal parts, since their shares are not stated; empty where blank."""
    names = tagged_names(row.text("Owner"))
    found = [reading.resolve(row, "Owner", facts.names.organisations, name) for name in names]
    return tuple(Owner(one, facts.nation_of(one), 1 / len(found)) for one in found)


def _read_steps(path: Path, sites: Collection[str]) -> tuple[dict[str, list[Step]], Readout]:
    table = open_table(path)
    table.require(["Data center", "Date"])
    reading = Reading(table)
    order = reading.date_orders(["Date"]).of("Date")
    steps: dict[str, list[Step]] = {}
    for row in reading.rows():
        day = read_day(row, order)
        if row.text("Data center") not in sites or day is None:
            known = row.text("Data center") in sites
            found = row.text("Date") if known else row.text("Data center")
            reading.leave_out(row.line, NO_DATE if known else UNKNOWN_SITE, found)
            continue
        it_mw, all_mw, h100e = (
            reading.amount(row, column) for column in ("IT power (MW)", "Power (MW)", "H100 equivalents")
        )
        step = Step(day, _watts(it_mw), _watts(all_mw), h100e)
        steps.setdefault(row.text("Data center"), []).append(step)
        reading.keep(row.line)
    for dated in steps.values():
        dated.sort(key=lambda step: step.day)
    return steps, reading.finish()


def _watts(megawatts: float | None) -> float | None:
    return None if megawatts is None else megawatts * _MEGA


def read_day(row: Row, order: DateOrder) -> datetime.date | None:
    """Return a row's date, None where there is none that can be read."""
    try:
        return date(row.text("Date"), order)
    except ValueError:
        return None
