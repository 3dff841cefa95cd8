"""GPUs through torch: CUDA and ROCm (which torch calls cuda), Intel's XPU, Apple's MPS."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from bench.devices.device import ASSUMED_CACHE_BYTES, MEMORY_SHARE, Batch, Reading
from bench.devices.nvml import NvmlMeter
from bench.extras import require_psutil, require_torch
from bench.record import DeviceDescription

if TYPE_CHECKING:
    from kernels.workload import Place


class CudaDevice:
    """An NVIDIA or AMD GPU, timed by its own events."""

    def __init__(self, index: int) -> None:
        self._torch = require_torch()
        self._index = index
        self.torch_device = f"cuda:{index}"
        properties = self._torch.cuda.get_device_properties(index)
        uuid = getattr(properties, "uuid", None)
        self._uuid = None if uuid is None else f"GPU-{uuid}"
        self._meter = NvmlMeter(None if self._torch.version.hip else self._uuid)
        self.description = self._describe(properties)

    def lacks(self, precision: str) -> str | None:
        """Torch says whether bf16 is native."""
        if precision == "bf16" and not self._bf16_native():
            return f"bf16 is only emulated on {self.description.name}"
        return None

    def free_memory_bytes(self) -> int:
        """Memory of the device that no process holds. Unit: B."""
        free, _total = self._torch.cuda.mem_get_info(self._index)
        return int(free)

    def place(self) -> Place:
        """The whole GPU."""
        return gpu_place(self.description, self.torch_device, self.free_memory_bytes())

    @contextmanager
    def activated(self) -> Iterator[None]:
        """Make it torch's current device, whose stream the events are recorded on."""
        with self._torch.cuda.device(self._index):
            yield

    def time_calls(self, call: Callable[[], None], count: int, during: Callable[[], None]) -> Batch:
        """Queue all calls with an event between each two; ``during`` runs while the queue drains."""
        cuda = self._torch.cuda
        events = [cuda.Event(enable_timing=True) for _ in range(count + 1)]
        cuda.synchronize()
        events[0].record()
        for event in events[1:]:
            call()
            event.record()
        during()
        cuda.synchronize()
        pairs = itertools.pairwise(events)
        return Batch(tuple(start.elapsed_time(end) / 1e3 for start, end in pairs))

    def read(self) -> Reading:
        """NVML's meters; AMD's are not read yet."""
        return self._meter.read()

    def release_memory(self) -> None:
        """Return torch's cached blocks."""
        self._torch.cuda.empty_cache()

    def _bf16_native(self) -> bool:
        with self._torch.cuda.device(self._index):
            return bool(self._torch.cuda.is_bf16_supported(including_emulation=False))

    def _describe(self, properties: Any) -> DeviceDescription:
        is_rocm = bool(self._torch.version.hip)
        capability = f"{properties.major}.{properties.minor}"
        return DeviceDescription(
            id=self.torch_device,
            kind="rocm" if is_rocm else "cuda",
            name=properties.name,
            memory_bytes=properties.total_memory,
            cache_bytes=getattr(properties, "L2_cache_size", None) or None,
            units=properties.multi_processor_count,
            uuid=self._uuid,
            driver=self._meter.driver(),
            architecture=getattr(properties, "gcnArchName", None) if is_rocm else capability,
            power_limit_w=self._meter.power_limit_w(),
            max_clock_mhz=self._meter.max_clock_mhz(),
        )


class OtherGpu:
    """An XPU or MPS device, timed by the host's clock around a whole batch."""

    def __init__(self, kind: Literal["xpu", "mps"], index: int) -> None:
        self._torch = require_torch()
        self._kind = kind
        self._backend = getattr(self._torch, kind)
        self.torch_device = f"{kind}:{index}"
        self.description = self._describe(index)

    def lacks(self, precision: str) -> str | None:
        """A device that cannot even hold a bf16 product lacks it; torch tells no more."""
        if precision != "bf16":
            return None
        try:
            ones = self._torch.ones(8, 8, dtype=self._torch.bfloat16, device=self.torch_device)
            self._torch.mm(ones, ones)
        except (RuntimeError, TypeError) as error:
            return f"bf16 does not run on {self.description.name}: {error}"
        return None

    def free_memory_bytes(self) -> int:
        """Memory of the device, or of the node where they share it, less what torch holds. Unit: B."""
        if self._kind == "mps":
            return int(require_psutil().virtual_memory().available)
        total = self.description.memory_bytes or 0
        return int(total - self._backend.memory_allocated(self.torch_device))

    def place(self) -> Place:
        """The whole GPU."""
        return gpu_place(self.description, self.torch_device, self.free_memory_bytes())

    @contextmanager
    def activated(self) -> Iterator[None]:
        """Nothing to switch: calls go to the device of their operands."""
        yield

    def time_calls(self, call: Callable[[], None], count: int, during: Callable[[], None]) -> Batch:
        """Mean over the batch, given once per call: single calls cannot be told apart from outside."""
        self._backend.synchronize()
        start = time.perf_counter()
        for _ in range(count):
            call()
        during()
        self._backend.synchronize()
        return Batch((((time.perf_counter() - start) / count),) * count)

    def read(self) -> Reading:
        """No meter is known to us on these devices."""
        return Reading()

    def release_memory(self) -> None:
        """Return torch's cached blocks."""
        self._backend.empty_cache()

    def _describe(self, index: int) -> DeviceDescription:
        if self._kind == "mps":
            name, memory = "Apple GPU (Metal)", self._backend.recommended_max_memory()
        else:
            properties = self._backend.get_device_properties(index)
            name, memory = properties.name, properties.total_memory
        return DeviceDescription(
            id=self.torch_device, kind=self._kind, name=name, memory_bytes=memory or None
        )


def gpu_place(description: DeviceDescription, torch_device: str, free_bytes: int) -> Place:
    """The place that a GPU is; free memory in B."""
    from kernels.workload import Place  # noqa: PLC0415 - another package may hide ours until checked

    return Place(
        device=torch_device,
        kind=description.kind,
        memory_bytes=int(free_bytes * MEMORY_SHARE),
        cache_bytes=description.cache_bytes or ASSUMED_CACHE_BYTES,
        architecture=description.architecture,
        native_absent="compiled routines are for CPUs",
    )
