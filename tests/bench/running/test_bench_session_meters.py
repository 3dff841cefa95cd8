"""Peaks, energy, clocks and the long run: what stands beside a figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.devices.device import Batch, Reading
from bench.devices.fake import FakeClock, FakeDevice, FakeWorkload
from bench.plan import MIN_ROUNDS, Plan
from bench.progress import ProgressEvent
from bench.session import measure
from kernels.workload import Shape
from tests.bench.faked import RIGHT, only, run, workload


@pytest.mark.parametrize(
    ("peak", "per_clock", "status"), [(2e11, 128, "ok"), (9e10, 128, "ok"), (7e10, 64, "implausible")]
)
def test_the_fraction_of_the_spec_peak(tmp_path: Path, peak: float, per_clock: float, status: str) -> None:
    """A sheet is no physical limit; 1 unit × 64 FLOP per clock × 1 GHz is."""
    clock = FakeClock()
    match = SimpleNamespace(
        accelerator="acme-one", peak={"fp32": peak}, flop_per_clock={"fp32": per_clock}, variant=None
    )
    gpu = FakeDevice(clock, id="cuda:0", units=1, max_clock_mhz=1000)
    record = run(tmp_path, devices=[gpu], clock=clock, lookup=lambda _description: match)
    assert record.devices[0].accelerator == "acme-one"
    assert only(record).fraction_of_peak == pytest.approx(1e11 / peak)
    assert only(record).status == status


def test_bandwidth_is_no_fraction_of_a_flop_peak(tmp_path: Path) -> None:
    clock = FakeClock()
    match = SimpleNamespace(accelerator="acme-one", peak={"fp32": 1e12}, flop_per_clock={}, variant=None)
    fake = workload(metric="bandwidth", unit="B/s")
    gpu = FakeDevice(clock, id="cuda:0", reading=lambda seconds: Reading(energy_j=5 * seconds))
    result = only(run(tmp_path, fake, devices=[gpu], clock=clock, lookup=lambda _description: match))
    assert (result.fraction_of_peak, result.energy_j_per_flop) == (None, None)
    assert result.power_w == pytest.approx(5)


def test_energy_comes_from_the_counter(tmp_path: Path) -> None:
    clock = FakeClock()
    meter = lambda seconds: Reading(clock_mhz=1500, power_w=1, energy_j=300 * seconds, throttled=seconds > 3)  # noqa: E731
    result = only(run(tmp_path, devices=[FakeDevice(clock, reading=meter)], clock=clock))
    assert result.energy_j_per_flop == pytest.approx(300 * 0.01 / 1e9)
    assert result.power_w == pytest.approx(300)
    assert (result.clock_mhz, result.throttled) == (1500, True)


def test_the_energy_of_a_token_and_of_a_flop_come_from_the_same_run(tmp_path: Path) -> None:
    """Power falls with time, as on a device that heats up: rounds and the long run tell another energy."""
    clock = FakeClock()

    def meter(seconds: float) -> Reading:
        return Reading(energy_j=100 * seconds**0.5, energy_source="nvml_counter")

    @dataclass
    class Tokens(FakeWorkload):
        def count(self, shape: Shape) -> int:
            return 50

    fake = Tokens(RIGHT, headline=True)
    result = only(
        run(tmp_path, fake, devices=[FakeDevice(clock, reading=meter)], clock=clock, budget_seconds=300.0)
    )
    assert result.energy_source == "nvml_counter, long run"
    assert result.energy_j_per_flop is not None
    assert result.energy_j_per_token == pytest.approx(result.energy_j_per_flop * 1e9 / 50)


def test_without_meters_quantities_are_null(tmp_path: Path) -> None:
    result = only(run(tmp_path))
    assert (result.clock_mhz, result.power_w, result.energy_j_per_flop, result.throttled) == (None,) * 4


def test_a_clock_that_jumps_gives_no_value(tmp_path: Path) -> None:
    """Back at times; one that only ran backwards would let no round end before ten thousand calls."""
    clock = FakeClock()
    device = FakeDevice(clock, lambda number: -0.05 if number >= 200 and number % 10 == 0 else 0.01)
    result = only(run(tmp_path, devices=[device], clock=clock))
    assert (result.status, result.value) == ("failed", None)
    assert "the clock jumped: a call took -0.05 s" in (result.reason or "")


def test_a_clock_that_jumps_once_costs_one_round(tmp_path: Path) -> None:
    clock = FakeClock()
    device = FakeDevice(clock, lambda number: -5.0 if number == 200 else 0.01)
    result = only(run(tmp_path, devices=[device], clock=clock))
    assert (result.status, len(result.rounds) >= MIN_ROUNDS) == ("ok", True)
    assert any("a round failed and was taken again: UnsoundClockError" in note for note in result.notes)


def test_calls_longer_than_the_window_that_held_them_give_no_value(tmp_path: Path) -> None:
    """As when the device's clock runs ahead of the host's."""
    clock = FakeClock()

    class Ahead(FakeDevice):
        def time_calls(self, call: Callable[[], None], count: int, during: Callable[[], None]) -> Batch:
            honest = super().time_calls(call, count, during)
            return Batch(tuple(10 * seconds for seconds in honest.call_seconds))

    result = only(run(tmp_path, devices=[Ahead(clock)], clock=clock))
    assert result.status == "failed"
    assert "within a window of" in (result.reason or "")


def test_a_long_run_tells_the_first_second_from_the_steady_state(tmp_path: Path) -> None:
    """After two seconds of a long run the device halves its clock, as one does under its power limit."""
    clock = FakeClock()
    device = FakeDevice(clock)
    idle_since = [0.0]

    def call_seconds(_number: int) -> float:
        return 0.02 if clock() - idle_since[0] > 2.0 else 0.01

    def note_idle(event: ProgressEvent) -> None:
        idle_since[0] = clock()

    device.call_seconds = call_seconds
    plan = Plan("custom", 300.0)
    record = measure(
        plan,
        lookup=lambda _description: None,
        out_dir=tmp_path,
        progress=note_idle,
        devices=[device],
        workloads={"fake": workload(headline=True)},
        clock=clock,
    )
    result = only(record)
    assert result.burst == pytest.approx(1e11)
    assert result.steady == pytest.approx(5e10)
    assert result.trace[-1].seconds <= plan.long_run_seconds + 1
    assert result.trace[0].value == pytest.approx(1e11)
