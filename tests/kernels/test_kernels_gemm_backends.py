"""Every backend of the matrix product that this host has, in every precision, and faults in each of them."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kernels.gemm import Gemm
from kernels.products import bindings, check, libraries, matrices, shapes, ways
from kernels.products.ways import PreparedGemm
from kernels.shared import tensors
from kernels.workload import Place, Shape, Verdict

GEMM = Gemm()
PLACE = Place()
OBLONG: Shape = {"m": 192, "n": 256, "k": 320}
CASES = [
    (precision, backend)
    for precision in GEMM.precisions
    if GEMM.lacks(precision, PLACE) is None
    for backend in GEMM.backends(precision, PLACE)
]


def prepared(precision: str, backend: str, shape: Shape = OBLONG, seed: int = 3) -> PreparedGemm:
    return GEMM.prepare(precision, shape, PLACE, seed=seed, backend=backend)


def run(operation: PreparedGemm) -> PreparedGemm:
    operation.poison()
    with operation.setting():
        operation.run()
    return operation


@pytest.mark.parametrize(("precision", "backend"), CASES)
def test_right_result_passes(precision: str, backend: str) -> None:
    operation = run(prepared(precision, backend))
    verdict = operation.check()
    assert verdict.correct, verdict.detail
    assert operation.backend.startswith(backend.partition(" ")[0])
    again = operation.digest()
    assert run(operation).digest() == again


@pytest.mark.parametrize(("precision", "backend"), CASES)
def test_poison_is_seen(precision: str, backend: str) -> None:
    operation = run(prepared(precision, backend))
    operation.poison()
    assert not operation.check().correct


@pytest.mark.parametrize(("precision", "backend"), CASES)
def test_a_tile_left_out_and_swapped_rows_are_seen(precision: str, backend: str) -> None:
    operation = run(prepared(precision, backend))
    operation.c[64:128, 64:128] = 0
    assert not operation.check().correct
    run(operation)
    operation.c[[5, 6]] = operation.c[[6, 5]]
    assert not operation.check().correct


def test_torch_comes_first_and_says_what_is_behind_it() -> None:
    for precision in ("fp32", "fp64", "bf16"):
        assert GEMM.backends(precision, PLACE)[0] == "torch"
        assert prepared(precision, "torch").backend.startswith("torch/")


@pytest.mark.parametrize("precision", ["tf32", "fp8", "fp4"])
def test_what_a_cpu_would_pass_off_is_lacking(precision: str) -> None:
    assert GEMM.lacks(precision, PLACE) is not None


def test_fp16_and_int8_need_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "_onednn_does", lambda question: False)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert "emulates" in str(GEMM.lacks("fp16", PLACE))
    assert "oneDNN" in str(GEMM.lacks("int8", PLACE))


def test_a_precision_that_torch_refuses_is_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise NotImplementedError("not implemented for 'Half'\nand much more")

    ways._failure.cache_clear()
    ways._default_failure.cache_clear()
    monkeypatch.setattr(torch, "mm", refuse)
    try:
        reason = GEMM.lacks("fp64", PLACE)
    finally:
        ways._failure.cache_clear()
        ways._default_failure.cache_clear()
    assert reason is not None
    assert reason.endswith("cannot on cpu: not implemented for 'Half'")


def verdict_of(precision: str, c: torch.Tensor, operands: matrices.Operands) -> Verdict:
    return check.verify(operands, c.to(matrices.result_dtype(precision)), seed=9)


def drawn(precision: str, side: int = 256, *, transposed: bool = False) -> matrices.Operands:
    return matrices.draw(precision, side, side, side, PLACE, seed=4, transposed=transposed)


def values(operands: matrices.Operands) -> tuple[torch.Tensor, torch.Tensor]:
    stored = matrices.float64(operands.stored_b)
    return matrices.float64(operands.a), stored.T if operands.transposed else stored


@pytest.mark.parametrize("side", [64, 512])
def test_fp32_is_not_taken_for_fp64(side: int) -> None:
    operands = drawn("fp64", side)
    assert verdict_of("fp64", operands.a @ operands.b, operands).correct
    assert not verdict_of("fp64", operands.a.float() @ operands.b.float(), operands).correct


def cut(tensor: torch.Tensor, bits: int) -> torch.Tensor:
    """Float32 values with the lowest bits of their significands cleared."""
    return (tensor.view(torch.int32) & (-1 << bits)).view(torch.float32)


@pytest.mark.parametrize("side", [128, 1024])
def test_only_tf32_is_taken_for_tf32(side: int) -> None:
    operands = drawn("tf32", side)
    a, b = operands.a, operands.b
    assert verdict_of("tf32", cut(a, 13) @ cut(b, 13), operands).correct
    exact = verdict_of("tf32", a @ b, operands)
    assert not exact.correct
    assert "computed in float32" in exact.detail
    assert not verdict_of("tf32", a.bfloat16().float() @ b.bfloat16().float(), operands).correct


def test_integers_must_be_exact() -> None:
    operands = drawn("int8")
    a, b = values(operands)
    right = (a @ b).to(torch.int32)
    assert verdict_of("int8", right, operands).correct
    one_off = right.clone()
    one_off[17, 30] += 1
    assert not verdict_of("int8", one_off, operands).correct
    saturated = right.clamp(-32768, 32767)
    assert not torch.equal(saturated, right)
    assert not verdict_of("int8", saturated, operands).correct


def test_int8_covers_its_whole_range() -> None:
    operands = drawn("int8")
    assert (int(operands.a.min()), int(operands.a.max())) == (-128, 127)
    assert abs(float(operands.a.double().mean()) + 0.5) < 2


@pytest.mark.parametrize("precision", ["fp8", "fp4"])
def test_narrow_floats_are_judged_by_what_was_stored(precision: str) -> None:
    operands = drawn(precision, transposed=True)
    a, b = values(operands)
    assert a.shape == b.shape == (256, 256)
    assert abs(float(a.std()) - 1) < 0.05
    assert operands.inner == 256
    assert verdict_of(precision, a @ b, operands).correct
    left_out = a @ b
    left_out[:32, :32] = 0
    assert not verdict_of(precision, left_out, operands).correct
    coarser = 2 ** torch.round(torch.log2(a.abs().clamp(min=1e-3))) * a.sign()
    assert not verdict_of(precision, coarser @ b, operands).correct


def test_fp4_values_are_those_of_e2m1() -> None:
    magnitudes = {0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0}
    assert set(matrices.float64(drawn("fp4", transposed=True).a).abs().flatten().tolist()) == magnitudes
    # rounding to the nearest: the scale is a half
    packed = matrices._packed_e2m1(torch.tensor([0.13, -0.12, -1.4, 9.0]))
    assert matrices.float64(packed).tolist() == [0.25, -0.0, -1.5, 3.0]


def test_mi300_has_its_own_8_bit_float() -> None:
    mi300 = Place("cuda:0", "rocm", architecture="gfx942:sramecc+")
    assert matrices.storage_dtype("fp8", mi300) == torch.float8_e4m3fnuz
    later = Place("cuda:0", "rocm", architecture="gfx950")
    assert matrices.storage_dtype("fp8", later) == torch.float8_e4m3fn


def test_short_sums_are_allowed_only_where_they_are_said() -> None:
    operands = drawn("fp8", 1024, transposed=True)
    a, b = values(operands)
    noise = torch.randn(a.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    off = (a @ b + 2**-9 * 32 * noise * 4).bfloat16()
    assert not check.verify(operands, off, seed=9).correct
    assert check.verify(operands, off, seed=9, fast_sum=True).correct


@pytest.mark.parametrize("precision", ["fp64", "bf16", "int8", "fp4"])
def test_shared_operands_are_those_drawn_alone(precision: str) -> None:
    alone = matrices.draw(precision, 256, 128, 192, PLACE, seed=4, transposed=True)
    with matrices.shared(1 << 20, 1 << 20):
        matrices.draw(precision, 64, 64, 64, PLACE, seed=4, transposed=True)
        shared = matrices.draw(precision, 256, 128, 192, PLACE, seed=4, transposed=True)
        larger = matrices.draw(precision, 512, 512, 512, PLACE, seed=4, transposed=True)
    assert torch.equal(alone.a, shared.a)
    assert torch.equal(alone.stored_b, shared.stored_b)
    assert larger.a.data_ptr() == shared.a.data_ptr()


def test_sharing_serves_the_whole_grid() -> None:
    place = Place(memory_bytes=64 << 20)
    with GEMM.sharing("bf16", place):
        for shape in GEMM.grid("bf16", place)[-2:]:
            assert GEMM.prepare("bf16", shape, place, seed=1).a.shape == (shape["m"], shape["k"])


@given(
    left=st.lists(st.floats(-1e3, 1e3), min_size=5, max_size=5),
    right=st.lists(st.floats(-1e3, 1e3), min_size=5, max_size=5),
)
def test_exact_dot_is_rounded_once(left: list[float], right: list[float]) -> None:
    from fractions import Fraction

    exact = float(sum(Fraction(x) * Fraction(y) for x, y in zip(left, right, strict=True)))
    operands = [torch.tensor([side], dtype=torch.float64) for side in (left, right)]
    # products below the normal range lose bits to underflow
    assert float(check._exact_dot(*operands)[0]) == pytest.approx(exact, rel=2.0**-52, abs=1e-290)


@pytest.mark.parametrize("transposed", [False, True])
def test_projection_is_of_the_product(transposed: bool) -> None:
    operands = matrices.draw("fp64", 96, 160, 64, PLACE, seed=2, transposed=transposed)
    assert check.verify(operands, operands.a @ operands.b, seed=1).correct
    assert not check.verify(operands, operands.a @ operands.b * (1 + 1e-9), seed=1).correct


def test_switches_are_set_and_put_back() -> None:
    switches = torch.backends.cuda.matmul
    before = switches.allow_fp16_reduced_precision_reduction, torch.get_float32_matmul_precision()
    with tensors.numerics("tf32"):
        assert torch.get_float32_matmul_precision() == "high"
        assert not switches.allow_bf16_reduced_precision_reduction
    with tensors.numerics("bf16"):
        assert torch.get_float32_matmul_precision() == "highest"
        assert not switches.allow_fp16_reduced_precision_reduction
    after = switches.allow_fp16_reduced_precision_reduction, torch.get_float32_matmul_precision()
    assert after == before


@given(memory_bytes=st.integers(0, 1 << 30), precision=st.sampled_from(GEMM.precisions))
def test_grid_fits_the_memory(memory_bytes: int, precision: str) -> None:
    grid = GEMM.grid(precision, Place(memory_bytes=memory_bytes))
    assert all(GEMM.footprint_bytes(shape, precision) <= memory_bytes for shape in grid)
    assert list(grid) == sorted(grid, key=GEMM.flop)


def test_cpu_grid_holds_the_brute_force_grid() -> None:
    sides = range(512, 4097, 512)
    grid = {tuple(shape.values()) for shape in shapes.cpu_grid()}
    assert {(m, n, k) for m in sides for n in sides for k in sides} <= grid


@given(st.sampled_from([40, 72, 78, 84, 104, 108, 114, 132, 142, 144, 148, 160, 304]))
def test_gpu_grid_fills_whole_waves(multiprocessors: int) -> None:
    plain = {tuple(shape.values()) for shape in shapes.gpu_grid(None)}
    waves = {tuple(shape.values()) for shape in shapes.gpu_grid(multiprocessors)} - plain
    tall, wide = shapes.GPU_TILE
    assert waves
    for m, n, k in waves:
        assert (m // tall) * (n // wide) % multiprocessors == 0
        assert (m % tall, n % wide, k % 256) == (0, 0, 0)


def test_a_library_on_a_gpu_is_preferred_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = ["default"]

    def preferred(name: str | None = None) -> str:
        before = chosen[0]
        chosen[0] = name or before
        return before

    monkeypatch.setattr(torch.backends.cuda, "preferred_blas_library", preferred)
    way = SimpleNamespace(**{w.name: w for w in ways._gpu_ways("bf16", Place("cuda:0", "cuda"))})
    with vars(way)["cublaslt"].setting("bf16"):
        assert chosen == ["cublaslt"]
    assert chosen == ["default"]


class GpuPreference:
    """Torch's preference among libraries, which warns where it is set, and sets it all the same."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, warning: str) -> None:
        self.chosen, self._warning = "default", warning
        monkeypatch.setattr(torch.backends.cuda, "preferred_blas_library", self)

    def __call__(self, name: str | None = None) -> str:
        before, self.chosen = self.chosen, name or self.chosen
        if name not in (None, "default"):
            warnings.warn(self._warning, UserWarning, stacklevel=2)
        return before


def test_torchs_own_remark_on_preferring_a_library_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    preference = GpuPreference(
        monkeypatch,
        "torch.backends.cuda.preferred_blas_library is an experimental feature. If you see any error or "
        "unexpected behavior when this flag is set please file an issue on GitHub. (Triggered internally)",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with libraries.preferring("cublaslt"):
            assert preference.chosen == "cublaslt"
    assert preference.chosen == "default"


@pytest.mark.parametrize(
    ("preferred", "library"),
    [("Default", "cublas"), ("Cublas", "cublas"), ("Cublaslt", "cublaslt"), ("Ck", "cublas")],
)
def test_the_library_behind_torch_is_the_one_it_prefers(
    preferred: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch tells a member of an enumeration, of which Default ends in the letters of the Lt libraries."""
    told = f"_BlasBackend.{preferred}"
    monkeypatch.setattr(torch.backends.cuda, "preferred_blas_library", lambda *_: told)
    assert libraries._gpu_library_behind_torch("bf16") == library
    assert libraries._gpu_library_behind_torch("fp8") == "cublaslt"


def test_a_preference_that_is_warned_of_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    preference = GpuPreference(monkeypatch, "Attempting to use hipBLASLt on an unsupported architecture!")
    with pytest.raises(UserWarning, match="unsupported"), libraries.preferring("hipblaslt"):
        pytest.fail("a library that is not there must not be taken for one that is")
    assert preference.chosen == "default"


def test_preparing_tries_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        pytest.fail(f"tried {arguments}")

    monkeypatch.setattr(ways, "_failure", refuse)
    monkeypatch.setattr(bindings, "triton_product", refuse)
    monkeypatch.setattr(libraries, "behind_numpy", refuse)
    assert run(GEMM.prepare("fp32", OBLONG, PLACE, seed=3)).check().correct
    gpu = Place("cuda:0", "cuda", architecture="9.0")
    found = [ways.way(name, "bf16", gpu) for name in ("torch", "cublas", "cublaslt transposed")]
    assert [way.library for way in found] == [None, "cublas", "cublaslt"]


def test_an_unknown_way_is_named_beside_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'abacus' for bf16 on cuda:0; known there: torch, .*cublaslt"):
        ways.way("abacus", "bf16", Place("cuda:0", "cuda"))


@pytest.mark.parametrize(
    ("kind", "hip", "promised"),
    [
        ("cpu", None, True),
        ("cuda", None, True),
        ("cuda", "6.4", False),
        ("xpu", None, False),
        ("mps", None, False),
    ],
)
def test_only_some_libraries_promise_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, kind: str, hip: str | None, promised: bool
) -> None:
    monkeypatch.setattr(torch.version, "hip", hip)
    assert libraries.repeats_bitwise(kind) == promised


def test_what_is_not_promised_is_not_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = run(prepared("fp32", "torch"))
    assert operation.digest() is not None
    monkeypatch.setattr(libraries, "repeats_bitwise", lambda kind: False)
    assert operation.digest() is None
    operation.way = replace(operation.way, name="triton")
    assert operation.digest() is not None


def test_poison_reaches_integers() -> None:
    operation = prepared("int8", "torch") if ("int8", "torch") in CASES else pytest.skip("no int8 here")
    operation.poison()
    assert int(operation.c.max()) == torch.iinfo(torch.int32).min
    assert math.isclose(float(operation.c.double().std()), 0.0)
