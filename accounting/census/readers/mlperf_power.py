"""Reader of the node power that some MLPerf submissions measured."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from accounting.census.readers.reading import Reading, Readout
from accounting.census.readers.tables import Row, open_table

PREFIX = "mlperf-node-power"

_MEDIAN, _LOW, _HIGH = "median_of_mean_w", "min_mean_w", "max_mean_w"
_REQUIRED = ("round", "submitter", "system", "benchmark", _MEDIAN)
# this submitter measured each run before and behind the power supplies, and says which in its name alone
_CURRENT: dict[str, Literal["AC", "DC"]] = {
    "ac": "AC",
    "dc": "DC",
    "smc-ac-power": "AC",
    "smc-dc-power": "DC",
}

NO_POWER = "no power"
NOT_ORDERED = "the median lies outside of lowest and highest"


@dataclass(frozen=True)
class NodePower:
    """Power of one node while it trained: the mean of a run, over runs and nodes.

    Attributes:
        current: Measured at the plug (AC) or behind the power supplies (DC); None where not said.
        runs: Number of runs times nodes.
        watts: Median. ``lowest_watts`` and ``highest_watts`` are the extremes. Unit: W.
    """

    line: int
    round: str
    submitter: str
    system: str
    benchmark: str
    current: Literal["AC", "DC"] | None
    runs: int | None
    watts: float
    lowest_watts: float | None
    highest_watts: float | None


@dataclass(frozen=True)
class NodePowers:
    """All rows of a table, and what became of them."""

    nodes: tuple[NodePower, ...]
    readout: Readout


def recognises(columns: Collection[str]) -> bool:
    """Whether a header is that of a table of node power."""
    return {_MEDIAN, "node_runs", "submitter"} <= set(columns)


def read(path: Path) -> NodePowers:
    """Read a table of node power.

    Raises:
        InputFaults: the file cannot be read, is no such table, or lacks columns.
    """
    table = open_table(path)
    table.require(_REQUIRED)
    reading = Reading(table)
    nodes = [node for row in reading.rows() if (node := _node(reading, row)) is not None]
    return NodePowers(tuple(nodes), reading.finish())


def _node(reading: Reading, row: Row) -> NodePower | None:
    watts, low, high = (reading.amount(row, column) for column in (_MEDIAN, _LOW, _HIGH))
    if not watts:
        reading.leave_out(row.line, NO_POWER, row.text(_MEDIAN), _MEDIAN)
        return None
    if (low is not None and low > watts) or (high is not None and high < watts):
        reading.leave_out(row.line, NOT_ORDERED, row.text(_MEDIAN), _MEDIAN)
        return None
    said = row.text("current_type") or row.text("submitter")
    reading.keep(row.line)
    return NodePower(
        line=row.line,
        round=row.text("round"),
        submitter=row.text("submitter"),
        system=row.text("system"),
        benchmark=row.text("benchmark"),
        current=_CURRENT.get(said.casefold()),
        runs=reading.whole(row, "node_runs"),
        watts=watts,
        lowest_watts=low,
        highest_watts=high,
    )
