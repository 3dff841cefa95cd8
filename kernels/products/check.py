"""Whether a matrix product is right: sampled elements, and all of them against random projections.

The reference is computed in float64 from the stored operands: rounded values are the truth of a product
in 8 or 4 bits. Integers are compared exactly, and float64 with sums that are themselves exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from kernels.products import matrices
from kernels.products.matrices import Operands
from kernels.shared import tensors
from kernels.workload import Verdict

SAMPLED_ELEMENTS = 64
PROJECTION_SIGMAS = 6.0
# C's columns are summed in so many blocks: one wrong element stands out among fewer right ones.
PROJECTION_BLOCKS = 16
UNIT_ROUNDOFF_FP64 = 2.0**-53
# TF32 keeps 10 bits of a significand; units may cut the others off rather than round them.
TF32_CUT = 2.0**-10
# Hopper's matrix units keep about 14 bits while they sum 8-bit products, and add in steps of K = 32
# (DeepSeek-AI, DeepSeek-V3 technical report, arXiv:2412.19437, section 3.3.2); a bit is left to spare.
FAST_SUM_CUT = 2.0**-13
FAST_SUM_STEP = 32
# float32 holds integers exactly up to here.
EXACT_FP32 = 2.0**24
# Veltkamp's constant for float64 (Dekker, Numerische Mathematik 18, 1971).
SPLITTER = 2.0**27 + 1


@dataclass(frozen=True)
class Accuracy:
    """What a right result may be off by.

    For standard normal operands an element of C is of size √K. An element may be off by
    2·result·(|c| + 2√K) for rounding C, split sums included, + 4·sum·K for a sum of K terms whose partial
    sums wander to √K (Higham, Accuracy and Stability, 2nd ed., section 4.2), + terms·(2|c| + 4√K) where
    the terms themselves are cut.

    Attributes:
        result: Unit roundoff of C's type.
        sum: Unit roundoff of the sums.
        terms: What is cut off each term of a sum, relative to it.
    """

    result: float
    sum: float
    terms: float = 0.0

    def element(self, reference: torch.Tensor, inner: int) -> torch.Tensor:
        """Tolerance of elements of C."""
        size, root = reference.abs(), math.sqrt(inner)
        tolerance = 2 * self.result * (size + 2 * root) + 4 * self.sum * inner
        return tolerance + self.terms * (2 * size + 4 * root)

    def projection(self, inner: int, columns: int) -> float:
        """Tolerance of a sum of so many columns of C with random signs.

        Errors of size σ = (result + terms)·√K + sum·K with random signs add up to σ√N; the tolerance is six
        of those, and six times what float64 itself may lose in a reference with sums over N and over K.
        """
        sigma = (self.result + self.terms) * math.sqrt(inner) + self.sum * inner
        own = UNIT_ROUNDOFF_FP64 * (inner + columns) * math.sqrt(inner)
        return PROJECTION_SIGMAS * math.sqrt(columns) * (sigma + own / math.sqrt(columns))


def accuracy_of(precision: str, c: torch.Tensor, inner: int, *, fast_sum: bool = False) -> Accuracy:
    """What a right result in this precision may be off by; ``fast_sum`` where sums are knowingly short."""
    result = torch.finfo(c.dtype).eps / 2
    if precision == "fp64":
        return Accuracy(result, UNIT_ROUNDOFF_FP64)
    terms = TF32_CUT if precision == "tf32" else 0.0
    if fast_sum:
        terms = FAST_SUM_CUT * max(1.0, inner / FAST_SUM_STEP)
    return Accuracy(result, tensors.UNIT_ROUNDOFF_FP32, terms)


def verify(operands: Operands, c: torch.Tensor, seed: int, *, fast_sum: bool = False) -> Verdict:
    """Compare C with A·B."""
    found, reference = _sampled(operands, c, seed)
    residual = _projected(operands, c, seed)
    if operands.precision == "int8":
        return _integer_verdict(c, found - reference, residual)
    accuracy = accuracy_of(operands.precision, c, operands.inner, fast_sum=fast_sum)
    error = (found - reference).abs()
    sampled = float((error / accuracy.element(reference, operands.inner)).max())
    projected = float(residual.abs().max()) / accuracy.projection(
        operands.inner, _columns_of_block(c.shape[1])
    )
    detail = f"sampled elements at {sampled:.3g}, projection at {projected:.3g} of their tolerance"
    correct = sampled <= 1 and projected <= 1
    if operands.precision == "tf32" and correct:
        return _tf32_verdict(float((error / _fp32_tolerance(reference, operands.inner)).max()), detail)
    return Verdict(correct=correct, detail=detail)


def _tf32_verdict(as_fp32: float, detail: str) -> Verdict:
    """Right, but only if it is no better than TF32 can be: float32 in its place would be another rate."""
    if as_fp32 <= 1:
        return Verdict(correct=False, detail=f"{detail}; too exact for TF32: computed in float32")
    return Verdict(correct=True, detail=detail)


def _fp32_tolerance(reference: torch.Tensor, inner: int) -> torch.Tensor:
    return Accuracy(tensors.UNIT_ROUNDOFF_FP32, tensors.UNIT_ROUNDOFF_FP32).element(reference, inner)


def _integer_verdict(c: torch.Tensor, error: torch.Tensor, residual: torch.Tensor) -> Verdict:
    """Integers must be exact; handed on in float32 they may be rounded above 2²⁴.

    Both references are exact: |A·(B·x)| ≤ 2¹⁴·N·K stays below 2⁵³.
    """
    largest = float(tensors.float64(c.abs().max()))
    rounding = 0.0
    if c.is_floating_point() and largest > EXACT_FP32:
        rounding = tensors.UNIT_ROUNDOFF_FP32 * largest
    wrong = int((error.abs() > rounding).sum() + error.isnan().sum())
    allowed = PROJECTION_SIGMAS * rounding * math.sqrt(_columns_of_block(c.shape[1]))
    worst = float(residual.abs().max())
    detail = f"{wrong} of {error.numel()} sampled elements differ, projection off by {worst:.3g}"
    return Verdict(correct=wrong == 0 and worst <= allowed, detail=detail)


def _sampled(operands: Operands, c: torch.Tensor, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sampled elements of C, and what they should be, in float64."""
    draw = torch.Generator().manual_seed(seed)
    rows = torch.randint(c.shape[0], (SAMPLED_ELEMENTS,), generator=draw).to(c.device)
    columns = torch.randint(c.shape[1], (SAMPLED_ELEMENTS,), generator=draw).to(c.device)
    left = matrices.rows(operands.a, rows)
    if operands.transposed:
        right = matrices.rows(operands.stored_b, columns)
    else:
        right = tensors.float64(operands.stored_b[:, columns].T)
    found = tensors.float64(c[rows, columns])
    if operands.precision == "fp64":
        return found, _exact_dot(left, right).to(found.device)
    return found, (left * right).sum(dim=1)


def _exact_dot(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Row-wise dot products of float64 values, rounded once.

    Each product becomes itself rounded and its error (TwoProduct: Dekker 1971), and `math.fsum` adds all of
    them without loss (Shewchuk, Discrete and Computational Geometry 18, 1997).
    """
    product = left * right
    left_high, left_low = _split(left)
    right_high, right_low = _split(right)
    lost = left_high * right_high - product + left_high * right_low + left_low * right_high
    parts = torch.cat([product, lost + left_low * right_low], dim=1)
    return torch.tensor([math.fsum(row) for row in parts.tolist()], dtype=torch.float64)


def _split(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Upper and lower half of each significand."""
    scaled = SPLITTER * values
    high = scaled - (scaled - values)
    return high, values - high


def _projected(operands: Operands, c: torch.Tensor, seed: int) -> torch.Tensor:
    """C·X − A·(B·X) in float64, where each column of X has random signs in a block of rows and else nothing.

    Every element of C takes part. Freivalds, Probabilistic machines can use less running time (IFIP 1977);
    of blocks, Huang and Abraham, Algorithm-based fault tolerance for matrix operations (IEEE Trans. Comput.
    C-33(6), 1984).
    """
    draw = torch.Generator().manual_seed(seed + 1)
    signs = torch.randint(2, (c.shape[1],), generator=draw).double() * 2 - 1
    block = _columns_of_block(c.shape[1])
    places = torch.arange(c.shape[1])
    spread = signs.new_zeros(c.shape[1], -(-c.shape[1] // block))
    spread[places, places // block] = signs
    spread = spread if c.device.type == "mps" else spread.to(c.device)
    through = matrices.times_transposed if operands.transposed else matrices.times
    projected = matrices.times(operands.a, through(operands.stored_b, spread))
    return matrices.times(c, spread) - projected


def _columns_of_block(columns: int) -> int:
    """How many columns of C are summed together."""
    return -(-columns // PROJECTION_BLOCKS)
