"""Bytes moved from the memory of one accelerator to that of another in the same node."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from kernels.shared.refusals import require_backend, require_place, require_precision
from kernels.transfer import ELEMENT_BYTES, SIZES_BYTES, Route
from kernels.workload import Choice, Metric, Place, Prepared, Shape, Unit, Verdict

LARGEST_BYTES = 1 << 30


@dataclass(frozen=True)
class TransferBetweenDevices:
    """One array copied to the first of the other devices, over whatever links the two."""

    name: str = "transfer_between_devices"
    family: str = "transfer"
    summary: str = "copies from the device's memory to the next device's; each byte counted once"
    metric: Metric = "bandwidth"
    unit: Unit = "B/s"
    precisions: tuple[str, ...] = ("fp32",)
    choice: Choice = "climb"
    headline: bool = False

    def flop(self, shape: Shape) -> float:
        """None. Unit: FLOP."""
        return 0.0

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """The payload once. Unit: B."""
        return float(self.footprint_bytes(shape, precision))

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """One array; the other device holds as much. Unit: B."""
        require_precision(self, precision)
        return shape["bytes"]

    def lacks(self, precision: str, place: Place) -> str | None:
        """Where there is no other device."""
        if place.kind in ("cpu", "mps"):
            return "there is one device of this kind only: all of the node's memory is its own"
        return None if place.peers else f"there is one {place.kind} device only"

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """Torch's ``copy_``."""
        return () if self.lacks(precision, place) else ("torch",)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Four sizes to 1 GiB."""
        sizes: list[Shape] = [{"bytes": size} for size in (*SIZES_BYTES, LARGEST_BYTES)]
        return tuple(s for s in sizes if self.footprint_bytes(s, precision) <= place.memory_bytes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """Float32 normal values on the device, and room on the first of its peers."""
        require_precision(self, precision)
        require_place(self, precision, place)
        require_backend(self, precision, place, backend)
        import torch  # noqa: PLC0415 - it takes seconds to import

        from kernels.moving import payload  # noqa: PLC0415

        elements = shape["bytes"] // ELEMENT_BYTES
        source = payload.payload(elements, seed).to(place.device)
        route = Route(source, torch.empty(elements, device=place.peers[0]))
        return PreparedBetweenDevices(route, directly=_directly(place.device, place.peers[0]))


def _directly(device: str, peer: str) -> bool | None:
    """Whether one reaches into the other's memory; None where torch does not tell."""
    import torch  # noqa: PLC0415

    if torch.device(device).type != "cuda":
        return None
    return torch.cuda.can_device_access_peer(device, peer)


class PreparedBetweenDevices:
    """An array on one device and room on the other.

    Torch copies on the current stream of the device that sends, once the other has come to this point: what
    is timed there is the whole copy.
    """

    def __init__(self, route: Route, *, directly: bool | None) -> None:
        self.route, self._directly = route, directly

    @property
    def backend(self) -> str:
        """Torch's copies, and whether the devices reach into each other's memory."""
        how = {None: "", True: ", peer to peer", False: ", through the host"}[self._directly]
        return f"torch/copy to {self.route.target.device}{how}"

    def setting(self) -> AbstractContextManager[None]:
        """Nothing to set."""
        return nullcontext()

    def poison(self) -> None:
        """Fill what receives with NaN."""
        from kernels.moving import payload  # noqa: PLC0415

        payload.poison(self.route.target)

    def run(self) -> None:
        """One copy.

        Raises:
            NotRecordableError: A graph is being recorded, which the other device's stream is no part of.
        """
        from kernels.shared.capture import refuse_recording  # noqa: PLC0415

        refuse_recording(str(self.route.source.device), "copies between devices wait for the other's stream")
        self.route.target.copy_(self.route.source, non_blocking=True)

    def check(self) -> Verdict:
        """All bits, as `kernels.moving.payload` compares them."""
        from kernels.moving import payload  # noqa: PLC0415

        return payload.compare(self.route.source, self.route.target)

    def digest(self) -> str | None:
        """Nothing to promise: ``check`` compares all bits anyway."""
        return None
