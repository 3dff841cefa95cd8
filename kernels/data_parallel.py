"""A training step shared out to several ranks: each takes its part of the batch, and gradients are averaged.

The step is that of `kernels.training_step`, in torch's DistributedDataParallel: gradients are summed a
bucket at a time while the backward pass still runs, in float32. Every rank holds the whole model and its
moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernels.exchange.kinds import LIBRARIES
from kernels.shared.refusals import require_backend, require_place, require_precision
from kernels.training_step import SHAPES, TrainingStep
from kernels.transformer.sizes import Decoder
from kernels.workload import Choice, Metric, Place, Shape, Unit

if TYPE_CHECKING:
    from kernels.training.data_parallel import PreparedDataParallel

# A bucket of gradients is held beside the gradients themselves.
GRADIENT_BYTES = 4


@dataclass(frozen=True)
class DataParallel:
    """A training step of so many ranks; a shape's ``batch`` is that of all together."""

    name: str = "data_parallel"
    family: str = "scaling"
    summary: str = (
        "training step of a transformer on 1, 2, 4, … ranks, gradients averaged; strong and weak scaling"
    )
    metric: Metric = "flop_rate"
    unit: Unit = "FLOP/s"
    precisions: tuple[str, ...] = ("bf16", "fp32")
    choice: Choice = "climb"
    headline: bool = False

    def flop(self, shape: Shape) -> float:
        """Of all ranks together, as `kernels.training_step` counts them. Unit: FLOP."""
        return Decoder.of(shape).training_flop(shape["batch"], shape["sequence"])

    def count(self, shape: Shape) -> float:
        """Tokens of a step, all ranks together. Unit: token."""
        return float(shape["batch"] * shape["sequence"])

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Main memory of one rank, as `kernels.training_step` counts it. Unit: B."""
        return TrainingStep().bytes_moved(_own(shape), precision)

    def sent_bytes(self, shape: Shape) -> float:
        """What a rank's link must carry a step at least: gradients, 2·(n − 1)/n times. Unit: B."""
        ranks = shape["ranks"]
        return 2 * (ranks - 1) / ranks * GRADIENT_BYTES * Decoder.of(shape).parameters

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """Of one rank: a training step on its part of the batch, and the buckets. Unit: B."""
        buckets = GRADIENT_BYTES * Decoder.of(shape).parameters if shape["ranks"] > 1 else 0
        return TrainingStep().footprint_bytes(_own(shape), precision) + buckets

    def lacks(self, precision: str, place: Place) -> str | None:
        """Where torch has no library between such devices."""
        return None if place.kind in LIBRARIES else f"torch has no collectives between {place.kind} devices"

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """Torch's own."""
        return () if self.lacks(precision, place) else ("ddp",)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Those of `kernels.training_step`, each rank with the whole batch of the shape."""
        shapes = ({**shape, "batch": shape["batch"] * place.ranks, "ranks": place.ranks} for shape in SHAPES)
        return tuple(s for s in shapes if self.footprint_bytes(s, precision) <= place.memory_bytes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> PreparedDataParallel:
        """Draw the same weights on every rank; torch's process group must be there.

        Raises:
            ValueError: The precision or the backend is unknown, or the batch cannot be shared out evenly.
        """
        require_precision(self, precision)
        require_place(self, precision, place)
        require_backend(self, precision, place, backend)
        if shape["batch"] % place.ranks:
            raise ValueError(f"a batch of {shape['batch']} cannot be shared out to {place.ranks} ranks")
        from kernels.training.data_parallel import PreparedDataParallel  # noqa: PLC0415

        return PreparedDataParallel(shape, precision, place, seed)


def _own(shape: Shape) -> Shape:
    return {**shape, "batch": shape["batch"] // shape["ranks"]}
