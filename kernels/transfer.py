"""Bytes moved between the memory of the host and that of an accelerator.

What counts as bytes is the payload, each byte once, though it is read from one memory and written into the
other; of both directions at once, the sum of the two. Pinned memory is locked in place, so that the
accelerator reads and writes it by itself; pageable memory is what programs have by default, and the driver
copies it in pieces through pinned memory of its own.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from kernels.shared.refusals import require_backend, require_place, require_precision
from kernels.workload import Choice, Metric, Place, Prepared, Shape, Unit, Verdict

if TYPE_CHECKING:
    import torch

Direction = Literal["to_device", "from_device", "both"]
WORDS: dict[Direction, str] = {
    "to_device": "from the host's memory to the device's",
    "from_device": "from the device's memory to the host's",
    "both": "between the memories of host and device, both ways at once",
}
ELEMENT_BYTES = 4
# Blocks of `kernels.moving.payload`.
SIZES_BYTES = (16 << 20, 64 << 20, 256 << 20)
# Where the two are one memory there is nothing to measure.
ONE_MEMORY = {
    "cpu": "a CPU has no memory apart from the host's",
    "mps": "an Apple GPU has no memory apart from the host's",
}


@dataclass(frozen=True)
class Transfer:
    """Copies between host and device.

    Attributes:
        direction: Which way; ``both`` on two streams at once.
        pinned: Whether the host's memory is locked in place.
    """

    direction: Direction
    pinned: bool
    family: str = "transfer"
    metric: Metric = "bandwidth"
    unit: Unit = "B/s"
    precisions: tuple[str, ...] = ("fp32",)
    choice: Choice = "climb"
    headline: bool = False

    @property
    def name(self) -> str:
        """``transfer_to_device_pinned`` and so on."""
        return f"{self.family}_{self.direction}_{'pinned' if self.pinned else 'pageable'}"

    @property
    def summary(self) -> str:
        """One sentence on what is measured."""
        memory = "locked in place (pinned)" if self.pinned else "pageable"
        return f"copies {WORDS[self.direction]}, the host's {memory}; each byte counted once"

    @property
    def _ways(self) -> int:
        return 2 if self.direction == "both" else 1

    def flop(self, shape: Shape) -> float:
        """None. Unit: FLOP."""
        return 0.0

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """The payload once, of both directions where there are two. Unit: B."""
        return float(self.footprint_bytes(shape, precision))

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """Memory of the device, an array for each direction; the host holds as much again. Unit: B."""
        require_precision(self, precision)
        return self._ways * shape["bytes"]

    def lacks(self, precision: str, place: Place) -> str | None:
        """Where host and device share one memory."""
        return ONE_MEMORY.get(place.kind)

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """Torch's ``copy_``."""
        return () if self.lacks(precision, place) else ("torch",)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Three sizes to 256 MiB each way: beyond, only locking the host's memory takes longer."""
        sizes: list[Shape] = [{"bytes": size} for size in SIZES_BYTES]
        return tuple(s for s in sizes if self.footprint_bytes(s, precision) <= place.memory_bytes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """Float32 normal values on the side that sends, and room on the other."""
        require_precision(self, precision)
        require_place(self, precision, place)
        require_backend(self, precision, place, backend)
        ways = ["to_device", "from_device"] if self.direction == "both" else [self.direction]
        routes = tuple(
            _route(way, shape["bytes"] // ELEMENT_BYTES, place.device, seed + number, pinned=self.pinned)
            for number, way in enumerate(ways)
        )
        return PreparedTransfer(routes, place.device, pinned=self.pinned, api=_api(place.device))


# Pageable memory keeps the host busy copying: both ways at once would be one after the other.
TRANSFERS = (
    Transfer("to_device", pinned=True),
    Transfer("from_device", pinned=True),
    Transfer("both", pinned=True),
    Transfer("to_device", pinned=False),
    Transfer("from_device", pinned=False),
)


@dataclass(frozen=True)
class Route:
    """An array and where it goes."""

    source: torch.Tensor
    target: torch.Tensor


def _route(way: str, elements: int, device: str, seed: int, *, pinned: bool) -> Route:
    import torch  # noqa: PLC0415 - it takes seconds to import

    from kernels.moving import payload  # noqa: PLC0415

    if way == "to_device":
        source = payload.payload(elements, seed, pinned=pinned)
        return Route(source, torch.empty(elements, device=device))
    return Route(
        payload.payload(elements, seed).to(device),
        torch.empty(elements, dtype=torch.float32, pin_memory=pinned),
    )


class PreparedTransfer:
    """Arrays in place on both sides.

    Args:
        routes: One for each direction.
        device: Name in torch.
        pinned: Whether the host's arrays are locked in place.
        api: Torch's module for the streams of the device (``torch.cuda``, ``torch.xpu``).
    """

    def __init__(self, routes: tuple[Route, ...], device: str, *, pinned: bool, api: Any) -> None:
        self.routes, self._device, self._pinned, self._api = routes, device, pinned, api
        self._streams = [api.Stream(device=device) for _ in routes] if len(routes) > 1 else []

    @property
    def backend(self) -> str:
        """Torch's copies, and of which memory."""
        return f"torch/copy, {'pinned' if self._pinned else 'pageable'}"

    def setting(self) -> AbstractContextManager[None]:
        """Nothing to set."""
        return nullcontext()

    def poison(self) -> None:
        """Fill what receives with NaN."""
        from kernels.moving import payload  # noqa: PLC0415

        for route in self.routes:
            payload.poison(route.target)

    def run(self) -> None:
        """Every route once; what follows on the current stream waits for all of them.

        Raises:
            NotRecordableError: A graph is being recorded, and pageable memory is copied with the host's help.
        """
        if not self._pinned:
            from kernels.shared.capture import refuse_recording  # noqa: PLC0415

            refuse_recording(self._device, "copies of pageable memory are the host's doing")
        if self._streams:
            self._run_together()
        else:
            self._copy(self.routes[0])

    def _run_together(self) -> None:
        """Each route on a stream of its own, between what the current stream did before and does after."""
        current = self._api.current_stream(self._device)
        for stream in self._streams:
            stream.wait_stream(current)
        for stream, route in zip(self._streams, self.routes, strict=True):
            with self._api.stream(stream):
                self._copy(route)
        for stream in self._streams:
            current.wait_stream(stream)

    def _copy(self, route: Route) -> None:
        route.target.copy_(route.source, non_blocking=self._pinned)

    def check(self) -> Verdict:
        """All bits of every route, as `kernels.moving.payload` compares them."""
        from kernels.moving import payload  # noqa: PLC0415

        # A copy into pinned memory may still be under way, and reading on the host does not wait for it.
        self._api.synchronize(self._device)
        verdicts = [payload.compare(route.source, route.target) for route in self.routes]
        return Verdict(all(one.correct for one in verdicts), " | ".join(one.detail for one in verdicts))

    def digest(self) -> str | None:
        """Nothing to promise: ``check`` compares all bits anyway."""
        return None


def _api(device: str) -> Any:
    """Torch's module for a kind of device, with its streams."""
    import torch  # noqa: PLC0415

    return getattr(torch, torch.device(device).type)
