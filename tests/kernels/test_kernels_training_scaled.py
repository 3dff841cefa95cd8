"""8-bit products of the training step: scales, rounding, gradients, and a whole step as a CPU emulates it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kernels.shared import probe
from kernels.training import fp8
from kernels.training.fp8 import ScaledProducts, Types, quantised, types_of
from kernels.training.run import PreparedTraining
from kernels.training_step import TrainingStep
from kernels.workload import Place, Shape

STEP = TrainingStep()
# A CPU emulates these products one element at a time.
TINY: Shape = {
    "hidden": 32,
    "layers": 1,
    "heads": 2,
    "kv_heads": 1,
    "intermediate": 48,
    "vocabulary": 64,
    "batch": 2,
    "sequence": 16,
}
# Half a unit in the last place of 3 and of 2 bits of significand.
ROUNDOFF = {torch.float8_e4m3fn: 2.0**-4, torch.float8_e5m2: 2.0**-3}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small operations wait for their threads longer than they compute, above all beside other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", ROUNDOFF)
@given(size=st.floats(1e-6, 1e6), seed=st.integers(0, 1000))
def test_quantised_times_its_scale_is_the_matrix(dtype: torch.dtype, size: float, seed: int) -> None:
    matrix = size * torch.randn(8, 16, generator=torch.Generator().manual_seed(seed))
    values, scale = quantised(matrix, dtype)
    assert values.dtype == dtype
    back = values.double() * scale.double()
    largest = float(matrix.abs().max())
    # relative to each element, or to the largest where it is subnormal
    allowed = 1.01 * ROUNDOFF[dtype] * matrix.double().abs() + 2e-3 * largest
    assert bool(((back - matrix).abs() <= allowed).all())
    assert float(values.float().abs().max()) == torch.finfo(dtype).max


def test_zeros_stay_zeros_and_a_nan_stays() -> None:
    values, scale = quantised(torch.zeros(4, 4, dtype=torch.bfloat16), torch.float8_e4m3fn)
    assert math.isfinite(float(scale))
    assert not values.float().any()
    values, _ = quantised(torch.tensor([[1.0, math.nan]]), torch.float8_e4m3fn)
    assert values.float().isnan().any()


def test_products_and_gradients_are_near_the_exact_ones() -> None:
    draw = torch.Generator().manual_seed(2)
    states = torch.randn(3, 16, 64, generator=draw).bfloat16().requires_grad_()
    weights = [(0.02 * torch.randn(32, 64, generator=draw)).bfloat16().requires_grad_() for _ in range(2)]
    gradient = torch.randn(3, 16, 32, generator=draw).bfloat16()
    linear = ScaledProducts(Types())
    results = [linear(states, weight) for weight in weights]
    torch.autograd.backward(results, [gradient, 2 * gradient])
    wide = states.detach().double()
    exact = [wide @ weight.detach().double().T for weight in weights]
    for number, (result, weight) in enumerate(zip(results, weights, strict=True)):
        assert result.dtype == torch.bfloat16
        assert distance(result, exact[number]) < 0.05
        outgoing = (1 + number) * gradient.double().flatten(0, 1)
        assert distance(weight.grad, outgoing.T @ wide.flatten(0, 1)) < 0.09
    wanted = sum((1 + n) * gradient.double() @ weight.detach().double() for n, weight in enumerate(weights))
    assert isinstance(wanted, torch.Tensor)
    assert distance(states.grad, wanted) < 0.09


def distance(found: torch.Tensor | None, wanted: torch.Tensor) -> float:
    assert found is not None
    return float((found.detach().double() - wanted).norm() / wanted.norm())


def test_activations_are_rounded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rounded: list[torch.Size] = []
    original = quantised

    def counting(matrix: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        rounded.append(matrix.shape)
        return original(matrix, dtype)

    monkeypatch.setattr(fp8, "quantised", counting)
    linear, states = ScaledProducts(Types()), torch.randn(1, 16, 32).bfloat16()
    for _ in range(3):
        linear(states, torch.randn(16, 32).bfloat16())
    assert rounded.count(torch.Size((16, 32))) == 1 + 3
    linear(states.clone(), torch.randn(16, 32).bfloat16())
    assert rounded.count(torch.Size((16, 32))) == 1 + 3 + 2


def test_each_vendor_has_its_formats() -> None:
    assert types_of(Place()) == Types(torch.float8_e4m3fn, torch.float8_e5m2)
    assert types_of(Place(kind="rocm", architecture="gfx950:sramecc+")) == Types()
    cdna3 = types_of(Place(kind="rocm", architecture="gfx942:sramecc+:xnack-"))
    assert cdna3 == Types(torch.float8_e4m3fnuz, torch.float8_e5m2fnuz)


def prepared() -> PreparedTraining:
    step = STEP.prepare("fp8", TINY, Place(), seed=3)
    step.poison()
    with step.setting():
        step.run()
    return step


def test_a_step_is_right() -> None:
    verdict = prepared().check()
    assert verdict.correct, verdict.detail


@pytest.mark.parametrize("number", range(1, 12))
def test_a_wrong_gradient_is_seen(number: int) -> None:
    step = prepared()
    step.weights[number].register_hook(lambda gradient: 1.6 * gradient)  # type: ignore[no-untyped-call]
    assert not step.check().correct


def test_scales_left_out_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    step, original = prepared(), fp8.quantised

    def unscaled(matrix: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        values, scale = original(matrix, dtype)
        return values, torch.ones_like(scale)

    monkeypatch.setattr(fp8, "quantised", unscaled)
    with step.setting():
        step.run()
    assert not step.check().correct


def test_the_head_stays_in_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    step, multiplied = prepared(), list[torch.Size]()
    original = ScaledProducts.__call__

    def noting(self: ScaledProducts, states: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        multiplied.append(weight.shape)
        assert weight.dtype == torch.bfloat16
        return original(self, states, weight)

    monkeypatch.setattr(ScaledProducts, "__call__", noting)
    step.run()
    assert len(multiplied) == 7
    assert step.masters.head.shape not in multiplied


def test_a_gpu_is_asked_by_a_small_step(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def failure(*args: object) -> str:
        asked.append(args)
        return "no such unit"

    monkeypatch.setattr(probe, "failure", failure)
    place = Place("cuda:0", "cuda", architecture="8.0")
    assert STEP.lacks("fp8", place) == "no such unit"
    assert STEP.lacks("bf16", place) is None
    assert len(asked) == 1
