"""What fails, is wrong, is lacking or is cut off costs itself and nothing else, and the record says so."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.devices.fake import FakeClock, FakeDevice
from bench.plan import MIN_ROUNDS
from bench.progress import ProgressEvent
from bench.record import load_record
from bench.running.resume import read_progress
from tests.bench.faked import WRONG, only, run, workload


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


def test_a_repeated_call_with_other_bits_is_incorrect(tmp_path: Path) -> None:
    digests = (f"{number}" for number in range(10**6))
    result = only(run(tmp_path, workload(digest=lambda: next(digests))))
    assert (result.status, result.correct, result.repeatable) == ("incorrect", False, False)
    assert "two calls on the same operands differ in their bits" in (result.reason or "")


def test_a_repeated_call_with_the_same_bits_is_said(tmp_path: Path) -> None:
    result = only(run(tmp_path, workload(digest=lambda: "same")))
    assert (result.status, result.repeatable) == ("ok", True)


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
    (kept,) = read_progress(path).results.values()
    assert (kept.device, kept.status) == ("cuda:0", "ok")
    assert kept.value == pytest.approx(1e11)
    kinds = [json.loads(line)["kind"] for line in path.read_text(encoding="utf-8").splitlines()]
    assert kinds[0] == "start"
    assert kinds[-1] == "round"
