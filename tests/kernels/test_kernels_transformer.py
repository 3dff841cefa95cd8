"""The shared decoder: closed forms against torch's own counts, the forward pass against one in NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from kernels.transformer import model
from kernels.transformer.model import Cache, Layer, Weights, assembled, draw_weights, forward
from kernels.transformer.sizes import Decoder
from kernels.workload import Place

Array = NDArray[np.float64]
SMALL = Decoder(layers=3, hidden=48, heads=6, kv_heads=2, intermediate=80, vocabulary=31)

decoders = st.builds(
    lambda layers, groups, shared, size, intermediate, vocabulary: Decoder(
        layers, groups * shared * size, groups * shared, groups, intermediate, vocabulary
    ),
    layers=st.integers(1, 3),
    groups=st.integers(1, 3),
    shared=st.integers(1, 3),
    size=st.sampled_from([2, 4, 8]),
    intermediate=st.integers(1, 40),
    vocabulary=st.integers(2, 50),
)


def on_meta(decoder: Decoder) -> Weights:
    return assembled(
        decoder,
        lambda rows, columns: torch.empty(rows, columns, device="meta"),
        lambda: torch.empty(decoder.hidden, device="meta"),
    )


@given(decoders)
def test_parameters_are_those_of_the_tensors(decoder: Decoder) -> None:
    weights = on_meta(decoder)
    assert sum(weight.numel() for weight in weights.all()) == decoder.parameters
    matrices = [weight for weight in weights.all() if weight.ndim == 2 and weight is not weights.embedding]
    assert sum(matrix.numel() for matrix in matrices) == decoder.matrix_parameters
    assert len({id(weight) for weight in weights.all()}) == 9 * decoder.layers + 3


@given(decoders, st.integers(1, 3), st.integers(2, 9))
@settings(max_examples=12)
def test_flop_are_what_torch_counts(decoder: Decoder, batch: int, length: int) -> None:
    weights = on_meta(decoder)
    for weight in weights.all():
        weight.requires_grad_()
    tokens = torch.zeros(batch, length, dtype=torch.int64, device="meta")
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        logits = forward(weights, tokens) @ weights.head.T
    assert counter.get_total_flops() == decoder.forward_flop(batch * length, length)
    with FlopCounterMode(display=False) as backward:
        logits.sum().backward()  # type: ignore[no-untyped-call]
    both = counter.get_total_flops() + backward.get_total_flops()
    assert both == decoder.training_flop(batch, length)


def test_a_published_model_has_its_published_size() -> None:
    llama = Decoder(32, 4096, 32, 8, 14336, 128256)  # Llama 3 8B: 8.03e9 parameters
    assert llama.parameters == pytest.approx(8.03e9, rel=1e-3)
    assert llama.cache_bytes(1, 8192, "bf16") == 2**30
    assert Decoder.of({**llama.sizes(), "batch": 4}) == llama


def test_weights_are_drawn_as_said() -> None:
    weights = draw_weights(SMALL, torch.float32, Place(), seed=3)
    matrices = torch.cat([weight.flatten() for weight in weights.all() if weight.ndim == 2])
    assert float(matrices.std()) == pytest.approx(0.02, rel=0.02)
    assert abs(float(matrices.mean())) < 1e-3
    assert all(bool((weight == 1).all()) for weight in weights.all() if weight.ndim == 1)
    again = draw_weights(SMALL, torch.float32, Place(), seed=3)
    assert all(map(torch.equal, weights.all(), again.all()))


def test_mapped_changes_every_weight_and_nothing_else() -> None:
    weights = draw_weights(SMALL, torch.float32, Place(), seed=3)
    doubled = weights.mapped(lambda weight: 2 * weight)
    pairs = list(zip(weights.all(), doubled.all(), strict=True))
    assert len(pairs) == 9 * SMALL.layers + 3
    assert all(torch.equal(2 * one, other) for one, other in pairs)
    assert doubled.decoder is weights.decoder


def weights_of(decoder: Decoder, seed: int) -> Weights:
    """In float64, large enough for attention to prefer some keys, with norms other than ones."""
    draw = torch.Generator().manual_seed(seed)

    def shaken(weight: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(weight.shape, generator=draw, dtype=torch.float64)
        return 1 + 0.3 * noise if weight.ndim == 1 else 0.3 * noise

    return draw_weights(decoder, torch.float64, Place(), seed).mapped(shaken)


def norm(states: Array, scale: torch.Tensor) -> Array:
    size = np.sqrt((states**2).mean(axis=-1, keepdims=True) + model.NORM_EPSILON)
    return np.asarray(states / size * scale.numpy())


def rotated(vector: Array, position: int) -> Array:
    """Pair by pair with a 2×2 matrix, as RoFormer's equation 15 writes it."""
    half = len(vector) // 2
    turned = np.empty_like(vector)
    for i in range(half):
        angle = position * 10_000.0 ** (-i / half)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        turned[[i, i + half]] = turn @ vector[[i, i + half]]
    return turned


def attention(layer: Layer, decoder: Decoder, states: Array) -> Array:
    """Head by head and query by query."""
    size, length = decoder.head_size, len(states)
    queries, keys, values = (states @ w.numpy().T for w in (layer.query, layer.key, layer.value))
    mixed = np.zeros((length, decoder.hidden))
    for head in range(decoder.heads):
        own = slice(head * size, (head + 1) * size)
        group = head // (decoder.heads // decoder.kv_heads)
        shared = slice(group * size, (group + 1) * size)
        for at in range(length):
            query = rotated(queries[at, own], at)
            scores = np.array([query @ rotated(keys[k, shared], k) for k in range(at + 1)]) / math.sqrt(size)
            weight = np.exp(scores - scores.max())
            mixed[at, own] = weight / weight.sum() @ values[: at + 1, shared]
    return np.asarray(mixed @ layer.output.numpy().T)


def in_numpy(weights: Weights, tokens: list[int]) -> Array:
    states: Array = weights.embedding.numpy()[tokens]
    for layer in weights.layers:
        states = states + attention(layer, weights.decoder, norm(states, layer.attention_norm))
        inner = norm(states, layer.feed_norm)
        gate, up = inner @ layer.gate.numpy().T, inner @ layer.up.numpy().T
        states = states + (gate / (1 + np.exp(-gate)) * up) @ layer.down.numpy().T
    return norm(states, weights.norm)


@pytest.mark.parametrize("kv_heads", [1, 2, 6])
def test_forward_is_the_transformer(kv_heads: int) -> None:
    decoder = Decoder(2, 48, 6, kv_heads, 80, 31)
    weights = weights_of(decoder, seed=kv_heads)
    tokens = torch.randint(31, (2, 7), generator=torch.Generator().manual_seed(1))
    found = forward(weights, tokens)
    for row, sequence in zip(found, tokens.tolist(), strict=True):
        # rotations are computed in float32
        np.testing.assert_allclose(row.numpy(), in_numpy(weights, sequence), rtol=1e-5, atol=1e-5)


def test_token_by_token_is_the_same() -> None:
    weights = weights_of(SMALL, seed=5)
    tokens = torch.randint(31, (2, 6), generator=torch.Generator().manual_seed(2))
    shape = (2, SMALL.kv_heads, 6, SMALL.head_size)
    caches = [
        Cache(torch.zeros(shape, dtype=torch.float64), torch.zeros(shape, dtype=torch.float64))
        for _ in range(SMALL.layers)
    ]
    first = forward(weights, tokens[:, :4], caches=caches)
    rest = [forward(weights, tokens[:, at : at + 1], caches=caches, start=at) for at in (4, 5)]
    whole = forward(weights, tokens)
    torch.testing.assert_close(torch.cat([first, *rest], dim=1), whole, rtol=1e-6, atol=1e-6)


def test_a_layers_products_go_through_linear() -> None:
    weights = weights_of(SMALL, seed=6)
    seen: list[torch.Tensor] = []

    def linear(states: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        seen.append(weight)
        return states @ weight.T

    tokens = torch.arange(5)[None]
    torch.testing.assert_close(forward(weights, tokens, linear=linear), forward(weights, tokens))
    matrices = [
        w for w in weights.all() if w.ndim == 2 and w is not weights.embedding and w is not weights.head
    ]
    assert {id(weight) for weight in seen} == {id(weight) for weight in matrices}
    assert len(seen) == 7 * SMALL.layers
