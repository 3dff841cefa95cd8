"""Triton code, interpreted on the CPU: right results, faults that are seen, and where it cannot run."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType, SimpleNamespace

import pytest
import torch

from kernels.on_triton import ceiling, gemm, support
from kernels.on_triton.ceiling import PreparedChain
from kernels.on_triton.chains import Execution
from kernels.workload import Place, Shape

H200 = Place(device="cuda:0", kind="cuda", architecture="9.0")
MI300 = Place(device="cuda:0", kind="rocm", architecture="gfx942:sramecc+:xnack-")
TILE = {"blocks": 2, "iterations": 5, "steps": 3, "m": 32, "n": 16, "k": 32, "warps": 4}
LINE = {"blocks": 2, "iterations": 5, "steps": 32, "elements": 128, "warps": 4}
CHAINS: list[tuple[Execution, str]] = [
    *(("matrix", precision) for precision in support.PRECISIONS),
    *(("vector", precision) for precision in support.VECTOR_PRECISIONS),
]
# the interpreter computes with the bits of bf16 as if they were integers
INTERPRETED = [(unit, precision) for unit, precision in CHAINS if precision != "bf16"]
TYPES = {
    "fp64": torch.float64,
    "fp32": torch.float32,
    "tf32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
    "fp8": torch.float8_e4m3fn,
    "int8": torch.int8,
}


def _require_working_interpreter() -> None:
    """Triton up to at least 3.5 turns arrays of one element into numbers, which NumPy 2.4 refuses."""
    try:
        gemm.product(torch.ones(1, 1), torch.ones(1, 1), torch.ones(1, 1))
    except Exception as error:
        if "only 0-dimensional arrays can be converted" not in str(error):
            raise
        pytest.skip(f"{support.backend_name()}'s interpreter does not work with this NumPy")


@pytest.fixture(scope="module")
def interpreted() -> Iterator[ModuleType]:
    """The code as interpreted Python, whatever GPU there is."""
    pytest.importorskip(
        "triton", reason="Triton is not installed: nothing to interpret", exc_type=ImportError
    )
    name = "kernels.on_triton.programs"
    before = sys.modules.pop(name, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        module = import_module(name)
        _require_working_interpreter()
        yield module
    sys.modules.pop(name)
    if before is not None:
        sys.modules[name] = before


def chain(unit: Execution, precision: str, **changed: int) -> PreparedChain:
    shape: Shape = {**(TILE if unit == "matrix" else LINE), **changed}
    prepared = ceiling.prepare(precision, shape, Place(), seed=3, unit=unit)
    assert isinstance(prepared, PreparedChain)
    return prepared


def run(prepared: PreparedChain) -> PreparedChain:
    prepared.poison()
    with prepared.setting():
        prepared.run()
    return prepared


@pytest.mark.parametrize(("unit", "precision"), INTERPRETED)
def test_a_right_chain_passes(interpreted: ModuleType, unit: Execution, precision: str) -> None:
    prepared = run(chain(unit, precision))
    verdict = prepared.check()
    assert verdict.correct, verdict.detail
    assert prepared.digest() == run(prepared).digest()
    assert prepared.backend.startswith("triton ")


@pytest.mark.parametrize(("unit", "precision"), INTERPRETED)
def test_an_output_never_written_is_seen(interpreted: ModuleType, unit: Execution, precision: str) -> None:
    prepared = run(chain(unit, precision))
    prepared.poison()
    assert not prepared.check().correct


@pytest.mark.parametrize(("unit", "precision"), INTERPRETED)
def test_one_wrong_block_is_seen(interpreted: ModuleType, unit: Execution, precision: str) -> None:
    # after one iteration elements still differ from each other
    prepared = run(chain(unit, precision, iterations=1))
    prepared.out[-1] = prepared.out[-1].flip(0)
    assert not prepared.check().correct


@pytest.mark.parametrize(("unit", "precision"), INTERPRETED)
def test_an_iteration_left_out_is_seen(
    interpreted: ModuleType, monkeypatch: pytest.MonkeyPatch, unit: Execution, precision: str
) -> None:
    prepared = chain(unit, precision)
    launch = prepared.chain.launch
    monkeypatch.setattr(prepared.chain, "launch", lambda out, iterations: launch(out, iterations - 1))
    verdict = run(prepared).check()
    assert not verdict.correct, verdict.detail


@pytest.mark.parametrize("precision", ["fp64", "fp32", "tf32", "fp16", "int8"])
def test_a_step_left_out_is_seen(interpreted: ModuleType, precision: str) -> None:
    prepared = run(chain("matrix", precision, steps=64, k=16))
    fewer = run(chain("matrix", precision, steps=63, k=16))
    prepared.out.copy_(fewer.out)
    assert not prepared.check().correct


def test_code_without_the_units_instruction_is_seen(interpreted: ModuleType) -> None:
    compiled = SimpleNamespace(asm={"ptx": "fma.rn.f32 %f1, %f2, %f3, %f4;"})
    matrix, vector = run(chain("matrix", "fp16")), run(chain("vector", "fp32"))
    matrix._compiled = vector._compiled = compiled
    assert "no fp16 instruction of the matrix units" in matrix.check().detail
    assert not matrix.check().correct
    assert vector.check().correct


@pytest.mark.parametrize(
    ("instruction", "unit", "precisions"),
    [
        ("wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16", "matrix", {"bf16"}),
        ("wgmma.mma_async.sync.aligned.m64n256k8.f32.tf32.tf32", "matrix", {"tf32"}),
        ("wgmma.mma_async.sync.aligned.m64n256k32.f32.e4m3.e4m3", "matrix", {"fp8"}),
        ("wgmma.mma_async.sync.aligned.m64n128k32.s32.s8.s8", "matrix", {"int8"}),
        ("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", "matrix", {"fp16"}),
        ("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64", "matrix", {"fp64"}),
        ("v_mfma_f32_32x32x2_f32", "matrix", {"fp32"}),
        ("v_mfma_f32_32x32x4_xf32", "matrix", {"tf32"}),
        ("v_mfma_f32_32x32x8_f16", "matrix", {"fp16"}),
        ("v_mfma_f32_32x32x8_bf16", "matrix", {"bf16"}),
        ("v_mfma_f32_32x32x16_fp8_fp8", "matrix", {"fp8"}),
        ("v_mfma_i32_32x32x16_i8", "matrix", {"int8"}),
        ("v_mfma_f64_16x16x4_f64", "matrix", {"fp64"}),
        ("fma.rn.f16x2", "vector", {"fp16"}),
        ("fma.rn.bf16x2", "vector", {"bf16"}),
        ("v_pk_fma_f32", "vector", {"fp32"}),
        ("fma.rn.f64", "vector", {"fp64"}),
    ],
)
def test_instructions_tell_precision_and_unit(
    instruction: str, unit: Execution, precisions: set[str]
) -> None:
    text = f"  {instruction} r0, r1, r2, r3;\n"
    found = {
        (which, precision) for which, precision in CHAINS if ceiling.has_instruction(text, precision, which)
    }
    assert found == {(unit, precision) for precision in precisions}


@pytest.mark.parametrize(("unit", "precision"), CHAINS)
def test_ladder_climbs_and_flop_is_linear(unit: Execution, precision: str) -> None:
    rungs = ceiling.ladder(precision, Place(), unit)
    assert list(rungs) == sorted(rungs, key=ceiling.flop)
    for rung in rungs:
        for key in ("blocks", "iterations", "steps"):
            assert ceiling.flop({**rung, key: 3 * rung[key]}) == 3 * ceiling.flop(rung)


@pytest.mark.parametrize("precision", support.PRECISIONS)
def test_tiles_fit_the_shared_memory(monkeypatch: pytest.MonkeyPatch, precision: str) -> None:
    for kibibytes, most in ((64, 64), (99, 96), (227, 192)):
        monkeypatch.setattr(ceiling, "_shared_bytes", lambda place, size=kibibytes << 10: size)
        rungs = ceiling.ladder(precision, Place(), "matrix")
        operands = {ceiling.footprint_bytes({**rung, "blocks": 0}, precision) for rung in rungs}
        assert rungs
        assert max(operands) <= most << 10


@pytest.mark.parametrize(("unit", "precision"), CHAINS)
def test_footprint_is_what_is_held(unit: Execution, precision: str) -> None:
    held = chain(unit, precision).chain
    tensors = [value for value in vars(held).values() if isinstance(value, torch.Tensor)]
    shape = TILE if unit == "matrix" else LINE
    taken = sum(one.numel() * one.element_size() for one in tensors)
    assert ceiling.footprint_bytes(shape, precision) == taken


def test_flop_counts_what_torch_counts() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    one = {**TILE, "blocks": 1, "iterations": 1, "steps": 1}
    with FlopCounterMode(display=False) as counter:
        torch.mm(torch.ones(TILE["m"], TILE["k"]), torch.ones(TILE["k"], TILE["n"]))
    assert ceiling.flop(one) == counter.get_total_flops()


@pytest.mark.parametrize("unit", ["matrix", "vector"])
def test_an_unknown_precision_is_refused(unit: Execution) -> None:
    with pytest.raises(ValueError, match="there are fp64"):
        ceiling.prepare("fp7", TILE, Place(), seed=1, unit=unit)


SIZES = [(1, 1, 1), (33, 65, 17), (64, 32, 96), (7, 100, 40)]


def operands(precision: str, m: int, n: int, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(m + n + k)
    a, b = torch.randn(m, k, generator=source), torch.randn(k, n, generator=source)
    scale = 32 if precision == "int8" else 1
    return (a * scale).to(TYPES[precision]), (b * scale).to(TYPES[precision])


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("m", "n", "k"), SIZES)
@pytest.mark.parametrize("precision", [p for p in support.PRECISIONS if p != "bf16"])
def test_product_is_right(
    interpreted: ModuleType, precision: str, m: int, n: int, k: int, *, transposed: bool
) -> None:
    a, b = operands(precision, m, n, k)
    b = b.t().contiguous().t() if transposed else b
    narrow = {"int8": torch.int32, "fp8": torch.float32}
    out = torch.full((m, n), -77, dtype=narrow.get(precision, a.dtype))
    gemm.product(a, b, out, precision=precision)
    exact = a.double() @ b.double()
    unit_roundoff = 0 if precision == "int8" else torch.finfo(out.dtype).eps / 2
    sums = 0 if precision == "int8" else (2.0**-52 if precision == "fp64" else 2.0**-23) * k * 4
    assert bool(((out.double() - exact).abs() <= unit_roundoff * exact.abs() * 1.01 + sums).all())


def test_product_covers_more_tiles_than_a_group(interpreted: ModuleType) -> None:
    side = gemm.GROUP_ROWS * gemm.SMALL_TILE[0] + 5
    a, b = operands("fp64", side, 70, 33)
    out = torch.full((side, 70), torch.nan, dtype=torch.float64)
    gemm.product(a, b, out)
    torch.testing.assert_close(out, a @ b)


@pytest.mark.parametrize(
    ("a", "b", "out", "words"),
    [
        (torch.ones(2, 3), torch.ones(4, 5), torch.ones(2, 5), "needed are"),
        (torch.ones(2, 3), torch.ones(3, 5), torch.ones(5, 2), "needed are"),
        (torch.ones(2, 3), torch.ones(3, 5).double(), torch.ones(2, 5), "convert one"),
        (torch.ones(2, 3).char(), torch.ones(3, 5).char(), torch.ones(2, 5), "int8 gives int32"),
    ],
)
def test_operands_that_do_not_fit_are_refused(
    a: torch.Tensor, b: torch.Tensor, out: torch.Tensor, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        gemm.product(a, b, out)


def test_tf32_follows_torchs_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    for switch, allowed in (("highest", "fp32"), ("high", "tf32")):
        monkeypatch.setattr(torch, "get_float32_matmul_precision", lambda switch=switch: switch)
        assert gemm._allowed(torch.ones(1)) == allowed
        assert gemm._allowed(torch.ones(1).half()) == "fp32"


@pytest.fixture
def triton_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Pretend that a Triton is, or is not, installed."""

    def pretend(version: str | None) -> None:
        found = importlib.util.spec_from_loader("triton", loader=None) if version else None
        monkeypatch.setattr(support, "find_spec", lambda name: found)
        monkeypatch.setattr(support, "triton_version", lambda: version)

    return pretend


@pytest.mark.parametrize(
    ("version", "unit", "precision", "place", "words"),
    [
        ("3.9.0", "matrix", "bf16", Place(), "cpu device"),
        (None, "matrix", "bf16", H200, "not installed"),
        ("3.9.0", "vector", "fp32", Place(kind="cuda", architecture="7.0"), "needs compute capability 8.0"),
        ("3.9.0", "matrix", "fp8", Place(kind="cuda", architecture="8.0"), "needs compute capability 8.9"),
        ("3.9.0", "matrix", "fp64", Place(kind="cuda", architecture="8.6"), "no fp64 tensor cores"),
        ("3.2.0", "matrix", "fp64", H200, "vector units only"),
        ("3.9.0", "matrix", "fp32", H200, "unrounded"),
        ("3.9.0", "matrix", "fp4", H200, "no tile product in fp4"),
        ("3.9.0", "matrix", "tf32", Place(kind="rocm", architecture="gfx950"), "gfx950 do not take tf32"),
        ("3.9.0", "matrix", "bf16", Place(kind="rocm", architecture="gfx1100"), "not known here"),
        ("3.9.0", "vector", "bf16", MI300, "float32 ones"),
        ("3.9.0", "vector", "tf32", H200, "no multiply-add in tf32"),
    ],
)
def test_what_cannot_run_says_why(
    triton_of: Callable[[str | None], None],
    version: str | None,
    unit: Execution,
    precision: str,
    place: Place,
    words: str,
) -> None:
    triton_of(version)
    assert words in (ceiling.lacks(precision, place, unit) or "")


def test_what_can_run_lacks_nothing(triton_of: Callable[[str | None], None]) -> None:
    triton_of("3.9.0")
    on_h200 = {p for p in support.PRECISIONS if ceiling.lacks(p, H200, "matrix") is None}
    assert on_h200 == {"fp64", "tf32", "fp16", "bf16", "fp8", "int8"}
    assert all(ceiling.lacks(p, H200, "vector") is None for p in support.VECTOR_PRECISIONS)
    assert all(ceiling.lacks(p, MI300, "matrix") is None for p in support.PRECISIONS)
    assert gemm.lacks("fp32", H200) is None


def test_what_is_lacking_is_told_without_torch() -> None:
    code = (
        "import sys; from kernels.on_triton import ceiling, gemm; from kernels.workload import Place\n"
        "print(ceiling.lacks('bf16', Place(), 'matrix'), gemm.lacks('bf16', Place()))\n"
        "print({'torch', 'triton', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines()[1] == "set()"


@pytest.mark.parametrize("tiles", [gemm.NVIDIA_TILES, gemm.AMD_TILES, gemm.PLAIN_TILES])
def test_few_tiles_are_compiled_and_timed(tiles: tuple[gemm.Tile, ...]) -> None:
    """Each costs a compilation of seconds on the first call; one is small, for products of few tiles."""
    assert len(set(tiles)) == len(tiles) <= 3
    assert min(rows * columns for rows, columns, *_ in tiles) <= 128 * 128


def test_a_tile_fits_small_shared_memories() -> None:
    """99 KiB a block on consumer GPUs; operands of 2 bytes, as many stages as are in flight."""
    taken = [2 * (m + n) * k * stages for m, n, k, _warps, stages in gemm.NVIDIA_TILES]
    assert sum(size <= 99 << 10 for size in taken) >= 2
