"""What a history holds of devices and metrics, night by night, by DuckDB over the files as they are."""

# ruff: noqa: S608  (names of our own columns stand in the queries; what users give is passed as arguments)

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import InputError
from bench.extras import require_duckdb, require_pyarrow
from bench.fleets.history.dataset import History

_KEY = ("node", "device", "model", "workload", "size", "precision", "metric", "unit")
_PEERS = tuple(name for name in _KEY if name not in ("node", "device"))
_SET = ("uuid", "driver", "torch", "runtime")
_ATTEMPTS = 5


@dataclass(frozen=True)
class Wanted:
    """Which part of a history is asked for; None is all of it.

    Attributes:
        since: First night.
        until: Last night.
        metric: A workload, ``gemm``; with its precision, ``gemm bf16``; or the name of a series.
    """

    since: date | None = None
    until: date | None = None
    metric: str | None = None


@dataclass(frozen=True)
class Series:
    """One metric of one device of one node; the place among `Nights.series` is its number."""

    node: str
    device: str
    model: str
    workload: str
    size: str
    precision: str
    metric: str
    unit: str

    @property
    def name(self) -> str:
        """``gemm bf16``."""
        return " ".join(part for part in (self.workload, self.size, self.precision) if part)


@dataclass(frozen=True)
class Nights:
    """Columns with a row for each series and night (date, UTC), by series, then in the order of time.

    Attributes:
        series: what each number stands for.
        which: number of the series.
        day: days since 1970-01-01.
        log: log of the value in the series' unit; of several runs of a night the median.
        middle: median of ``log`` over all devices of the model that night.
        nodes: how many nodes that median is of.
    """

    series: tuple[Series, ...]
    which: NDArray[np.int64]
    day: NDArray[np.int64]
    log: NDArray[np.float64]
    middle: NDArray[np.float64]
    nodes: NDArray[np.int64]


@dataclass(frozen=True)
class Setting:
    """What a device and its software were from a night on."""

    day: int
    uuid: str | None
    driver: str | None
    torch: str | None
    runtime: str | None


class Asked:
    """Answers from one history, all of them from the files that are there when it is made.

    Raises:
        MissingExtraError: duckdb or pyarrow is not installed.
        InputError: a file cannot be read.
    """

    def __init__(self, history: History, wanted: Wanted) -> None:
        """Load what is wanted, a row for each series and night."""
        self._duckdb = require_duckdb()
        self.wanted = wanted
        # for what memory does not hold: a folder for this user alone, where DuckDB would take the current one
        spill = tempfile.mkdtemp(prefix="flopcensus-history-")
        weakref.finalize(self, shutil.rmtree, spill, ignore_errors=True)
        for attempt in range(_ATTEMPTS):
            self._connection = self._duckdb.connect(
                config={"autoinstall_known_extensions": "false", "temp_directory": spill}
            )
            try:
                self._load(history)
                return
            except (self._duckdb.Error, FileNotFoundError) as error:
                # a file may have been replaced between listing and reading
                if attempt == _ATTEMPTS - 1:
                    raise InputError(f"{history.path}: cannot be read: {str(error)[:300]}") from error

    def nights(self) -> Nights:
        """Every series and night for which a value is there."""
        keys = self._rows(f"SELECT {', '.join(_KEY)} FROM series ORDER BY id")
        columns = self._arrays(
            f"""SELECT s.id AS which, n.date - DATE '1970-01-01' AS day, n.log, p.middle, p.nodes
            FROM nightly n JOIN series s USING ({", ".join(_KEY)})
            JOIN peers p USING (date, {", ".join(_PEERS)})
            ORDER BY which, day"""
        )
        return Nights(
            tuple(Series(*row) for row in keys),
            columns["which"].astype(np.int64),
            columns["day"].astype(np.int64),
            columns["log"].astype(np.float64),
            columns["middle"].astype(np.float64),
            columns["nodes"].astype(np.int64),
        )

    def settings(self, node: str, device: str) -> list[Setting]:
        """What a device and its software were, each time that something changed."""
        rows = self._rows(
            f"""SELECT date - DATE '1970-01-01', {", ".join(f"arg_max({n}, created)" for n in _SET)}
            FROM chosen WHERE node = ? AND device = ? GROUP BY date ORDER BY date""",
            [node, device],
        )
        found: list[Setting] = []
        for row in rows:
            one = Setting(*row)
            if not found or not _same(found, one):
                found.append(one)
        return found

    def not_ok(self) -> dict[tuple[str, str, str], int]:
        """How many results of each node, device and status other than ok there are."""
        rows = self._rows(
            "SELECT node, device, status, count(*) FROM chosen "
            "WHERE status NOT IN ('ok', 'skipped') GROUP BY ALL"
        )
        return {(node, device, status): count for node, device, status, count in rows}

    def names(self, column: str) -> list[str]:
        """Values of a column (node, workload) in what is wanted, sorted."""
        if column not in _KEY:
            raise ValueError(column)
        return [row[0] for row in self._rows(f"SELECT DISTINCT {column} FROM chosen ORDER BY 1")]

    def _load(self, history: History) -> None:
        files = {
            when: one
            for when, one in history.files().items()
            if (self.wanted.since is None or when >= self.wanted.since)
            and (self.wanted.until is None or when <= self.wanted.until)
        }
        self._chosen(history, files)
        run = self._connection.execute
        key = ", ".join(_KEY)
        run(
            f"""CREATE TEMP TABLE nightly AS SELECT date, {key}, median(ln(value)) AS log
            FROM chosen WHERE status = 'ok' AND value IS NOT NULL GROUP BY ALL"""
        )
        run(
            f"""CREATE TEMP TABLE series AS SELECT row_number() OVER (ORDER BY {key}) - 1 AS id, {key}
            FROM (SELECT DISTINCT {key} FROM nightly)"""
        )
        run(
            f"""CREATE TEMP TABLE peers AS SELECT date, {", ".join(_PEERS)}, median(log) AS middle,
            count(DISTINCT node) AS nodes FROM nightly GROUP BY ALL"""
        )

    def _chosen(self, history: History, files: dict[date, list[Path]]) -> None:
        """Make the table ``chosen``: each run once. The files of a date with several are joined first."""
        pa = require_pyarrow()
        single = [str(one[0]) for one in files.values() if len(one) == 1]
        selects, arguments = [], []
        needed = [*_KEY, *_SET, "created", "status", "value"]
        if single:
            selects.append(
                f"SELECT date, {', '.join(needed)} FROM read_parquet(?, hive_partitioning = true, "
                "hive_types = {'date': DATE})"
            )
            arguments.append([_literal(one) for one in single])
        for when in (when for when, one in files.items() if len(one) > 1):
            table = history.table(when).select(needed)
            table = table.append_column("date", pa.array([when] * table.num_rows, pa.date32()))
            name = f"joined_{when:%Y%m%d}"
            self._connection.register(name, table)
            selects.append(f"SELECT date, {', '.join(needed)} FROM {name}")
        if not selects:
            selects = [_nothing(needed)]
        where, values = _where(self.wanted)
        self._connection.execute(
            f"CREATE TEMP TABLE chosen AS SELECT * FROM ({' UNION ALL '.join(selects)}) {where}",
            [*arguments, *values],
        )

    def _rows(self, query: str, arguments: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(query, list(arguments)).fetchall()
        return found

    def _arrays(self, query: str) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = self._connection.execute(query).fetchnumpy()
        return found


def _same(found: list[Setting], one: Setting) -> bool:
    last = found[-1]
    return all(getattr(last, name) == getattr(one, name) for name in _SET)


def _where(wanted: Wanted) -> tuple[str, list[Any]]:
    if wanted.metric is None:
        return "", []
    names = (
        "workload, concat_ws(' ', workload, precision), concat_ws(' ', workload, nullif(size, ''), precision)"
    )
    return f"WHERE ? IN ({names})", [wanted.metric]


def _nothing(names: Sequence[str]) -> str:
    types = {"created": "TIMESTAMPTZ", "value": "DOUBLE"}
    columns = ", ".join(f"NULL::{types.get(name, 'VARCHAR')} AS {name}" for name in names)
    return f"SELECT NULL::DATE AS date, {columns} WHERE false"


def _literal(path: str) -> str:
    """A path that DuckDB takes as it stands, whatever pattern it looks like."""
    return "".join(f"[{one}]" if one in "*?[" else one for one in path)
