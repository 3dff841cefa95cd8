"""Evidence: published measurements from calibration files, our own from bench records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accounting.capacity.efficiency.measurements import Measurement, MeasurementFile
from accounting.capacity.efficiency.nodes import pool_nodes
from accounting.capacity.efficiency.occupancy import Occupancy
from accounting.capacity.efficiency.scaling import Point, ScalingSeries
from accounting.errors import Fault
from accounting.reference.accelerators import PRECISIONS
from accounting.reference.facts import Facts
from accounting.validation import load_all
from bench.errors import InputError
from bench.figures import Score
from bench.record import Record, Result, load_record

# kernels that read and write main memory, each byte counted once
STREAMS = frozenset({"memory_copy", "memory_scale", "memory_add", "memory_triad"})
# the workload whose scaling feeds calibration. A model that is split over ranks is no such series: it loses
# more by design, and is kept within a node
SCALED = "data_parallel"
# a series that shares one batch out to more than so many times the accelerators is like no production run
SMALLEST_PART = 4


@dataclass(frozen=True)
class Evidence:
    """What calibration files and records hold; ``places`` says where each measurement stands."""

    measurements: tuple[Measurement, ...] = ()
    places: tuple[Fault, ...] = ()
    scaling: tuple[ScalingSeries, ...] = ()
    occupancy: tuple[Occupancy, ...] = ()

    def __add__(self, other: Evidence) -> Evidence:
        """Join two bodies of evidence."""
        return Evidence(
            self.measurements + other.measurements,
            self.places + other.places,
            self.scaling + other.scaling,
            self.occupancy + other.occupancy,
        )


def load_evidence(paths: Sequence[Path], facts: Facts) -> Evidence:
    """Read calibration files (YAML) and bench records (JSON), several records of one node pooled.

    Raises:
        InputFaults: a fault in a calibration file.
        RecordError: a file is not a record.
        InputError: a record holds nothing that calibrates.
    """
    yaml = [path for path in paths if path.suffix != ".json"]
    evidence = Evidence()
    for document, content in load_all(yaml, MeasurementFile, facts.names):
        places = tuple(document.fault(("measurements", row), "") for row in range(len(content.measurements)))
        evidence += Evidence(content.measurements, places, content.scaling, content.occupancy)
    records = [(path, load_record(path)) for path in paths if path.suffix == ".json"]
    measured = from_records(records)
    places = tuple(Fault(m.source, 0, 0, "", "") for m in measured)
    scaling = tuple(one for path, record in records for one in series_from_record(record, path))
    return evidence + Evidence(measured, places, scaling)


def load_measurements(paths: Sequence[Path], facts: Facts) -> tuple[Measurement, ...]:
    """Return the measurements of calibration files and records. Raises as :func:`load_evidence`."""
    return load_evidence(paths, facts).measurements


def from_records(records: Sequence[tuple[Path, Record]]) -> tuple[Measurement, ...]:
    """Return what records say, repeated runs and several nodes pooled (:mod:`.nodes`).

    Raises:
        InputError: as :func:`from_record`, of any of them.
    """
    return pool_nodes((record.node, m) for path, record in records for m in from_record(record, path))


def from_record(record: Record, path: Path) -> list[Measurement]:
    """Return what a record says of each known accelerator and precision.

    That is the best correct matmul, the best stream of main memory, the training step of one accelerator
    alone, and token generation.

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
        "software": _software(record),
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
        for result in _best_products(record)
        if result.device in known
    ]
    streams = [_from_streams(record, device, str(name), origin) for device, name in known.items()]
    scored = [one for one in record.scores if one.device in known and one.precision in PRECISIONS]
    further = [m for score in scored for m in _from_score(score, str(known[score.device]), origin)]
    return [*products, *(m for m in streams if m is not None), *further]


def series_from_record(record: Record, path: Path) -> list[ScalingSeries]:
    """Return how a training step scaled with the ranks of a record, a rank being an accelerator.

    The series begins with the count that fills the first node, since what is lost within a node says nothing
    of what is lost between nodes. A record of one node keeps all its counts, but feeds no calibration.
    """
    known = {device.id: device.accelerator for device in record.devices if device.accelerator}
    found = []
    for result in record.results:
        if result.workload != SCALED or result.status != "ok" or result.device not in known:
            continue
        if not result.scaling:
            continue
        one_node = result.scaling[-1].nodes == 1
        filled = max((point.ranks for point in result.scaling if point.nodes == 1), default=0)
        counted = [point for point in result.scaling if one_node or point.ranks >= filled]
        if len(counted) < 2:
            continue
        most = counted[-1].ranks / counted[0].ranks
        found.append(
            ScalingSeries(
                accelerator=known[result.device],
                what=f"FLOP/s per accelerator, {result.workload} in {result.precision}",
                points=[
                    Point(accelerators=point.ranks, per_accelerator=point.value / point.ranks)
                    for point in counted
                ],
                strong=bool(result.shape.get("strong")) and most > SMALLEST_PART,
                one_node=one_node,
                source=f"record {path.name} of node {record.node}",
                date=str(record.created)[:10],
                kind="measured",
            )
        )
    return found


def _best_products(record: Record) -> Iterable[Result]:
    """Return the best correct matmul of each device and precision."""
    best: dict[tuple[str, str], Result] = {}
    for result in record.results:
        # bf16 stands for 16-bit: fp16 beside it would count the same units twice
        if result.workload == "gemm" and result.status == "ok" and result.precision in PRECISIONS:
            key = (result.device, result.precision)
            if key not in best or (result.value or 0.0) > (best[key].value or 0.0):
                best[key] = result
    return best.values()


def _from_streams(
    record: Record, device: str, accelerator: str, origin: dict[str, Any]
) -> Measurement | None:
    """Return the best stream of a device; a sum that only reads is none, since a stream writes too."""
    found = [
        result
        for result in record.results
        if result.workload in STREAMS
        and result.device == device
        and result.status == "ok"
        and result.value is not None
    ]
    if not found:
        return None
    best = max(found, key=lambda result: result.value or 0.0)
    return Measurement(
        accelerator=accelerator,
        basis="bandwidth",
        achieved_bandwidth=f"{best.value} B/s",
        method=f"{best.workload.removeprefix('memory_')}, median of {len(best.rounds)} rounds",
        **origin,
    )


def _software(record: Record) -> str | None:
    """Return the generation of software that a record was made with, None where it does not say."""
    names = ("torch", "cuda", "rocm")
    return (
        ", ".join(f"{name} {record.environment[name]}" for name in names if record.environment.get(name))
        or None
    )


def _from_score(score: Score, accelerator: str, origin: dict[str, Any]) -> Iterator[Measurement]:
    if score.sustained is not None and score.regime is not None:
        yield Measurement(
            accelerator=accelerator,
            basis="sustained",
            regime=score.regime,
            metric="mfu",
            achieved=f"{score.sustained} FLOP/s",
            accelerators=1,
            method=f"training step of a decoder-only transformer, {score.sustained_backend or 'torch'}",
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
