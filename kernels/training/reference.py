"""The same transformer in float64 on the first tokens of one sequence, with its gradients.

Written for being read beside the papers, not for speed, and with nothing in common with what it judges:
Touvron et al., LLaMA (arXiv:2302.13971); Su et al., RoFormer (arXiv:2104.09864), equation 34; Zhang and
Sennrich, Root mean square layer normalization (arXiv:1910.07467), equation 4; Vaswani et al., Attention is
all you need (arXiv:1706.03762), equation 1; Ainslie et al., GQA (arXiv:2305.13245).

Imports torch: load it only to run something.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch.nn.functional import one_hot

from kernels.shared import tensors
from kernels.transformer.model import NORM_EPSILON, ROTARY_BASE, Layer, Weights


class Gradient(NamedTuple):
    """Of one weight, without being held as a whole.

    Attributes:
        projection: A matrix times the given signs; a norm's gradient as it is.
        norm: Root of the sum of its squares.
        left: Of a matrix, dY: (tokens, rows). The gradient is leftᵀ·right.
        right: Of a matrix, X: (tokens, columns).
        picks: Whether ``left`` is a one in the row that is looked up, and nothing else.
    """

    projection: torch.Tensor
    norm: torch.Tensor
    left: torch.Tensor | None = None
    right: torch.Tensor | None = None
    picks: bool = False


class Reference(NamedTuple):
    """What the model must give, in float64.

    Attributes:
        states: Hidden states after the last norm, (tokens, hidden).
        token_losses: Cross-entropy of each next token.
        gradients: Of their mean, in the order of `Weights.all`.
    """

    states: torch.Tensor
    token_losses: torch.Tensor
    gradients: list[Gradient]


def reference(
    masters: Weights, tokens: torch.Tensor, dtype: torch.dtype, signs: list[torch.Tensor]
) -> Reference:
    """Forward and backward on one sequence.

    Args:
        masters: Weights in float32.
        tokens: (tokens + 1,): the last one is only predicted.
        dtype: What each weight is rounded to before it is used.
        signs: For each weight, a vector as long as its rows; not used for norms.
    """
    model = _Model(masters, dtype)
    states = model.states(tokens[:-1])
    logits = model.times(states, masters.head)
    chosen = logits.gather(1, tokens[1:, None].to(logits.device))[:, 0]
    losses = logits.logsumexp(1) - chosen
    losses.mean().backward()  # type: ignore[no-untyped-call]
    pairs = zip(masters.all(), signs, strict=True)
    return Reference(states.detach(), losses.detach(), [model.gradient(*pair) for pair in pairs])


class _Times(torch.autograd.Function):
    """Rows times a weight's transpose, of which no float64 copy outlives the product.

    Backward, it notes both factors of the weight's gradient instead of multiplying them.
    """

    @staticmethod
    def forward(
        ctx: Any, rows: torch.Tensor, weight: torch.Tensor, dtype: torch.dtype, note: Any
    ) -> torch.Tensor:
        ctx.rows, ctx.weight, ctx.dtype, ctx.note = rows.detach(), weight, dtype, note
        return rows @ tensors.float64(ctx.weight.to(dtype)).T

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        ctx.note(ctx.weight, gradients[0], ctx.rows)
        return gradients[0] @ tensors.float64(ctx.weight.to(ctx.dtype)), None, None, None


class _Model:
    """The forward pass, and what its backward pass leaves for each weight."""

    def __init__(self, masters: Weights, dtype: torch.dtype) -> None:
        self._masters, self._dtype = masters, dtype
        self._factors: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._leaves: dict[int, torch.Tensor] = {}

    def states(self, tokens: torch.Tensor) -> torch.Tensor:
        """Hidden states (tokens, hidden) after the last norm."""
        self._tokens = tokens
        states = self._leaf(self._masters.embedding, self._masters.embedding.detach()[tokens])
        self._tokens = tokens.to(states.device)
        for layer in self._masters.layers:
            states = states + self._attention(layer, self._norm(states, layer.attention_norm))
            states = states + self._feed_forward(layer, self._norm(states, layer.feed_norm))
        return self._norm(states, self._masters.norm)

    def times(self, rows: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """``rows @ weight.T``."""
        product: torch.Tensor = _Times.apply(rows, weight.detach(), self._dtype, self._note)  # type: ignore[no-untyped-call]
        return product

    def gradient(self, weight: torch.Tensor, vector: torch.Tensor) -> Gradient:
        """Of a product's weight: dYᵀ·X. Of the embedding: the same, with a one in X for each token."""
        if (key := weight.data_ptr()) in self._factors:
            left, right = self._factors[key]
            norm = ((left @ left.T) * (right @ right.T)).sum().sqrt()
            return Gradient(left.T @ (right @ vector), norm, left, right)
        found = self._leaves[key].grad
        if found is None:
            raise RuntimeError("a weight took no part in the reference")
        if weight.ndim == 1:
            return Gradient(found, found.norm())
        picked = one_hot(self._tokens, weight.shape[0]).to(found.dtype)
        norm = ((found @ found.T) * (picked @ picked.T)).sum().sqrt()
        return Gradient(picked.T @ (found @ vector), norm, picked, found, picks=True)

    def _note(self, weight: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> None:
        self._factors[weight.data_ptr()] = left, right

    def _leaf(self, weight: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
        leaf = tensors.float64(part.detach().to(self._dtype)).requires_grad_()
        self._leaves[weight.data_ptr()] = leaf
        return leaf

    def _norm(self, states: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        size = (states.square().mean(dim=1, keepdim=True) + NORM_EPSILON).sqrt()
        return states / size * self._leaf(weight, weight)

    def _feed_forward(self, layer: Layer, states: torch.Tensor) -> torch.Tensor:
        gate = self.times(states, layer.gate)
        return self.times(gate * gate.sigmoid() * self.times(states, layer.up), layer.down)

    def _attention(self, layer: Layer, states: torch.Tensor) -> torch.Tensor:
        decoder, length = self._masters.decoder, len(states)
        shared = decoder.heads // decoder.kv_heads
        queries, keys, values = (
            self.times(states, weight).view(length, -1, decoder.head_size).transpose(0, 1)
            for weight in (layer.query, layer.key, layer.value)
        )
        keys, values = (
            part[torch.arange(decoder.heads, device=part.device) // shared]
            for part in (_rotated(keys), values)
        )
        scores = _rotated(queries) @ keys.transpose(1, 2) / math.sqrt(decoder.head_size)
        later = torch.ones(length, length, dtype=torch.bool, device=scores.device).triu(1)
        mixed = scores.masked_fill(later, -math.inf).softmax(dim=2) @ values
        return self.times(mixed.transpose(0, 1).reshape(length, -1), layer.output)


def _rotated(heads: torch.Tensor) -> torch.Tensor:
    """Element i and i + half of (heads, positions, size) as a complex number, turned by its angle."""
    half = heads.shape[2] // 2
    exponents = torch.arange(half, dtype=torch.float64, device=heads.device) / half
    positions = torch.arange(heads.shape[1], dtype=torch.float64, device=heads.device)
    angles = positions[:, None] * ROTARY_BASE**-exponents
    turned = torch.complex(heads[..., :half], heads[..., half:]) * torch.polar(
        torch.ones_like(angles), angles
    )
    return torch.cat((turned.real, turned.imag), dim=2)
