"""One optimiser step of a decoder-only transformer: forward, cross-entropy, backward, AdamW.

What is counted is what a model's user counts, 6·N + 12·layers·hidden·sequence a token (PaLM,
arXiv:2204.02311, appendix B; `kernels.transformer.sizes`): nothing for what is computed again, nor for the
optimiser. Attention is counted in full; `causal_excess` says which share of the FLOP lies above the diagonal
and need not be done: at most 5 % in every shape of the ladder.

Precisions, as they are usual:

- ``bf16``: weights, their gradients and AdamW's two moments are kept in float32. Each step casts every weight
  to bf16 once; forward and backward run on these copies, in bf16 but for the softmax of the loss; gradients
  come out in bf16 and are cast to float32 (Micikevicius et al., Mixed precision training, arXiv:1710.03740;
  without loss scaling, which the range of bf16 makes needless: Kalamkar et al., arXiv:1905.12322).
- ``fp8``: as bf16, but the layers' products are of 8-bit floats, forward and backward
  (`kernels.training.fp8`). Head, embedding, norms and attention stay in bf16: what is called fp8-mixed.
- ``fp32``: everything in float32, TF32 off.

Every step draws new random tokens, so that there is nothing to learn but that they are uniform: loss and
gradients stay what they are however long it runs. The learning rate is tiny for the same reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernels.shared.refusals import require_backend, require_precision
from kernels.training import compiler
from kernels.training.compiler import COMPILED, EAGER
from kernels.transformer.sizes import ELEMENT_BYTES, Decoder
from kernels.workload import Choice, Metric, Place, Shape, Unit

if TYPE_CHECKING:
    from kernels.training.run import PreparedTraining

# Bytes of a float32 weight, of its two moments and of its gradient.
MASTER_BYTES, MOMENT_BYTES, GRADIENT_BYTES = 4, 8, 4
# Bytes of one operand of an 8-bit product.
SCALED_BYTES = 1
# The step itself, no less: a twentieth of a round would be too short a step for any width that models have.
ENOUGH_OF_SLOT = 0.3


def _shape(
    hidden: int,
    layers: int,
    heads: tuple[int, int],
    intermediate: int,
    vocabulary: int,
    size: tuple[int, int],
) -> Shape:
    decoder = Decoder(layers, hidden, *heads, intermediate, vocabulary)
    return {"hidden": hidden, **decoder.sizes(), "batch": size[0], "sequence": size[1]}


# From a width that two cores train to those of Llama 3 8B (4096) and 70B (8192); vocabulary of Llama 2.
SHAPES: tuple[Shape, ...] = tuple(
    sorted(
        (
            _shape(256, 2, (4, 2), 768, 2048, (2, 128)),
            _shape(256, 2, (4, 2), 768, 2048, (8, 128)),
            _shape(512, 2, (8, 4), 1536, 4096, (2, 256)),
            _shape(512, 2, (8, 4), 1536, 4096, (4, 256)),
            _shape(1024, 2, (16, 4), 4096, 8192, (2, 512)),
            _shape(1024, 2, (16, 4), 4096, 8192, (8, 512)),
            _shape(2048, 2, (16, 4), 8192, 32000, (2, 1024)),
            _shape(2048, 2, (16, 4), 8192, 32000, (8, 1024)),
            _shape(4096, 2, (32, 8), 14336, 32000, (4, 2048)),
            _shape(4096, 2, (32, 8), 14336, 32000, (8, 2048)),
            _shape(4096, 4, (32, 8), 14336, 32000, (4, 2048)),
            _shape(4096, 4, (32, 8), 14336, 32000, (8, 2048)),
            _shape(4096, 4, (32, 8), 14336, 32000, (12, 2048)),
            _shape(8192, 1, (64, 8), 28672, 32000, (4, 2048)),
            _shape(8192, 2, (64, 8), 28672, 32000, (4, 2048)),
            _shape(8192, 2, (64, 8), 28672, 32000, (8, 2048)),
        ),
        key=lambda shape: Decoder.of(shape).training_flop(shape["batch"], shape["sequence"]),
    )
)


def _worth_compiling(place: Place) -> tuple[Shape, ...]:
    """One of each width that the kind of device may be kept busy with."""
    batch, least = (2, 512) if place.kind == "cpu" else (8, 1024)
    return tuple(s for s in SHAPES if s["batch"] == batch and s["hidden"] >= least)


def causal_excess(shape: Shape) -> float:
    """Share of the counted FLOP that lies above the diagonal of attention, where a causal model has none.

    Of sequence² scores, sequence·(sequence − 1)/2 are of keys that come after their query.
    """
    decoder, sequence = Decoder.of(shape), shape["sequence"]
    attention = 12.0 * decoder.layers * decoder.hidden * sequence
    above = attention * (sequence - 1) / (2 * sequence)
    return above / (6.0 * decoder.matrix_parameters + attention)


@dataclass(frozen=True)
class TrainingStep:
    """A training step, as torch runs it line by line or as its compiler makes it.

    Attributes:
        compiled: Whether forward and backward go through ``torch.compile``; the optimiser is one kernel as
            it is.
    """

    compiled: bool = False
    family: str = "training"
    metric: Metric = "flop_rate"
    unit: Unit = "FLOP/s"
    precisions: tuple[str, ...] = ("bf16", "fp8", "fp32")
    choice: Choice = "climb"
    enough_of_slot: float = ENOUGH_OF_SLOT

    @property
    def name(self) -> str:
        """``training_step``, or ``training_step_compiled``."""
        return "training_step_compiled" if self.compiled else "training_step"

    @property
    def summary(self) -> str:
        """One sentence on what is measured."""
        how = " through torch.compile" if self.compiled else ""
        return (
            f"training step of a transformer{how}: forward, loss, backward, AdamW; attention counted in full"
        )

    @property
    def headline(self) -> bool:
        """The plain step is; what the compiler adds stands beside it."""
        return not self.compiled

    def remark(self, shape: Shape) -> str:
        """What share of the FLOP a causal model would not need."""
        return f"attention is counted in full: {causal_excess(shape):.1%} of the FLOP lie above its diagonal"

    def flop(self, shape: Shape) -> float:
        """6·N + 12·layers·hidden·sequence a token (PaLM, arXiv:2204.02311, appendix B). Unit: FLOP."""
        return Decoder.of(shape).training_flop(shape["batch"], shape["sequence"])

    def count(self, shape: Shape) -> float:
        """Tokens of a step. Unit: token."""
        return float(shape["batch"] * shape["sequence"])

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """What a step must move at least, if every activation stayed in a cache. Unit: B.

        A weight is read forward and again backward in the type it is multiplied in (the embedding is not: of
        it only the tokens' rows are read, as little as activations). Its gradient is written and read in the
        type it comes in. The optimiser reads and writes master and moments in float32; where the products
        want another type, a copy in it is written. For P parameters, E of them the embedding's, with e bytes
        each as multiplied and g as a gradient: 2·e·(P − E) + 2·g·P + 2·(4 + 8)·P + e·P. In bf16 e = g = 2;
        in fp8 e = 1 for the layers' matrices; in fp32 e = g = 4 without the last term.
        """
        decoder = Decoder.of(shape)
        element = ELEMENT_BYTES[precision]
        narrow = decoder.layers * decoder.layer_parameters if precision == "fp8" else 0
        embedding = decoder.hidden * decoder.vocabulary
        read = 2 * (element * (decoder.parameters - embedding - narrow) + SCALED_BYTES * narrow)
        copied = element * (decoder.parameters - narrow) + SCALED_BYTES * narrow
        kept = 2 * (MASTER_BYTES + MOMENT_BYTES) * decoder.parameters
        return float(
            read + 2 * element * decoder.parameters + kept + (copied if element < MASTER_BYTES else 0)
        )

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """Weights, moments, copies, activations, and either the logits or the gradients. Unit: B.

        A layer keeps of each token for the backward pass: what two norms compute in float32, their outputs,
        queries, keys and values, what attention gives, and four of the feed-forward part. Of the logits there
        are the product, the log-softmax, and two gradients, in float32 but for the first; they are gone
        before most of the weights' gradients are there.
        """
        decoder, tokens = Decoder.of(shape), shape["batch"] * shape["sequence"]
        element = ELEMENT_BYTES[precision]
        parameters = decoder.parameters
        copies = 0 if element == MASTER_BYTES else element * parameters
        copies += SCALED_BYTES * decoder.layers * decoder.layer_parameters if precision == "fp8" else 0
        logits = tokens * decoder.vocabulary * (element + 3 * 4)
        return (
            (MASTER_BYTES + MOMENT_BYTES) * parameters
            + copies
            + tokens * _activation_bytes(decoder, precision)
            + max(logits, GRADIENT_BYTES * parameters)
        )

    def lacks(self, precision: str, place: Place) -> str | None:
        """Why there is no compiler, or no product of 8-bit floats."""
        if self.compiled and (reason := compiler.lacks(place)) is not None:
            return reason
        if precision != "fp8":
            return None
        if place.kind == "cpu":
            return "torch emulates fp8 on CPUs"
        from kernels.shared import probe  # noqa: PLC0415 - torch takes seconds to import

        return probe.failure(TrainingStep(), precision, SHAPES[0], place)

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """The one way that this workload stands for."""
        return (COMPILED if self.compiled else EAGER,)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Those that fit the memory, least work first; few to compile, which takes most of a minute each."""
        shapes = _worth_compiling(place) if self.compiled else SHAPES
        return tuple(s for s in shapes if self.footprint_bytes(s, precision) <= place.memory_bytes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> PreparedTraining:
        """Draw weights on the device and room for moments; the first call compiles, where it does."""
        require_precision(self, precision)
        require_backend(self, precision, place, backend)
        from kernels.training import run  # noqa: PLC0415

        return run.PreparedTraining(shape, precision, place, seed, compiled=self.compiled)


def _activation_bytes(decoder: Decoder, precision: str) -> int:
    """Of one token: what is kept for the backward pass, and four of a feed-forward part in passing."""
    element, hidden = ELEMENT_BYTES[precision], decoder.hidden
    keys = decoder.kv_heads * decoder.head_size
    norm = 2 * 4 * hidden
    layer = 2 * norm + element * (6 * hidden + 2 * keys + 4 * decoder.intermediate) + 4 * decoder.heads
    if precision == "fp8":
        layer += SCALED_BYTES * (3 * hidden + decoder.intermediate)
    return decoder.layers * layer + norm + element * (3 * hidden + 4 * decoder.intermediate)
