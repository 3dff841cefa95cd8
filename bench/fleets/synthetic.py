"""Fleets that never were, in the format of real records, with faults planted where we know them.

Sound devices of one model differ. Sinha et al., "Not All GPUs Are Created Equal" (SC 2022, abstract), found
8 % on average, 22 % at most, between the ends of the distributions over five clusters; for a normal whose
box-plot whiskers end at 2.7 σ, 8 % is σ = 1.5 %. Here a fleet's σ for arithmetic is drawn between 0.7 and
1.6 %; memory and links, which no clock governs, have 0.2 to 0.5 % (assumed). Rounds scatter by 0.2 to 0.8 %,
and one in fifty is held up by 1 to 4 % (assumed), so that a slow round is no fault by itself.

Faults are drawn from the distributions in `draw_fault`: most are small enough to be missed by a fixed
threshold.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import numpy as np

from bench.files import write_bytes_atomic
from bench.record import SCHEMA
from bench.statistics import summarise

FaultName = Literal["slow", "hot", "link", "flaky", "drifting", "wrong", "ecc"]
# Arithmetic slows by this share for each degree of chip temperature: leakage takes from the power limit
# (assumed).
_PER_DEGREE = 0.0004
_START = datetime(2026, 3, 1, 6, 0, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Work:
    """A workload of the synthetic node, and the rate a sound device gives."""

    workload: str
    precision: str
    metric: str
    unit: str
    rate: float
    load: Literal["compute", "memory", "link"]


# Rates of the order of an H100 SXM's; nothing is judged by their absolute size.
WORKS = (
    Work("gemm", "bf16", "flop_rate", "FLOP/s", 7.2e14, "compute"),
    Work("gemm", "fp8", "flop_rate", "FLOP/s", 1.35e15, "compute"),
    Work("gemm", "fp32", "flop_rate", "FLOP/s", 5.1e13, "compute"),
    Work("gemm_typical", "bf16", "flop_rate", "FLOP/s", 6.1e14, "compute"),
    Work("attention_forward", "bf16", "flop_rate", "FLOP/s", 4.4e14, "compute"),
    Work("training_step", "bf16", "flop_rate", "FLOP/s", 3.9e14, "compute"),
    Work("memory_copy", "fp32", "bandwidth", "B/s", 2.95e12, "memory"),
    Work("memory_triad", "fp32", "bandwidth", "B/s", 3.02e12, "memory"),
    Work("decode_step", "bf16", "token_rate", "token/s", 1.9e3, "memory"),
    Work("transfer_to_device", "fp32", "bandwidth", "B/s", 5.4e10, "link"),
    Work("transfer_from_device", "fp32", "bandwidth", "B/s", 5.3e10, "link"),
)


@dataclass(frozen=True)
class Planted:
    """A fault of one device.

    Attributes:
        size: Share of rate lost; °C for hot; share lost by slow rounds for flaky.
        share: Share of rounds that are slow, of flaky.
        shown: Whether the device itself tells: a clock that is down, a narrower link.
    """

    name: FaultName
    size: float
    share: float = 0.0
    shown: bool = False


@dataclass(frozen=True)
class Fleet:
    """What a synthetic fleet is; the same figures give the same records, bit by bit.

    Attributes:
        sound: Standard deviations between sound devices, by what is loaded.
        planted: Faults by (node, device).
        rounds: Rounds of each result.
    """

    name: str
    nodes: int
    devices: int
    seed: int
    sound: Mapping[str, float]
    planted: Mapping[tuple[int, int], Planted] = field(default_factory=dict)
    rounds: int = 10

    @property
    def bad(self) -> set[tuple[str, str]]:
        """Node and device of every fault planted."""
        return {(node_name(node), f"cuda:{device}") for node, device in self.planted}


def node_name(number: int) -> str:
    """``r03n05``: sixteen nodes a rack."""
    return f"r{number // 16:02d}n{number % 16:02d}"


def make_fleet(
    name: str,
    nodes: int,
    devices: int,
    bad: int,
    seed: int,
    faults: Sequence[FaultName] = get_args(FaultName),
) -> Fleet:
    """Draw a fleet with this many bad devices; a hot enclosure makes all devices of its node bad.

    Raises:
        ValueError: More bad devices than a fleet has.
    """
    if bad > nodes * devices:
        raise ValueError(f"{bad} bad devices of {nodes * devices}")
    rng = _generator(seed, "fleet")
    sound = {
        "compute": rng.uniform(0.007, 0.016),
        "memory": rng.uniform(0.002, 0.005),
        "link": rng.uniform(0.002, 0.005),
        "rounds": rng.uniform(0.002, 0.008),
    }
    planted: dict[tuple[int, int], Planted] = {}
    free = [int(one) for one in rng.permutation(nodes)]
    while len(planted) < bad:
        fault = draw_fault(rng, [one for one in faults if one != "hot" or bad - len(planted) >= devices])
        node = free.pop() if free else int(rng.integers(nodes))
        for device in range(devices) if fault.name == "hot" else [int(rng.integers(devices))]:
            planted[node, device] = fault
    return Fleet(name, nodes, devices, seed, sound, planted)


def draw_fault(rng: np.random.Generator, names: Sequence[FaultName]) -> Planted:
    """Draw a fault: its kind evenly among the names, its size log-uniformly between the bounds given here."""
    name = names[int(rng.integers(len(names)))]
    low, high = {
        "slow": (0.03, 0.25),
        "hot": (8.0, 20.0),
        "link": (0.03, 0.50),
        "flaky": (0.05, 0.40),
        "drifting": (0.03, 0.15),
        "wrong": (1.0, 1.0),
        "ecc": (1.0, 1.0),
    }[name]
    size = math.exp(rng.uniform(math.log(low), math.log(high)))
    return Planted(name, size, share=rng.uniform(0.2, 0.6), shown=bool(rng.random() < 0.5))


def records(fleet: Fleet, only: Sequence[int] | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield file name and content of each node's record."""
    for node in range(fleet.nodes) if only is None else only:
        document = record(fleet, node)
        yield f"record-{document['node']}-{fleet.name}.json", msgspec.json.encode(document)


def write(fleet: Fleet, folder: Path) -> None:
    """Write every record into a folder."""
    for name, content in records(fleet):
        write_bytes_atomic(folder / name, content)


def record(fleet: Fleet, node: int) -> dict[str, Any]:
    """Return one node's record as a document."""
    rng = _generator(fleet.seed, f"node {node}")
    together = {
        "compute": rng.normal(0, 0.25 * fleet.sound["compute"]),
        "memory": 0.0,
        "link": rng.normal(0, 0.25 * fleet.sound["link"]),
        "air": rng.normal(0, 1.5),
    }
    devices, results = [], []
    for device in range(fleet.devices):
        fault = fleet.planted.get((node, device))
        devices.append(_device(fleet, node, device, fault))
        results.extend(_results(fleet, device, fault, together, rng))
    created = _START + timedelta(seconds=7 * node)
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
    name = fault.name if fault else ""
    unique = hashlib.sha256(f"{fleet.seed} {node} {device}".encode()).hexdigest()
    narrow = name == "link" and fault is not None and fault.shown and fault.size > 0.3
    return {
        "id": f"cuda:{device}",
        "kind": "cuda",
        "name": "NVIDIA H100 80GB HBM3",
        "accelerator": "nvidia-h100-sxm",
        "peak": {"bf16": 9.895e14, "fp8": 1.979e15, "fp32": 6.69e13},
        "memory_bytes": 85_017_624_576,
        "units": 132,
        "uuid": f"GPU-{unique[:8]}-{unique[8:12]}-{unique[12:16]}-{unique[16:20]}-{unique[20:32]}",
        "driver": "580.65.06",
        "architecture": "9.0",
        "power_limit_w": 700.0,
        "max_clock_mhz": 1980.0,
        "details": {
            "pcie_generation": 5,
            "pcie_generation_max": 5,
            "pcie_width": 8 if narrow else 16,
            "pcie_width_max": 16,
            "nvlink_active": 18,
            "ecc_enabled": True,
            "ecc_uncorrected_since_boot": 1 if name == "ecc" and fault and fault.shown else 0,
            "remapped_rows_correctable": 0,
            "remapped_rows_uncorrectable": 1 if name == "ecc" else 0,
            "remapped_rows_pending": name == "ecc" and fault is not None and not fault.shown,
            "remapped_rows_failed": False,
        },
    }


def _results(
    fleet: Fleet, device: int, fault: Planted | None, together: Mapping[str, float], rng: np.random.Generator
) -> list[dict[str, Any]]:
    name, size = (fault.name, fault.size) if fault else ("", 0.0)
    chip = {load: together[load] + rng.normal(0, fleet.sound[load]) for load in ("compute", "memory", "link")}
    heat = 62 + together["air"] + rng.normal(0, 2.0) + (size if name == "hot" else 0.0)
    chip["compute"] -= _PER_DEGREE * (heat - 62)
    power = 690 * math.exp(rng.normal(0, 0.008))
    slowed: dict[str, float] = {}
    if name == "slow":
        slowed = {"compute": math.log1p(-size)}
    elif name == "link":
        slowed = {"link": math.log1p(-size)}
    clock = 1755 * math.exp(0.8 * chip["compute"])
    if name == "slow" and fault is not None and fault.shown:
        clock *= 1 - 0.9 * size
    wrong = int(rng.integers(6)) if name == "wrong" else -1
    found = []
    for number, work in enumerate(WORKS):
        own = rng.normal(0, 0.3 * fleet.sound[work.load])
        level = chip[work.load] + own + slowed.get(work.load, 0.0)
        scatter = fleet.sound["rounds"] * math.exp(rng.normal(0, 0.2))
        logs = level + rng.normal(0, scatter, fleet.rounds)
        held = rng.random(fleet.rounds) < 0.02
        logs -= held * rng.uniform(0.01, 0.04, fleet.rounds)
        if fault is not None and name == "flaky" and work.load == "compute":
            logs += (rng.random(fleet.rounds) < fault.share) * math.log1p(-size)
        if name == "drifting" and work.load == "compute":
            logs += math.log1p(-size) * np.linspace(0, 1, fleet.rounds)
        values = [float(one) for one in work.rate * np.exp(logs)]
        throttled = name == "hot" and work.load == "compute" and size > 15
        found.append(
            _result(work, device, values, number == wrong, throttled=throttled)
            | {
                "clock_mhz": float(clock * math.exp(rng.normal(0, 0.001))),
                "power_w": float(power * math.exp(rng.normal(0, 0.004))),
                "temperature_c": float(round(heat + rng.normal(0, 0.7))),
            }
        )
    return found


def _result(work: Work, device: int, values: list[float], wrong: bool, *, throttled: bool) -> dict[str, Any]:
    summary = summarise(values)
    return {
        "workload": work.workload,
        "device": f"cuda:{device}",
        "precision": work.precision,
        "shape": {"m": 8192, "n": 8192, "k": 8192} if work.workload == "gemm" else {},
        "metric": work.metric,
        "unit": work.unit,
        "value": None if wrong else summary.median,
        "ci95": None if wrong else (summary.low, summary.high),
        "sample_count": 20 * len(values),
        "sample_seconds": 0.4 * len(values),
        "rounds": values,
        "backend": "torch/cublaslt",
        "correct": not wrong,
        "throttled": throttled,
        "throttle_reasons": ["hw_thermal_slowdown"] if throttled else [],
        "round_details": [
            {
                "started_seconds": 12.5 * place,
                "process": place // 2,
                "sample_count": 20,
                "sample_seconds": 0.4,
            }
            for place in range(len(values))
        ],
        "seconds_spent": 0.5 * len(values),
        "status": "incorrect" if wrong else "ok",
        "reason": "wrong output: 3 of 4096 sampled products are off by more than rounding" if wrong else None,
    }


def _generator(seed: int, name: str) -> np.random.Generator:
    key = hashlib.sha256(f"flopcensus fleet {seed} {name}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key[:16], "little")))
