"""Whether attention and its gradients are right. Imports torch: load it only to run something.

The reference is the closed form in float64, computed from the operands alone. For one head, with weights
P = softmax(S), S = Q·Kᵀ/√d below the diagonal, output O = P·V and G the gradient of the output:

    dV = Pᵀ·G,   dP = G·Vᵀ,   dS = P ∘ (dP − D),   D = rowsum(G ∘ O),   dQ = dS·K/√d,   dK = dSᵀ·Q/√d

(Dao et al., FlashAttention, arXiv:2205.14135, appendix B.2). It is followed for whole rows of O and dQ in
many heads, one in every stretch of the sequence, and for all of dV and dK of one head. Every element of O is
a mean of the values up to its row, and lies between the least and the largest. Two laws bind the gradients of
every head: rows of P add up to one, so that Σ_j dV_j = Σ_i G_i; and Qᵀ·dQ = dKᵀ·K, since both
are Qᵀ·dS·K/√d.

Tolerances. Kernels round P, dP, dS and O to the precision's type, of unit roundoff u, and sum in float32.
Such errors are independent, so that a sum of terms t_j off by u·t_j each is off by u·√Σt_j² or so; six times
that is allowed (as in `kernels.products.check`), and two roundings of the result. To u is added what
float32 arithmetic itself does, `ARITHMETIC`; what fp16 cannot hold at all is lost as well, `Unit.lost`.
Gradients are allowed `PARTIAL_SUMS` more roundings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch

from kernels.shared import tensors
from kernels.workload import Verdict

SAMPLED_HEADS = 32
SAMPLED_ROWS = 32
# Over 2048 keys, float64 blocks of 2 MiB: small enough for the allocator to reuse rather than map anew.
BLOCK_ROWS = 128
SIGMAS = 6.0
# Exponentials good to 20 units in the last place, as torch's vectorised one (PyTorch, ATen/cpu/vec, exp_u20),
# and scores and sums in float32: 32 roundings.
ARITHMETIC = 32 * tensors.UNIT_ROUNDOFF_FP32
# Backwards, a row of P is exp(S − L), with L the logarithm of the softmax's denominator in float32: L stays
# below 16 for any sequence that fits a memory, and what it is off by is common to the row.
COMMON = 16 * tensors.UNIT_ROUNDOFF_FP32
# Torch's kernel for CPUs adds a gradient up in the precision's own type, one block of queries after another:
# 8 of them in sequences of 512 and of 2048 (PyTorch, aten/src/ATen/native/cpu/FlashAttentionKernel.cpp). Each
# sum is about as large as the result and its spread, and each rounding uniform, so of variance u²/3.
PARTIAL_SUMS = 8
# Σ_j P_ij² over i + 1 keys is near e/(i + 1) for scores that are standard normal; this leaves room.
SQUARED_WEIGHTS = 2 * math.e


@dataclass(frozen=True)
class Unit:
    """What rounding to a type costs: relative to a value, or in all where the value is tiny.

    Attributes:
        rounding: Unit roundoff.
        lost: Half the smallest number; what is below becomes nothing.
    """

    rounding: float
    lost: float

    @classmethod
    def of(cls, dtype: torch.dtype) -> Unit:
        """Of one of torch's types."""
        known = torch.finfo(dtype)
        return cls(known.eps / 2, known.smallest_normal * known.eps / 2)

    @property
    def error(self) -> float:
        """What a term that was computed and rounded is off by, relative to it."""
        return self.rounding + ARITHMETIC

    def result(self, expected: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
        """Tolerance of a sum whose terms' errors have that variance."""
        return 2 * (self.rounding * expected.abs() + self.lost) + SIGMAS * variance.sqrt()

    def gradient(self, expected: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
        """Tolerance of a sum that may be rounded on the way."""
        roundings = PARTIAL_SUMS / 3
        return self.result(expected, (1 + roundings) * variance + roundings * (self.rounding * expected) ** 2)


@dataclass(frozen=True)
class Tensors:
    """All (batch, heads, sequence, head); ``outputs`` is O or O, dQ, dK, dV, and ``upstream`` is G."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    upstream: torch.Tensor | None
    outputs: tuple[torch.Tensor, ...]

    @property
    def unit(self) -> Unit:
        """Of the precision's type."""
        return Unit.of(self.query.dtype)

    def head(self, batch: int, head: int) -> _Head:
        """One head in float64."""
        operands = (self.query, self.key, self.value)
        query, key, value = (tensors.float64(each[batch, head]) for each in operands)
        upstream = None if self.upstream is None else tensors.float64(self.upstream[batch, head])
        return _Head(query, key, value, upstream, self.unit)


@dataclass(frozen=True)
class _Rows:
    """Some rows of P, and what follows from them.

    Attributes:
        weights: P, (rows, keys).
        output: O, (rows, head).
        scores: dS, (rows, keys); None without an upstream gradient.
        scores_error: What dS may be off by, in the mean square.
    """

    weights: torch.Tensor
    output: torch.Tensor
    scores: torch.Tensor | None = None
    scores_error: torch.Tensor | None = None


@dataclass(frozen=True)
class _Head:
    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    upstream: torch.Tensor | None
    unit: Unit

    @property
    def scale(self) -> float:
        return 1 / math.sqrt(self.query.shape[1])

    def rows(self, picked: torch.Tensor) -> _Rows:
        """Of picked queries, in ascending order; keys beyond the last are left out."""
        seen = int(picked[-1]) + 1
        scores = self.query[picked] @ self.key[:seen].T * self.scale
        hidden = torch.arange(seen, device=scores.device) > picked[:, None]
        weights = scores.masked_fill_(hidden, -math.inf).softmax(dim=1)
        output = weights @ self.value[:seen]
        if self.upstream is None:
            return _Rows(weights, output)
        upstream = self.upstream[picked]
        towards = upstream @ self.value[:seen].T
        delta = (upstream * output).sum(dim=1, keepdim=True)
        gradient = weights * (towards - delta)
        # D is computed from O as it was rounded.
        delta_error = self.unit.rounding**2 * ((upstream * output) ** 2).sum(dim=1, keepdim=True)
        error = weights**2 * (self.unit.error**2 * (towards**2 + delta**2) + delta_error)
        error += (self.unit.error * gradient) ** 2 + (self.unit.lost / self.scale) ** 2
        return _Rows(weights, output, gradient, error)

    def worst_output(self, rows: _Rows, found: torch.Tensor) -> float:
        """Largest error of rows of O, as a share of its tolerance."""
        variance = self._weights_error(rows) @ self.value[: rows.weights.shape[1]] ** 2
        return _worst(found, rows.output, self.unit.result(rows.output, variance))

    def worst_query(self, rows: _Rows, found: torch.Tensor) -> float:
        """Largest error of rows of dQ, as a share of its tolerance."""
        if rows.scores is None or rows.scores_error is None:
            return 0.0
        key = self.key[: rows.scores.shape[1]]
        expected = rows.scores @ key * self.scale
        variance = rows.scores_error @ key**2 * self.scale**2
        return _worst(found, expected, self.unit.gradient(expected, variance))

    def worst_key_value(self, found_key: torch.Tensor, found_value: torch.Tensor) -> float:
        """Largest error of all of dK and dV, as a share of its tolerance."""
        if self.upstream is None:
            return 0.0
        key, key_variance, value, value_variance = (torch.zeros_like(self.key) for _ in range(4))
        for picked in self._blocks():
            rows = self.rows(picked)
            if rows.scores is None or rows.scores_error is None:
                break
            query, upstream, seen = self.query[picked], self.upstream[picked], rows.weights.shape[1]
            key[:seen] += rows.scores.T @ query * self.scale
            value[:seen] += rows.weights.T @ upstream
            key_variance[:seen] += _rough(rows.scores_error.T, query**2) * self.scale**2
            value_variance[:seen] += _rough(self._weights_error(rows).T, upstream**2)
        return _larger(
            _worst(found_key, key, self.unit.gradient(key, key_variance)),
            _worst(found_value, value, self.unit.gradient(value, value_variance)),
        )

    def _weights_error(self, rows: _Rows) -> torch.Tensor:
        """What P may be off by, in the mean square."""
        return (self.unit.error * rows.weights) ** 2 + self.unit.lost**2

    def _blocks(self) -> Iterator[torch.Tensor]:
        length = len(self.query)
        for start in range(0, length, BLOCK_ROWS):
            yield torch.arange(start, min(start + BLOCK_ROWS, length), device=self.query.device)


def verify(held: Tensors, seed: int) -> Verdict:
    """Compare what was found with the closed form and, of training, with the laws."""
    wanted = 1 if held.upstream is None else 4
    if [output.shape for output in held.outputs] != [held.query.shape] * wanted:
        return Verdict(correct=False, detail=f"outputs have shapes {[tuple(o.shape) for o in held.outputs]}")
    draw = torch.Generator().manual_seed(seed)
    heads = _sampled_heads(held, draw)
    shares = {"rows": _worst_rows(held, heads, draw), "range": _worst_range(held)}
    if held.upstream is not None:
        batch, head = heads[0]
        reference = held.head(batch, head)
        found = (tensors.float64(output[batch, head]) for output in held.outputs[2:])
        shares["one head's keys and values"] = reference.worst_key_value(*found)
        shares["sums of values"] = _worst_sum(held, held.upstream)
        shares["products of queries and keys"] = _worst_product(held)
    told = ", ".join(f"{what} at {share:.3g}" for what, share in shares.items())
    return Verdict(correct=all(share <= 1 for share in shares.values()), detail=f"{told} of their tolerance")


def _sampled_heads(held: Tensors, draw: torch.Generator) -> list[tuple[int, int]]:
    batch, heads = held.query.shape[:2]
    picked = torch.randperm(batch * heads, generator=draw)[:SAMPLED_HEADS].tolist()
    return [divmod(number, heads) for number in picked]


def _sampled_rows(length: int, draw: torch.Generator) -> torch.Tensor:
    """One in each of so many stretches of the sequence, in the last stretch the last."""
    count = min(SAMPLED_ROWS, length)
    edges = torch.arange(count + 1) * length // count
    within = torch.rand(count, generator=draw) * (edges[1:] - edges[:-1])
    picked = edges[:-1] + within.long()
    picked[-1] = length - 1
    return picked


def _worst_rows(held: Tensors, heads: list[tuple[int, int]], draw: torch.Generator) -> float:
    worst = 0.0
    for batch, head in heads:
        reference = held.head(batch, head)
        picked = _sampled_rows(held.query.shape[2], draw).to(reference.query.device)
        rows = reference.rows(picked)
        found = [tensors.float64(output[batch, head])[picked] for output in held.outputs[:2]]
        worst = _larger(worst, reference.worst_output(rows, found[0]))
        if held.upstream is not None:
            worst = _larger(worst, reference.worst_query(rows, found[1]))
    return worst


def _worst_range(held: Tensors) -> float:
    """Every element of O: a mean of the values up to its row, and so between the least and largest of them.

    Weights may add up to one but for their roundings, independent ones in the precision's type.
    """
    worst = 0.0
    for batch, head in _every_head(held):
        value, found = tensors.float64(held.value[batch, head]), tensors.float64(held.outputs[0][batch, head])
        low, high = value.cummin(dim=0).values, value.cummax(dim=0).values
        # a bf16 result may be rounded past the end, and weights of up to one to either side of it
        allowed = (2 + SIGMAS) * held.unit.error * torch.maximum(low.abs(), high.abs()) + 2 * held.unit.lost
        middle, half = (low + high) / 2, (high - low) / 2
        worst = _larger(worst, _worst(found, middle, half + allowed))
    return worst


def _worst_sum(held: Tensors, upstream: torch.Tensor) -> float:
    """Σ_j dV_j against Σ_i G_i in every head: dV as it was rounded, and P as it and its rows were."""
    worst = 0.0
    for batch, head in _every_head(held):
        given, found = tensors.float64(upstream[batch, head]), tensors.float64(held.outputs[3][batch, head])
        weights = _squared_weights(len(given), given.device)[:, None]
        variance = held.unit.error**2 * (PARTIAL_SUMS / 3 * found**2 + weights * given**2)
        allowed = SIGMAS * (variance + (COMMON * given) ** 2).sum(dim=0).sqrt()
        worst = _larger(worst, _worst(found.sum(dim=0), given.sum(dim=0), allowed))
    return worst


def _worst_product(held: Tensors) -> float:
    """Qᵀ·dQ against dKᵀ·K in every head: both gradients as they were rounded, and dS as it was.

    An element of dS is of size P·√(2d), and enters a sum times one of Q and one of K over √d.
    """
    worst, error = 0.0, held.unit.error
    inner = 2 * float(_squared_weights(held.query.shape[2], torch.device("cpu")).sum())
    for pair in _every_head(held):
        operands = (held.query, held.outputs[1], held.outputs[2], held.key)
        query, query_found, key_found, key = (tensors.float64(each[pair]) for each in operands)
        squares = _rough(query.T**2, query_found**2) + _rough(key_found.T**2, key**2)
        allowed = SIGMAS * error * (PARTIAL_SUMS / 3 * squares + inner).sqrt()
        worst = _larger(worst, _worst(query.T @ query_found, key_found.T @ key, allowed))
    return worst


def _every_head(held: Tensors) -> Iterator[tuple[int, int]]:
    batch, heads = held.query.shape[:2]
    return product(range(batch), range(heads))


def _squared_weights(length: int, device: torch.device) -> torch.Tensor:
    """What Σ_j P_ij² may be, by row."""
    keys = torch.arange(1, length + 1, dtype=torch.float64)
    return (SQUARED_WEIGHTS / keys).clamp(max=1.0).to("cpu" if device.type == "mps" else device)


def _rough(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """A product for a tolerance: float32 will do, at half the time."""
    return (left.float() @ right.float()).to(left.dtype)


def _worst(found: torch.Tensor, expected: torch.Tensor, allowed: torch.Tensor) -> float:
    """Largest error as a share of what is allowed; NaN where one is NaN."""
    return float(((found - expected).abs() / allowed).max())


def _larger(one: float, other: float) -> float:
    """The larger; NaN where either is NaN."""
    return math.nan if math.isnan(one) or math.isnan(other) else max(one, other)
