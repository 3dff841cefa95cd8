"""Matrix product: closed forms, and a check that lets right results pass and wrong ones not."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kernels.gemm import Gemm
from kernels.products.ways import PreparedGemm
from kernels.shared import tensors
from kernels.workload import Place

GEMM = Gemm()
# Every CPU multiplies these, fast or not.
FLOATS = ("bf16", "fp32", "fp64", "fp16")
SIDES = st.integers(1, 1 << 16)
Fault = Callable[[PreparedGemm], None]


def prepared(precision: str = "fp32", side: int = 256, seed: int = 7) -> PreparedGemm:
    operation = GEMM.prepare(precision, {"m": side, "n": side, "k": side}, Place(), seed=seed)
    assert isinstance(operation, PreparedGemm)
    return operation


def run(operation: PreparedGemm) -> PreparedGemm:
    operation.poison()
    with operation.setting():
        operation.run()
    return operation


@given(m=SIDES, n=SIDES, k=SIDES, factor=st.integers(1, 8))
def test_flop_is_linear_in_each_side(m: int, n: int, k: int, factor: int) -> None:
    whole = GEMM.flop({"m": m, "n": n, "k": k})
    assert GEMM.flop({"m": factor * m, "n": n, "k": k}) == factor * whole
    assert GEMM.flop({"m": m, "n": factor * n, "k": k}) == factor * whole
    assert GEMM.flop({"m": m, "n": n, "k": factor * k}) == factor * whole


def test_flop_agrees_with_torch_counter() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    operation = prepared()
    counter = FlopCounterMode(display=False)
    with counter:
        operation.run()
    assert counter.get_total_flops() == GEMM.flop({"m": 256, "n": 256, "k": 256})


@pytest.mark.parametrize("precision", FLOATS)
def test_footprint_is_what_the_operands_take(precision: str) -> None:
    operation = prepared(precision)
    held = sum(t.numel() * t.element_size() for t in (operation.a, operation.b, operation.c))
    assert GEMM.footprint_bytes({"m": 256, "n": 256, "k": 256}, precision) == held


@given(memory_bytes=st.integers(0, 1 << 40))
def test_ladder_climbs_and_fits(memory_bytes: int) -> None:
    ladder = GEMM.ladder("bf16", Place(memory_bytes=memory_bytes))
    assert list(ladder) == sorted(ladder, key=GEMM.flop)
    assert all(GEMM.footprint_bytes(shape, "bf16") <= memory_bytes for shape in ladder)


def test_operands_are_standard_normal_and_repeatable() -> None:
    first, again, other = prepared(side=512), prepared(side=512), prepared(side=512, seed=8)
    assert abs(float(first.a.mean())) < 0.01
    assert abs(float(first.b.std()) - 1) < 0.01
    assert abs(float(first.a.std()) - 1) < 0.01
    assert int((first.a == 0).sum()) < 10
    assert torch.equal(first.a, again.a)
    assert not torch.equal(first.a, other.a)
    assert not torch.equal(first.a, first.b)


@pytest.mark.parametrize("precision", FLOATS)
@pytest.mark.parametrize("side", [16, 256, 1024])
def test_right_result_passes(precision: str, side: int) -> None:
    verdict = run(prepared(precision, side)).check()
    assert verdict.correct, verdict.detail


def test_output_never_written_fails() -> None:
    operation = prepared()
    operation.poison()
    assert not operation.check().correct


def one_nan(operation: PreparedGemm) -> None:
    operation.c[200, 3] = math.nan


def one_infinity(operation: PreparedGemm) -> None:
    operation.c[0, 0] = math.inf


def tile_left_out(operation: PreparedGemm) -> None:
    operation.c[64:128, 64:128] = 0


def rows_swapped(operation: PreparedGemm) -> None:
    operation.c[[3, 4]] = operation.c[[4, 3]]


def everything_a_little_off(operation: PreparedGemm) -> None:
    operation.c.mul_(1.05)


def half_the_terms(operation: PreparedGemm) -> None:
    half = operation.a.shape[1] // 2
    operation.c.copy_(operation.a[:, :half] @ operation.b[:half])


FAULTS: list[Fault] = [
    one_nan,
    one_infinity,
    tile_left_out,
    rows_swapped,
    everything_a_little_off,
    half_the_terms,
]


@pytest.mark.parametrize("precision", FLOATS)
@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_result_fails(fault: Fault, precision: str) -> None:
    operation = run(prepared(precision))
    fault(operation)
    assert not operation.check().correct


def keep_bits(tensor: torch.Tensor, dropped: int) -> torch.Tensor:
    """Float32 values with the lowest bits of their significands cleared."""
    return (tensor.view(torch.int32) & (-1 << dropped)).view(torch.float32)


@pytest.mark.parametrize("side", [256, 1024])
def test_tf32_is_not_taken_for_fp32(side: int) -> None:
    operation = prepared(side=side)
    operation.c.copy_(keep_bits(operation.a, 13) @ keep_bits(operation.b, 13))
    assert not operation.check().correct


def test_fp8_is_not_taken_for_bf16() -> None:
    operation = prepared("bf16")
    eighth = [t.to(torch.float8_e4m3fn).float() for t in (operation.a, operation.b)]
    operation.c.copy_(eighth[0] @ eighth[1])
    assert not operation.check().correct


def test_setting_forces_true_fp32_and_restores() -> None:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with prepared().setting():
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


def test_unknown_precision_is_named() -> None:
    with pytest.raises(ValueError, match=r"'fp3'.*fp32"):
        tensors.dtype_of("fp3")
    with pytest.raises(ValueError, match=r"'fp3'.*fp32"):
        prepared("fp3")


def test_unknown_backend_is_named() -> None:
    with pytest.raises(ValueError, match=r"'abacus' for fp32.*torch"):
        GEMM.prepare("fp32", {"m": 8, "n": 8, "k": 8}, Place(), seed=1, backend="abacus")


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (5, 3), (700, 900)])
def test_blockwise_product_is_the_product(rows: int, columns: int) -> None:
    source = tensors.generator("cpu", 3)
    matrix = tensors.normal_matrix(rows, columns, torch.float32, source)
    vector = torch.randn(columns, generator=source, dtype=torch.float64)
    torch.testing.assert_close(tensors.times_vector(matrix, vector), matrix.double() @ vector)
