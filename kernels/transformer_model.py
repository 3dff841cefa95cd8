"""The decoder of `kernels.transformer` as torch runs it: weights drawn at random, and the forward pass.

Imports torch: load it only to run something. Plain functions over plain tensors: what is timed is what stands
here, without hooks or containers in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import torch
from torch.nn import functional

from kernels import tensors
from kernels.transformer import Decoder
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
        inner = [getattr(layer, field.name) for layer in self.layers for field in fields(Layer)]
        return [self.embedding, *inner, self.norm, self.head]


@dataclass
class Cache:
    """Keys and values of one layer: (batch, kv_heads, capacity, head_size)."""

    keys: torch.Tensor
    values: torch.Tensor


def draw_weights(decoder: Decoder, dtype: torch.dtype, place: Place, seed: int) -> Weights:
    """Normal random weights of standard deviation `WEIGHT_SCALE`; norms are ones."""
    source = tensors.generator(place.device, seed)
    hidden, keys = decoder.hidden, decoder.kv_heads * decoder.head_size

    def matrix(rows: int, columns: int) -> torch.Tensor:
        return tensors.normal_matrix(rows, columns, dtype, source).mul_(WEIGHT_SCALE)

    def ones() -> torch.Tensor:
        return torch.ones(hidden, dtype=dtype, device=place.device)

    layers = [
        Layer(
            attention_norm=ones(),
            query=matrix(hidden, hidden),
            key=matrix(keys, hidden),
            value=matrix(keys, hidden),
            output=matrix(hidden, hidden),
            feed_norm=ones(),
            gate=matrix(decoder.intermediate, hidden),
            up=matrix(decoder.intermediate, hidden),
            down=matrix(hidden, decoder.intermediate),
        )
        for _ in range(decoder.layers)
    ]
    embedding, head = matrix(decoder.vocabulary, hidden), matrix(decoder.vocabulary, hidden)
    return Weights(decoder, embedding, layers, ones(), head)


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
    """
    states = functional.embedding(tokens, weights.embedding)
    positions = torch.arange(start, start + tokens.shape[1], device=tokens.device)
    turn = rotations(weights.decoder, positions)
    for number, layer in enumerate(weights.layers):
        cache = caches[number] if caches is not None else None
        states = states + _attention(
            layer, weights.decoder, _norm(states, layer.attention_norm), turn, linear, cache, start
        )
        states = states + _feed_forward(layer, _norm(states, layer.feed_norm), linear)
    return _norm(states, weights.norm)


def _norm(states: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return functional.rms_norm(states, (states.shape[-1],), scale, NORM_EPSILON)


def _feed_forward(layer: Layer, states: torch.Tensor, linear: Linear) -> torch.Tensor:
    return linear(functional.silu(linear(states, layer.gate)) * linear(states, layer.up), layer.down)


def _attention(
    layer: Layer,
    decoder: Decoder,
    states: torch.Tensor,
    turn: tuple[torch.Tensor, torch.Tensor],
    linear: Linear,
    cache: Cache | None,
    start: int,
) -> torch.Tensor:
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
    mixed = functional.scaled_dot_product_attention(
        query, keys, values, is_causal=length > 1, enable_gqa=decoder.heads != decoder.kv_heads
    )
    return linear(mixed.transpose(1, 2).reshape(batch, length, -1), layer.output)
