"""The devices of this node, as torch finds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from bench.devices.cpu import CpuDevice
from bench.devices.device import Device
from bench.devices.gpu import CudaDevice
from bench.devices.other_gpu import OtherGpu
from bench.extras import require_torch

Opener = Callable[[], Device]


def present_devices() -> Mapping[str, Opener]:
    """How to open each device of this node, by id; the CPU first.

    Raises:
        MissingExtraError: Torch is not installed.
    """
    torch = require_torch()
    present: dict[str, Opener] = {"cpu": CpuDevice}
    if torch.cuda.is_available():
        present |= {f"cuda:{index}": partial(CudaDevice, index) for index in range(torch.cuda.device_count())}
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        present |= {
            f"xpu:{index}": partial(OtherGpu, "xpu", index) for index in range(torch.xpu.device_count())
        }
    if torch.backends.mps.is_available():
        present["mps:0"] = partial(OtherGpu, "mps", 0)
    return present
