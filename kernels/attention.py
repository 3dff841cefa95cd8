"""Causal scaled-dot-product attention: softmax(Q·Kᵀ/√d)·V, each query with itself and what comes before it.

What counts as FLOP is what the model needs: the products of queries with the keys they may see, and of
weights with values. The half above the diagonal does no work, whatever a kernel computes there (Dao,
FlashAttention-2, arXiv:2307.08691, section 4.1, divides by two likewise). The backward pass is counted as
twice the forward one: four products for two. Kernels that never store the weights (Dao et al.,
FlashAttention, arXiv:2205.14135) compute the scores again, a fifth product; arXiv:2307.08691 counts it, hence
2.5 times there. It is not counted here, so that training is on the same footing as the model FLOP of a
training step: a figure by their count is 3.5 / 3 = 1.17 times ours.

The shape is that of a layer: heads of 128, tokens of a call the same in number for short and long sequences,
so that both read and write the same bytes and differ in arithmetic alone. Queries, keys and values lie as the
projections of a layer leave them, (batch, sequence, heads, head).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kernels.shared.refusals import require_backend, require_precision
from kernels.workload import LARGE_GPUS, Choice, Metric, Place, Shape, Unit

if TYPE_CHECKING:
    from kernels.operations.attention_run import PreparedAttention

Passes = Literal["forward", "training"]
ELEMENT_BYTES = {"bf16": 2, "fp16": 2, "fp32": 4}
FP32_BYTES = 4
TORCH = "torch"
HEAD = 128
# Heads of Llama 3 8B (arXiv:2407.21783, table 3); on a CPU as many as keep a call well below a second.
GPU_HEADS, CPU_HEADS = 32, 4
GPU_TOKENS, CPU_TOKENS = 16384, 2048
GPU_SEQUENCES, CPU_SEQUENCES = (1024, 16384), (512, 2048)
PROBE_SHAPE = {"sequence": 64, "batch": 1, "heads": 2, "head": HEAD}
# Queries, keys, values and output; in training also the gradients of each.
TENSORS: dict[Passes, int] = {"forward": 4, "training": 8}
# Times the two products of the forward pass.
FORWARD_MULTIPLE: dict[Passes, int] = {"forward": 1, "training": 3}
# The scores, the weights and, backwards, the gradients of both, where a device has no fused kernel.
SQUARES: dict[Passes, int] = {"forward": 2, "training": 4}


@dataclass(frozen=True)
class Attention:
    """Forward pass alone, or with the gradients of queries, keys and values."""

    passes: Passes
    family: str = "attention"
    metric: Metric = "flop_rate"
    unit: Unit = "FLOP/s"
    precisions: tuple[str, ...] = ("bf16", "fp16", "fp32")
    choice: Choice = "each"
    headline: bool = False

    @property
    def name(self) -> str:
        """``attention_forward`` or ``attention_training``."""
        return f"{self.family}_{self.passes}"

    @property
    def summary(self) -> str:
        """One sentence on what is measured."""
        extent = "forward" if self.passes == "forward" else "forward and backward"
        return f"causal attention, {extent}, short and long sequences; the causal half counted, nothing twice"

    def flop(self, shape: Shape) -> float:
        """Forward 4·head for each pair of a query and a key it sees, backward twice that. Unit: FLOP.

        A sequence of s has s·(s + 1)/2 such pairs a head. The softmax is not counted.
        """
        pairs = shape["sequence"] * (shape["sequence"] + 1) // 2
        forward = 4.0 * shape["batch"] * shape["heads"] * shape["head"] * pairs
        return FORWARD_MULTIPLE[self.passes] * forward

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Queries, keys, values and output once; in training also the gradient of each once. Unit: B.

        That a backward pass reads again what the forward pass read could be spared by a large enough cache.
        """
        return float(TENSORS[self.passes] * _elements(shape) * ELEMENT_BYTES[precision])

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """The tensors, and in training what a fused backward pass keeps in float32. Unit: B.

        That is the gradient of the queries while it is summed up, and two figures a query: the logarithm of
        its softmax's denominator and the product of its output with the gradient (arXiv:2307.08691, algorithm
        2).
        """
        tensors = TENSORS[self.passes] * _elements(shape) * ELEMENT_BYTES[precision]
        queries = _elements(shape) // shape["head"]
        sums = _elements(shape) + queries if self.passes == "training" else 0
        return tensors + FP32_BYTES * (queries + sums)

    def lacks(self, precision: str, place: Place) -> str | None:
        """What a small attention raises there; nothing where it runs."""
        from kernels.shared import probe  # noqa: PLC0415 - torch takes seconds to import

        return probe.failure(self, precision, PROBE_SHAPE, place)

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """The kernel that torch takes by itself; the prepared attention says which."""
        return (TORCH,)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """A short and a long sequence, where they fit the memory."""
        shapes = gpu_shapes() if place.kind in LARGE_GPUS else cpu_shapes()
        return tuple(s for s in shapes if self._held_bytes(s, precision, place) <= place.memory_bytes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> PreparedAttention:
        """Put standard normal queries, keys, values and, in training, the output's gradient on the device."""
        require_precision(self, precision)
        require_backend(self, precision, place, backend)
        from kernels.operations import attention_run  # noqa: PLC0415

        return attention_run.prepare(precision, shape, place, seed, training=self.passes == "training")

    def _held_bytes(self, shape: Shape, precision: str, place: Place) -> int:
        """The footprint, and the squares of scores that are stored where torch has no fused kernel."""
        held = self.footprint_bytes(shape, precision)
        if place.kind == "cpu":
            return held
        from kernels.operations import attention_run  # noqa: PLC0415

        if attention_run.is_fused(precision, place, training=self.passes == "training"):
            return held
        square = shape["batch"] * shape["heads"] * shape["sequence"] ** 2
        return held + SQUARES[self.passes] * square * FP32_BYTES


def gpu_shapes() -> tuple[Shape, ...]:
    """Short and long, with the heads of a model of 8 billion parameters."""
    return tuple(_shape(sequence, GPU_TOKENS, GPU_HEADS) for sequence in GPU_SEQUENCES)


def cpu_shapes() -> tuple[Shape, ...]:
    """Short and long, for a CPU and for what is not much faster."""
    return tuple(_shape(sequence, CPU_TOKENS, CPU_HEADS) for sequence in CPU_SEQUENCES)


def _shape(sequence: int, tokens: int, heads: int) -> Shape:
    return {"sequence": sequence, "batch": tokens // sequence, "heads": heads, "head": HEAD}


def _elements(shape: Shape) -> int:
    """Of queries; keys, values and output have as many."""
    return shape["batch"] * shape["sequence"] * shape["heads"] * shape["head"]
