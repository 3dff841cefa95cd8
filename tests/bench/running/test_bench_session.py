"""What a run gives, in which order and within which time, and which plans are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.devices.fake import FakeClock, FakeDevice
from bench.errors import InputError
from bench.plan import MIN_ROUNDS, budget_of
from bench.progress import ProgressEvent
from bench.record import load_record
from tests.bench.faked import only, run, workload


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


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    call_seconds=st.floats(5e-3, 0.1),
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


def test_precision_holds_for_arithmetic_only(tmp_path: Path) -> None:
    arithmetic = workload("gemm", precisions=("bf16", "fp32"))
    memory = workload("memory_copy", metric="bandwidth", unit="B/s", precisions=("fp32",))
    record = run(tmp_path, arithmetic, memory, precisions=("bf16",))
    assert {(result.workload, result.precision) for result in record.results} == {
        ("gemm", "bf16"),
        ("memory_copy", "fp32"),
    }


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


def test_a_plan_with_nothing_to_measure_leaves_no_journal_to_resume(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to measure"):
        run(
            tmp_path,
            workload("a"),
            workload("b", precisions=("bf16",)),
            workloads=("a",),
            precisions=("bf16",),
        )
    assert list(tmp_path.iterdir()) == []


def test_a_time_given_by_the_user_is_a_custom_budget() -> None:
    assert budget_of("quick", None) == ("quick", 60)
    assert budget_of("full", None) == ("full", 1800)
    assert budget_of("quick", 90.0) == ("custom", 90)
