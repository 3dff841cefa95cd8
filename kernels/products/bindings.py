"""How each library is called for a matrix product: everything that can be prepared once is, then one call.

Each function takes the operands and returns a call without arguments, which multiplies them and returns the
tensor that holds C. Imports torch: load it only to run something.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module

import torch

from kernels.products.libraries import SCALED
from kernels.products.matrices import FP4_SCALE, FP4_SCALE_BLOCK, Operands
from kernels.workload import Place

Product = Callable[[], torch.Tensor]
"""Multiplies; returns what holds C."""

# Scales of 4-bit blocks come in tiles of 128 rows by 4 (NVIDIA, cuBLAS documentation, "1D block scaling").
SCALE_ROWS, SCALE_COLUMNS = 128, 4


@lru_cache
def triton_product(precision: str, place: Place) -> Callable[[Operands], Product] | None:
    """Our own product in Triton; None where it does not run in this precision there."""
    try:
        ours = import_module("kernels.on_triton.gemm")
    except ImportError:
        return None
    if ours.lacks(precision, place) is not None:
        return None

    def bind(operands: Operands) -> Product:
        def multiply() -> torch.Tensor:
            ours.product(operands.a, operands.b, operands.c)
            return operands.c

        return multiply

    return bind


def torch_product(operands: Operands) -> Product:
    """Torch by itself: ``mm``, or the functions it has for products of 8 and 4 bits."""
    a, b, c = operands.a, operands.b, operands.c
    if operands.precision in SCALED:
        return _scaled_product(operands, fast_sum=False)
    if operands.precision == "int8":
        return lambda: torch._int_mm(a, b, out=c)
    return lambda: torch.mm(a, b, out=c)


def fast_sum_product(operands: Operands) -> Product:
    """Torch's product of 8-bit floats, its sums kept in fewer bits than float32 has."""
    return _scaled_product(operands, fast_sum=True)


def _scaled_product(operands: Operands, *, fast_sum: bool) -> Product:
    """Scales of one for 8 bits; for 4 bits the same in every block, so that their order does not matter."""
    a, b, c = operands.a, operands.b, operands.c
    one = torch.ones((), dtype=torch.float32, device=a.device)
    scale_a, scale_b = one, one
    if operands.precision == "fp4":
        scale_a, scale_b = _block_scales(a), _block_scales(operands.stored_b)
        a = a.view(torch.float4_e2m1fn_x2)
        b = operands.stored_b.view(torch.float4_e2m1fn_x2).t()
    return lambda: torch._scaled_mm(
        a, b, scale_a=scale_a, scale_b=scale_b, out_dtype=c.dtype, use_fast_accum=fast_sum, out=c
    )


def _block_scales(stored: torch.Tensor) -> torch.Tensor:
    rows = -(-stored.shape[0] // SCALE_ROWS) * SCALE_ROWS
    blocks = -(-2 * stored.shape[1] // FP4_SCALE_BLOCK)
    columns = -(-blocks // SCALE_COLUMNS) * SCALE_COLUMNS
    scales = torch.full((rows * columns,), FP4_SCALE, device=stored.device)
    return scales.to(torch.float8_e4m3fn)


def onednn(operands: Operands) -> Product:
    """OneDNN with B as a linear layer keeps it, (out, in)."""
    a, weight = operands.a, operands.stored_b
    multiply = torch.ops.mkldnn._linear_pointwise
    return lambda: multiply(a, weight, None, "none", [], "")


def onednn_packed(operands: Operands) -> Product:
    """B laid out once as oneDNN likes it for this M, as is done for the constant weights of a model."""
    a = operands.a
    weight = torch.ops.mkldnn._reorder_linear_weight(operands.stored_b, a.shape[0])
    multiply = torch.ops.mkldnn._linear_pointwise
    return lambda: multiply(a, weight, None, "none", [], "")


def onednn_packed_int8(operands: Operands) -> Product:
    """Signed by signed bytes, summed in int32, scales of one; C is handed on in float32."""
    a, columns = operands.a, operands.stored_b.shape[0]
    weight = torch.ops.onednn.qlinear_prepack(operands.stored_b, list(a.shape))
    scales, zeros = torch.ones(columns), torch.zeros(columns, dtype=torch.int64)
    multiply = torch.ops.onednn.qlinear_pointwise
    tail: tuple[object, ...] = (None, 1.0, 0, torch.float32, "none", [], "")
    return lambda: multiply(a, 1.0, 0, weight, scales, zeros, *tail)


def mkl_packed(operands: Operands) -> Product:
    """B laid out once as MKL likes it for this M."""
    a, original, rows = operands.a, operands.stored_b, operands.a.shape[0]
    weight = torch.ops.mkl._mkl_reorder_linear_weight(original, rows)
    multiply = torch.ops.mkl._mkl_linear
    return lambda: multiply(a, weight, original, None, rows)


def numpy_product(operands: Operands) -> Product:
    """NumPy's product, on the same memory."""
    import numpy as np  # noqa: PLC0415

    a, b, c = operands.a.numpy(), operands.stored_b.numpy(), operands.c.numpy()

    def multiply() -> torch.Tensor:
        np.matmul(a, b, out=c)
        return operands.c

    return multiply
