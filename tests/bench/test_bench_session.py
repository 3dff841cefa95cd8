"""Whole runs on a fake device whose clock moves only inside calls, and one on the real CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.devices.device import Batch, Reading
from bench.devices.fake import FakeClock, FakeDevice, FakeWorkload
from bench.errors import InputError
from bench.journal import read_results
from bench.plan import MIN_ROUNDS, Plan, budget_of
from bench.progress import ProgressEvent, silent
from bench.record import Record, Result, load_record
from bench.session import measure
from kernels.workload import Verdict

RIGHT, WRONG = Verdict(correct=True, detail="as it should be"), Verdict(correct=False, detail="3 of 4 wrong")


def workload(name: str = "fake", **changes: Any) -> FakeWorkload:
    return replace(FakeWorkload(RIGHT, name, name), **changes)


def run(
    out_dir: Path,
    *workloads: FakeWorkload,
    devices: list[FakeDevice] | None = None,
    clock: FakeClock | None = None,
    lookup: Callable[..., Any] = lambda _description: None,
    progress: Callable[[ProgressEvent], None] = silent,
    **plan: Any,
) -> Record:
    clock = clock or FakeClock()
    return measure(
        replace(Plan("quick", 60.0), **plan),
        lookup=lookup,
        out_dir=out_dir,
        progress=progress,
        devices=devices or [FakeDevice(clock)],
        workloads={one.name: one for one in workloads or (workload(),)},
        clock=clock,
    )


def only(record: Record) -> Result:
    (result,) = record.results
    return result


def test_a_steady_device_gives_its_rate_exactly(tmp_path: Path) -> None:
    result = only(run(tmp_path))
    assert result.value == pytest.approx(1e9 / 0.01)
    assert result.ci95 == pytest.approx((1e11, 1e11))
    assert (result.status, result.settled, result.correct) == ("ok", True, True)
    assert len(result.rounds) >= MIN_ROUNDS
    assert result.sample_seconds == pytest.approx(0.01 * result.sample_count)


def test_the_record_on_disk_is_the_one_returned_and_the_journal_is_gone(tmp_path: Path) -> None:
    record = run(tmp_path)
    (path,) = tmp_path.iterdir()
    assert path.name == record.file_name
    assert load_record(path) == record


def test_a_second_run_in_the_same_second_overwrites_nothing(tmp_path: Path) -> None:
    for _ in range(3):
        run(tmp_path)
    assert len(list(tmp_path.glob("record-*.json"))) == 3


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    call_seconds=st.floats(2e-3, 0.1),
    delays=st.lists(st.floats(1, 4), min_size=1, max_size=4),
    budget=st.sampled_from([60.0, 300.0]),
    devices=st.integers(1, 3),
)
def test_the_budget_is_kept_within_ten_percent(
    tmp_path: Path, call_seconds: float, delays: list[float], budget: float, devices: int
) -> None:
    clock = FakeClock()
    fakes = [
        FakeDevice(clock, lambda n: call_seconds * delays[n % len(delays)], f"cuda:{i}")
        for i in range(devices)
    ]
    record = run(tmp_path, workload("a"), workload("b"), devices=fakes, clock=clock, budget_seconds=budget)
    assert record.seconds_spent <= 1.1 * budget
    # Less only where a figure has settled.
    settled = any(result.settled for result in record.results)
    assert settled or record.seconds_spent == pytest.approx(budget, rel=0.1)
    assert all(len(result.rounds) >= MIN_ROUNDS for result in record.results)
    assert len(record.results) == 2 * devices


def test_too_short_a_budget_still_gives_five_rounds_and_says_so(tmp_path: Path) -> None:
    clock, events = FakeClock(), list[ProgressEvent]()
    slow = FakeDevice(clock, lambda _number: 2.0)
    record = run(tmp_path, devices=[slow], clock=clock, budget_seconds=5.0, progress=events.append)
    assert len(only(record).rounds) == MIN_ROUNDS
    assert [event.kind for event in events].count("warning") == 1


def test_value_is_the_median_of_rounds_and_all_are_kept(tmp_path: Path) -> None:
    clock = FakeClock()
    drifting = FakeDevice(clock, lambda number: 0.01 * (1 + number / 5000))
    result = only(run(tmp_path, devices=[drifting], clock=clock))
    assert list(result.rounds) == sorted(result.rounds, reverse=True)
    assert sorted(result.rounds)[len(result.rounds) // 2] <= (result.value or 0) * 1.01
    assert result.ci95 is not None
    assert result.rounds[-1] < result.ci95[0] < result.ci95[1] < result.rounds[0]
    assert result.settled is False


def order_of_rounds(tmp_path: Path, seed: int) -> list[str | None]:
    events: list[ProgressEvent] = []
    run(tmp_path, *(workload(name) for name in "abcd"), progress=events.append, seed=seed)
    return [event.workload for event in events if event.kind == "round"]


def test_rounds_are_interleaved_in_an_order_that_the_seed_draws(tmp_path: Path) -> None:
    order = order_of_rounds(tmp_path, 1)
    rounds = [order[start : start + 4] for start in range(0, len(order), 4)]
    assert all(sorted(filter(None, one)) == list("abcd") for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1
    assert order == order_of_rounds(tmp_path, 1)
    assert order != order_of_rounds(tmp_path, 2)


def test_the_best_shape_is_measured_again(tmp_path: Path) -> None:
    clock = FakeClock()
    sizes = (10**8, 10**9, 10**10)

    def choose(size: int) -> None:
        speed = {10**8: 1e11, 10**9: 4e11, 10**10: 2e11}[size]
        device.call_seconds = lambda _number: size / speed

    device = FakeDevice(clock)
    fake = workload(sizes=sizes, on_prepare=choose)
    result = only(run(tmp_path, fake, devices=[device], clock=clock))
    assert result.shape == {"size": 10**9}
    assert result.value == pytest.approx(4e11)


def failing(message: str, error: type[Exception] = RuntimeError) -> Callable[..., None]:
    def fail(*_arguments: object) -> None:
        raise error(message)

    return fail


@pytest.mark.parametrize("place", ["on_prepare", "on_call"])
def test_one_failure_leaves_the_others_alone(tmp_path: Path, place: str) -> None:
    bad = workload("bad", **{place: failing("no such kernel\non this device")})
    record = run(tmp_path, workload("good"), bad, workload("fine"))
    found = {result.workload: result for result in record.results}
    assert found["bad"].status == "failed"
    assert found["bad"].reason == "RuntimeError: no such kernel on this device"
    assert found["bad"].value is None
    assert found["good"].status == found["fine"].status == "ok"


def test_a_device_that_stays_broken_is_reported_by_its_first_error(tmp_path: Path) -> None:
    clock = FakeClock()
    broken = FakeDevice(clock, on_release=failing("device-side assert again"))
    record = run(tmp_path, workload(on_call=failing("device-side assert")), devices=[broken], clock=clock)
    assert only(record).reason == "RuntimeError: device-side assert"


@pytest.mark.parametrize(("calls", "status"), [(300, "failed"), (900, "ok")])
def test_a_failure_after_five_rounds_leaves_them_standing(tmp_path: Path, calls: int, status: str) -> None:
    made = iter(range(10**6))
    clock = FakeClock()
    # Never settles, so that only the failure ends it.
    device = FakeDevice(clock, lambda number: 0.01 * (1 + number % 200 / 100))

    def fail_late() -> None:
        if next(made) > calls:
            raise RuntimeError("device lost")

    result = only(run(tmp_path, workload(on_call=fail_late), devices=[device], clock=clock))
    assert result.status == status
    assert (len(result.rounds) >= MIN_ROUNDS) == (status == "ok")
    assert any("device lost" in text for text in (*result.notes, result.reason or ""))


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2 TiB")]
)
def test_out_of_memory_falls_back_to_the_shape_before(tmp_path: Path, error: Exception) -> None:
    def allocate(size: int) -> None:
        if size > 10**8:
            raise error

    result = only(run(tmp_path, workload(sizes=(10**7, 10**8, 10**9), on_prepare=allocate)))
    assert (result.status, result.shape) == ("ok", {"size": 10**8})


def test_out_of_memory_at_the_smallest_shape_is_a_failure(tmp_path: Path) -> None:
    result = only(run(tmp_path, workload(on_prepare=failing("", MemoryError))))
    assert (result.status, result.reason) == ("failed", "MemoryError")


def test_a_wrong_output_counts_for_nothing(tmp_path: Path) -> None:
    result = only(run(tmp_path, workload(verdict=WRONG)))
    assert (result.status, result.correct, result.value) == ("incorrect", False, None)
    assert "3 of 4 wrong" in (result.reason or "")


def test_an_output_that_goes_wrong_later_counts_for_nothing(tmp_path: Path) -> None:
    fake = workload()

    def spoil(event: ProgressEvent) -> None:
        if event.kind == "round":
            fake.verdict = WRONG

    assert only(run(tmp_path, fake, progress=spoil)).status == "incorrect"


def test_a_lacking_precision_is_skipped_with_the_reason(tmp_path: Path) -> None:
    clock = FakeClock()
    device = FakeDevice(clock, lacking={"bf16": "bf16 is only emulated here"})
    both = workload(precisions=("bf16", "fp32"))
    skipped, taken = run(tmp_path, both, devices=[device], clock=clock).results
    skipped, taken = sorted((skipped, taken), key=lambda result: result.precision)
    assert (skipped.status, skipped.reason) == ("skipped", "bf16 is only emulated here")
    assert (skipped.value, skipped.rounds, skipped.correct) == (None, (), None)
    assert taken.status == "ok"


def test_too_little_memory_is_skipped_with_the_reason(tmp_path: Path) -> None:
    clock = FakeClock()
    result = only(run(tmp_path, devices=[FakeDevice(clock, free_bytes=10**9)], clock=clock))
    assert result.status == "skipped"
    assert "0.40 GB may be taken" in (result.reason or "")


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


def test_without_meters_quantities_are_null(tmp_path: Path) -> None:
    result = only(run(tmp_path))
    assert (result.clock_mhz, result.power_w, result.energy_j_per_flop, result.throttled) == (None,) * 4


def test_a_clock_that_jumps_gives_no_value(tmp_path: Path) -> None:
    clock = FakeClock()
    device = FakeDevice(clock, lambda number: -5.0 if number >= 200 else 0.01)
    result = only(run(tmp_path, devices=[device], clock=clock))
    assert (result.status, result.value) == ("failed", None)
    assert "the clock jumped: a call took -5 s" in (result.reason or "")


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


def test_a_repeated_call_with_other_bits_is_incorrect(tmp_path: Path) -> None:
    digests = (f"{number}" for number in range(10**6))
    result = only(run(tmp_path, workload(digest=lambda: next(digests))))
    assert (result.status, result.correct, result.repeatable) == ("incorrect", False, False)
    assert "two calls on the same operands differ in their bits" in (result.reason or "")


def test_a_repeated_call_with_the_same_bits_is_said(tmp_path: Path) -> None:
    result = only(run(tmp_path, workload(digest=lambda: "same")))
    assert (result.status, result.repeatable) == ("ok", True)


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


def stop_after(rounds: int) -> Callable[[ProgressEvent], None]:
    seen: list[ProgressEvent] = []

    def stop(event: ProgressEvent) -> None:
        seen.extend([event] if event.kind == "round" else [])
        if len(seen) == rounds:
            seen.append(event)
            raise KeyboardInterrupt

    return stop


def test_an_early_interrupt_keeps_the_raw_rounds(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, progress=stop_after(3))
    record = load_record(next(tmp_path.glob("record-*.json")))
    assert record.interrupted
    assert (only(record).status, len(only(record).rounds)) == ("failed", 3)
    assert only(record).reason == "interrupted: 3 of at least 5 rounds done"


def test_a_late_interrupt_keeps_the_value(tmp_path: Path) -> None:
    clock = FakeClock()
    gpus = [FakeDevice(clock, id="cuda:0"), FakeDevice(clock, id="cuda:1")]
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, devices=gpus, clock=clock, progress=stop_after(7))
    first, second = load_record(next(tmp_path.glob("record-*.json"))).results
    assert first.status == "ok"
    assert first.value == pytest.approx(1e11)
    assert second.reason == "interrupted: 1 of at least 5 rounds done"
    assert not list(tmp_path.glob("journal-*"))


KILLED = """
import os, sys
from pathlib import Path
from bench.devices.fake import FakeClock, FakeDevice, FakeWorkload
from bench.plan import Plan
from bench.session import measure
from kernels.workload import Verdict

clock = FakeClock()
right = Verdict(correct=True, detail="")
def die(event):
    if event.device == "cuda:1" and event.kind == "round":
        os._exit(9)
measure(
    Plan("quick", 60.0), lookup=lambda _: None, out_dir=Path(sys.argv[1]), progress=die,
    devices=[FakeDevice(clock, id="cuda:0"), FakeDevice(clock, id="cuda:1")],
    workloads={"fake": FakeWorkload(right)}, clock=clock,
)
"""


def test_a_kill_keeps_what_was_finished(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == 9
    (path,) = tmp_path.iterdir()
    (kept,) = read_results(path)
    assert (kept.device, kept.status) == ("cuda:0", "ok")
    assert kept.value == pytest.approx(1e11)
    kinds = [json.loads(line)["kind"] for line in path.read_text(encoding="utf-8").splitlines()]
    assert kinds[0] == "start"
    assert kinds[-1] == "round"


def test_a_folder_that_cannot_be_written_is_said_before_measuring(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("", encoding="utf-8")
    clock = FakeClock()
    with pytest.raises(InputError, match="cannot be written"):
        run(taken, clock=clock)
    assert clock() == 0


@pytest.mark.parametrize(
    ("plan", "fault"),
    [
        ({"workloads": ("gemn",)}, "no workload named 'gemn'.*did you mean 'gemm'"),
        ({"precisions": ("fp31",)}, "no workload runs in precision 'fp31'; choose from fp32"),
        ({"budget_seconds": 0.0}, "budget must lie between 1 s and"),
        ({"budget_seconds": float("nan")}, "found nan"),
        ({"budget_seconds": float("inf")}, "found inf"),
        ({"seed": -1}, "seed must be 0 or more; found -1"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(
    tmp_path: Path, plan: dict[str, Any], fault: str
) -> None:
    with pytest.raises(InputError, match=fault):
        run(tmp_path, workload("gemm"), **plan)
    assert list(tmp_path.iterdir()) == []


def test_precision_holds_for_arithmetic_only(tmp_path: Path) -> None:
    arithmetic = workload("gemm", precisions=("bf16", "fp32"))
    memory = workload("memory_copy", metric="bandwidth", unit="B/s", precisions=("fp32",))
    record = run(tmp_path, arithmetic, memory, precisions=("bf16",))
    assert {(result.workload, result.precision) for result in record.results} == {
        ("gemm", "bf16"),
        ("memory_copy", "fp32"),
    }


def test_a_time_given_by_the_user_is_a_custom_budget() -> None:
    assert budget_of("quick", None) == ("quick", 60)
    assert budget_of("full", None) == ("full", 1800)
    assert budget_of("quick", 90.0) == ("custom", 90)


def test_this_machine_is_really_measured(tmp_path: Path) -> None:
    plan = Plan("custom", 2.5, "cpu", ("memory_copy",))
    record = measure(plan, lookup=lambda _description: None, out_dir=tmp_path, progress=silent)
    result = only(record)
    assert (result.status, result.correct) == ("ok", True), result.reason
    assert 1e8 < (result.value or 0) < 1e13
    assert result.fraction_of_peak is None
    assert min(result.rounds) <= (result.value or 0) <= max(result.rounds)
    assert result.sample_seconds < record.seconds_spent < 30
    assert record.environment["torch"]
