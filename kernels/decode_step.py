"""Decoding: the next token of each sequence of a batch, as a server of a language model makes it.

Every weight is read from memory for a few tokens, so that memory, not arithmetic, sets the pace (Pope et al.,
arXiv:2211.05102): one sequence at a time shows it purely, a batch shares each weight among its sequences. The
model's matrices therefore exceed the last-level cache. How deep the model is depends on the memory of the
device: compare two devices by tokens per second where the shape is the same, else by bytes per second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernels.inference import models
from kernels.shared.refusals import require_backend, require_precision
from kernels.transformer.sizes import Decoder
from kernels.workload import LARGE_GPUS, Choice, Metric, Place, Shape, Unit

if TYPE_CHECKING:
    from kernels.inference.run import PreparedPass

# STREAM's rule, as for memory: matrices of at least four times the cache. But in 16 bits no more than this a
# core, since they are put in place anew for each round; and in any case more than the cache.
CACHE_MULTIPLE = 4
LARGEST_BYTES_PER_CORE = 256 << 20
HALF_BYTES = 2
CONTEXT = 1024
BATCH_ON_CPU, BATCH_ON_GPU = 16, 64


@dataclass(frozen=True)
class DecodeStep:
    """One token for each sequence, with a cache of the positions before it."""

    name: str = "decode_step"
    family: str = "inference"
    summary: str = (
        "decoding: one token for each sequence of a batch, with a key-value cache of 1024 positions"
    )
    metric: Metric = "token_rate"
    unit: Unit = "token/s"
    precisions: tuple[str, ...] = models.PRECISIONS
    choice: Choice = "each"
    headline: bool = False

    def flop(self, shape: Shape) -> float:
        """2·N + 4·layers·hidden·context a sequence: see `Decoder.forward_flop`. Unit: FLOP."""
        return Decoder.of(shape).forward_flop(shape["batch"], shape["context"])

    def count(self, shape: Shape) -> float:
        """A token a sequence."""
        return float(shape["batch"])

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Every matrix and every sequence's cache once, the new entries written: see `models`. Unit: B."""
        return models.bytes_moved(Decoder.of(shape), shape["batch"], shape["context"], precision)

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """Weights, cache, output, what the layers make, and a layer at work. Unit: B."""
        return models.footprint_bytes(Decoder.of(shape), shape["batch"], 1, shape["context"], precision)

    def lacks(self, precision: str, place: Place) -> str | None:
        """Nothing: every torch device multiplies in these types, natively or not."""
        return None

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """Torch's own."""
        return (models.TORCH,)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """One sequence and a batch, of the same model; empty where no model exceeds the cache and fits.

        The depth is that of 16-bit weights in every precision, as far as memory holds them, so that the
        precisions decode with the same model.
        """
        batch = BATCH_ON_GPU if place.kind in LARGE_GPUS else BATCH_ON_CPU
        largest = {"batch": batch, "context": CONTEXT}
        decoder = models.deepest(
            place,
            lambda one: self.footprint_bytes(largest | one.sizes(), precision),
            _layers_on_cpu(place) if place.kind == "cpu" else models.LARGE.layers,
        )
        if decoder is None or HALF_BYTES * decoder.matrix_parameters <= place.cache_bytes:
            return ()
        return tuple({"batch": size, "context": CONTEXT, **decoder.sizes()} for size in (1, batch))

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> PreparedPass:
        """Put a model with random weights and a full random cache in place; the next token is the last."""
        require_precision(self, precision)
        require_backend(self, precision, place, backend)
        from kernels.inference import run  # noqa: PLC0415 - torch takes seconds to import
        from kernels.shared import tensors  # noqa: PLC0415 - torch takes seconds to import

        decoder, batch, context = Decoder.of(shape), shape["batch"], shape["context"]
        weights = run.repeated_weights(decoder, tensors.dtype_of(precision), place, seed)
        return run.PreparedPass(
            weights,
            run.random_tokens(decoder, batch, 1, place, seed),
            run.filled_caches(decoder, batch, context, weights.head, seed + 1),
            start=context - 1,
            precision=precision,
            seed=seed,
        )


def _layers_on_cpu(place: Place) -> int:
    """Enough for the matrices to be `CACHE_MULTIPLE` times the cache, where the cores fill them in time."""
    model = models.SMALL
    wanted = min(CACHE_MULTIPLE * place.cache_bytes, LARGEST_BYTES_PER_CORE * len(place.cpus))
    head = model.hidden * model.vocabulary
    elements = max(wanted, place.cache_bytes + 1) / HALF_BYTES - head
    return max(1, math.ceil(elements / model.layer_parameters))
