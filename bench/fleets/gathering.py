"""What a fleet's records say, in columns: a few numbers a result, so that 100,000 records fit into memory.

A result's rounds are kept as eight quantiles; records themselves are let go as soon as they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.fleets.comparability import Likeness, Software, likeness, software
from bench.fleets.decoding import LEAST_ROUNDS, Device, Result
from bench.fleets.faults import LEAST_OF_PEAK, Fault, device_faults, result_faults
from bench.fleets.reading import Read
from bench.rungs import sizes_of

# Shares of a device's rounds at which their distribution is kept: the middles of eight equal parts.
LEVELS = tuple((place + 0.5) / 8 for place in range(8))
# The place among them of the level, 0.8125, that stands for a device's good state.
_GOOD_STATE = 6
# Rows that are held as Python's own numbers before they become a block of arrays.
_BLOCK_ROWS = 512


class Metric(NamedTuple):
    """What was measured: results of the same metric are compared. ``size`` tells rungs of a ladder apart."""

    workload: str
    precision: str
    metric: str
    unit: str
    size: str = ""

    @property
    def name(self) -> str:
        """``gemm bf16``."""
        return " ".join(part for part in (self.workload, self.size, self.precision) if part)


@dataclass(frozen=True)
class Rows:
    """Results of a fleet in columns, a row for each that is ok; NaN where a record does not tell.

    Attributes:
        where: Number of the device, of the metric, and of the record (its place).
        values: Value, in the metric's unit.
        meters: Steady ÷ burst, clock (MHz), power (W), temperature (°C).
        shapes: Log quantiles of the rounds at `LEVELS`, and their drift; see `_shapes`.
    """

    where: NDArray[np.int32]
    values: NDArray[np.float64]
    meters: NDArray[np.float32]
    shapes: NDArray[np.float32]

    @property
    def devices(self) -> NDArray[np.int32]:
        """Number of the device, a row each."""
        return self.where[:, 0]

    @property
    def metrics(self) -> NDArray[np.int32]:
        """Number of the metric, a row each."""
        return self.where[:, 1]

    @property
    def places(self) -> NDArray[np.int32]:
        """Place of the record, a row each."""
        return self.where[:, 2]

    @property
    def quantiles(self) -> NDArray[np.float32]:
        """Log quantiles of the rounds by level."""
        return self.shapes[:, :-1]

    @property
    def drift(self) -> NDArray[np.float32]:
        """Log of the later rounds' median ÷ the earlier ones'."""
        return self.shapes[:, -1]

    def chosen(self, rows: NDArray[np.bool_]) -> Rows:
        """The rows for which it is true."""
        return Rows(self.where[rows], self.values[rows], self.meters[rows], self.shapes[rows])

    @classmethod
    def joined(cls, blocks: Sequence[Rows]) -> Rows:
        """Blocks of rows as one, in order."""
        return cls(
            np.concatenate([one.where for one in blocks]),
            np.concatenate([one.values for one in blocks]),
            np.concatenate([one.meters for one in blocks]),
            np.concatenate([one.shapes for one in blocks]),
        )


_NO_ROWS = Rows(
    np.zeros((0, 3), dtype=np.int32),
    np.zeros(0),
    np.zeros((0, 4), dtype=np.float32),
    np.zeros((0, len(LEVELS) + 1), dtype=np.float32),
)


@dataclass
class DeviceSeen:
    """One device of one node, as its latest record describes it.

    Attributes:
        node: Number of its node.
        description: The device.
        likeness: What must agree with a device that it is compared with.
        created: When the latest record's run began, ISO 8601 in UTC.
        places: Places of the records that it stands in.
        faults: What these say is wrong with it, by place.
    """

    node: int
    description: Device
    likeness: Likeness
    created: str
    places: set[int] = field(default_factory=set)
    faults: dict[int, list[Fault]] = field(default_factory=dict)


@dataclass
class Gathered:
    """All records of a fleet: what there is by number, and the results in columns (`rows`).

    Attributes:
        nodes: Host names by number.
        devices: Devices by number.
        metrics: Metrics by number.
        files: File of each record, by its place.
        first: When the earliest run began, ISO 8601 in UTC; empty before the first record.
        last: When the latest run began.
    """

    nodes: list[str] = field(default_factory=list)
    devices: list[DeviceSeen] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    first: str = ""
    last: str = ""
    _nodes: dict[str, int] = field(default_factory=dict)
    _devices: dict[tuple[int, str], int] = field(default_factory=dict)
    _metrics: dict[tuple[str, str, str, str, str], int] = field(default_factory=dict)
    _pending: list[tuple[float | None, ...]] = field(default_factory=list)
    _rounds: list[list[float]] = field(default_factory=list)
    _blocks: list[Rows] = field(default_factory=list)

    def add(self, read: Read) -> None:
        """Take in a record; it can be let go afterwards."""
        record, place = read.record, read.place
        created = record.created.astimezone(UTC).isoformat()
        node = self._nodes.setdefault(record.node, len(self.nodes))
        if node == len(self.nodes):
            self.nodes.append(record.node)
        self.files.append(read.file)
        self.first = min(self.first or created, created)
        self.last = max(self.last, created)
        runs_on = software(record.environment)
        known = {one.id: self._device(node, one, runs_on, created, place) for one in record.devices}
        for result, size in zip(record.results, sizes_of(record.results), strict=True):
            device = known[result.device]
            if result.status == "ok":
                self._row(result, size, device, place)
            # What an interrupted run had not finished stands in its record as failed.
            if _may_be_faulty(result) and not (record.interrupted and result.status == "failed"):
                self.devices[device].faults.setdefault(place, []).extend(result_faults(result))
        if len(self._pending) >= _BLOCK_ROWS:
            self._flush()

    def _device(self, node: int, one: Device, runs_on: Software, created: str, place: int) -> int:
        found = self._devices.setdefault((node, one.id), len(self.devices))
        if found == len(self.devices):
            self.devices.append(DeviceSeen(node, one, likeness(one, runs_on), created))
        seen = self.devices[found]
        if created > seen.created:
            seen.description, seen.created, seen.likeness = one, created, likeness(one, runs_on)
        seen.places.add(place)
        if faults := device_faults(one):
            seen.faults.setdefault(place, []).extend(faults)
        return found

    def _row(self, result: Result, size: str, device: int, place: int) -> None:
        # A plain tuple, which is made faster than a Metric: there are millions of rows.
        key = (result.workload, result.precision, result.metric, result.unit, size)
        number = self._metrics.get(key)
        if number is None:
            number = self._metrics[key] = len(self.metrics)
            self.metrics.append(Metric(*key))
        steady = result.steady / result.burst if result.steady and result.burst else None
        self._pending.append(
            (
                device,
                number,
                place,
                result.value,
                steady,
                result.clock_mhz,
                result.power_w,
                result.temperature_c,
            )
        )
        self._rounds.append(result.calm_rounds)

    def _flush(self) -> None:
        if self._pending:
            # None becomes NaN.
            block = np.array(self._pending, dtype=np.float64)
            where, values, meters = block[:, :3], block[:, 3].copy(), block[:, 4:]
            shapes = _shapes(self._rounds)
            self._blocks.append(Rows(where.astype(np.int32), values, meters.astype(np.float32), shapes))
            self._pending.clear()
            self._rounds.clear()

    def rows(self, withdrawn: Iterable[int] = ()) -> Rows:
        """The columns as arrays, without the rows of records that were withdrawn."""
        self._flush()
        if len(self._blocks) > 1:
            self._blocks = [Rows.joined(self._blocks)]
        whole = self._blocks[0] if self._blocks else _NO_ROWS
        kept = ~np.isin(whole.places, list(withdrawn))
        return whole if kept.all() else whole.chosen(kept)

    def flat(self, withdrawn: Iterable[int] = ()) -> Iterator[dict[str, Any]]:
        """Yield a flat row for each node, device, workload, precision and size, for tables of any kind."""
        rows = self.rows(withdrawn)
        for (device, metric, place), value, meters in zip(rows.where, rows.values, rows.meters, strict=True):
            seen, what = self.devices[device], self.metrics[metric]
            steady, clock, power, temperature = (None if np.isnan(x) else float(x) for x in meters)
            yield {
                "node": self.nodes[seen.node],
                "device": seen.description.id,
                "accelerator": seen.description.accelerator,
                "model": seen.description.name,
                "workload": what.workload,
                "precision": what.precision,
                "size": what.size,
                "metric": what.metric,
                "unit": what.unit,
                "value": float(value),
                "steady_over_burst": steady,
                "clock_mhz": clock,
                "power_w": power,
                "temperature_c": temperature,
                "file": self.files[place],
            }


def _may_be_faulty(result: Result) -> bool:
    """Whether `result_faults` may find anything; most results have no fault, and this look is cheaper."""
    share = result.fraction_of_peak
    return (
        result.status != "ok"
        or result.correct is False
        or bool(result.throttled)
        or bool(share and share < LEAST_OF_PEAK)
    )


def _shapes(rounds: list[list[float]]) -> NDArray[np.float32]:
    """Eight quantiles of the logs of each row's rounds, aligned at its good state; then the drift.

    The drift is the median log of the later half less that of the earlier: a round that something held up is
    no drift (with means, such rounds raised most of the false alarms among sound devices).
    """
    counts = np.array([len(one) for one in rounds])
    result = np.full((len(rounds), len(LEVELS) + 1), np.nan, dtype=np.float32)
    for count in np.unique(counts[counts >= LEAST_ROUNDS]):
        rows = np.flatnonzero(counts == count)
        logs = np.log(np.array([rounds[row] for row in rows]))
        found = _quantiles(np.sort(logs, axis=1))
        result[rows, :-1] = found - found[:, [_GOOD_STATE]]
        half = count // 2
        result[rows, -1] = np.median(logs[:, -half:], axis=1) - np.median(logs[:, :half], axis=1)
    return result


def _quantiles(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles of sorted rows at `LEVELS`, between neighbours by the line through them, as numpy's own."""
    places = np.array(LEVELS) * (ordered.shape[1] - 1)
    below = places.astype(int)
    share = places - below
    above = np.minimum(below + 1, ordered.shape[1] - 1)
    return np.asarray(ordered[:, below] * (1 - share) + ordered[:, above] * share)
