"""Reader of our own flat CSV (:mod:`accounting.census.flat`), also after a spreadsheet has saved it.

Foreign files are read with patience; our own is not: a cell that cannot be read, or a name that the facts do
not know, is a fault, and the faults of all rows are raised together.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

from pydantic_core import PydanticCustomError

from accounting.census.facilities import CostOf, PowerOf, Sector, Status, Users
from accounting.census.flat import COLUMNS, LATER, VALUE_PREFIX, read_text
from accounting.census.ledger import Chips, Entry, Ledger, Owner
from accounting.census.readers.cells import amount, truth
from accounting.census.readers.dates import DateOrders, date
from accounting.census.readers.reading import Reading
from accounting.census.readers.tables import Row, Table, open_table
from accounting.dimensions import DIMENSIONS
from accounting.errors import Fault, InputFaults, nearest, quote
from accounting.quantities import Uncertain, read_uncertain
from accounting.reference.facts import Facts
from accounting.reference.names import EU, UNKNOWN, WITHHELD, NameTable
from accounting.validation import Kind

PREFIX = "ledger"

T = TypeVar("T")
Values = Literal["chips", "file"]

_COUNT = ("count_low", "count_best", "count_high")
# what differs from row to row in most ledgers; the rest of a row stands in many, and is read once
_OWN = ("id", "facility", "facility_name", *_COUNT, "count_family")
_POWER = ("power_low_w", "power_best_w", "power_high_w")
_COST = ("cost_low_usd", "cost_best_usd", "cost_high_usd")
_FAMILY = "lognormal"
_STATUSES = (*get_args(Status), UNKNOWN)
_SHARE_TOLERANCE = 1e-6
_MOST_REMEMBERED = 10_000
_FILLED = tuple(column for column in COLUMNS if not column.may_be_blank)


def recognises(columns: Collection[str]) -> bool:
    """Whether a header is that of our flat CSV."""
    return {"facility_name", "superseded_by", "further_chips", "valued_by"} <= set(columns)


def read(path: Path, facts: Facts) -> Ledger:
    """Read the file into a ledger.

    Raises:
        InputFaults: the file cannot be read or lacks columns; every cell that cannot be read, every name that
            is not known, and every id that stands twice.
    """
    table = open_table(path)
    table.require([column.name for column in COLUMNS if column.name not in LATER])
    reader = _Reader(table, facts)
    entries = tuple(reader.entry(row) for row in reader.rows())
    if reader.faults:
        raise InputFaults(reader.faults)
    readout = reader.reading.finish()
    return Ledger(
        f"{PREFIX}:{path.name}",
        entries,
        reader.valued_by or "chips",
        tuple(reader.values),
        readout.reasons(),
        readout.summary(),
        readout,
    )


@dataclass
class _Reader:
    table: Table
    facts: Facts
    reading: Reading = field(init=False)
    dates: DateOrders = field(init=False)
    values: dict[str, str] = field(init=False)
    valued_by: Values | None = None
    faults: list[Fault] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    read: dict[str, dict[str, Any]] = field(default_factory=dict)
    triples: dict[tuple[float, float, float, str], Uncertain] = field(default_factory=dict)
    rests: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reading = Reading(self.table)
        self.dates = self.reading.date_orders(["in_service", "retired"])
        columns = [column for column in self.table.columns if column.startswith(VALUE_PREFIX)]
        self.values = {column.removeprefix(VALUE_PREFIX): column for column in columns}
        self._columns_of_rest = [column for column in self.table.columns if column and column not in _OWN]
        self._cells_of_rest = itemgetter(*self._columns_of_rest)

    def rows(self) -> Iterator[Row]:
        """Yield the rows; each is kept, since a fault of any refuses the file."""
        for row in self.reading.rows():
            yield row
            self.reading.keep(row.line)

    def entry(self, row: Row) -> Entry:
        """Return a row's entry; where it has faults, they are noted and the entry is never used."""
        self._fill(row, _OWN)
        return Entry(
            id=self._id(row),
            facility=self._text(row, "facility") or "",
            facility_name=self._text(row, "facility_name") or "",
            count=self._count(row),
            **self._rest(row),
        )

    def _rest(self, row: Row) -> dict[str, Any]:
        """Return the fields of all columns but the row's own; read once where they stand in many rows."""
        cells = self._cells_of_rest(row.cells)
        rest = self.rests.get(cells)
        if rest is None:
            faults = len(self.faults)
            self._fill(row, self._columns_of_rest)
            rest = self._read_rest(row)
            if len(self.faults) == faults and len(self.rests) < _MOST_REMEMBERED:
                self.rests[cells] = rest
        return rest

    def _read_rest(self, row: Row) -> dict[str, Any]:
        names = self.facts.names
        self._same_values(row)
        return {
            "territory": self._name(row, "territory", names.countries),
            "owners": self._take(row, "owners", self._owners) or (),
            "operator": self._name(row, "operator", names.organisations),
            "sector": self._word(row, "sector", get_args(Sector)) or None,
            "accelerator": self._name(row, "accelerator", names.accelerators),
            "vendor": self._name(row, "vendor", names.organisations, WITHHELD),
            "vendor_nation": self._name(row, "vendor_nation", names.countries, EU),
            "in_service": self._date(row, "in_service"),
            "retired": self._date(row, "retired"),
            "status": self._word(row, "status", _STATUSES),
            "kind": cast("Kind", self._word(row, "kind", get_args(Kind))),
            "source": self._text(row, "source") or "",
            "values": self._values(row),
            "superseded_by": self._text(row, "superseded_by"),
            "duplicate": bool(self._take(row, "duplicate", truth)),
            "standard": bool(self._take(row, "standard", truth)),
            "further_chips": self._take(row, "further_chips", self._further_chips) or (),
            "power": self._triple(row, _POWER, "power"),
            "access": self._holders(row, "access"),
            "used_by": self._holders(row, "used_by"),
            "users": self._word(row, "users", get_args(Users)) or None,
            "same_as": self._take(row, "same_as", _texts) or (),
            "part_of": self._text(row, "part_of"),
            "power_of": self._word(row, "power_of", get_args(PowerOf)) or None,
            "cost": self._triple(row, _COST, "money"),
            "cost_of": self._word(row, "cost_of", get_args(CostOf)) or None,
        }

    def _holders(self, row: Row, column: str) -> tuple[Owner, ...]:
        return (self._take(row, column, self._some) or ()) if column in self.table.columns else ()

    def _fault(self, row: Row, column: str, message: str, found: str = "", suggestion: str = "") -> None:
        shown = quote(found) if found else ""
        self.faults.append(Fault(str(self.table.path), row.line, 1, column, message, shown, suggestion))

    def _fill(self, row: Row, columns: Collection[str]) -> None:
        for column in _FILLED:
            if column.name in columns and not row.text(column.name):
                self._fault(row, column.name, f"must not be blank; it holds {column.meaning}")

    def _take(self, row: Row, column: str, parse: Callable[[str], T]) -> T | None:
        text = row.text(column)
        if not text:
            return None
        # most cells of a column stand in many rows: they are read once
        read: dict[str, T] = self.read.setdefault(column, {})
        if text in read:
            return read[text]
        value = self._parsed(row, column, parse)
        if value is not None and len(read) < _MOST_REMEMBERED:
            read[text] = value
        return value

    def _parsed(self, row: Row, column: str, parse: Callable[[str], T]) -> T | None:
        text = row.text(column)
        try:
            return parse(text) if text else None
        except PydanticCustomError as error:
            self._fault(row, column, error.message(), text)
        except RecursionError:
            self._fault(row, column, "brackets within brackets beyond all use", text)
        except ValueError as error:
            # what json says of a broken text is about places within the cell
            broken = isinstance(error, json.JSONDecodeError)
            self._fault(row, column, "not JSON that can be read" if broken else str(error), text)
        return None

    def _text(self, row: Row, column: str) -> str | None:
        return self._take(row, column, read_text)

    def _id(self, row: Row) -> str:
        found = self._text(row, "id") or ""
        first = self.lines.setdefault(found, row.line)
        if found and first != row.line:
            self._fault(row, "id", f"stands twice; already in line {first}", found)
        return found

    def _name(self, row: Row, column: str, table: NameTable | None, *others: str) -> str | None:
        text = self._text(row, column)
        if text is None or text in others or table is None:
            return text
        found = table.find(text)
        if found is None:
            known = (*table.spellings, *others)
            self._fault(row, column, f"unknown {table.what}", text, nearest(text, known))
        return found

    def _word(self, row: Row, column: str, words: Collection[str]) -> str:
        text = row.text(column)
        if text and text not in words:
            self._fault(row, column, f"must be one of {', '.join(words)}", text, nearest(text, words))
        return text

    def _date(self, row: Row, column: str) -> datetime.date | None:
        return self._take(row, column, partial(date, order=self.dates.of(column)))

    def _amount(self, row: Row, column: str) -> float | None:
        return self._take(row, column, partial(amount, style=self.table.style_of(column)))

    def _values(self, row: Row) -> dict[str, float]:
        found = {name: self._amount(row, column) for name, column in self.values.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _same_values(self, row: Row) -> None:
        text = self._word(row, "valued_by", get_args(Values))
        if self.valued_by is not None and text != self.valued_by:
            self._fault(row, "valued_by", f"must be the same in all rows; {self.valued_by} above", text)
        self.valued_by = self.valued_by or cast("Values", text)

    def _count(self, row: Row) -> Uncertain | None:
        family = row.text("count_family")
        if family not in {"", _FAMILY}:
            self._fault(row, "count_family", f"must be {_FAMILY}", family)
        return self._triple(row, _COUNT, "count")

    def _triple(self, row: Row, columns: tuple[str, str, str], dimension: str) -> Uncertain | None:
        low, best, high = (self._amount(row, column) for column in columns)
        middle = columns[1]
        if low is None and best is None and high is None:
            return None
        if low is None or best is None or high is None:
            self._fault(row, middle, "low, best and high belong together; one is blank or unreadable")
            return None
        key = (low, best, high, dimension)
        if key in self.triples:
            return self.triples[key]
        unit = DIMENSIONS[dimension].base_unit
        parts = {"low": low, "best": best, "high": high}
        written = {key: f"{value!r} {unit}".strip() for key, value in parts.items()}
        found = self._parsed(row, middle, lambda _text: read_uncertain(written, dimension))
        if found is not None and len(self.triples) < _MOST_REMEMBERED:
            self.triples[key] = found
        return found

    def _owners(self, cell: str) -> tuple[Owner, ...]:
        owners = self._some(cell)
        total = math.fsum(owner.share for owner in owners)
        if not math.isclose(total, 1.0, abs_tol=_SHARE_TOLERANCE):
            raise ValueError(f"the shares of owners must add to 1, not {total:g}")
        return owners

    def _some(self, cell: str) -> tuple[Owner, ...]:
        """Return holders whose shares may leave some to nobody."""
        countries, organisations = self.facts.names.countries, self.facts.names.organisations
        holders = tuple(
            Owner(
                _known(item["organisation"], organisations),
                _known(item["nation"], countries, EU),
                _share(item["share"]),
            )
            for item in _items(cell, {"organisation", "nation", "share"})
        )
        total = math.fsum(holder.share for holder in holders)
        if total > 1 + _SHARE_TOLERANCE:
            raise ValueError(f"the shares must not add to more than 1, found {total:g}")
        return holders

    def _further_chips(self, cell: str) -> tuple[Chips, ...]:
        accelerators = self.facts.names.accelerators
        return tuple(
            Chips(
                _known(item["accelerator"], accelerators),
                None if item["count"] is None else read_uncertain(item["count"], "count"),
            )
            for item in _items(cell, {"accelerator", "count"})
        )


def _items(cell: str, keys: set[str]) -> list[dict[str, Any]]:
    items = json.loads(cell)
    if not isinstance(items, list) or any(not isinstance(i, dict) or set(i) != keys for i in items):
        raise ValueError(f"must be a JSON list of {{{', '.join(sorted(keys))}}}")
    return items


def _texts(cell: str) -> tuple[str, ...]:
    items = json.loads(cell)
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("must be a JSON list of texts")
    return tuple(items)


def _known(name: object, table: NameTable | None, *others: str) -> str | None:
    if name is None or (isinstance(name, str) and name in others):
        return name
    found = table.find(name) if table and isinstance(name, str) else None
    if found is None:
        what = table.what if table else "name"
        suggestion = nearest(str(name), table.spellings) if table else ""
        mend = f"; did you mean {suggestion}?" if suggestion else ""
        raise ValueError(f"unknown {what} {quote(name)}{mend}")
    return found


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"a share must lie between 0 and 1, not {quote(value)}")
    return float(value)
