"""A device, a workload and a clock that obey a script: measuring code is tested without hardware.

Time passes only inside calls, so a run of minutes is over in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.devices.device import MEMORY_SHARE, Batch, Reading
from bench.record import DeviceDescription

if TYPE_CHECKING:
    from kernels.workload import Choice, Metric, Place, Prepared, Shape, Unit, Verdict

GIB = 1 << 30


@dataclass
class FakeClock:
    """A clock that stands still until it is told otherwise."""

    seconds: float = 0.0

    def __call__(self) -> float:
        """Seconds since the start."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let time pass. Unit: s."""
        self.seconds += seconds


@dataclass
class FakeDevice:
    """A device whose calls take as long as ``call_seconds`` says for the call's number, from 0."""

    clock: FakeClock
    call_seconds: Callable[[int], float] = lambda number: 0.01
    id: str = "cpu"
    lacking: dict[str, str] = field(default_factory=dict)
    free_bytes: int = 64 * GIB
    reading: Callable[[float], Reading] = lambda seconds: Reading()
    on_release: Callable[[], None] = lambda: None
    used_by: str | None = None
    units: int | None = None
    max_clock_mhz: float | None = None
    calls: int = 0
    torch_device: str = "cpu"

    @property
    def description(self) -> DeviceDescription:
        """A GPU where the id names one, else a CPU."""
        kind: str = self.id.partition(":")[0]
        known = {"units": self.units, "max_clock_mhz": self.max_clock_mhz}
        return DeviceDescription.model_validate(
            {"id": self.id, "kind": kind, "name": f"Fake {kind}", **known}
        )

    def lacks(self, precision: str) -> str | None:
        """The scripted reason."""
        return self.lacking.get(precision)

    def free_memory_bytes(self) -> int:
        """The scripted memory. Unit: B."""
        return self.free_bytes

    def place(self) -> Place:
        """Nothing but the scripted memory, of which operands may take their usual share. Unit: B."""
        from kernels.workload import Place  # noqa: PLC0415

        return Place(self.torch_device, self.description.kind, int(self.free_bytes * MEMORY_SHARE))

    @contextmanager
    def activated(self) -> Iterator[None]:
        """Nothing to switch."""
        yield

    def time_calls(self, call: Callable[[], None], count: int, during: Callable[[], None]) -> Batch:
        """Really make the calls, then let their scripted time pass."""
        seconds = []
        for _ in range(count):
            call()
            seconds.append(self.call_seconds(self.calls))
            self.calls += 1
            self.clock.advance(seconds[-1])
        during()
        return Batch(tuple(seconds))

    def read(self) -> Reading:
        """The scripted meters at this time."""
        return self.reading(self.clock())

    def busy(self, own_pids: Iterable[int] = ()) -> str | None:
        """The scripted user."""
        return self.used_by

    def release_memory(self) -> None:
        """Tell ``on_release``, which may raise."""
        self.on_release()


@dataclass
class FakeWorkload:
    """A workload of ``size`` work per call; ``on_call`` may raise, ``verdict`` is what a check finds."""

    verdict: Verdict
    name: str = "fake"
    family: str = "fake"
    summary: str = "nothing at all"
    metric: Metric = "flop_rate"
    unit: Unit = "FLOP/s"
    precisions: tuple[str, ...] = ("fp32",)
    choice: Choice = "climb"
    headline: bool = False
    sizes: tuple[int, ...] = (10**9,)
    on_prepare: Callable[[int], None] = lambda size: None
    on_call: Callable[[], None] = lambda: None
    digest: Callable[[], str | None] = lambda: None

    def flop(self, shape: Shape) -> float:
        """The size."""
        return float(shape["size"])

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """The size."""
        return float(shape["size"])

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """The size."""
        return shape["size"]

    def lacks(self, precision: str, place: Place) -> str | None:
        """Nothing."""
        return None

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """One that does nothing."""
        return ("fake",)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """The sizes that fit."""
        return tuple({"size": size} for size in self.sizes if size <= place.memory_bytes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """Tell ``on_prepare``, which may raise."""
        self.on_prepare(shape["size"])
        return _FakePrepared(self)


@dataclass
class _FakePrepared:
    workload: FakeWorkload
    backend: str = "fake"

    def setting(self) -> AbstractContextManager[None]:
        return nullcontext()

    def poison(self) -> None:
        pass

    def run(self) -> None:
        self.workload.on_call()

    def check(self) -> Verdict:
        return self.workload.verdict

    def digest(self) -> str | None:
        return self.workload.digest()
