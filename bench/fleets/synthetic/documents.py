"""The records of a synthetic fleet, as `flopcensus bench` would have written them on nodes with H100 SXM."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from bench.files import write_bytes_atomic
from bench.fleets.synthetic.planting import Fleet, Planted, node_name
from bench.fleets.synthetic.running import Enclosure, Run, runs_of
from bench.record import SCHEMA
from bench.statistics import summarise

START = datetime(2026, 3, 1, 6, 0, 0, tzinfo=UTC)
# A link that loses more than this shows as half the lanes.
NARROW_ABOVE = 0.3


def records(fleet: Fleet, only: Sequence[int] | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield file name and content of each node's record, or of the nodes by these numbers."""
    for node in range(fleet.nodes) if only is None else only:
        document = record(fleet, node)
        yield f"record-{document['node']}-{fleet.name}.json", msgspec.json.encode(document)


def write(fleet: Fleet, folder: Path) -> None:
    """Write every record into a folder.

    Raises:
        InputError: The folder cannot be made or written to.
    """
    for name, content in records(fleet):
        write_bytes_atomic(folder / name, content)


def record(fleet: Fleet, node: int) -> dict[str, Any]:
    """Return one node's record as a document."""
    rng = fleet.generator(f"node {node}")
    around = Enclosure.drawn(fleet, rng)
    devices: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for device in range(fleet.devices):
        fault = fleet.planted.get((node, device))
        devices.append(_device(fleet, node, device, fault))
        results.extend(_result(run, device) for run in runs_of(fleet, fault, around, rng))
    created = START + timedelta(seconds=7 * node)
    return {
        "schema": SCHEMA,
        "node": node_name(node),
        "created": created.isoformat().replace("+00:00", "Z"),
        "flopcensus_version": "0.1.0",
        "mode": "default",
        "budget_seconds": 300.0,
        "seconds_spent": 301.5,
        "seed": 0,
        "interrupted": False,
        "devices": devices,
        "environment": {
            "os": "Linux",
            "torch": "2.13.0+cu130",
            "cuda": "13.0",
            "rocm": None,
            "job": "slurm 4711",
        },
        "results": results,
    }


def _device(fleet: Fleet, node: int, device: int, fault: Planted | None) -> dict[str, Any]:
    return {
        "id": f"cuda:{device}",
        "kind": "cuda",
        "name": "NVIDIA H100 80GB HBM3",
        "accelerator": "nvidia-h100-sxm",
        "peak": {"bf16": 9.895e14, "fp8": 1.979e15, "fp32": 6.69e13},
        "memory_bytes": 85_017_624_576,
        "units": 132,
        "uuid": _uuid(fleet, node, device),
        "driver": "580.65.06",
        "architecture": "9.0",
        "power_limit_w": 700.0,
        "max_clock_mhz": 1980.0,
        "details": _details(fault),
    }


def _details(fault: Planted | None) -> dict[str, Any]:
    """Link and memory, as the driver reports them of a device with this fault."""
    link_shows = fault is not None and fault.name == "link" and fault.shown and fault.size > NARROW_ABOVE
    memory_errs = fault is not None and fault.name == "ecc"
    error_shows = memory_errs and fault is not None and fault.shown
    return {
        "pcie_generation": 5,
        "pcie_generation_max": 5,
        "pcie_width": 8 if link_shows else 16,
        "pcie_width_max": 16,
        "nvlink_active": 18,
        "ecc_enabled": True,
        "ecc_uncorrected_since_boot": int(error_shows),
        "remapped_rows_correctable": 0,
        "remapped_rows_uncorrectable": int(memory_errs),
        "remapped_rows_pending": memory_errs and not error_shows,
        "remapped_rows_failed": False,
    }


def _uuid(fleet: Fleet, node: int, device: int) -> str:
    digest = hashlib.sha256(f"{fleet.seed} {node} {device}".encode()).hexdigest()
    return f"GPU-{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


def _result(run: Run, device: int) -> dict[str, Any]:
    work, count, summary = run.work, len(run.rates), summarise(run.rates)
    return {
        "workload": work.workload,
        "device": f"cuda:{device}",
        "precision": work.precision,
        "shape": {"m": 8192, "n": 8192, "k": 8192} if work.workload == "gemm" else {},
        "metric": work.metric,
        "unit": work.unit,
        "value": None if run.wrong else summary.median,
        "ci95": None if run.wrong else (summary.low, summary.high),
        "sample_count": 20 * count,
        "sample_seconds": 0.4 * count,
        "rounds": run.rates,
        "backend": "torch/cublaslt",
        "correct": not run.wrong,
        "throttled": run.throttled,
        "throttle_reasons": ["hw_thermal_slowdown"] if run.throttled else [],
        "round_details": [_round_detail(number) for number in range(count)],
        "seconds_spent": 0.5 * count,
        "status": "incorrect" if run.wrong else "ok",
        "reason": "wrong output: 3 of 4096 sampled products are off by more than rounding"
        if run.wrong
        else None,
        "clock_mhz": run.clock_mhz,
        "power_w": run.power_w,
        "temperature_c": run.temperature_c,
    }


def _round_detail(number: int) -> dict[str, Any]:
    return {
        "started_seconds": 12.5 * number,
        "process": number // 2,
        "sample_count": 20,
        "sample_seconds": 0.4,
    }
