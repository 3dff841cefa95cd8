"""The contract that every device meets, real or fake."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bench.record import DeviceDescription, Scalar

if TYPE_CHECKING:
    from kernels.workload import Place

# Of the free memory, what operands may take: the rest is for references, the allocator's caches and others.
MEMORY_SHARE = 0.4
# Last-level cache of a device that does not tell its own.
ASSUMED_CACHE_BYTES = 64 << 20
Clock = Callable[[], float]
"""Seconds from any fixed moment, never going back."""


def unwatched() -> None:
    """Stands for ``during`` of `Device.time_calls` where no meter is to be read."""


@dataclass(frozen=True)
class Batch:
    """Times of calls made one after the other.

    Attributes:
        call_seconds: One time per call, or the mean of the batch for each where the device cannot time
            single calls. Unit: s.
        replayed: Whether the calls were recorded once and replayed by the device, which takes the cost of
            launching each from the host out of the time.
    """

    call_seconds: tuple[float, ...]
    replayed: bool = False

    @property
    def total_seconds(self) -> float:
        """Time inside the calls. Unit: s."""
        return sum(self.call_seconds)


@dataclass(frozen=True)
class Reading:
    """What a device's meters say at one moment; None is what they do not say.

    Attributes:
        clock_mhz: Clock of the execution units. Unit: MHz.
        power_w: Power drawn now. Unit: W.
        energy_j: Reading of a counter that only grows. Unit: J.
        throttled: Whether heat, power or a fault holds the clock down.
        temperature_c: Unit: °C.
        throttle_reasons: Every reason the device gives for not running faster, by name.
        energy_source: What ``energy_j`` was read from: ``nvml_counter``, ``amdsmi_counter``, ``rapl``.
        lost: Whether the driver says that the device has fallen off the bus; nothing else is read then.
    """

    clock_mhz: float | None = None
    power_w: float | None = None
    energy_j: float | None = None
    throttled: bool | None = None
    temperature_c: float | None = None
    throttle_reasons: tuple[str, ...] = ()
    energy_source: str | None = None
    lost: bool = False


class Meter(Protocol):
    """What a vendor's management library tells of one GPU; None is what it does not tell."""

    def read(self) -> Reading:
        """All meters now."""

    def driver(self) -> str | None:
        """Version of the driver."""

    def power_limit_w(self) -> float | None:
        """Enforced power limit. Unit: W."""

    def max_clock_mhz(self) -> float | None:
        """Highest clock of the execution units. Unit: MHz."""

    def variant(self) -> str | None:
        """What makes the device less than the whole model, in words."""

    def details(self) -> dict[str, Scalar]:
        """Link, ECC, retired memory, partition and the like."""

    def local_cpus(self) -> tuple[int, ...]:
        """Logical CPUs of the memory node that the device hangs on; empty where nothing tells."""

    def busy(self, own_pids: Iterable[int] = ()) -> str | None:
        """What else uses the device, in words; asked while we leave it idle. None: nothing, or not told."""


class Device(Protocol):
    """Something calls can be timed on."""

    @property
    def description(self) -> DeviceDescription:
        """What it is."""

    @property
    def torch_device(self) -> str:
        """Its name in torch."""

    def lacks(self, precision: str) -> str | None:
        """Why it cannot run matrix products in this precision natively; None where it can."""

    def free_memory_bytes(self) -> int:
        """Memory that can be taken now. Unit: B."""

    def place(self) -> Place:
        """Where workloads run, with the memory that operands may take now."""

    def activated(self) -> AbstractContextManager[None]:
        """Make it the current device, with the threads it is entitled to."""

    def time_calls(self, call: Callable[[], None], count: int, during: Callable[[], None]) -> Batch:
        """Time calls made one after the other; ``during`` is called while the device is busy or hot."""

    def read(self) -> Reading:
        """Read the meters."""

    def busy(self, own_pids: Iterable[int] = ()) -> str | None:
        """What else uses the device, in words; asked while we leave it idle. None: nothing, or not told.

        Args:
            own_pids: Processes that are ours besides this one and its relatives.
        """

    def release_memory(self) -> None:
        """Return memory that is no longer used to the device."""
