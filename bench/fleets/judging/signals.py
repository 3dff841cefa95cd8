"""What devices are compared by: signals, each one number for each device, higher where the device is worse.

There is a signal for the rate of each metric; for the mean rate of the metrics that load the same (compute,
memory, link, host); for clock, power and temperature; for what a long run loses; for how far rounds fall
below their good state, against those of peers; and for how they drift.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.fleets.faults import Kind
from bench.fleets.gathering import Gathered, Metric, Rows
from bench.fleets.judging.robust import Floats, centre_of

LOADS = ("compute", "memory", "link", "host")
# A device is told by a mean over metrics where it has at least this share of them.
_LEAST_SHARE = 0.5
# Distances are means of few rounds: below this, they say nothing and their logs would run away.
_LEAST_DISTANCE = 1e-4
# Rates and clocks of sound devices may have longer tails than a normal (assumed). Chosen so that neither a t
# with 5 degrees nor a long lower tail raises many more alarms than promised, by fleet_calibration.py.
RATE_DEGREES = 12.0


@dataclass(frozen=True)
class Signal:
    """One number a device.

    Attributes:
        name: ``compute level``, ``gemm bf16``.
        kind: What a device that is far out is called.
        badness: For statistics; higher is worse, NaN where not known.
        effect: How far it is off the median in plain terms: a fraction, or °C for temperature.
        least: The smallest effect that is reported: for less nobody would drain a node.
        metric: Where it is of one metric.
        values: The metric's values, in its unit.
        of_node: Whether the mean over a node's devices is judged too.
        degrees: Of the Student's t that sound devices are assumed to follow; infinite for a normal.
    """

    name: str
    kind: Kind
    badness: Floats
    effect: Floats
    least: float
    metric: Metric | None = None
    values: Floats | None = None
    of_node: bool = False
    degrees: float = math.inf


@dataclass(frozen=True)
class Table:
    """Means over runs, by device (row) and metric (column) of one group; NaN where nothing was told.

    Attributes:
        metrics: What the columns are.
        logs: Log of the value, in the metric's unit.
        steady: Log of steady ÷ burst.
        clock: Log of the clock in MHz.
        power: Log of the power in W.
        temperature: Unit: °C.
        shapes: Log quantiles of the rounds at `bench.fleets.gathering.LEVELS`, the third axis.
        drift: Log of the later rounds' median ÷ the earlier ones'.
    """

    metrics: tuple[Metric, ...]
    logs: Floats
    steady: Floats
    clock: Floats
    power: Floats
    temperature: Floats
    shapes: NDArray[np.float32]
    drift: Floats


# What loads the links between devices.
LINKED = (
    "transfer",
    "all_reduce",
    "all_gather",
    "reduce_scatter",
    "all_to_all",
    "broadcast",
    "send_recv",
)


def load_of(metric: Metric) -> str:
    """What a metric loads most.

    >>> load_of(Metric("transfer_to_device", "fp32", "bandwidth", "B/s"))
    'link'
    """
    if metric.workload.startswith(LINKED):
        return "link"
    if metric.workload.startswith(("storage", "launch")):
        return "host"
    return "memory" if metric.metric == "bandwidth" else "compute"


def table_of(gathered: Gathered, rows: Rows, devices: Sequence[int]) -> Table:
    """Return the means over runs of the devices, in their order."""
    place = np.full(len(gathered.devices), -1)
    place[list(devices)] = np.arange(len(devices))
    mine = rows.chosen(place[rows.devices] >= 0)
    present, columns = np.unique(mine.metrics, return_inverse=True)
    size = (len(devices), len(present))
    cells = place[mine.devices] * size[1] + columns

    def mean(values: NDArray[np.floating]) -> Floats:
        known = np.isfinite(values)
        count = np.bincount(cells[known], minlength=size[0] * size[1])
        total = np.bincount(cells[known], values[known], minlength=size[0] * size[1])
        with np.errstate(invalid="ignore"):
            return np.asarray(total / np.where(count > 0, count, np.nan)).reshape(size)

    steady, clock, power, temperature = mine.meters.T
    return Table(
        metrics=tuple(gathered.metrics[one] for one in present),
        logs=mean(np.log(mine.values)),
        steady=mean(np.log(steady)),
        clock=mean(np.log(clock)),
        power=mean(np.log(power)),
        temperature=mean(temperature),
        shapes=np.stack([mean(level) for level in mine.quantiles.T], axis=-1).astype(np.float32),
        drift=mean(mine.drift),
    )


def signals_of(table: Table) -> Iterator[Signal]:
    """Yield every signal that a group's records give."""
    if not table.metrics:
        return
    loads = np.array([load_of(metric) for metric in table.metrics])
    off, spread = residuals(table.logs)
    for place, metric in enumerate(table.metrics):
        kind: Kind = "link" if loads[place] == "link" else "slow"
        yield Signal(
            metric.name,
            kind,
            -off[:, place],
            shrunk(off[:, place]),
            0.01,
            metric,
            np.exp(table.logs[:, place]),
            degrees=RATE_DEGREES,
        )
    for load in LOADS:
        yield from _of_load(load, np.flatnonzero(loads == load), table, off, spread)
    yield from _surroundings(table, loads)


def _of_load(
    load: str, where: NDArray[np.int64], table: Table, off: Floats, spread: Floats
) -> Iterator[Signal]:
    if not len(where):
        return
    kind: Kind = "link" if load == "link" else "slow"
    # metrics that vary less tell more; one with no spread at all cannot be weighed
    weights = np.where(spread[where] > 0, 1 / np.maximum(spread[where], 1e-4), 0.0)
    level = mean_over(off[:, where], weights)
    yield Signal(f"{load} level", kind, -level, shrunk(level), 0.01, of_node=True, degrees=RATE_DEGREES)
    distance = mean_over(_distances(table.shapes[:, where, :]))
    # reported as the share of rate that the rounds lose against those of peers
    yield Signal(
        f"{load} rounds",
        "flaky",
        np.log(np.maximum(distance, _LEAST_DISTANCE)),
        distance,
        0.003,
        of_node=False,
    )
    drift = mean_over(residuals(table.drift[:, where])[0])
    yield Signal(f"{load} drift", "drifting", -drift, shrunk(drift), 0.01, of_node=False)


def _surroundings(table: Table, loads: NDArray[np.str_]) -> Iterator[Signal]:
    busy = np.flatnonzero((loads == "compute") | (loads == "memory"))
    if not len(busy):
        return
    clock = mean_over(residuals(table.clock[:, busy])[0])
    yield Signal("clock", "throttling", -clock, shrunk(clock), 0.01, of_node=True, degrees=RATE_DEGREES)
    if (arithmetic := np.flatnonzero(loads == "compute")).size:
        # what arithmetic gives in a clock hardly differs between sound chips of a model: a lowered clock
        # aside
        clocked = mean_over(residuals((table.logs - table.clock)[:, arithmetic])[0])
        yield Signal(
            "compute per clock", "slow", -clocked, shrunk(clocked), 0.01, of_node=True, degrees=RATE_DEGREES
        )
    steady = mean_over(residuals(table.steady[:, busy])[0])
    yield Signal(
        "steady over burst", "throttling", -steady, shrunk(steady), 0.01, of_node=True, degrees=RATE_DEGREES
    )
    power = mean_over(residuals(table.power[:, busy])[0])
    yield Signal("power", "power", power, np.expm1(power), 0.03, of_node=True)
    heat = mean_over(residuals(table.temperature[:, busy])[0])
    yield Signal("temperature", "hot", heat, heat, 3.0, of_node=True)


def residuals(values: Floats) -> tuple[Floats, Floats]:
    """Values less their column's median, and each column's scale."""
    off = np.full(values.shape, np.nan)
    scales = np.zeros(values.shape[1])
    for column in range(values.shape[1]):
        known = np.isfinite(values[:, column])
        if known.any():
            centre = centre_of(values[known, column])
            off[known, column] = values[known, column] - centre.median
            scales[column] = centre.scale
    return off, scales


def mean_over(values: Floats, weights: Floats | None = None) -> Floats:
    """Weighted mean over metrics of a device that has enough of them; NaN where it has not."""
    known = np.isfinite(values)
    weights = np.ones(values.shape[1]) if weights is None else weights
    total = (known * weights).sum(axis=1)
    enough = (total > 0) & (total >= _LEAST_SHARE * weights.sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(enough, (np.where(known, values, 0.0) * weights).sum(axis=1) / total, np.nan)


def _distances(shapes: NDArray[np.float32]) -> Floats:
    """One-sided Wasserstein distances of devices' rounds below those of their peers, by metric.

    The mean over levels of how far a device's quantile lies below the median of its peers' at that level,
    both aligned at the good state. The median quantile function is a robust barycentre of the peers in
    that metric. Source: Villani, Topics in Optimal Transportation (2003), section 2.2 (one dimension).
    """
    result = np.full(shapes.shape[:2], np.nan)
    for metric in range(shapes.shape[1]):
        known = np.isfinite(shapes[:, metric, 0])
        if known.any():
            mine = shapes[known, metric].astype(np.float64)
            result[known, metric] = np.maximum(np.median(mine, axis=0) - mine, 0).mean(axis=1)
    return result


def shrunk(logs: Floats) -> Floats:
    """From a difference of logs to the fraction by which a value is lower."""
    return np.asarray(-np.expm1(logs))
