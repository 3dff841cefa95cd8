"""The layers' products in 8-bit floats, forward and backward, for the training step.

Operands of the forward products have a 4-bit exponent and 3 bits of significand, gradients 5 and 2, and each
tensor is scaled so that its largest magnitude becomes the type's largest (Micikevicius et al., FP8 formats
for deep learning, arXiv:2209.05433, sections 3 and 4). The scale is found anew for each tensor in each step.
Sums stay in float32, results in bf16.

Imports torch: load it only to run something.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from kernels.shared import tensors
from kernels.workload import Place

SMALLEST_MAGNITUDE = 1e-12


@dataclass(frozen=True)
class Types:
    """The two 8-bit formats: of weights and activations, and of gradients."""

    operand: torch.dtype = torch.float8_e4m3fn
    gradient: torch.dtype = torch.float8_e5m2


def types_of(place: Place) -> Types:
    """The formats that the place's units multiply."""
    return Types(*tensors.fp8_dtypes(place.architecture))


class ScaledProducts:
    """Multiplies the activations of one forward pass with weights (`kernels.transformer.model.Linear`).

    Several weights in a row are multiplied with the same activations: these are rounded to 8 bits once.
    """

    def __init__(self, types: Types) -> None:
        self._types = types
        self._last: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None

    def __call__(self, states: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """``states @ weight.T``."""
        if self._last is None or self._last[0] is not states:
            rows = states.detach().reshape(-1, states.shape[-1])
            self._last = (states, *quantised(rows, self._types.operand))
        _, values, scale = self._last
        result: torch.Tensor = _Product.apply(  # type: ignore[no-untyped-call]
            states, weight, values, scale, self._types
        )
        return result


def quantised(matrix: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """The matrix rounded to 8 bits, and the scale that those bits are to be multiplied with, in float32."""
    largest = torch.linalg.vector_norm(matrix, math.inf).float()
    scale = largest.clamp(min=SMALLEST_MAGNITUDE) / torch.finfo(dtype).max
    return (matrix / scale).to(dtype), scale


class _Product(torch.autograd.Function):
    """Y = X·Wᵀ, with dX = dY·W and dW = dYᵀ·X."""

    @staticmethod
    def forward(
        ctx: Any,
        states: torch.Tensor,
        weight: torch.Tensor,
        values: torch.Tensor,
        scale: torch.Tensor,
        types: Types,
    ) -> torch.Tensor:
        narrow, weight_scale = quantised(weight, types.operand)
        ctx.save_for_backward(values, scale, narrow, weight_scale)
        ctx.types, ctx.shape = types, states.shape
        result = _multiply(values, scale, narrow.t(), weight_scale, states.dtype)
        return result.view(*states.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        values, scale, narrow, weight_scale = ctx.saved_tensors
        wide = gradients[0]
        rows, row_scale = quantised(wide.reshape(-1, wide.shape[-1]), ctx.types.gradient)
        to_states = _multiply(rows, row_scale, _columns(narrow), weight_scale, wide.dtype)
        to_weight = _multiply(rows.t().contiguous(), row_scale, _columns(values), scale, wide.dtype)
        return to_states.view(ctx.shape), to_weight, None, None, None


def _multiply(
    left: torch.Tensor,
    left_scale: torch.Tensor,
    right: torch.Tensor,
    right_scale: torch.Tensor,
    dtype: torch.dtype,
) -> torch.Tensor:
    return torch._scaled_mm(left, right, scale_a=left_scale, scale_b=right_scale, out_dtype=dtype)


def _columns(matrix: torch.Tensor) -> torch.Tensor:
    """The matrix laid out by columns, which is how scaled products want their second operand."""
    return matrix.t().contiguous().t()
