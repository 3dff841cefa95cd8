"""Records as rows of a history, by date. Of two records of a run the better counts, whichever came first."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Any

import numpy as np

from bench.extras import require_pyarrow
from bench.fleets.decoding import Device, FleetRecord, Result
from bench.fleets.history.schema import COLUMNS, STRINGS, arrow_schema
from bench.fleets.reading import rank
from bench.rungs import sizes_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OF_RESULT = ("workload", "precision", "metric", "unit", "status", "reason")
_NUMBERS = (
    "value",
    "burst",
    "steady",
    "together",
    "fraction_of_peak",
    "clock_mhz",
    "power_w",
    "temperature_c",
)
_OF_DEVICE = ("device", "kind", "model", "accelerator", "uuid", "driver")
_NO, _YES, _UNKNOWN = 0, 1, 2

Rank = tuple[int, str]


def run_id(record: FleetRecord) -> str:
    """A hash of what tells runs apart: node, start (UTC) and seed."""
    start = record.created.astimezone(UTC).isoformat(timespec="microseconds")
    return blake2b(f"{record.node}\0{start}\0{record.seed}".encode(), digest_size=16).hexdigest()


@dataclass
class _Texts:
    """A column of texts: each text once, and a code a row; −1 where there is none."""

    codes: array[int] = field(default_factory=lambda: array("i"))
    known: dict[str, int] = field(default_factory=dict)

    def code(self, text: str | None) -> int:
        return -1 if text is None else self.known.setdefault(text, len(self.known))

    def add(self, text: str | None, times: int) -> None:
        self.codes.extend([self.code(text)] * times)

    def extend(self, texts: Iterable[str | None]) -> None:
        known = self.known
        self.codes.extend([-1 if text is None else known.setdefault(text, len(known)) for text in texts])


@dataclass
class _Day:
    """The rows of one date in columns."""

    texts: dict[str, _Texts] = field(default_factory=lambda: {name: _Texts() for name in STRINGS})
    numbers: dict[str, array[float]] = field(
        default_factory=lambda: {one.name: array("d") for one in COLUMNS if one.type == "double"}
    )
    whole: dict[str, array[int]] = field(
        default_factory=lambda: {one.name: array("i") for one in COLUMNS if one.type == "int32"}
    )
    flags: dict[str, array[int]] = field(
        default_factory=lambda: {one.name: array("b") for one in COLUMNS if one.type == "boolean"}
    )
    created: array[int] = field(default_factory=lambda: array("q"))
    places: array[int] = field(default_factory=lambda: array("i"))


@dataclass
class Batch:
    """Records on their way into a history: in columns, so that 100,000 fit into memory."""

    runs: dict[str, tuple[Rank, int]] = field(default_factory=dict)
    empty: int = 0
    _days: dict[date, _Day] = field(default_factory=dict)
    _places: int = 0

    def add(self, record: FleetRecord, content: str) -> bool:
        """Take a record; ``content`` is a hash of its file.

        Returns:
            Whether it counts: not where it has no result, nor where a better record of its run was taken
            before.

        Raises:
            OverflowError: its start lies at the end of the calendar, and in no year in UTC.
        """
        if not record.results:
            self.empty += 1
            return False
        start = record.created.astimezone(UTC)
        run, mine = run_id(record), rank(len(record.results), content)
        if run in self.runs and self.runs[run][0] <= mine:
            return False
        self.runs[run] = mine, self._places
        day = self._days.setdefault(start.date(), _Day())
        _add(day, record, run, content, start, self._places)
        self._places += 1
        return True

    def tables(self) -> dict[date, Any]:
        """The rows that count, an Arrow table a date, not yet in order."""
        kept = np.zeros(self._places, dtype=bool)
        kept[[place for _, place in self.runs.values()]] = True
        return {when: _table(day, kept) for when, day in sorted(self._days.items())}


def _add(day: _Day, record: FleetRecord, run: str, content: str, start: datetime, place: int) -> None:
    results, texts = record.results, day.texts
    count = len(results)
    environment = record.environment
    constant = {
        "node": record.node,
        "run": run,
        "content": content,
        "mode": record.mode,
        "flopcensus_version": record.flopcensus_version,
        "torch": _text(environment.get("torch")),
        "runtime": _text(environment.get("cuda") or environment.get("rocm")),
    }
    for name, text in constant.items():
        texts[name].add(text, count)
    known = {one.id: one for one in record.devices}
    devices = [known[one.device] for one in results]
    for name in _OF_DEVICE:
        texts[name].extend([_of_device(one, name) for one in devices])
    for name in _OF_RESULT:
        texts[name].extend([getattr(one, name) for one in results])
    texts["shape"].extend([_shape(one.shape) for one in results])
    texts["size"].extend(sizes_of(results))
    texts["throttle_reasons"].extend([" ".join(one.throttle_reasons) or None for one in results])
    _add_numbers(day, results)
    day.whole["results"].extend([count] * count)
    day.whole["ordinal"].extend(range(count))
    day.flags["interrupted"].extend([int(record.interrupted)] * count)
    day.created.extend([_microseconds(start)] * count)
    day.places.extend([place] * count)


def _add_numbers(day: _Day, results: list[Result]) -> None:
    nan = float("nan")
    for name in _NUMBERS:
        day.numbers[name].extend([nan if (x := getattr(one, name)) is None else x for one in results])
    day.numbers["ci95_low"].extend([nan if one.ci95 is None else one.ci95[0] for one in results])
    day.numbers["ci95_high"].extend([nan if one.ci95 is None else one.ci95[1] for one in results])
    for name in ("correct", "throttled"):
        flags = [getattr(one, name) for one in results]
        day.flags[name].extend([_UNKNOWN if one is None else int(one) for one in flags])


def _of_device(device: Device, name: str) -> str | None:
    found: str | None = getattr(device, {"device": "id", "model": "name"}.get(name, name))
    return found


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _microseconds(moment: datetime) -> int:
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _shape(shape: dict[str, int]) -> str | None:
    return " ".join([f"{name}={size}" for name, size in shape.items()]) or None


def _table(day: _Day, kept: np.ndarray[Any, Any]) -> Any:
    pa = require_pyarrow()
    columns: dict[str, Any] = {}
    for name, column in day.texts.items():
        codes = np.frombuffer(column.codes, dtype=np.int32)
        indices = pa.array(codes, mask=codes < 0)
        columns[name] = pa.DictionaryArray.from_arrays(indices, pa.array(list(column.known), pa.string()))
    for name, numbers in day.numbers.items():
        values = np.frombuffer(numbers, dtype=np.float64)
        columns[name] = pa.array(values, mask=np.isnan(values))
    for name, counts in day.whole.items():
        columns[name] = pa.array(np.frombuffer(counts, dtype=np.int32))
    for name, flags in day.flags.items():
        told = np.frombuffer(flags, dtype=np.int8)
        columns[name] = pa.array(told == _YES, mask=told == _UNKNOWN)
    moments = pa.array(np.frombuffer(day.created, dtype=np.int64))
    columns["created"] = moments.cast(pa.timestamp("us", tz="UTC"))
    schema = arrow_schema()
    table = pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)
    mine = kept[np.frombuffer(day.places, dtype=np.int32)]
    return table if mine.all() else table.filter(pa.array(mine))
