"""Triton code of the execution-unit ceiling and of the matrix product. Imports Triton: load it only to run.

Whether these functions are compiled or interpreted is settled when this module is loaded: Triton interprets
them where the environment variable ``TRITON_INTERPRET`` is 1 at that moment.

Counts of repetitions are run-time arguments that are not specialised, for two reasons. One binary serves
every count, so that a probe with a small count vouches for the binary of a long call. And a count known to
the compiler is unrolled: with 64 tile products in a row, assembling for compute capability 9.0 took minutes.
"""

# Triton's compile-time constants are in capitals by its own custom, and it reads annotations for itself:
# any but its own is taken for a global variable, and refused.
# Its conditions on constants choose code, which a conditional expression would not.
# ruff: noqa: SIM108, N803, ANN001, ANN201, PLR0913, PLR0917
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["iterations", "steps"])
def matrix_chain(
    a_ptr,
    b_ptr,
    c_ptr,
    iterations,
    steps,
    M: tl.constexpr,
    N: tl.constexpr,
    K: tl.constexpr,
    ACCUMULATOR: tl.constexpr,
    MODE: tl.constexpr,
    INTEGER: tl.constexpr,
):
    """Per iteration: ``steps`` times acc = A·B + acc, then acc halved; acc stored after the last."""
    rows = tl.arange(0, M)[:, None]
    columns = tl.arange(0, N)[None, :]
    inner = tl.arange(0, K)
    a = tl.load(a_ptr + rows * K + inner[None, :])
    b = tl.load(b_ptr + columns * K + inner[:, None])
    acc = tl.full((M, N), 0, ACCUMULATOR)
    for _iteration in range(iterations):
        for _step in range(steps):
            acc = tl.dot(a, b, acc, input_precision=MODE, out_dtype=ACCUMULATOR)
        if INTEGER:
            acc = acc >> 1
        else:
            acc = acc * 0.5
    tl.store(c_ptr + tl.program_id(0) * (M * N) + rows * N + columns, acc)


@triton.jit(do_not_specialize=["iterations"])
def vector_chain(
    x_ptr,
    constants_ptr,
    out_ptr,
    iterations,
    ELEMENTS: tl.constexpr,
    PAIRS: tl.constexpr,
    PACKED: tl.constexpr,
):
    """Per iteration: ``PAIRS`` times x = x·p + q, then x = x·p + r; x stored after the last.

    ``PACKED`` is the PTX instruction that works on two 16-bit elements at once, or an empty string.
    """
    lanes = tl.arange(0, ELEMENTS)
    x = tl.load(x_ptr + lanes)
    p = tl.load(constants_ptr)
    q = tl.load(constants_ptr + 1)
    r = tl.load(constants_ptr + 2)
    p_all = tl.broadcast_to(p, (ELEMENTS,))
    q_all = tl.broadcast_to(q, (ELEMENTS,))
    r_all = tl.broadcast_to(r, (ELEMENTS,))
    for _iteration in range(iterations):
        for _pair in tl.static_range(PAIRS):
            if PACKED != "":
                x = tl.inline_asm_elementwise(PACKED, "=r,r,r,r", [x, p_all, q_all], x.dtype, True, 2)
                x = tl.inline_asm_elementwise(PACKED, "=r,r,r,r", [x, p_all, r_all], x.dtype, True, 2)
            else:
                x = tl.fma(x, p_all, q_all)
                x = tl.fma(x, p_all, r_all)
    tl.store(out_ptr + tl.program_id(0) * ELEMENTS + lanes, x)


@triton.jit
def blocked_product(
    a_ptr,
    b_ptr,
    c_ptr,
    m,
    n,
    k,
    a_row,
    a_column,
    b_row,
    b_column,
    c_row,
    c_column,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
    ACCUMULATOR: tl.constexpr,
    MODE: tl.constexpr,
    EVEN_K: tl.constexpr,
):
    """One BLOCK_M × BLOCK_N tile of C = A·B.

    Programs walk ``GROUP_M`` tiles down before they step right, so that those which run at the same time
    share rows of A and columns of B in the cache.
    """
    tiles_m = (m + BLOCK_M - 1) // BLOCK_M
    tiles_n = (n + BLOCK_N - 1) // BLOCK_N
    program = tl.program_id(0)
    first = program // (GROUP_M * tiles_n) * GROUP_M
    height = min(tiles_m - first, GROUP_M)
    within = program % (GROUP_M * tiles_n)
    rows = (first + within % height) * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = within // height * BLOCK_N + tl.arange(0, BLOCK_N)
    inner = tl.arange(0, BLOCK_K)
    # beyond the edge the first rows and columns are read again: their products are not stored
    a_tile = a_ptr + (rows % m).to(tl.int64)[:, None] * a_row + inner[None, :] * a_column
    b_tile = b_ptr + inner[:, None] * b_row + (columns % n).to(tl.int64)[None, :] * b_column
    acc = tl.full((BLOCK_M, BLOCK_N), 0, ACCUMULATOR)
    for start in range(0, k, BLOCK_K):
        if EVEN_K:
            a = tl.load(a_tile)
            b = tl.load(b_tile)
        else:
            a = tl.load(a_tile, mask=inner[None, :] < k - start, other=0.0)
            b = tl.load(b_tile, mask=inner[:, None] < k - start, other=0.0)
        acc = tl.dot(a, b, acc, input_precision=MODE, out_dtype=ACCUMULATOR)
        a_tile += BLOCK_K * a_column
        b_tile += BLOCK_K * b_row
    c_tile = c_ptr + rows.to(tl.int64)[:, None] * c_row + columns[None, :] * c_column
    inside = (rows[:, None] < m) & (columns[None, :] < n)
    tl.store(c_tile, acc.to(c_ptr.dtype.element_ty), mask=inside)
