"""Totals of chips sold and owned at a date, from rows of quarters and rows cumulated over quarters."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from accounting.census.readers.reading import Readout

Level = Literal["designer", "chip", "owner"]


@dataclass(frozen=True)
class Percentiles:
    """5th, 50th and 95th percentile."""

    p5: float
    p50: float
    p95: float

    @property
    def rising(self) -> bool:
        """Whether they rise, as percentiles must."""
        return self.p5 <= self.p50 <= self.p95

    def __add__(self, other: Percentiles) -> Percentiles:
        """Add, as if both were high together: the ends are then an outer bound."""
        return Percentiles(self.p5 + other.p5, self.p50 + other.p50, self.p95 + other.p95)


@dataclass(frozen=True)
class ChipRow:
    """Chips sold, or held by an owner, in a period; cumulated rows count from ``start`` on.

    ``designer``, ``chip`` and ``owner`` are ids, None where the name is not known; ``chip_name`` is None
    in totals over all chips, ``owner_name`` in sales. Sales do not tell the forms of a chip apart, so that
    ``chip`` is the form that the bare name leads to. ``incomplete`` periods are not wholly covered.
    ``units`` are chips, ``h100e`` H100 equivalents of 8-bit peak.
    """

    file: str
    line: int
    designer: str | None
    designer_name: str
    chip: str | None
    chip_name: str | None
    owner: str | None
    owner_name: str | None
    start: datetime.date
    end: datetime.date
    cumulative: bool
    incomplete: bool
    modified: datetime.date | None
    units: Percentiles | None
    h100e: Percentiles | None

    @property
    def calendar(self) -> bool:
        """Whether the period begins and ends with calendar quarters; fiscal ones overlap these."""
        after = self.end + datetime.timedelta(days=1)
        return all(day.day == 1 and day.month % 3 == 1 for day in (self.start, after))

    def code(self, level: Level) -> str:
        """Return a chip's name, else the id (the name as written where not known); "" where there is none."""
        if level == "chip":
            return self.chip_name or ""
        found = (self.designer, self.designer_name) if level == "designer" else (self.owner, self.owner_name)
        return found[0] or found[1] or ""


@dataclass(frozen=True)
class Total:
    """A total up to and including ``until``, the last day that rows cover."""

    units: Percentiles
    h100e: Percentiles
    until: datetime.date
    incomplete: bool


@dataclass(frozen=True)
class ControlTotals:
    """Rows of chip sales and owners, to be totalled at a date."""

    rows: tuple[ChipRow, ...]
    readout: Readout = field(repr=False)

    def at(self, day: datetime.date, by: Level = "designer") -> dict[str, Total]:
        """Return the cumulated total of each designer, chip or owner on ``day``.

        The last complete cumulated row up to ``day`` stands for all before it, since percentiles of sums
        are not sums of percentiles; quarters after it are added. Sales stand for designers and chips,
        holdings for owners: a file of one is never added to a file of the other.
        """
        parts: defaultdict[str, list[Total]] = defaultdict(list)
        for key, total in self._totals(day, by):
            parts[key[0]].append(total)
        return {code: _joined(totals) for code, totals in sorted(parts.items())}

    def held(self, day: datetime.date) -> dict[tuple[str, str], Total]:
        """Return the cumulated total of each (owner, designer) on ``day``."""
        return {(key[0], key[1]): total for key, total in self._totals(day, "owner")}

    def covered(self, day: datetime.date) -> dict[str, tuple[datetime.date, datetime.date]]:
        """Return the first and the last day that complete rows of sales cover by ``day``, by designer."""
        spans: dict[str, tuple[datetime.date, datetime.date]] = {}
        for row in self.rows:
            if row.owner_name is None and row.calendar and not row.incomplete and row.end <= day:
                first, last = spans.get(row.code("designer"), (row.start, row.end))
                spans[row.code("designer")] = (min(first, row.start), max(last, row.end))
        return spans

    def _totals(self, day: datetime.date, by: Level) -> Iterator[tuple[tuple[str, ...], Total]]:
        groups: defaultdict[tuple[str, ...], list[ChipRow]] = defaultdict(list)
        for row in self.rows:
            if row.calendar and row.end <= day and (row.owner_name is not None) == (by == "owner"):
                groups[_group(row, by)].append(row)
        for key, members in groups.items():
            if key[0] and (total := _total(members, by)):
                yield key, total


def _group(row: ChipRow, by: Level) -> tuple[str, ...]:
    # cumulated rows of owners are by designer, so that an owner's total is that of several groups
    return (row.code(by), row.code("designer")) if by == "owner" else (row.code(by),)


def _total(rows: Sequence[ChipRow], by: Level) -> Total | None:
    chips = [row for row in rows if row.chip_name is not None]
    whole = chips if by == "chip" else [row for row in rows if row.chip_name is None]
    base = _base(row for row in whole if row.cumulative and not row.incomplete)
    last = base.end if base else datetime.date.min
    # rows by chip where there are any: a total of a quarter repeats them
    later = _newest(row for row in (chips or rows) if not row.cumulative and row.start > last)
    used = [*([base] if base else []), *later]
    return _sum(used) if used else None


def _base(rows: Iterable[ChipRow]) -> ChipRow | None:
    return max(rows, key=lambda row: (row.end, row.modified or datetime.date.min), default=None)


def _newest(rows: Iterable[ChipRow]) -> list[ChipRow]:
    """Keep one row for each chip and quarter: where two files state it, the later."""
    kept: dict[tuple[object, ...], ChipRow] = {}
    for row in rows:
        key = (row.code("chip"), row.start)
        other = kept.get(key)
        if other is None or _age(row) > _age(other):
            kept[key] = row
    return list(kept.values())


def _age(row: ChipRow) -> datetime.date:
    return row.modified or datetime.date.min


_NOTHING = Percentiles(0.0, 0.0, 0.0)


def _sum(rows: Sequence[ChipRow]) -> Total:
    units = sum((row.units for row in rows if row.units), _NOTHING)
    h100e = sum((row.h100e for row in rows if row.h100e), _NOTHING)
    return Total(units, h100e, max(row.end for row in rows), any(row.incomplete for row in rows))


def _joined(totals: Sequence[Total]) -> Total:
    return Total(
        sum((total.units for total in totals), _NOTHING),
        sum((total.h100e for total in totals), _NOTHING),
        max(total.until for total in totals),
        any(total.incomplete for total in totals),
    )
