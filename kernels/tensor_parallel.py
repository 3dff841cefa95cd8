"""A training step whose model is split over several ranks: each has a part of every matrix.

As in Megatron-LM (Shoeybi et al., arXiv:1909.08053, section 3): a rank has some heads of the attention and
some columns of the feed-forward part, and what they give is summed over ranks, twice a layer forward and
twice backward. Of the head each has some of the vocabulary; embedding and norms are on all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernels.data_parallel import DataParallel
from kernels.shared.refusals import require_backend, require_place, require_precision
from kernels.training_step import SHAPES, TrainingStep
from kernels.transformer.sizes import ELEMENT_BYTES, Decoder
from kernels.workload import Choice, Metric, Place, Shape, Unit

if TYPE_CHECKING:
    from kernels.training.tensor_parallel import PreparedTensorParallel

# The sizes of a model that each rank has an equal part of.
SPLIT_SIZES = ("heads", "kv_heads", "intermediate", "vocabulary")


@dataclass(frozen=True)
class TensorParallel:
    """A training step of a model that so many ranks hold together; all of them see the whole batch."""

    name: str = "tensor_parallel"
    family: str = "scaling"
    summary: str = (
        "training step of a transformer split over 1, 2, 4, … ranks, activations summed; strong scaling"
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
        """Tokens of a step. Unit: token."""
        return float(shape["batch"] * shape["sequence"])

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Main memory of one rank, as `kernels.training_step` counts it, shared out evenly. Unit: B."""
        return TrainingStep().bytes_moved(shape, precision) / shape["ranks"]

    def sent_bytes(self, shape: Shape, precision: str) -> float:
        """What a rank's link must carry a step at least. Unit: B.

        Activations of (batch, sequence, hidden) are summed over n ranks twice a layer forward and twice
        backward, and once backward from the head: 2·(n − 1)/n times (4·layers + 1) of them.
        """
        ranks, decoder = shape["ranks"], Decoder.of(shape)
        size = self.count(shape) * decoder.hidden * ELEMENT_BYTES[precision]
        return 2 * (ranks - 1) / ranks * (4 * decoder.layers + 1) * size

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """Of one rank at its fullest: the whole model while it is drawn, split and checked. Unit: B."""
        return 2 * TrainingStep().footprint_bytes(shape, precision)

    def lacks(self, precision: str, place: Place) -> str | None:
        """See `kernels.data_parallel.DataParallel.lacks`."""
        return DataParallel().lacks(precision, place)

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """Torch's own products, and its sums over ranks."""
        return () if self.lacks(precision, place) else ("split",)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Those of `kernels.training_step` whose heads can be shared out to so many ranks."""
        shapes = ({**shape, "ranks": place.ranks} for shape in SHAPES if splits(shape, place.ranks))
        return tuple(s for s in shapes if self.footprint_bytes(s, precision) <= place.memory_bytes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> PreparedTensorParallel:
        """Draw the model on every rank and keep this rank's part; torch's process group must be there.

        Raises:
            ValueError: The precision or the backend is unknown, or the model cannot be split so.
        """
        require_precision(self, precision)
        require_place(self, precision, place)
        require_backend(self, precision, place, backend)
        if uneven := [f"{name} {shape[name]}" for name in SPLIT_SIZES if shape[name] % place.ranks]:
            raise ValueError(f"a model cannot be split over {place.ranks} ranks: {', '.join(uneven)}")
        from kernels.training.tensor_parallel import PreparedTensorParallel  # noqa: PLC0415

        return PreparedTensorParallel(shape, precision, place, seed)


def splits(shape: Shape, ranks: int) -> bool:
    """Whether every size of a model that is split is a multiple of the number of ranks."""
    return all(shape[name] % ranks == 0 for name in SPLIT_SIZES)
