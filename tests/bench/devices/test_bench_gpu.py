"""GPU classes against a stand-in for torch that writes down what it is asked to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from bench.devices import gpu, other_gpu
from bench.devices.fake import FakeClock
from bench.devices.gpu import CudaDevice
from bench.devices.meters.amdsmi import AmdMeter
from bench.devices.other_gpu import OtherGpu
from bench.devices.present import present_devices

UUID = "11111111-2222-3333-4444-555555555555"


class Event:
    """A CUDA event of a device on which each call takes 2 ms, unless told otherwise."""

    def __init__(self, log: list[str], enable_timing: bool, call_ms: float = 2.0) -> None:
        assert enable_timing
        self._log, self._call_ms = log, call_ms
        self.calls_before = -1

    def record(self) -> None:
        self.calls_before = self._log.count("call")

    def elapsed_time(self, end: Event) -> float:
        assert self._log[-1] == "synchronize", "times are only there once the device is done"
        return self._call_ms * (end.calls_before - self.calls_before)


class Graph:
    """A CUDA graph: calls made while it records are taken out of the log, and come back on replay."""

    def __init__(self, log: list[str], refuses: bool) -> None:
        self._log, self._refuses = log, refuses
        self._begin, self.recorded = -1, list[str]()

    def capture_begin(self, capture_error_mode: str) -> None:
        assert capture_error_mode == "thread_local", "meters are read by another thread"
        assert "on stream" in self._log, "recording needs a stream of its own"
        self._begin = len(self._log)

    def capture_end(self) -> None:
        self.recorded = self._log[self._begin :]
        del self._log[self._begin :]
        if self._refuses:
            raise RuntimeError("operation not permitted when stream is capturing")
        self._log.append(f"captured {len(self.recorded)}")

    def replay(self) -> None:
        self._log.extend(self.recorded)


def fake_torch(
    log: list[str],
    *,
    hip: str | None = None,
    bf16: bool = True,
    call_ms: float = 2.0,
    refuses: bool = False,
    **also: Any,
) -> SimpleNamespace:
    facts = {
        "name": "ACME One",
        "major": 9,
        "minor": 0,
        "gcnArchName": "gfx942",
        "total_memory": 80 << 30,
        "L2_cache_size": 50 << 20,
        "multi_processor_count": 132,
        "uuid": UUID,
    }
    properties = SimpleNamespace(**{**facts, **also})

    @contextmanager
    def stream(_stream: Any) -> Iterator[None]:
        log.append("on stream")
        yield
        log.append("off stream")

    cuda = SimpleNamespace(
        is_available=lambda: True,
        device_count=lambda: 2,
        get_device_properties=lambda _index: properties,
        mem_get_info=lambda _index: (70 << 30, 80 << 30),
        device=lambda _index: nullcontext(),
        is_bf16_supported=lambda including_emulation: bf16 or including_emulation,
        Event=lambda enable_timing: Event(log, enable_timing, call_ms),
        CUDAGraph=lambda: Graph(log, refuses),
        Stream=lambda: SimpleNamespace(wait_stream=lambda _other: None),
        current_stream=lambda: SimpleNamespace(wait_stream=lambda _other: None),
        stream=stream,
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
    return SimpleNamespace(
        cuda=cuda,
        xpu=xpu,
        mps=SimpleNamespace(recommended_max_memory=lambda: 32 << 30, synchronize=lambda: None),
        version=version,
        backends=SimpleNamespace(mps=mps),
        ones=lambda *_shape, device: SimpleNamespace(to=lambda dtype: dtype),
        float64="fp64",
        float16="fp16",
        bfloat16="bf16",
        int8="int8",
        mm=lambda a, _b: log.append(f"mm {a}"),
    )


def with_torch(monkeypatch: pytest.MonkeyPatch, **options: Any) -> list[str]:
    log: list[str] = []
    torch = fake_torch(log, **options)
    monkeypatch.setattr(gpu, "require_torch", lambda: torch)
    monkeypatch.setattr(other_gpu, "require_torch", lambda: torch)
    monkeypatch.setattr("bench.devices.present.require_torch", lambda: torch)
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


def test_what_an_architecture_lacks_is_told_before_torch_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with_torch(monkeypatch)
    assert "compute capability 10.0; this GPU has 9.0" in (CudaDevice(0).lacks("fp4") or "")
    assert CudaDevice(0).lacks("fp8") is None
    with_torch(monkeypatch, hip="6.4")
    assert CudaDevice(0).lacks("fp4") == "gfx942 has no instructions for fp4"


def test_short_calls_are_recorded_and_their_replays_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    log = with_torch(monkeypatch, call_ms=0.004)
    batch = CudaDevice(0).time_calls(lambda: log.append("call"), 120, lambda: log.append("meter"))
    assert batch.replayed
    assert batch.call_seconds == pytest.approx((4e-6,) * 120)
    # Three replays of forty calls; the meter is read while the last of them may still run.
    assert log[log.index("captured 40") + 1 :] == [
        *("off stream", "synchronize"),
        *(["call"] * 120),
        *("meter", "synchronize"),
    ]


@pytest.mark.parametrize("count", [10, 101])
def test_a_batch_of_replays_is_as_long_as_asked_for(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    log = with_torch(monkeypatch, call_ms=0.004)
    batch = CudaDevice(0).time_calls(lambda: log.append("call"), count, lambda: None)
    assert len(batch.call_seconds) == count


@pytest.mark.parametrize(("call_ms", "refuses"), [(0.004, True), (0.06, False)])
def test_long_calls_and_calls_that_cannot_be_recorded_are_timed_one_by_one(
    monkeypatch: pytest.MonkeyPatch, call_ms: float, refuses: bool
) -> None:
    log = with_torch(monkeypatch, call_ms=call_ms, refuses=refuses)
    batch = CudaDevice(0).time_calls(lambda: log.append("call"), 30, lambda: log.append("meter"))
    assert not batch.replayed
    assert batch.call_seconds == pytest.approx((call_ms / 1e3,) * 30)
    assert log.count("meter") == 1
    assert not any(entry.startswith("captured") for entry in log)


def test_a_call_that_raises_while_it_is_recorded_ends_the_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    log = with_torch(monkeypatch, call_ms=0.004)

    def call() -> None:
        if log.count("call") == 10:
            raise ValueError("a fault of the kernel itself")
        log.append("call")

    with pytest.raises(ValueError, match="itself"):
        CudaDevice(0).time_calls(call, 100, lambda: None)
    assert any(entry.startswith("captured") for entry in log), "the stream must not be left recording"


def test_calls_of_many_launches_are_recorded_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long calls that the host takes as long to queue: one to a graph, which leaves a time for each."""
    log, clock = with_torch(monkeypatch, call_ms=5.0), FakeClock()

    def launch_often() -> None:
        log.append("call")
        clock.advance(4e-3)

    batch = CudaDevice(0, clock).time_calls(launch_often, 12, lambda: log.append("meter"))
    assert batch.replayed
    assert "captured 1" in log
    assert batch.call_seconds == pytest.approx((5e-3,) * 12)
    assert log.count("meter") == 1


def test_one_slow_launch_does_not_make_a_long_call_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first call may load a library for a second."""
    log, clock = with_torch(monkeypatch, call_ms=5.0), FakeClock()

    def call() -> None:
        clock.advance(2e-3 if log.count("call") else 1.0)
        log.append("call")

    assert not CudaDevice(0, clock).time_calls(call, 12, lambda: None).replayed


def test_meters_and_users_are_the_vendor_librarys(monkeypatch: pytest.MonkeyPatch) -> None:
    with_torch(monkeypatch)
    told = SimpleNamespace(
        driver=lambda: "570",
        power_limit_w=lambda: 400.0,
        max_clock_mhz=lambda: 1980.0,
        variant=lambda: "power limit 400 of 700 W",
        details=lambda: {"ecc_enabled": True},
        local_cpus=lambda: (4, 5),
        busy=lambda own_pids: f"not {list(own_pids)}",
    )
    monkeypatch.setattr(gpu, "NvmlMeter", lambda uuid: told if uuid == f"GPU-{UUID}" else None)
    device = CudaDevice(0)
    assert (device.description.variant, device.description.details) == (told.variant(), {"ecc_enabled": True})
    assert (device.description.power_limit_w, device.local_cpus()) == (400, (4, 5))
    assert device.busy([7]) == "not [7]"


def test_an_amd_gpu_is_found_by_its_place_or_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    def meter(*found: Any) -> AmdMeter:
        asked.append(found)
        return AmdMeter(*found)

    monkeypatch.setattr("bench.devices.gpu.AmdMeter", meter)
    with_torch(monkeypatch, hip="6.4", pci_domain_id=0, pci_bus_id=0xC1, pci_device_id=0)
    CudaDevice(0)
    # ROCm puts the digits of the unique number, as text, where the bytes of a UUID belong.
    with_torch(monkeypatch, hip="6.4", uuid=b"5d1f00a2b3c4d5e6".hex())
    CudaDevice(0)
    assert asked == [("0000:c1:00", None, "ACME One"), (None, 0x5D1F00A2B3C4D5E6, "ACME One")]


def test_an_intel_gpu_says_what_it_lacks_or_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    log = with_torch(monkeypatch, has_fp64=False)
    device = OtherGpu("xpu", 0)
    assert device.lacks("fp64") == "ACME One has no fp64 units"
    assert device.lacks("fp32") is None
    assert device.lacks("bf16") is None
    assert "mm bf16" in log
    assert "does not say" in (device.lacks("tf32") or "")
    # The stand-in has no torch._int_mm and no eight-bit floats.
    assert "int8 does not run on ACME One" in (device.lacks("int8") or "")
    assert "fp8 does not run on ACME One" in (device.lacks("fp8") or "")
    assert "no fp4 product" in (device.lacks("fp4") or "")
    assert device.busy() is None


def test_an_apple_gpu_has_no_fp64(monkeypatch: pytest.MonkeyPatch) -> None:
    with_torch(monkeypatch)
    device = OtherGpu("mps", 0)
    assert device.description.memory_bytes == 32 << 30
    assert "Metal" in (device.lacks("fp64") or "")
    assert device.lacks("fp16") is None


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
