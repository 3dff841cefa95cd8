"""Intel's XPU and Apple's MPS through torch, timed by the host's clock around a whole batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from bench.devices.device import Batch, Reading
from bench.devices.gpu_place import gpu_place
from bench.devices.precisions import lacks
from bench.extras import require_psutil, require_torch
from bench.record import DeviceDescription

if TYPE_CHECKING:
    from kernels.workload import Place

# Smallest product that every library takes: some need multiples of 16.
PROBE_SIDE = 32
DTYPES = {
    "fp64": "float64",
    "fp16": "float16",
    "bf16": "bfloat16",
    "int8": "int8",
    "fp8": "float8_e4m3fn",
}


class OtherGpu:
    """An XPU or MPS device."""

    def __init__(self, kind: Literal["xpu", "mps"], index: int) -> None:
        self._torch = require_torch()
        self._kind = kind
        self._backend = getattr(self._torch, kind)
        self.torch_device = f"{kind}:{index}"
        self._properties = self._backend.get_device_properties(index) if kind == "xpu" else None
        self.description = self._describe()

    def lacks(self, precision: str) -> str | None:
        """Why it cannot run a precision: by its maker, then by torch, then by trying a small product."""
        name = self.description.name
        reason = lacks(self._kind, precision, isa=frozenset(), architecture=None)
        if reason is not None or precision == "fp32":
            return reason
        if precision == "fp64" and not getattr(self._properties, "has_fp64", True):
            return f"{name} has no fp64 units"
        if precision == "tf32" and not self._tf32_told():
            return f"torch does not say that {name} has tf32"
        if precision in DTYPES:
            return self._does_not_run(precision)
        return None if precision == "tf32" else f"torch has no {precision} product for {name}"

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

    def busy(self, own_pids: Iterable[int] = ()) -> str | None:
        """None: nothing tells who else uses it."""
        return None

    def release_memory(self) -> None:
        """Return torch's cached blocks."""
        self._backend.empty_cache()

    def _tf32_told(self) -> bool:
        """Whether torch says that the device has tf32; older versions of torch cannot say it."""
        return bool(getattr(self._backend, "is_tf32_supported", lambda: False)())

    def _does_not_run(self, precision: str) -> str | None:
        try:
            self._multiply(precision)
            self._backend.synchronize()
        # What torch lacks for a device and a type it says in many ways.
        except (RuntimeError, TypeError, AttributeError, NotImplementedError) as error:
            return f"{precision} does not run on {self.description.name}: {error}"
        return None

    def _multiply(self, precision: str) -> None:
        torch, kind = self._torch, getattr(self._torch, DTYPES[precision])
        ones = torch.ones(PROBE_SIDE, PROBE_SIDE, device=self.torch_device).to(kind)
        if precision == "int8":
            torch._int_mm(ones, ones)
        elif precision == "fp8":
            scale = torch.ones((), device=self.torch_device)
            torch._scaled_mm(ones, ones.t(), scale, scale, out_dtype=torch.bfloat16)
        else:
            torch.mm(ones, ones)

    def _describe(self) -> DeviceDescription:
        found: Any = self._properties
        if found is None:
            name, memory, driver = "Apple GPU (Metal)", self._backend.recommended_max_memory(), None
        else:
            name, memory, driver = found.name, found.total_memory, getattr(found, "driver_version", None)
        return DeviceDescription(
            id=self.torch_device,
            kind=self._kind,
            name=name,
            memory_bytes=memory or None,
            units=getattr(found, "gpu_eu_count", None),
            driver=None if driver is None else str(driver),
        )
