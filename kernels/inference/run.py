"""Inference in torch: a model with its cache in place, and one pass of it. Imports torch."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager

import torch
from torch.nn import functional

from kernels.inference import check
from kernels.inference.check import Outcome
from kernels.inference.models import TORCH
from kernels.products import libraries
from kernels.products.matrices import Operands
from kernels.shared import tensors
from kernels.transformer import model
from kernels.transformer.model import WEIGHT_SCALE, Cache, Weights
from kernels.transformer.sizes import Decoder
from kernels.workload import Place, Verdict

# A prime, so that along a buffer no row of a matrix, and no key of a cache, repeats an earlier one bit by bit
# before millions of them. 16 MiB of float32, drawn in hundredths of a second.
PATTERN_ELEMENTS = (1 << 22) - 3
NORM_SPREAD = 0.1


def repeated(elements: int, pattern: torch.Tensor) -> torch.Tensor:
    """A vector along which the pattern is repeated.

    Drawing gigabytes takes longer than measuring with them, and main memory sees no difference.
    """
    vector = torch.empty(elements, dtype=pattern.dtype, device=pattern.device)
    tensors.repeat_along(vector, pattern)
    return vector


def repeated_weights(decoder: Decoder, dtype: torch.dtype, place: Place, seed: int) -> Weights:
    """Normal matrices of standard deviation `WEIGHT_SCALE`, from one repeated block; norms around 1."""
    source = tensors.generator(place.device, seed)
    pattern = _pattern(source).mul_(WEIGHT_SCALE).to(dtype)
    buffer = repeated(decoder.matrix_parameters + decoder.hidden * decoder.vocabulary, pattern)
    taken = 0

    def matrix(rows: int, columns: int) -> torch.Tensor:
        nonlocal taken
        taken += rows * columns
        return buffer[taken - rows * columns : taken].view(rows, columns)

    def norm() -> torch.Tensor:
        return _normal(decoder.hidden, source).mul_(NORM_SPREAD).add_(1).to(dtype)

    return model.assembled(decoder, matrix, norm)


def filled_caches(decoder: Decoder, batch: int, context: int, like: torch.Tensor, seed: int) -> list[Cache]:
    """Standard normal keys and values of ``context`` positions in every layer."""
    source = tensors.generator(str(like.device), seed)
    elements = 2 * decoder.layers * batch * context * decoder.kv_heads * decoder.head_size
    return _caches(decoder, batch, context, repeated(elements, _pattern(source).to(like.dtype)))


def empty_caches(decoder: Decoder, batch: int, context: int, like: torch.Tensor) -> list[Cache]:
    """Room for ``context`` positions in every layer, as NaN."""
    elements = 2 * decoder.layers * batch * context * decoder.kv_heads * decoder.head_size
    return _caches(decoder, batch, context, like.new_full((elements,), math.nan))


def random_tokens(decoder: Decoder, batch: int, length: int, place: Place, seed: int) -> torch.Tensor:
    """(batch, length), int64."""
    source = tensors.generator(place.device, seed)
    return torch.randint(decoder.vocabulary, (batch, length), generator=source, device=place.device)


def _pattern(source: torch.Generator) -> torch.Tensor:
    return _normal(PATTERN_ELEMENTS, source)


def _normal(elements: int, source: torch.Generator) -> torch.Tensor:
    return torch.randn(elements, generator=source, device=source.device)


def _caches(decoder: Decoder, batch: int, context: int, buffer: torch.Tensor) -> list[Cache]:
    layers = buffer.view(decoder.layers, 2, batch, decoder.kv_heads, context, decoder.head_size)
    return [Cache(keys=layer[0], values=layer[1]) for layer in layers]


class PreparedPass:
    """One pass: reads tokens from position ``start`` on, adds to the cache and chooses the next token.

    Every call reads the same tokens and writes the same places of the cache. What the layers make is kept
    until the next call, so that `check` can judge each by itself; keeping it takes no time.
    """

    def __init__(
        self,
        weights: Weights,
        tokens: torch.Tensor,
        caches: list[Cache],
        *,
        start: int,
        precision: str,
        seed: int,
    ) -> None:
        decoder, batch = weights.decoder, tokens.shape[0]
        self._precision, self._seed = precision, seed
        self.outcome = Outcome(
            weights=weights,
            tokens=tokens,
            caches=caches,
            start=start,
            passages=[],
            hidden=weights.head.new_full((batch, decoder.hidden), math.nan),
            logits=weights.head.new_full((batch, decoder.vocabulary), math.nan),
            chosen=tokens.new_full((batch,), -1),
        )

    @property
    def backend(self) -> str:
        """Library behind torch's matrix products."""
        outcome = self.outcome
        head = Operands(self._precision, outcome.hidden, outcome.weights.head, True, outcome.logits)
        return f"{TORCH}/{libraries.behind_torch(head)}"

    def setting(self) -> AbstractContextManager[None]:
        """No TF32, sums in float32."""
        return tensors.numerics(self._precision)

    def poison(self) -> None:
        """Spoil the output and the places of the cache that a call writes; forget what the layers made."""
        outcome = self.outcome
        written = slice(outcome.start, outcome.start + outcome.tokens.shape[1])
        for cache in outcome.caches:
            cache.keys[:, :, written] = math.nan
            cache.values[:, :, written] = math.nan
        outcome.passages.clear()
        outcome.hidden.fill_(math.nan)
        outcome.logits.fill_(math.nan)
        outcome.chosen.fill_(-1)

    def run(self) -> None:
        """One pass; the device may record it, since nothing waits for it and no size depends on values."""
        outcome = self.outcome
        outcome.passages.clear()
        states = model.forward(
            outcome.weights,
            outcome.tokens,
            caches=outcome.caches,
            start=outcome.start,
            passages=outcome.passages,
        )
        outcome.hidden = states[:, -1]
        outcome.logits = functional.linear(outcome.hidden, outcome.weights.head)
        outcome.chosen = outcome.logits.argmax(dim=-1)

    def check(self) -> Verdict:
        """Each part of each layer in float64, from what it was given: see `kernels.inference.check`."""
        return check.verify(self.outcome, self._seed)

    def digest(self) -> str | None:
        """Hash of the logits; None where the library may sum in another order the next time."""
        if not libraries.repeats_bitwise(self.outcome.tokens.device.type):
            return None
        return tensors.digest(self.outcome.logits)
