"""NVML's meters: against a stand-in for pynvml, and through the real pynvml against a library built here."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import bench
from bench.devices.device import Reading
from bench.devices.meters.nvml import REASONS, THROTTLING, NvmlMeter, reason_names
from bench.devices.meters.words import describe_users

ROOT = Path(bench.__file__).parents[1]
SOURCE = Path(__file__).parent / "fake_nvml" / "nvml.c"
UUID = "GPU-11111111-2222-3333-4444-555555555555"
MIG_UUID = "MIG-22222222-3333-4444-5555-666666666666"
NOT_SUPPORTED, NO_PERMISSION, UNKNOWN = 3, 4, 999
ABSENT_PID = 2**22 + 1
ASK_ALL = """
import json, sys
from dataclasses import asdict
from bench.devices.meters.nvml import NvmlMeter
meter = NvmlMeter(sys.argv[1])
print(json.dumps({
    "reading": asdict(meter.read()), "driver": meter.driver(), "limit": meter.power_limit_w(),
    "clock": meter.max_clock_mhz(), "variant": meter.variant(), "details": meter.details(),
    "busy": meter.busy(), "cpus": meter.local_cpus(),
}))
"""
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a libnvidia-ml.so.1 of our own."""
    gcc = shutil.which("gcc")
    if sys.platform != "linux" or gcc is None:
        pytest.skip("the stand-in for NVML is built with gcc on Linux")
    pytest.importorskip("pynvml", reason="the stand-in for NVML is asked through nvidia-ml-py")
    folder = tmp_path_factory.mktemp("nvml")
    name = "libnvidia-ml.so.1"
    options = ("-O1", "-shared", "-fPIC", f"-Wl,-soname,{name}")
    subprocess.run([gcc, *options, "-o", str(folder / name), str(SOURCE), "-lm"], check=True)
    return folder


@pytest.fixture
def run(library: Path) -> Ask:
    """Run a script in a process whose NVML is ours, scripted by variables; what it prints as JSON."""

    def ask(script: str = ASK_ALL, uuid: str = UUID, **variables: object) -> dict[str, Any]:
        scripted = {f"FAKE_NVML_{name}": str(value) for name, value in variables.items()}
        kept = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
        done = subprocess.run(
            [sys.executable, "-c", script, uuid],
            env={**kept, **scripted, "LD_LIBRARY_PATH": str(library), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return ask


def test_a_whole_gpu_at_work_is_described(run: Ask) -> None:
    found = run(REASONS=0x404, ECC_EVER=2, PAGES_DOUBLE=3, ROWS_PENDING=1, LINKS_UP=16, PCIE_WIDTH=8)
    reading, details = found["reading"], found["details"]
    assert (reading["clock_mhz"], reading["temperature_c"], reading["throttled"]) == (1755, 61, False)
    assert reading["throttle_reasons"] == ["sw_power_cap", "reliability"]
    assert 200 <= reading["power_w"] <= 400
    assert reading["energy_source"] == "nvml_counter"
    assert (found["driver"], found["limit"], found["clock"]) == ("570.86.15", 700, 1980)
    assert (found["variant"], found["busy"]) == (None, None)
    told = {
        "cuda_driver_version": "12.8",
        "vbios": "96.00.74",
        "pcie_generation": 5,
        "pcie_width": 8,
        "pcie_width_max": 16,
        "nvlink_active": 16,
        "ecc_enabled": True,
        "ecc_uncorrected_since_boot": 0,
        "ecc_uncorrected_ever": 2,
        "retired_pages_double_bit": 3,
        "retired_pages_single_bit": 0,
        "remapped_rows_pending": True,
        "mig_enabled": False,
        "persistence_mode": True,
        "compute_mode": "default",
        "meters_shared": None,
    }
    assert {name: details[name] for name in told} == told


def test_a_slice_has_clocks_of_its_gpu_but_no_share_of_its_power(run: Ask) -> None:
    found = run(uuid=MIG_UUID, MIG_UUID=MIG_UUID, MIG=1)
    assert found["variant"] == "MIG 3g.40gb"
    assert (found["reading"]["clock_mhz"], found["reading"]["temperature_c"]) == (1755, 61)
    assert (found["reading"]["power_w"], found["reading"]["energy_j"]) == (None, None)
    assert found["reading"]["energy_source"] is None
    assert "whole GPU" in found["details"]["meters_shared"]
    # CUDA gives a slice's UUID without its prefix; an older name of a slice is made from its attributes.
    unnamed = run(uuid=MIG_UUID.replace("MIG", "GPU"), MIG_UUID=MIG_UUID, MIG_SUFFIX=" slice")
    assert unnamed["variant"] == "MIG 3g.39gb"


def test_a_lowered_power_limit_and_foreign_work_are_said(run: Ask) -> None:
    found = run(LIMIT_MW=400_000, PIDS=f"self,{os.getpid()}", BUSY_PERCENT=37)
    assert found["variant"] == "power limit 400 of 700 W"
    assert found["busy"] == "the GPU is 37 % busy with work that is not ours"
    named = run(PIDS=f"self,{ABSENT_PID}")["busy"]
    assert named == f"1 other process on the GPU (pid {ABSENT_PID})"


def test_what_is_not_supported_or_not_allowed_is_none(run: Ask) -> None:
    refused = ("nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetEccMode", "nvmlDeviceGetRemappedRows")
    errors = [
        f"{name}={code}" for name, code in zip(refused, (NOT_SUPPORTED, NO_PERMISSION, UNKNOWN), strict=True)
    ]
    old = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetTemperatureV", "nvmlDeviceGetNvLinkState")
    found = run(
        ERRORS=",".join([*errors, *(f"{name}={NOT_SUPPORTED}" for name in old)]), INSTANT=0, REASONS=8
    )
    reading, details = found["reading"], found["details"]
    assert (reading["energy_j"], reading["energy_source"]) == (None, None)
    assert (details["ecc_enabled"], details["remapped_rows_pending"], details["nvlink_active"]) == (None,) * 3
    # The calls that a driver before 535 has are asked in place of the new ones.
    assert (reading["throttled"], reading["throttle_reasons"]) == (True, ["hw_slowdown"])
    assert reading["temperature_c"] == 61
    assert 200 <= reading["power_w"] <= 400


def test_a_gpu_that_disappears_is_flagged_and_asked_no_more(run: Ask) -> None:
    script = """
import json, os, sys
from dataclasses import asdict
from bench.devices.meters.nvml import NvmlMeter
meter = NvmlMeter(sys.argv[1])
before = meter.read().lost
os.environ["FAKE_NVML_LOST_AFTER_S"] = "0"
gone = meter.read()
del os.environ["FAKE_NVML_LOST_AFTER_S"]
print(json.dumps({"before": before, "gone": asdict(gone), "later": meter.read().lost}))
"""
    found = run(script)
    assert (found["before"], found["gone"]["lost"], found["later"]) == (False, True, True)
    assert found["gone"]["clock_mhz"] is None


WATCH = """
import json, sys, time
from bench.devices.meters.nvml import NvmlMeter
from bench.devices.meters.telemetry import Telemetry
meter = NvmlMeter(sys.argv[1])
with Telemetry(meter, interval_seconds=0.02) as telemetry:
    time.sleep(1.2)
summary, points = telemetry.summary(), telemetry.points
print(json.dumps({
    "joules": summary.energy.joules, "source": summary.energy.source, "power": summary.power_w,
    "start": points[0].seconds, "end": points[-1].seconds, "heat": summary.temperature_c,
}))
"""


def energy_between(start: float, end: float, cycle_s: float) -> float:
    """The closed form of what the library's power amounts to. Unit: J."""
    turn = 2 * math.pi / cycle_s
    return 300 * (end - start) - 100 / turn * (math.cos(turn * end) - math.cos(turn * start))


def test_energy_from_the_counter_is_right(run: Ask) -> None:
    found = run(WATCH, CYCLE_S=0.7, PERIOD_S=0.02)
    assert found["source"] == "nvml_counter"
    true = energy_between(found["start"], found["end"], 0.7)
    # At up to 400 W: the counter's period, and what a busy host puts between a reading and its time.
    assert found["joules"] == pytest.approx(true, abs=60)
    assert found["power"] == pytest.approx(found["joules"] / (found["end"] - found["start"]))
    assert found["heat"] == 61


def test_without_a_counter_power_is_integrated(run: Ask) -> None:
    found = run(WATCH, CYCLE_S=8, ERRORS=f"nvmlDeviceGetTotalEnergyConsumption={NOT_SUPPORTED}")
    assert found["source"] == "integrated_power"
    assert found["joules"] == pytest.approx(energy_between(found["start"], found["end"], 8), rel=0.05)


class NVMLError(Exception):
    """Stands for pynvml's."""


def nvml(**answers: Any) -> SimpleNamespace:
    """A stand-in for a pynvml older than most functions: it has those only that it is given answers to."""
    functions = {f"nvmlDevice{name}": lambda *_a, answer=answer: answer for name, answer in answers.items()}
    return SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=lambda _uuid: "handle",
        nvmlSystemGetDriverVersion=lambda: b"470.1",
        **functions,
    )


def test_meters_are_read_in_si_units_through_an_old_pynvml_too(monkeypatch: pytest.MonkeyPatch) -> None:
    meters = {"GetClockInfo": 1980, "GetPowerUsage": 650_000, "GetTotalEnergyConsumption": 7_500}
    limits = {"GetEnforcedPowerLimit": 700_000, "GetMaxClockInfo": 2000}
    module = nvml(**meters, **limits, GetCurrentClocksThrottleReasons=0x20)
    monkeypatch.setitem(sys.modules, "pynvml", module)
    meter = NvmlMeter(UUID)
    assert meter.read() == Reading(
        clock_mhz=1980,
        power_w=650,
        energy_j=7.5,
        throttled=True,
        throttle_reasons=("sw_thermal_slowdown",),
        energy_source="nvml_counter",
    )
    assert (meter.power_limit_w(), meter.max_clock_mhz(), meter.driver()) == (700, 2000, "470.1")
    assert meter.details()["vbios"] is None


@pytest.mark.parametrize(
    ("bit", "throttled"), [(0, False), (4, False), (8, True), (0x40, True), (0x80, True)]
)
def test_running_at_the_power_cap_is_not_throttling(
    monkeypatch: pytest.MonkeyPatch, bit: int, throttled: bool
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml(GetCurrentClocksEventReasons=bit))
    assert NvmlMeter(UUID).read().throttled is throttled


def test_a_meter_without_permission_driver_or_package_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver() -> None:
        raise NVMLError

    without_driver = nvml(GetPowerUsage=1)
    without_driver.nvmlInit = no_driver
    for module in (nvml(), without_driver, None):
        monkeypatch.setitem(sys.modules, "pynvml", module)
        meter = NvmlMeter(UUID)
        assert meter.read() == Reading()
        assert (meter.power_limit_w(), meter.variant(), meter.busy(), meter.local_cpus()) == (
            None,
            None,
            None,
            (),
        )
    assert (NvmlMeter(None).driver(), NvmlMeter(None).details()) == (None, {})


def test_every_bit_has_a_name() -> None:
    assert reason_names(sum(REASONS)) == tuple(REASONS.values())
    assert reason_names(1 << 20) == ("bit_0x100000",)
    assert THROTTLING & sum(REASONS) == THROTTLING


def test_users_that_cannot_be_named_are_counted() -> None:
    # Numbers of another namespace: one of them may well be this process.
    assert describe_users([ABSENT_PID]) is None
    assert describe_users([ABSENT_PID, ABSENT_PID + 1]) == "1 other process on the GPU"
    assert describe_users([os.getpid()]) is None
    assert describe_users([os.getpid(), ABSENT_PID], own_pids=[ABSENT_PID]) is None
    named = describe_users([os.getpid(), ABSENT_PID])
    assert named == f"1 other process on the GPU (pid {ABSENT_PID})"
