"""Small records for histories, and what a folder holds, byte by byte."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path

import numpy as np

from bench.fleets.decoding import Device, FleetRecord, Result
from bench.fleets.history.batch import Batch
from bench.fleets.history.dataset import History
from bench.record import Scalar

START = datetime(2026, 3, 1, 2, tzinfo=UTC)
MODEL = "NVIDIA H100 80GB HBM3"
WORKS = (("gemm", "bf16", "flop_rate", "FLOP/s", 7e14), ("memory_copy", "fp32", "bandwidth", "B/s", 3e12))
Values = Sequence[Sequence[float | None]]


def record(
    node: str, created: datetime, values: Values, *, seed: int = 0, driver: str = "580"
) -> FleetRecord:
    """A run: for each device a value for each of the first workloads; None is a result that failed."""
    devices = [
        Device(f"cuda:{place}", "cuda", MODEL, "nvidia-h100-sxm", uuid=f"GPU-{node}-{place}", driver=driver)
        for place in range(len(values))
    ]
    results = [
        _result(place, column, value) for place, row in enumerate(values) for column, value in enumerate(row)
    ]
    environment: dict[str, Scalar] = {"torch": "2.13.0", "cuda": "13.0"}
    return FleetRecord(
        node, created, "0.1.0", "quick", 60.0, seed, devices, environment, results, "flopcensus/record/1"
    )


def _result(device: int, column: int, value: float | None) -> Result:
    workload, precision, metric, unit, rate = WORKS[column]
    common = {
        "workload": workload,
        "device": f"cuda:{device}",
        "precision": precision,
        "metric": metric,
        "unit": unit,
    }
    if value is None:
        return Result(**common, status="failed", reason="out of memory")  # type: ignore[arg-type]
    value *= rate
    return Result(**common, status="ok", value=value, ci95=(0.99 * value, 1.01 * value), power_w=690.0)  # type: ignore[arg-type]


def content(one: FleetRecord) -> str:
    return blake2b(repr(one).encode(), digest_size=16).hexdigest()


def batch(records: Iterable[FleetRecord]) -> Batch:
    made = Batch()
    for one in records:
        made.add(one, content(one))
    return made


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def nights(
    levels: np.ndarray, folder: Path, *, devices: int = 1, drivers: dict[int, str] | None = None
) -> History:
    """A history of gemm alone; ``levels`` are shares of its rate by night and node (or node and device)."""
    history = History.at(folder)
    made = Batch()
    for night, row in enumerate(levels):
        for node, value in enumerate(np.asarray(row).reshape(-1, devices)):
            one = record(
                f"n{node:02d}",
                START + timedelta(days=night, seconds=node),
                [[float(x)] for x in value],
                driver=(drivers or {}).get(night, "580"),
            )
            made.add(one, content(one))
    history.merge(made)
    return history
