"""Reader of tables of MLPerf Training results: what accelerators achieved while they trained.

A rate is 6 × parameters × tokens ÷ (timed seconds × accelerators), the model FLOP of the run over its
wall-clock time, for benchmarks that train a language model from scratch; the timed seconds hold
evaluations too. A result becomes a measurement with the regime of the precision it really trained in. The
tables do not tell it, so that the regime is unknown, and the row calibrates nothing, where neither a
column ``precision`` nor the submitter's own files say it (``configs/mlperf.yaml``).
"""

from __future__ import annotations

import datetime
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from accounting.capacity.efficiency.measurements import REGIME_OF, Measurement, Regime
from accounting.census.readers.mlperf_facts import MlperfFacts, Round, load_mlperf_facts
from accounting.census.readers.reading import Reading, Readout
from accounting.census.readers.tables import Row, open_table
from accounting.reference.accelerators import PRECISIONS
from accounting.reference.facts import Facts

PREFIX = "mlperf"

_REQUIRED = ("round", "submitter_dir", "system", "benchmark", "accel", "n_accel", "minutes_olympic", "seq")
_RATE, _SAMPLES = "TF_gpu_6N", ("samples", "samples_mean")
_AGREEMENT = 0.01
_TERA = 1e12
# what one accelerator reaches in training, three orders of magnitude to spare on either side. Unit: FLOP/s
_LEAST, _MOST = 1e9, 1e19

_METHOD = "6 x parameters x tokens over timed seconds and chips"

NO_ROUND = "the round is not known, and so has no date"
NO_ACCELERATORS = "no accelerators"
NO_TIME = "no time to train"
IMPOSSIBLE = "no rate that an accelerator reaches; read as blank"
DISAGREES = "not the rate that the row's own tokens, time and accelerators give; theirs is taken"
NO_PRECISION = "no precision; read as blank"


def recognises(columns: Collection[str]) -> bool:
    """Whether a header is that of a table of MLPerf results."""
    return {"submitter_dir", "benchmark", "minutes_olympic", "n_accel"} <= set(columns)


@dataclass(frozen=True)
class TrainingResult:
    """One result: time to train, and the rate per accelerator where the benchmark has one.

    Attributes:
        accelerators: Their number.
        minutes: Olympic mean of the runs' timed minutes.
        flop_per_s: 6ND per accelerator and second, None where the benchmark's FLOP are not counted so.
        precision: That of the matrix products, None where nobody says.
    """

    line: int
    round: str
    published: datetime.date
    submitter: str
    system: str
    benchmark: str
    accelerator: str | None
    accelerator_name: str
    accelerators: int
    nodes: int | None
    minutes: float
    flop_per_s: float | None
    precision: str | None
    software: str
    method: str
    source: str

    @property
    def regime(self) -> Regime:
        """The numeric regime; an 8-bit integer one has no name, and is unknown."""
        return REGIME_OF.get(self.precision or "", "unknown")

    def measurement(self) -> Measurement | None:
        """Return the rate as a measurement, None without a rate or a known accelerator."""
        if self.flop_per_s is None or self.accelerator is None:
            return None
        return Measurement(
            accelerator=self.accelerator,
            basis="sustained",
            regime=self.regime,
            metric="wall_clock",
            achieved=f"{self.flop_per_s!r} FLOP/s",
            accelerators=self.accelerators,
            nodes=self.nodes,
            software=self.software,
            method=self.method,
            source=self.source,
            date=self.published,
            kind="derived",
            note=f"{self.submitter}, {self.system}",
        )


@dataclass(frozen=True)
class TrainingResults:
    """All results of a table, and what became of its rows."""

    results: tuple[TrainingResult, ...]
    readout: Readout

    def measurements(self) -> tuple[Measurement, ...]:
        """Return the results that are measurements of an accelerator's rate."""
        found = (result.measurement() for result in self.results)
        return tuple(measurement for measurement in found if measurement is not None)


def read(path: Path, facts: Facts) -> TrainingResults:
    """Read a table of results.

    Raises:
        InputFaults: the file cannot be read, is no such table, or lacks columns.
    """
    table = open_table(path)
    table.require(_REQUIRED)
    reading = Reading(table)
    source = _Source(reading, facts, load_mlperf_facts())
    results = [result for row in reading.rows() if (result := source.result(row)) is not None]
    unknown = sum(result.flop_per_s is not None and result.regime == "unknown" for result in results)
    if unknown:
        reading.warn(f"{unknown} rates were reached in a precision that is not known: they calibrate nothing")
    return TrainingResults(tuple(results), reading.finish())


@dataclass(frozen=True)
class _Source:
    """What it takes to read the rows of one table."""

    reading: Reading
    facts: Facts
    known: MlperfFacts

    def result(self, row: Row) -> TrainingResult | None:
        """Return a row's result, None where the row is left out."""
        found = self.known.rounds.get(row.text("round"))
        count = self._whole(row, "n_accel")
        minutes = self.reading.amount(row, "minutes_olympic")
        if found is None or not count or not minutes:
            reason = NO_ROUND if found is None else NO_TIME if count else NO_ACCELERATORS
            self.reading.leave_out(row.line, reason, row.text("round" if found is None else "system"))
            return None
        model = self.known.models.get(row.text("benchmark"))
        result = TrainingResult(
            line=row.line,
            round=row.text("round"),
            published=found.published.value,
            submitter=row.text("submitter_dir"),
            system=row.text("system"),
            benchmark=row.text("benchmark"),
            accelerator=self.reading.resolve(row, "accel", self.facts.names.accelerators),
            accelerator_name=row.text("accel"),
            accelerators=count,
            nodes=self._whole(row, "nodes"),
            minutes=minutes,
            flop_per_s=self._rate(row, count, minutes),
            precision=self._precision(row, found),
            software=found.name,
            method=", ".join((_METHOD, model.name)) if model else _METHOD,
            source=found.published.source,
        )
        self.reading.keep(row.line)
        return result

    def _whole(self, row: Row, column: str) -> int | None:
        count = self.reading.whole(row, column)
        return count if count is not None and count > 0 else None

    def _rate(self, row: Row, accelerators: int, minutes: float) -> float | None:
        """6ND FLOP per second and accelerator, by the row's own figures; by the table's where those lack."""
        stated = self.reading.amount(row, _RATE)
        own = self._own_rate(row, accelerators, minutes)
        rate = own if own is not None else stated and stated * _TERA
        if not rate:
            return None
        if not _LEAST <= rate <= _MOST:
            self.reading.repair(row.line, _RATE, f"{rate:.6g} FLOP/s", "", IMPOSSIBLE)
            return None
        if stated is not None and abs(stated * _TERA - rate) > _AGREEMENT * rate:
            self.reading.repair(row.line, _RATE, row.text(_RATE), f"{rate / _TERA:.6g}", DISAGREES)
        return rate

    def _own_rate(self, row: Row, accelerators: int, minutes: float) -> float | None:
        tokens, model = self._tokens(row), self.known.models.get(row.text("benchmark"))
        chip_seconds = 60 * minutes * accelerators
        if tokens is None or model is None or chip_seconds == 0:
            return None
        return 6 * model.parameters.value * tokens / chip_seconds

    def _tokens(self, row: Row) -> float | None:
        model = self.known.models.get(row.text("benchmark"))
        samples = next((s for column in _SAMPLES if (s := self.reading.amount(row, column))), None)
        if model is None or samples is None:
            return None
        if model.samples == "tokens":
            return samples
        length = self.reading.amount(row, "seq")
        return samples * length if length else None

    def _precision(self, row: Row, found: Round) -> str | None:
        said = row.text("precision").casefold()
        if said in PRECISIONS:
            return said
        if said:
            self.reading.repair(row.line, "precision", row.text("precision"), "", NO_PRECISION)
        key = (found.round, row.text("submitter_dir"), row.text("benchmark"))
        fact = self.known.precisions.get(key)
        return fact.value if fact else None
