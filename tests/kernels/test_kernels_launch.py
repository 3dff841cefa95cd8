"""Launches: how many there are, and that they may not be recorded and replayed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kernels.launch import LARGEST_COUNT, Launch, PreparedLaunch
from kernels.shared import capture
from kernels.workload import Counted, Place

LAUNCH = Launch()


def prepared(launches: int = 7, seed: int = 0) -> PreparedLaunch:
    operation = LAUNCH.prepare("fp32", {"launches": launches}, Place(), seed=seed)
    assert isinstance(operation, PreparedLaunch)
    return operation


def test_launches_are_counted_in_closed_form() -> None:
    assert isinstance(LAUNCH, Counted)
    ladder = LAUNCH.ladder("fp32", Place())
    counts = [LAUNCH.count(shape) for shape in ladder]
    assert counts == sorted(set(counts))
    for shape in ladder:
        assert LAUNCH.flop(shape) == LAUNCH.count(shape) == shape["launches"]
        assert LAUNCH.bytes_moved(shape, "fp32") == 0
        assert LAUNCH.footprint_bytes(shape, "fp32") == prepared().element.nbytes


def test_as_many_operators_are_dispatched_as_counted() -> None:
    operation = prepared(launches=23)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        operation.run()
    dispatched = {event.key: event.count for event in profile.key_averages()}
    assert dispatched["aten::add_"] == 23


@given(launches=st.integers(1, 50), calls=st.integers(1, 5), seed=st.integers(0, 1 << 40))
def test_right_count_passes(launches: int, calls: int, seed: int) -> None:
    operation = prepared(launches, seed)
    operation.poison()
    for _ in range(calls):
        with operation.setting():
            operation.run()
    verdict = operation.check()
    assert verdict.correct, verdict.detail
    assert f"{launches * calls} additions" in verdict.detail


@pytest.mark.parametrize("missing", [-1, 1, 7, float("nan")])
def test_a_launch_too_few_or_too_many_fails(missing: float) -> None:
    operation = prepared()
    operation.run()
    operation.element += missing
    assert not operation.check().correct


def test_nothing_launched_fails() -> None:
    operation = prepared()
    assert not operation.check().correct
    operation.run()
    assert operation.check().correct
    operation.poison()
    assert not operation.check().correct


def test_a_count_beyond_float32_stays_where_it_stops() -> None:
    operation = prepared()
    operation.element.fill_(LARGEST_COUNT - 2)
    operation._begin = LARGEST_COUNT - 2
    operation.run()
    assert float(operation.element) == LARGEST_COUNT
    assert operation.check().correct


def test_digest_tells_how_far_it_counted() -> None:
    operation, other = prepared(), prepared(seed=1)
    digests = []
    for _ in range(2):
        operation.poison()
        operation.run()
        digests.append(operation.digest())
    other.run()
    assert digests[0] == digests[1] != other.digest()


def test_recording_is_refused_after_one_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `bench.devices.gpu` expects it of a call that cannot be recorded: a RuntimeError."""
    operation = prepared()
    operation._device = "cuda:0"
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    with pytest.raises(RuntimeError, match="from the host") as refusal:
        operation.run()
    assert refusal.type is capture.NotRecordableError
    assert float(operation.element) == operation._begin + 1
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    operation.poison()
    operation.run()
    assert operation.check().correct


def test_other_devices_are_not_asked_about_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    assert not any(capture.recording(device) for device in ("cpu", "xpu:0", "mps"))
    assert capture.recording("cuda:0")


def test_another_precision_or_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="bf16"):
        LAUNCH.prepare("bf16", {"launches": 1}, Place(), seed=0)
    with pytest.raises(ValueError, match=r"'graph'.*known: torch"):
        LAUNCH.prepare("fp32", {"launches": 1}, Place(), seed=0, backend="graph")
