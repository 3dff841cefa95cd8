"""Prefill: reading a prompt into the key-value cache, up to the first token of the answer.

A call's time is the time to the first token. Unlike in decoding, each weight serves all tokens of the
prompt: short prompts wait for memory, long ones for arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernels.inference import models
from kernels.shared.refusals import require_backend, require_precision
from kernels.transformer.sizes import Decoder
from kernels.workload import LARGE_GPUS, Choice, Metric, Place, Shape, Unit

if TYPE_CHECKING:
    from kernels.inference.run import PreparedPass

SHORT = 128
# A CPU has time for few layers; a layer on eight cores keeps a call below a quarter of a second.
CORES_PER_LAYER = 8
LAYERS_ELSEWHERE = 4


@dataclass(frozen=True)
class Prefill:
    """One prompt, read at once."""

    name: str = "prefill"
    family: str = "inference"
    summary: str = "reading a prompt into the key-value cache: a call takes the time to the first token"
    metric: Metric = "token_rate"
    unit: Unit = "token/s"
    precisions: tuple[str, ...] = models.PRECISIONS
    choice: Choice = "each"
    headline: bool = False

    def flop(self, shape: Shape) -> float:
        """As `Decoder.prefill_flop`: the head sees the last position alone. Unit: FLOP."""
        return Decoder.of(shape).prefill_flop(shape["sequence"])

    def count(self, shape: Shape) -> float:
        """The tokens of the prompt."""
        return float(shape["sequence"])

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Every matrix once, and the prompt's keys and values written once: see `models`. Unit: B."""
        return models.bytes_moved(Decoder.of(shape), 1, shape["sequence"], precision)

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """Weights, cache, output, what the layers make, and a layer at work. Unit: B."""
        sequence = shape["sequence"]
        return models.footprint_bytes(Decoder.of(shape), 1, sequence, sequence, precision)

    def lacks(self, precision: str, place: Place) -> str | None:
        """Nothing: every torch device multiplies in these types, natively or not."""
        return None

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """Torch's own."""
        return (models.TORCH,)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """A short and a long prompt, of the same model; empty where none fits the memory."""
        long = _longest(precision, place)
        layers = models.LARGE.layers if place.kind in LARGE_GPUS else LAYERS_ELSEWHERE
        if place.kind == "cpu":
            layers = max(1, len(place.cpus) // CORES_PER_LAYER)
        decoder = models.deepest(
            place, lambda one: self.footprint_bytes({"sequence": long} | one.sizes(), precision), layers
        )
        if decoder is None:
            return ()
        return tuple({"sequence": length, **decoder.sizes()} for length in (SHORT, long))

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> PreparedPass:
        """Put a model with random weights, a prompt of random tokens and an empty cache in place."""
        require_precision(self, precision)
        require_backend(self, precision, place, backend)
        from kernels.inference import run  # noqa: PLC0415 - torch takes seconds to import
        from kernels.shared import tensors  # noqa: PLC0415 - torch takes seconds to import

        decoder, sequence = Decoder.of(shape), shape["sequence"]
        weights = run.repeated_weights(decoder, tensors.dtype_of(precision), place, seed)
        return run.PreparedPass(
            weights,
            run.random_tokens(decoder, 1, sequence, place, seed),
            run.empty_caches(decoder, 1, sequence, weights.head),
            start=0,
            precision=precision,
            seed=seed,
        )


def _longest(precision: str, place: Place) -> int:
    """Tokens of the long prompt: fewer where the precision seldom has matrix units to run on."""
    if place.kind in LARGE_GPUS:
        return 512 if precision == "fp32" else 2048
    return 512 if precision == "bf16" else 256
