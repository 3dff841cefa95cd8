"""The decoder of `kernels.transformer.sizes` as torch runs it: weights drawn at random, and the forward pass.

Imports torch: load it only to run something. Plain functions over plain tensors: what is timed is what stands
here, without hooks or containers in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import torch
from torch.nn import functional

from kernels.shared import tensors
from kernels.transformer.sizes import Decoder
from kernels.workload import Place

# Weights start near 0.02 in published models; with it, activations stay of order 1 through the stack.
WEIGHT_SCALE = 0.02
ROTARY_BASE = 10_000.0
NORM_EPSILON = 1e-5
Linear = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Multiplies activations (…, in) with a weight (out, in)."""


@dataclass
class Layer:
    """The weights of one layer; matrices are (out, in)."""

    attention_norm: torch.Tensor
    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    output: torch.Tensor
    feed_norm: torch.Tensor
    gate: torch.Tensor
    up: torch.Tensor
    down: torch.Tensor


# Found once: torch's compiler does not look into dataclasses.
LAYER_PARTS = tuple(field.name for field in fields(Layer))


@dataclass
class Weights:
    """All weights of a decoder; ``head`` is not tied to ``embedding``."""

    decoder: Decoder
    embedding: torch.Tensor
    layers: list[Layer]
    norm: torch.Tensor
    head: torch.Tensor

    def all(self) -> list[torch.Tensor]:
        """Every weight, in a fixed order."""
        inner = [getattr(layer, part) for layer in self.layers for part in LAYER_PARTS]
        return [self.embedding, *inner, self.norm, self.head]

    def mapped(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Weights:
        """The same decoder with every weight changed: to another type, or onto another device."""
        layers = [
            Layer(**{part: change(getattr(layer, part)) for part in LAYER_PARTS}) for layer in self.layers
        ]
        return Weights(self.decoder, change(self.embedding), layers, change(self.norm), change(self.head))


@dataclass
class Cache:
    """Keys and values of one layer: (batch, kv_heads, capacity, head_size)."""

    keys: torch.Tensor
    values: torch.Tensor


@dataclass
class Passage:
    """What a layer was given and what its parts made of it: (batch, positions, hidden) each.

    Attributes:
        entered: The residual stream before the layer.
        mixed: The attention's mix of values, before the output product.
        projected: After the output product, as added to the stream.
        fed: Of the feed-forward part, as added to the stream.
    """

    entered: torch.Tensor
    mixed: torch.Tensor
    projected: torch.Tensor
    fed: torch.Tensor


def draw_weights(decoder: Decoder, dtype: torch.dtype, place: Place, seed: int) -> Weights:
    """Normal random weights of standard deviation `WEIGHT_SCALE`; norms are ones."""
    source = tensors.generator(place.device, seed)

    def matrix(rows: int, columns: int) -> torch.Tensor:
        return tensors.normal_matrix(rows, columns, dtype, source).mul_(WEIGHT_SCALE)

    def ones() -> torch.Tensor:
        return torch.ones(decoder.hidden, dtype=dtype, device=place.device)

    return assembled(decoder, matrix, ones)


def assembled(
    decoder: Decoder, matrix: Callable[[int, int], torch.Tensor], norm: Callable[[], torch.Tensor]
) -> Weights:
    """Weights from what makes a matrix of so many rows and columns, and what makes a norm's scale."""
    hidden, keys = decoder.hidden, decoder.kv_heads * decoder.head_size
    layers = [
        Layer(
            attention_norm=norm(),
            query=matrix(hidden, hidden),
            key=matrix(keys, hidden),
            value=matrix(keys, hidden),
            output=matrix(hidden, hidden),
            feed_norm=norm(),
            gate=matrix(decoder.intermediate, hidden),
            up=matrix(decoder.intermediate, hidden),
            down=matrix(hidden, decoder.intermediate),
        )
        for _ in range(decoder.layers)
    ]
    embedding, head = matrix(decoder.vocabulary, hidden), matrix(decoder.vocabulary, hidden)
    return Weights(decoder, embedding, layers, norm(), head)


def rotations(decoder: Decoder, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of the rotary angles, (positions, head_size / 2) each, in float32.

    Source: Su et al., RoFormer (arXiv:2104.09864), section 3.2.
    """
    half = decoder.head_size // 2
    exponents = torch.arange(half, device=positions.device, dtype=torch.float32) / half
    angles = positions.to(torch.float32)[:, None] * ROTARY_BASE**-exponents
    return angles.cos(), angles.sin()


def rotate(heads: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """Turn each pair (first half, second half) of (…, positions, head_size) by its angle."""
    first, second = heads.chunk(2, dim=-1)
    cosines, sines = cosines.to(heads.dtype), sines.to(heads.dtype)
    return torch.cat((first * cosines - second * sines, second * cosines + first * sines), dim=-1)


def forward(
    weights: Weights,
    tokens: torch.Tensor,
    *,
    linear: Linear = functional.linear,
    caches: Sequence[Cache] | None = None,
    start: int = 0,
    passages: list[Passage] | None = None,
) -> torch.Tensor:
    """Hidden states (batch, positions, hidden) after the last norm, before the head.

    Args:
        weights: Of the decoder.
        tokens: (batch, positions), int64.
        linear: Does the layers' products; the 8-bit training step puts its own here.
        caches: One a layer: keys and values of positions before ``start`` are read from it, those of these
            tokens written to it. Without, tokens attend to each other alone.
        start: Position of the first token; beyond 0, one token at a time, since torch's causal mask begins
            at the first key.
        passages: Where given, what each layer made is appended, for a check of one layer at a time; nothing
            is computed or copied for it.
    """
    states = functional.embedding(tokens, weights.embedding)
    positions = torch.arange(start, start + tokens.shape[1], device=tokens.device)
    turn = rotations(weights.decoder, positions)
    for number, layer in enumerate(weights.layers):
        cache = caches[number] if caches is not None else None
        mixed = attention(
            layer, weights.decoder, norm(states, layer.attention_norm), turn, linear, cache, start
        )
        projected = linear(mixed, layer.output)
        attended = states + projected
        fed = feed_forward(layer, norm(attended, layer.feed_norm), linear)
        if passages is not None:
            passages.append(Passage(states, mixed, projected, fed))
        states = attended + fed
    return norm(states, weights.norm)


def norm(states: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Root-mean-square normalisation."""
    return functional.rms_norm(states, (states.shape[-1],), scale, NORM_EPSILON)


def feed_forward(layer: Layer, states: torch.Tensor, linear: Linear) -> torch.Tensor:
    """The gated part of three matrices."""
    return linear(functional.silu(linear(states, layer.gate)) * linear(states, layer.up), layer.down)


def attention(
    layer: Layer,
    decoder: Decoder,
    states: torch.Tensor,
    turn: tuple[torch.Tensor, torch.Tensor],
    linear: Linear,
    cache: Cache | None,
    start: int,
) -> torch.Tensor:
    """What the heads mix, before the output product: (batch, positions, heads · head_size)."""
    batch, length, _ = states.shape
    size = decoder.head_size

    def heads(weight: torch.Tensor, count: int) -> torch.Tensor:
        return linear(states, weight).view(batch, length, count, size).transpose(1, 2)

    query = rotate(heads(layer.query, decoder.heads), *turn)
    keys = rotate(heads(layer.key, decoder.kv_heads), *turn)
    values = heads(layer.value, decoder.kv_heads)
    if cache is not None:
        cache.keys[:, :, start : start + length] = keys
        cache.values[:, :, start : start + length] = values
        keys, values = cache.keys[:, :, : start + length], cache.values[:, :, : start + length]
    if length == 1:
        # Every key may be seen, so that the queries of a group can stand for positions of one head: then no
        # kernel need know of groups, and each reads a key and value once for its group.
        group = query.reshape(batch, decoder.kv_heads, -1, size)
        mixed = functional.scaled_dot_product_attention(group, keys, values)
        return mixed.reshape(batch, 1, -1)
    grouped = decoder.heads != decoder.kv_heads
    if grouped and query.dtype == torch.float32 and query.is_cuda:
        # The one fused kernel for float32 on GPUs takes no grouped queries; the fallback keeps all scores.
        keys, values = (
            part.repeat_interleave(decoder.heads // decoder.kv_heads, 1) for part in (keys, values)
        )
        grouped = False
    mixed = functional.scaled_dot_product_attention(query, keys, values, is_causal=True, enable_gqa=grouped)
    return mixed.transpose(1, 2).reshape(batch, length, -1)
