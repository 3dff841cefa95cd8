"""Where workloads run on a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.devices.device import ASSUMED_CACHE_BYTES, MEMORY_SHARE
from bench.record import DeviceDescription

if TYPE_CHECKING:
    from kernels.workload import Place


def gpu_place(
    description: DeviceDescription, torch_device: str, free_bytes: int, peers: tuple[str, ...] = ()
) -> Place:
    """The place that a GPU is; free memory in B, and the other devices beside it by their names in torch."""
    from kernels.workload import Place  # noqa: PLC0415 - another package may hide ours until checked

    return Place(
        device=torch_device,
        kind=description.kind,
        memory_bytes=int(free_bytes * MEMORY_SHARE),
        cache_bytes=description.cache_bytes or ASSUMED_CACHE_BYTES,
        architecture=description.architecture,
        peers=peers,
        native_absent="compiled routines are for CPUs",
    )
