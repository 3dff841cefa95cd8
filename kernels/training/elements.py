"""Every element of what a training step made: gradients one by one, the optimiser's work in sums of rows.

Gradients. One of a matrix is a sum over tokens, dYᵀ·X, of which the reference keeps both factors. An element
of a factor is off by some share ε of the root mean square of its row, whatever its own size, so that element
(i, j) of the sum is off by ε·√(a_j + b_i) or so, with a_j = Σ_t |dY_t|²·X_tj² and b_i = Σ_t dY_ti²·|X_t|²,
where |·| is the root mean square. `kernels.training.check` says what ε is. Six times that is allowed.

Optimiser. A step is linear in what was there, and so is a row's product with random signs r: m′·r is
β₁·m·r + (1 − β₁)·g·r, v′·r likewise with g², and w′·r = (1 − η·λ)·w·r − u·r, where u follows from m′ and v′
(Loshchilov and Hutter, arXiv:1711.05101, algorithm 2). So nothing but three sums a row is kept from before
(Huang and Abraham, Algorithm-based fault tolerance for matrix operations, IEEE Trans. Comput. C-33, 1984).

Imports torch: load it only to run something.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch

from kernels.shared import tensors
from kernels.training.adamw import BETAS, DECAY, LEARNING_RATE, AdamW, update
from kernels.training.reference import Gradient

SIGMAS = 6.0
# Of each element of a row in float32: the product and the sum, and as much again.
ROUNDINGS = 4 * tensors.UNIT_ROUNDOFF_FP32
# Of an update, whose root and quotient float32 takes: as `check` allows for one element.
UPDATE_ERROR = 1e-3
# Float64 blocks: in a core's cache on CPUs, enough for a kernel to be worth its start on others.
CPU_ELEMENTS, GPU_ELEMENTS = 1 << 15, 1 << 24
TINY = torch.finfo(torch.float32).tiny / 1024


class Sums(NamedTuple):
    """Of each row of a weight or a moment, the product with random signs, in float64."""

    weights: list[torch.Tensor]
    first: list[torch.Tensor]
    second: list[torch.Tensor]


def gradient_share(found: torch.Tensor, wanted: Gradient, error: float, rounding: float) -> float:
    """Largest error of any element of a weight's gradient, as a share of what is allowed.

    Args:
        found: The gradient.
        wanted: Of the reference.
        error: What an element of a factor may be off by, as a share of its row's root mean square.
        rounding: Of the result, as a share of it.
    """
    if wanted.left is None or wanted.right is None:
        size = wanted.norm / math.sqrt(found.numel())
        return _share(tensors.float64(found) - wanted.projection, SIGMAS * error * size + TINY)
    left, right = wanted.left, wanted.right
    rows = (left**2).T @ (right**2).mean(dim=1)
    columns = (left**2).mean(dim=1) @ right**2
    if wanted.picks:  # ones, where a token is looked up
        columns = torch.zeros_like(columns)
    worst = torch.zeros((), dtype=torch.float64, device=left.device)
    for part in _blocks(found):
        expected = left[:, part].T @ right
        allowed = SIGMAS * error * (rows[part, None] + columns).sqrt() + rounding * expected.abs() + TINY
        worst = torch.maximum(worst, ((tensors.float64(found[part]) - expected).abs() / allowed).max())
    return float(worst)


def row_sums(optimiser: AdamW, signs: list[torch.Tensor]) -> Sums:
    """As weights and moments are now."""
    groups = (optimiser.weights, optimiser.first, optimiser.second)
    return Sums(*([_sum(one, vector) for one, vector in zip(group, signs, strict=True)] for group in groups))


def optimiser_share(
    optimiser: AdamW, found: list[torch.Tensor], before: Sums, signs: list[torch.Tensor]
) -> float:
    """Largest error of any row's sum after a step, as a share of what is allowed; NaN where one is NaN.

    Args:
        optimiser: After the step.
        found: The gradients that it was given.
        before: The sums as they were.
        signs: Of the sums, for each weight as many as its rows are long.
    """
    step = float(optimiser.steps[0])
    parts = zip(optimiser.weights, found, optimiser.first, optimiser.second, *before, signs, strict=True)
    shares = [_rows_share(part, step) for part in parts]
    return math.nan if any(math.isnan(share) for share in shares) else max(shares)


def _rows_share(part: tuple[torch.Tensor, ...], step: float) -> float:
    """Of one weight: itself, gradient and moments, the three sums of before, and the signs."""
    weight_sum, first_sum, second_sum, signs = part[4:]
    held = [each.detach().view(1, -1) if each.ndim == 1 else each.detach() for each in part[:4]]
    worst = torch.zeros((), dtype=torch.float64, device=signs.device)
    for rows in _blocks(held[0]):
        # the update has room for what float32 makes of it
        moved = tensors.float64(update(held[2][rows], held[3][rows], step))
        weight, gradient, first, second = (tensors.float64(each[rows]) for each in held)
        squared, (beta, other) = gradient**2, BETAS
        errors = (
            weight @ signs - ((1 - LEARNING_RATE * DECAY) * weight_sum[rows] - moved @ signs),
            first @ signs - (beta * first_sum[rows] + (1 - beta) * (gradient @ signs)),
            second @ signs - (other * second_sum[rows] + (1 - other) * (squared @ signs)),
        )
        sizes = (_norm(weight), _norm(first) + _norm(gradient), _norm(second) + _norm(squared))
        spare: tuple[torch.Tensor | float, ...] = (UPDATE_ERROR * _norm(moved), TINY, TINY)
        for error, size, more in zip(errors, sizes, spare, strict=True):
            worst = torch.maximum(worst, (error.abs() / (SIGMAS * (ROUNDINGS * size + more) + TINY)).max())
    return float(worst)


def _norm(rows: torch.Tensor) -> torch.Tensor:
    length: torch.Tensor = torch.linalg.vector_norm(rows, dim=1)
    return length


def _sum(values: torch.Tensor, signs: torch.Tensor) -> torch.Tensor:
    matrix = values.detach().view(1, -1) if values.ndim == 1 else values.detach()
    return torch.cat([tensors.float64(matrix[rows]) @ signs for rows in _blocks(matrix)])


def _blocks(matrix: torch.Tensor) -> Iterator[slice]:
    """Of rows, of so many elements that float64 copies of a few are no matter."""
    most = CPU_ELEMENTS if matrix.device.type in ("cpu", "mps") else GPU_ELEMENTS
    step = max(1, most // matrix.shape[1])
    for start in range(0, matrix.shape[0], step):
        yield slice(start, min(start + step, matrix.shape[0]))


def _share(errors: torch.Tensor, allowed: torch.Tensor) -> float:
    return float((errors.abs() / allowed).max())
