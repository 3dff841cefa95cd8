"""Bookkeeping of a reading: every row of a file is kept, or left out with a reason, and the counts add up.

Counts are kept for every reason, examples only of the first few, so that a file of a million bad rows
does not fill the memory. Reasons and repairs are fixed texts; what was found goes into the examples.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from accounting.census.readers.cells import amount, integer
from accounting.census.readers.dates import DateOrder, DateOrders, decide_date_orders
from accounting.census.readers.tables import Row, Table
from accounting.errors import quote
from accounting.reference.names import NameTable

T = TypeVar("T")

EXAMPLES = 100
_MOST_NAMES = 1000
EMPTY_ROW = "an empty row"
TOO_MANY_CELLS = "more cells than columns"
NO_RESULT = "a formula without a stored result, read as blank"


@dataclass(frozen=True, slots=True)
class Example:
    """One place where something was repaired or left out; ``used`` is what was read instead."""

    file: str
    line: int
    column: str
    found: str
    used: str = ""

    def __str__(self) -> str:
        """``file:line`` and what was found there."""
        return f"{self.file}:{self.line}" + (f", found {quote(self.found)}" if self.found else "")


@dataclass(frozen=True)
class Noted:
    """How often something happened, and the first examples."""

    count: int
    examples: tuple[Example, ...]

    def __add__(self, other: Noted) -> Noted:
        """Join two counts of the same thing."""
        return Noted(self.count + other.count, (*self.examples, *other.examples)[:EXAMPLES])


@dataclass(frozen=True)
class UnknownName:
    """A name that no table knows: where it stands first, how often, and what the table knows."""

    what: str
    name: str
    count: int
    first: Example
    known: Sequence[str] = field(default=(), repr=False, compare=False)

    @property
    def candidates(self) -> tuple[str, ...]:
        """Up to three known spellings close to the name: to be shown, never to be used."""
        # looked for only where it is shown: a search through all spellings takes longer than reading a row
        folded = {spelling.casefold(): spelling for spelling in self.known}
        found = difflib.get_close_matches(self.name.casefold()[:100], list(folded), n=3, cutoff=0.6)
        return tuple(folded[match] for match in found)


@dataclass(frozen=True)
class Readout:
    """What became of the rows of a file: ``rows`` is the sum of those kept and those left out."""

    rows: int
    kept: int
    repairs: Mapping[str, Noted] = field(default_factory=dict)
    left_out: Mapping[str, Noted] = field(default_factory=dict)
    unresolved: tuple[UnknownName, ...] = ()
    warnings: tuple[str, ...] = ()

    def __add__(self, other: Readout) -> Readout:
        """Join the readouts of two files."""
        return Readout(
            self.rows + other.rows,
            self.kept + other.kept,
            _joined(self.repairs, other.repairs),
            _joined(self.left_out, other.left_out),
            _names_joined((*self.unresolved, *other.unresolved)),
            (*self.warnings, *other.warnings),
        )

    def reasons(self) -> dict[str, int]:
        """Return the rows left out by reason."""
        return {reason: noted.count for reason, noted in self.left_out.items()}

    def summary(self) -> tuple[str, ...]:
        """Return the warnings, then a line for each reason, repair and kind of unknown name."""
        lines = list(self.warnings)
        lines += [
            f"{_plural(noted.count, 'row')} left out: {reason} (first {noted.examples[0]})"
            for reason, noted in self.left_out.items()
        ]
        lines += [
            f"{_plural(noted.count, 'cell')} repaired: {why} (first {noted.examples[0]})"
            for why, noted in self.repairs.items()
        ]
        return (*lines, *self._unknown_names())

    def _unknown_names(self) -> Iterator[str]:
        for what in dict.fromkeys(item.what for item in self.unresolved):
            items = [item for item in self.unresolved if item.what == what]
            first = max(items, key=lambda item: item.count)
            mend = f"; close to it: {', '.join(first.candidates)}" if first.candidates else ""
            rows = _plural(sum(item.count for item in items), "row")
            where = f"most often {quote(first.name)}, first {first.first.file}:{first.first.line}"
            yield f"{_plural(len(items), f'{what} name')} not known, in {rows} ({where}{mend})"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _joined(one: Mapping[str, Noted], other: Mapping[str, Noted]) -> dict[str, Noted]:
    joined = dict(one)
    for key, noted in other.items():
        joined[key] = joined[key] + noted if key in joined else noted
    return joined


def _names_joined(names: Iterable[UnknownName]) -> tuple[UnknownName, ...]:
    joined: dict[tuple[str, str], UnknownName] = {}
    for one in names:
        before = joined.get((one.what, one.name))
        joined[one.what, one.name] = replace(before, count=before.count + one.count) if before else one
    return tuple(joined.values())


@dataclass
class _Tally:
    count: int = 0
    examples: list[Example] = field(default_factory=list)

    def add(self, example: Example) -> None:
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(example)

    def noted(self) -> Noted:
        return Noted(self.count, tuple(self.examples))


class Reading:
    """Collects what becomes of each row of one table.

    Rows come from :meth:`rows`; each must then be kept or left out, once. Asked for the next row, the
    reading takes a row not spoken of for a mistake of the reader.
    """

    def __init__(self, table: Table, columns: Collection[str] | None = None) -> None:
        """Begin a reading of all columns, or only of those named."""
        self.table = table
        self.columns = columns
        self.file = table.path.name
        self.line = 0
        self._open = False
        self._seen = self._kept = 0
        self._left_out: dict[str, _Tally] = {}
        self._repairs: dict[str, _Tally] = {}
        self._names: dict[tuple[str, str], _Tally] = {}
        self._known: dict[str, Sequence[str]] = {}
        self._warnings: dict[str, None] = dict.fromkeys(table.warnings)

    def rows(self) -> Iterator[Row]:
        """Yield the rows to be read; empty ones and those with too many cells are left out here."""
        for row in self.table.rows(self.columns):
            self._settled()
            self.line, self._open = row.line, True
            self._seen += 1
            if row.surplus:
                self.leave_out(row.line, TOO_MANY_CELLS, row.surplus[0])
                continue
            if row.empty:
                self.leave_out(row.line, EMPTY_ROW)
                continue
            for column in row.formulas:
                self.repair(row.line, column, "", "", NO_RESULT)
            yield row
        self._settled()

    def date_orders(self, columns: Iterable[str]) -> DateOrders:
        """Look through the file once for how it writes its dates; month first where nothing shows it."""
        columns = tuple(columns)
        cells = (row.cells for row in self.table.rows(columns))
        orders = decide_date_orders(cells, columns, DateOrder.MONTH_FIRST)
        for note in orders.notes:
            self.warn(f"{self.file}: {note}")
        return orders

    def keep(self, line: int) -> None:
        """Keep a row."""
        self._settle(line)
        self._kept += 1

    def leave_out(self, line: int, reason: str, found: str = "", column: str = "") -> None:
        """Leave a row out, with a reason of fixed words."""
        self._settle(line)
        self._left_out.setdefault(reason, _Tally()).add(Example(self.file, line, column, found))

    def repair(self, line: int, column: str, found: str, used: str, why: str) -> None:
        """Note that a cell was read as something else than it says; ``why`` is of fixed words."""
        example = Example(self.file, line, column, found, used)
        self._repairs.setdefault(f"{column}: {why}" if column else why, _Tally()).add(example)

    def warn(self, text: str) -> None:
        """Note something about the whole file, once."""
        self._warnings[text] = None

    def unresolved(self, line: int, column: str, what: str, name: str, known: Sequence[str] = ()) -> None:
        """Note a name that is not known; ``known`` are the spellings to look for close ones in."""
        key = (what, name)
        if key not in self._names and len(self._names) >= _MOST_NAMES:
            key = (what, "and others")
        self._known.setdefault(what, known)
        self._names.setdefault(key, _Tally()).add(Example(self.file, line, column, name))

    def take(self, row: Row, column: str, parse: Callable[[str], T]) -> T | None:
        """Return a cell read by ``parse``; None where blank, or unreadable, which is noted as a repair."""
        text = row.text(column)
        if not text:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self.repair(row.line, column, text, "", f"{error}, read as blank")
            return None

    def amount(self, row: Row, column: str) -> float | None:
        """Return a cell as a number of at least 0, by the column's decimal sign; None as :meth:`take`."""
        return self.take(row, column, partial(amount, style=self.table.style_of(column)))

    def whole(self, row: Row, column: str) -> int | None:
        """Return a cell as a whole number, by the column's decimal sign; None as :meth:`take`."""
        return self.take(row, column, partial(integer, style=self.table.style_of(column)))

    def resolve(self, row: Row, column: str, table: NameTable | None, name: str | None = None) -> str | None:
        """Return the id of a name (the cell where left out); None where blank, or unknown, which is noted."""
        text = row.text(column) if name is None else name
        found = table.find(text) if table and text else None
        if text and table and found is None:
            self.unresolved(row.line, column, table.what, text, table.spellings)
        return found

    def counts(self) -> tuple[int, int, int]:
        """Return rows seen, kept and left out so far."""
        return self._seen, self._kept, sum(tally.count for tally in self._left_out.values())

    def finish(self) -> Readout:
        """Return what became of the rows; they add up, or the reader is at fault."""
        self._settled()
        seen, kept, left_out = self.counts()
        if seen != kept + left_out:
            raise AssertionError(f"{self.file}: {seen} rows, but {kept} kept and {left_out} left out")
        names = tuple(
            UnknownName(what, name, tally.count, tally.examples[0], self._known[what])
            for (what, name), tally in self._names.items()
        )
        return Readout(
            seen, kept, _noted(self._repairs), _noted(self._left_out), names, tuple(self._warnings)
        )

    def _settle(self, line: int) -> None:
        if not self._open or line != self.line:
            raise AssertionError(f"{self.file}:{line}: kept or left out twice, or not the row at hand")
        self._open = False

    def _settled(self) -> None:
        if self._open:
            raise AssertionError(f"{self.file}:{self.line}: neither kept nor left out")


def _noted(tallies: Mapping[str, _Tally]) -> dict[str, Noted]:
    return {key: tally.noted() for key, tally in tallies.items()}
