"""Attention and its gradients in closed form, and what a right result may be off by.

`kernels.operations.attention_check` has the formulas and the reasons. Imports torch: load it only to run
something.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from kernels.shared import tensors

# Over 2048 keys, float64 blocks of 2 MiB: small enough for the allocator to reuse rather than map anew.
BLOCK_ROWS = 128
SIGMAS = 6.0
# Exponentials good to 20 units in the last place, as torch's vectorised one (PyTorch, ATen/cpu/vec, exp_u20),
# and scores and sums in float32: 32 roundings.
ARITHMETIC = 32 * tensors.UNIT_ROUNDOFF_FP32
# Torch's kernel for CPUs adds a gradient up in the precision's own type, one block of queries after another:
# 8 of them in sequences of 512 and of 2048 (PyTorch, aten/src/ATen/native/cpu/FlashAttentionKernel.cpp). Each
# sum is about as large as the result and its spread, and each rounding uniform, so of variance u²/3.
PARTIAL_SUMS = 8


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

    def exact(self, tensor: torch.Tensor) -> torch.Tensor:
        """In a type that errs far less than the precision: float32 for 16 bits, at half the time."""
        return tensor.float() if self.query.dtype.itemsize == 2 else tensors.float64(tensor)

    def exact_head(self, batch: int, head: int) -> _Head:
        """One head in such a type."""
        query, key, value = (self.exact(each[batch, head]) for each in (self.query, self.key, self.value))
        upstream = None if self.upstream is None else self.exact(self.upstream[batch, head])
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
        first = int(picked[0]) + 1  # all may see what comes before
        hidden = torch.arange(first, seen, device=scores.device) > picked[:, None]
        scores[:, first:].masked_fill_(hidden, -math.inf)
        weights = scores.softmax(dim=1)
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
        variance = rough(self.weights_error(rows), self.value[: rows.weights.shape[1]] ** 2)
        return largest_share(found, rows.output, self.unit.result(rows.output, variance))

    def worst_query(self, rows: _Rows, found: torch.Tensor) -> float:
        """Largest error of rows of dQ, as a share of its tolerance."""
        if rows.scores is None or rows.scores_error is None:
            return 0.0
        key = self.key[: rows.scores.shape[1]]
        expected = rows.scores @ key * self.scale
        variance = rough(rows.scores_error, key**2) * self.scale**2
        return largest_share(found, expected, self.unit.gradient(expected, variance))

    def worst_key_value(self, found: Sequence[torch.Tensor]) -> float:
        """Largest error of all of dK and dV, as a share of its tolerance."""
        sums = _Sums(self)
        for picked in self._blocks():
            sums.add(self.rows(picked), picked)
        return sums.worst(found)

    def worst_of_all(self, found: Sequence[torch.Tensor]) -> dict[str, float]:
        """Largest error of each output, every element looked at, as a share of its tolerance."""
        sums, output, query = _Sums(self), 0.0, 0.0
        for picked in self._blocks():
            rows = self.rows(picked)
            output = larger(output, self.worst_output(rows, found[0][picked]))
            if self.upstream is not None:
                query = larger(query, self.worst_query(rows, found[1][picked]))
                sums.add(rows, picked)
        if self.upstream is None:
            return {"output": output}
        return {"output": output, "queries": query, "keys and values": sums.worst(found[2:])}

    def weights_error(self, rows: _Rows) -> torch.Tensor:
        """What P may be off by, in the mean square."""
        return self.unit.error**2 * rows.weights**2 + self.unit.lost**2

    def _blocks(self) -> Iterator[torch.Tensor]:
        length = len(self.query)
        for start in range(0, length, BLOCK_ROWS):
            yield torch.arange(start, min(start + BLOCK_ROWS, length), device=self.query.device)


class _Sums:
    """dK and dV of a head as they add up, and the variances of their errors."""

    def __init__(self, head: _Head) -> None:
        self._head = head
        self._key, self._key_variance, self._value, self._value_variance = (
            torch.zeros_like(head.key) for _ in range(4)
        )

    def add(self, rows: _Rows, picked: torch.Tensor) -> None:
        """What these rows of P and dS give."""
        head = self._head
        if rows.scores is None or rows.scores_error is None or head.upstream is None:
            return
        query, upstream, seen = head.query[picked], head.upstream[picked], rows.weights.shape[1]
        self._key[:seen] += rows.scores.T @ query * head.scale
        self._value[:seen] += rows.weights.T @ upstream
        self._key_variance[:seen] += rough(rows.scores_error.T, query**2) * head.scale**2
        self._value_variance[:seen] += rough(head.weights_error(rows).T, upstream**2)

    def worst(self, found: Sequence[torch.Tensor]) -> float:
        """Largest error of dK and dV, as a share of its tolerance."""
        unit = self._head.unit
        return larger(
            largest_share(found[0], self._key, unit.gradient(self._key, self._key_variance)),
            largest_share(found[1], self._value, unit.gradient(self._value, self._value_variance)),
        )


def rough(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """A product for a tolerance: float32 will do, at half the time."""
    return (left.float() @ right.float()).to(left.dtype)


def largest_share(found: torch.Tensor, expected: torch.Tensor, allowed: torch.Tensor) -> float:
    """Largest error as a share of what is allowed; NaN where one is NaN."""
    return float(((found - expected).abs() / allowed).max())


def larger(one: float, other: float) -> float:
    """The larger; NaN where either is NaN."""
    return math.nan if math.isnan(one) or math.isnan(other) else max(one, other)
