"""The CPU as a device: as many cores as affinity and control group leave to this process."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.devices.device import ASSUMED_CACHE_BYTES, MEMORY_SHARE, Batch, Reading
from bench.devices.meters.rapl import ENERGY_SOURCE, PackageEnergy
from bench.devices.native import load_native
from bench.devices.precisions import lacks
from bench.devices.system import cgroup, processor
from bench.extras import require_psutil, require_torch
from bench.record import DeviceDescription

if TYPE_CHECKING:
    from kernels.workload import Place


class CpuDevice:
    """The cores of this node that this process may use."""

    torch_device = "cpu"

    def __init__(self) -> None:
        self._torch = require_torch()
        self._psutil = require_psutil()
        self._energy = PackageEnergy()
        self._native = load_native()
        self.description = self._describe()

    def lacks(self, precision: str) -> str | None:
        """Why the CPU has no instructions for a precision, by its instruction sets; None where it has."""
        found = self.description
        return lacks("cpu", precision, isa=frozenset(found.isa), architecture=found.architecture)

    def free_memory_bytes(self) -> int:
        """Memory that the node has free and the control group still allows. Unit: B."""
        free = int(self._psutil.virtual_memory().available)
        headroom = cgroup.memory_headroom_bytes()
        return free if headroom is None else min(free, headroom)

    def place(self) -> Place:
        """The usable cores and their caches."""
        from kernels.workload import Place  # noqa: PLC0415 - another package may hide ours until checked

        return Place(
            device=self.torch_device,
            kind="cpu",
            memory_bytes=int(self.free_memory_bytes() * MEMORY_SHARE),
            cache_bytes=self.description.cache_bytes or ASSUMED_CACHE_BYTES,
            cpus=processor.usable_cpus()[: whole_cores()],
            numa_cpus=processor.cpus_by_memory_node(),
            isa=frozenset(self.description.isa),
            architecture=self.description.architecture,
            caches_bytes=processor.data_caches_bytes(),
            native=self._native.library,
            native_absent=self._native.absent,
        )

    @contextmanager
    def activated(self) -> Iterator[None]:
        """Hold torch to the usable cores: under a quota, more threads only throttle each other."""
        before = self._torch.get_num_threads()
        self._torch.set_num_threads(min(before, whole_cores()))
        try:
            yield
        finally:
            self._torch.set_num_threads(before)

    def time_calls(self, call: Callable[[], None], count: int, during: Callable[[], None]) -> Batch:
        """Time each call; ``during`` runs right after the last, while the cores are still at its clock."""
        seconds = [_seconds_of(call) for _ in range(count)]
        during()
        return Batch(tuple(seconds))

    def read(self) -> Reading:
        """Clock counted, else from the frequency driver; energy from RAPL, rare on virtual machines."""
        energy_j = self._energy.read_j()
        source = None if energy_j is None else ENERGY_SOURCE
        return Reading(clock_mhz=self._clock_mhz(), energy_j=energy_j, energy_source=source)

    def busy(self, own_pids: Iterable[int] = ()) -> str | None:
        """None: a CPU always has other users, and what they take is told beside each round."""
        return None

    def _clock_mhz(self) -> float | None:
        library = self._native.library
        if library is None:
            return processor.clock_mhz()
        from kernels.native.library import effective_clock_mhz  # noqa: PLC0415

        return effective_clock_mhz(library, processor.usable_cpus()[: whole_cores()])

    def release_memory(self) -> None:
        """Nothing to do: the allocator returns large blocks by itself."""

    def _describe(self) -> DeviceDescription:
        return DeviceDescription(
            id="cpu",
            kind="cpu",
            name=processor.model_name(),
            memory_bytes=self._psutil.virtual_memory().total,
            cache_bytes=processor.last_level_cache_bytes(),
            units=processor.physical_cores(),
            cores_present=os.cpu_count(),
            cores_usable=usable_cores(),
            isa=processor.isa() or self._isa_from_torch(),
            architecture=platform.machine() or None,
            max_clock_mhz=processor.max_clock_mhz(),
        )

    def _isa_from_torch(self) -> tuple[str, ...]:
        """What torch detected, for systems that do not list flags (Windows)."""
        capability = str(self._torch.backends.cpu.get_cpu_capability()).lower()
        known = {"avx512": ("avx2", "fma", "avx512f"), "avx2": ("avx2", "fma")}
        probe = getattr(self._torch.cpu, "_is_avx512_bf16_supported", lambda: False)
        return (*known.get(capability, ()), *(("avx512_bf16",) if probe() else ()))


def usable_cores() -> float:
    """Cores that affinity and quota leave to this process; a quota may allow a part of one. Unit: cores."""
    cores = float(len(processor.usable_cpus()))
    quota = cgroup.cpu_quota_cores()
    return cores if quota is None else min(cores, quota)


def whole_cores() -> int:
    """Threads worth running: under a quota, more only throttle each other."""
    return max(1, math.floor(usable_cores()))


def _seconds_of(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
