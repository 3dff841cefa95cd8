"""Measurements of what accelerators deliver: published ones from our configs, our own from bench records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.quantities import Bandwidth, Count, Fraction, Rate
from accounting.reference.accelerators import PRECISIONS, Precision
from accounting.reference.facts import Facts
from accounting.reference.names import AcceleratorId
from accounting.validation import Date, FactModel, Kind, Text, load_all
from bench.errors import InputError
from bench.figures import Score
from bench.record import Record, load_record

Regime = Literal["bf16", "fp8-mixed", "fp4-mixed", "unknown"]
Metric = Literal["mfu", "hfu", "wall_clock"]

# a training regime is set against the peak of the precision its matmuls run in
REGIME_OF: dict[str, Regime] = {"bf16": "bf16", "fp8": "fp8-mixed", "fp4": "fp4-mixed"}
PRECISION_OF: dict[str, Precision] = {"bf16": "bf16", "fp8-mixed": "fp8", "fp4-mixed": "fp4"}


class Measurement(FactModel):
    """One measured figure: a best matmul, a training step's utilisation, token generation, or availability.

    ``achieved`` is a rate per accelerator in FLOP/s; ``achieved_bandwidth``, of token generation, in B/s;
    ``fraction`` is of the dense peak of the precision (or of the regime's precision), or, for availability,
    of wall-clock time. A training step on one accelerator alone is no figure at scale: it is kept, and
    enters no estimate.
    """

    accelerator: AcceleratorId | None = None
    basis: Literal["achievable", "sustained", "inference", "availability"]
    precision: Precision | None = None
    regime: Regime | None = None
    metric: Metric | None = None
    achieved: Rate | None = None
    achieved_bandwidth: Bandwidth | None = Field(None, description="bytes per second, of token generation")
    batch: Count | None = Field(None, description="sequences that tokens were generated for at once")
    fraction: Fraction | None = None
    software: Text | None = None
    method: Text | None = None
    nodes: Count | None = None
    accelerators: Count | None = None
    source: Text
    date: Date
    kind: Kind
    note: Text | None = None

    @model_validator(mode="after")
    def _complete(self) -> Measurement:
        problem = _problem(self)
        if problem:
            raise PydanticCustomError("measurement", problem, {"at": "basis", "found": self.basis})
        return self


class MeasurementFile(FactModel):
    """A calibration file."""

    measurements: tuple[Measurement, ...] = Field(min_length=1)


def _problem(m: Measurement) -> str:
    """Return what is missing or contradictory, an empty string where nothing is."""
    chip = m.basis != "availability"
    checks = (
        (
            m.basis != "inference" and (m.achieved is None) == (m.fraction is None),
            "state either 'achieved' (a rate) or 'fraction', not both",
        ),
        (
            (m.basis == "inference") == (m.achieved_bandwidth is None),
            "'achieved_bandwidth' (a bandwidth) belongs to basis 'inference', and it to no other",
        ),
        (
            m.fraction is not None and not 0 < m.fraction.best < 1,
            "a measured fraction lies between 0 and 1, and is neither",
        ),
        (not chip and m.fraction is None, "availability is a 'fraction' of time"),
        (chip and m.accelerator is None, f"a measurement of basis '{m.basis}' needs its 'accelerator'"),
        (
            m.basis in ("achievable", "inference") and m.precision is None,
            f"a measurement of basis '{m.basis}' needs its 'precision'",
        ),
        (
            m.basis == "sustained" and (m.regime is None or m.metric is None),
            "a measurement of basis 'sustained' needs its 'regime' and 'metric'",
        ),
    )
    return next((message for wrong, message in checks if wrong), "")


def load_measurements(paths: Sequence[Path], facts: Facts) -> tuple[Measurement, ...]:
    """Read measurements from calibration files (YAML) and bench records (JSON).

    Raises:
        InputFaults: a fault in a calibration file.
        RecordError: a file is not a record.
        InputError: a record holds nothing that calibrates.
    """
    yaml = [path for path in paths if path.suffix != ".json"]
    loaded = load_all(yaml, MeasurementFile, facts.names)
    measured = [m for path in paths if path.suffix == ".json" for m in from_record(load_record(path), path)]
    return (*(m for _, content in loaded for m in content.measurements), *measured)


def from_record(record: Record, path: Path) -> list[Measurement]:
    """Return what a record says of each known accelerator and precision.

    That is the best correct matmul, the training step of one accelerator alone, and token generation.

    Raises:
        InputError: no device of the record is an accelerator that the catalogue knows.
    """
    known = {device.id: device.accelerator for device in record.devices if device.accelerator}
    if not known:
        names = ", ".join(device.name for device in record.devices) or "none"
        raise InputError(
            f"{path}: no device of this record is an accelerator of the catalogue (found {names}); "
            "it can be reported, but not calibrate an estimate"
        )
    origin: dict[str, Any] = {
        "source": f"record {path.name} of node {record.node}",
        "date": str(record.created)[:10],
        "kind": "measured",
    }
    products = [
        Measurement(
            accelerator=known[result.device],
            basis="achievable",
            precision=result.precision,
            achieved=f"{result.value} FLOP/s",
            method=f"best matmul, median of {len(result.rounds)} rounds",
            **origin,
        )
        for result in record.results
        if result.workload == "gemm" and result.status == "ok" and result.device in known
        # bf16 stands for 16-bit: fp16 beside it would count the same units twice
        if result.precision in PRECISIONS
    ]
    scored = [one for one in record.scores if one.device in known and one.precision in PRECISIONS]
    further = [m for score in scored for m in _from_score(score, str(known[score.device]), origin)]
    return [*products, *further]


def _from_score(score: Score, accelerator: str, origin: dict[str, Any]) -> Iterator[Measurement]:
    if score.sustained is not None and score.regime is not None:
        yield Measurement(
            accelerator=accelerator,
            basis="sustained",
            regime=score.regime,
            metric="mfu",
            achieved=f"{score.sustained} FLOP/s",
            accelerators=1,
            software=score.sustained_backend,
            method="training step of a decoder-only transformer",
            **origin,
        )
    for inference in score.inference:
        yield Measurement(
            accelerator=accelerator,
            basis="inference",
            precision=score.precision,
            achieved_bandwidth=f"{inference.bytes_per_s} B/s",
            batch=inference.batch,
            method=f"decoding, {inference.tokens_per_s:.4g} tokens/s of the model measured",
            **origin,
        )


def is_at_scale(measurement: Measurement) -> bool:
    """Return whether a figure is of more than one accelerator, as far as it says."""
    count = measurement.accelerators
    return count is None or count.best > 1
