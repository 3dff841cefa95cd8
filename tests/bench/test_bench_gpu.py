"""GPU classes against a stand-in for torch that writes down what it is asked to do."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from bench.devices import gpu
from bench.devices.gpu import CudaDevice, OtherGpu
from bench.devices.selection import present_devices

UUID = "11111111-2222-3333-4444-555555555555"


class Event:
    """A CUDA event of a device on which each call takes 2 ms."""

    def __init__(self, log: list[str], enable_timing: bool) -> None:
        assert enable_timing
        self._log = log
        self.calls_before = -1

    def record(self) -> None:
        self.calls_before = self._log.count("call")

    def elapsed_time(self, end: Event) -> float:
        assert self._log[-1] == "synchronize", "times are only there once the device is done"
        return 2.0 * (end.calls_before - self.calls_before)


def fake_torch(log: list[str], *, hip: str | None = None, bf16: bool = True) -> SimpleNamespace:
    properties = SimpleNamespace(
        name="ACME One",
        major=9,
        minor=0,
        gcnArchName="gfx942",
        total_memory=80 << 30,
        L2_cache_size=50 << 20,
        multi_processor_count=132,
        uuid=UUID,
    )
    cuda = SimpleNamespace(
        is_available=lambda: True,
        device_count=lambda: 2,
        get_device_properties=lambda _index: properties,
        mem_get_info=lambda _index: (70 << 30, 80 << 30),
        device=lambda _index: nullcontext(),
        is_bf16_supported=lambda including_emulation: bf16 or including_emulation,
        Event=lambda enable_timing: Event(log, enable_timing),
        synchronize=lambda: log.append("synchronize"),
        empty_cache=lambda: log.append("empty_cache"),
    )
    xpu = SimpleNamespace(
        is_available=lambda: True,
        device_count=lambda: 1,
        get_device_properties=lambda _index: properties,
        memory_allocated=lambda _device: 30 << 30,
        synchronize=lambda: log.append("synchronize"),
        empty_cache=lambda: log.append("empty_cache"),
    )
    mps = SimpleNamespace(is_available=lambda: False)
    version = SimpleNamespace(hip=hip, cuda=None if hip else "12.8")
    return SimpleNamespace(cuda=cuda, xpu=xpu, version=version, backends=SimpleNamespace(mps=mps))


def with_torch(monkeypatch: pytest.MonkeyPatch, **options: Any) -> list[str]:
    log: list[str] = []
    torch = fake_torch(log, **options)
    monkeypatch.setattr(gpu, "require_torch", lambda: torch)
    monkeypatch.setattr("bench.devices.selection.require_torch", lambda: torch)
    return log


def test_an_nvidia_gpu_describes_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    with_torch(monkeypatch)
    found = CudaDevice(1).description
    assert (found.id, found.kind, found.name, found.uuid) == ("cuda:1", "cuda", "ACME One", f"GPU-{UUID}")
    assert (found.architecture, found.units, found.cache_bytes) == ("9.0", 132, 50 << 20)
    assert (found.power_limit_w, found.driver, found.accelerator) == (None, None, None)


def test_an_amd_gpu_is_told_from_an_nvidia_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with_torch(monkeypatch, hip="6.4")
    found = CudaDevice(0).description
    assert (found.id, found.kind, found.architecture) == ("cuda:0", "rocm", "gfx942")


def test_calls_are_queued_between_events_and_meters_read_before_the_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = with_torch(monkeypatch)
    batch = CudaDevice(0).time_calls(lambda: log.append("call"), 3, lambda: log.append("meter"))
    assert log == ["synchronize", "call", "call", "call", "meter", "synchronize"]
    assert batch.call_seconds == pytest.approx((0.002, 0.002, 0.002))


@pytest.mark.parametrize("native", [True, False])
def test_bf16_that_is_only_emulated_is_lacking(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    with_torch(monkeypatch, bf16=native)
    reason = CudaDevice(0).lacks("bf16")
    assert reason is None if native else "emulated on ACME One" in (reason or "")
    assert CudaDevice(0).lacks("fp32") is None


def test_free_memory_is_that_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    log = with_torch(monkeypatch)
    assert CudaDevice(0).free_memory_bytes() == 70 << 30
    assert OtherGpu("xpu", 0).free_memory_bytes() == 50 << 30
    CudaDevice(0).release_memory()
    assert log == ["empty_cache"]


def test_an_intel_gpu_is_timed_around_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    log = with_torch(monkeypatch)
    device = OtherGpu("xpu", 0)
    batch = device.time_calls(lambda: log.append("call"), 2, lambda: log.append("meter"))
    assert log == ["synchronize", "call", "call", "meter", "synchronize"]
    assert len(batch.call_seconds) == 2
    assert batch.total_seconds > 0
    assert (device.description.id, device.description.kind) == ("xpu:0", "xpu")


def test_all_devices_present_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    with_torch(monkeypatch)
    assert list(present_devices()) == ["cpu", "cuda:0", "cuda:1", "xpu:0"]
