"""From what the user asks for to devices: ``auto``, ``all``, ``cpu``, ``cuda``, ``cuda:0,cuda:1``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from bench.devices.cpu import CpuDevice
from bench.devices.device import Device
from bench.devices.gpu import CudaDevice, OtherGpu
from bench.errors import DeviceError
from bench.extras import require_torch

Opener = Callable[[], Device]


def open_devices(selector: str) -> tuple[Device, ...]:
    """The devices that a selector names.

    ``auto`` is every GPU present, else the CPU; ``all`` is the CPU and every GPU; a bare kind is all of
    that kind; names may be joined by commas.

    Raises:
        DeviceError: A device asked for is not here; the message lists those that are.
        MissingExtraError: Torch is not installed.
    """
    present = present_devices()
    names = dict.fromkeys(name for part in selector.split(",") for name in _named(part.strip(), present))
    return tuple(present[name]() for name in names)


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


def _named(part: str, present: Mapping[str, Opener]) -> list[str]:
    gpus = [name for name in present if name != "cpu"]
    if part == "auto":
        return gpus or ["cpu"]
    if part == "all":
        return list(present)
    found = [name for name in present if part in (name, name.partition(":")[0])]
    if not found:
        raise DeviceError(f"no device {part!r} here; found {', '.join(present)}; or say auto or all")
    return found
