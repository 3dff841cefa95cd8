"""How often a kernel can be started: additions of one number to one number, one after the other.

Each does next to nothing, so that what is timed is starting it: torch's way from Python to the kernel, on a
GPU the driver and the queue as well. A record of 200,000 a second says that an operation of a model costs
5 µs however little it does. They are queued back to back: what is counted is the pace, not how long a single
result takes to come back. A graph of recorded launches would hide the cost, and is refused.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernels.shared.refusals import require_backend, require_precision
from kernels.workload import Choice, Metric, Place, Prepared, Shape, Unit, Verdict

if TYPE_CHECKING:
    import torch

ELEMENT_BYTES = 4
LAUNCHES = (100, 1000, 10_000)
# Float32 counts by one up to here, and then stays.
LARGEST_COUNT = 2**24


@dataclass(frozen=True)
class Launch:
    """Torch's ``add_`` on one element, called from Python."""

    name: str = "launch"
    family: str = "launch"
    summary: str = (
        "kernels started a second, of an addition to one element, called from Python one after the other; "
        "on a CPU: operators dispatched a second"
    )
    metric: Metric = "call_rate"
    unit: Unit = "1/s"
    precisions: tuple[str, ...] = ("fp32",)
    choice: Choice = "climb"
    headline: bool = False

    def flop(self, shape: Shape) -> float:
        """One addition a launch. Unit: FLOP."""
        return float(shape["launches"])

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """None need reach main memory: the element stays in a cache. Unit: B."""
        return 0.0

    def count(self, shape: Shape) -> float:
        """Launches of a call."""
        return float(shape["launches"])

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """One float32 element. Unit: B."""
        return ELEMENT_BYTES

    def lacks(self, precision: str, place: Place) -> str | None:
        """Nothing: every torch device adds."""
        return None

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """Torch's own, called one by one."""
        return ("torch",)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """100 to 10,000 launches a call."""
        return tuple({"launches": launches} for launches in LAUNCHES)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """One element on the device, which counts from a number drawn with the seed."""
        require_precision(self, precision)
        require_backend(self, precision, place, backend)
        import torch  # noqa: PLC0415 - it takes seconds to import

        element = torch.zeros(1, dtype=torch.float32, device=place.device)
        return PreparedLaunch(element, shape["launches"], place.device, begin=1 + seed % 1000)


class PreparedLaunch:
    """The element, and how many additions it has seen since it was last set."""

    def __init__(self, element: torch.Tensor, launches: int, device: str, *, begin: int) -> None:
        self.element, self.launches = element, launches
        self._device, self._begin, self._calls = device, begin, 0
        self.poison()

    @property
    def backend(self) -> str:
        """Torch's own kernel, called one by one."""
        return "torch/eager"

    def setting(self) -> AbstractContextManager[None]:
        """Nothing to set."""
        return nullcontext()

    def poison(self) -> None:
        """Begin to count anew: NaN would hide how often was added."""
        self.element.fill_(self._begin)
        self._calls = 0

    def run(self) -> None:
        """All launches of a call.

        Raises:
            NotRecordableError: A graph is being recorded, which would start them without the host.
        """
        from kernels.shared.capture import recording, refuse_recording  # noqa: PLC0415

        add = self.element.add_
        if recording(self._device):
            add(1)  # torch warns of a graph without any
            refuse_recording(self._device, "launches from the host are what is measured")
        for _ in range(self.launches):
            add(1)
        self._calls += 1

    def check(self) -> Verdict:
        """The element against the number of additions, exactly; 2^24 where float32 cannot count on."""
        additions = self._calls * self.launches
        expected = min(self._begin + additions, LARGEST_COUNT)
        found = float(self.element)
        detail = f"counted to {found:.0f}, {expected} expected after {additions} additions"
        return Verdict(correct=additions > 0 and found == expected, detail=detail)

    def digest(self) -> str | None:
        """The number counted to."""
        return float(self.element).hex()
