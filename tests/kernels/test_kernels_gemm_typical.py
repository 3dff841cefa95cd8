"""Typical matrix products: published sizes, the weights of the mean, and a check of every product."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kernels.gemm import Gemm
from kernels.gemm_typical import (
    LLAMA_3_8B,
    LLAMA_3_70B,
    QWEN_1_5_500M,
    WIDE_MEMORY_BYTES,
    GemmTypical,
    Model,
    PreparedProducts,
    products,
)
from kernels.transformer.sizes import Decoder
from kernels.workload import LARGE_GPUS, Place, Shape

TYPICAL = GemmTypical()
SMALL: Shape = {"batch": 48, "hidden": 64, "key_value": 32, "intermediate": 160, "head": 128}
NAMES = ("query_key_value", "output", "gate_up", "down", "head")
FLOATS = ("bf16", "fp16", "fp32")
MODELS = {
    # As released: query heads, and parameters in all.
    "8B": (LLAMA_3_8B, 32, 8.03e9),
    "70B": (LLAMA_3_70B, 64, 70.55e9),
    "0.5B": (QWEN_1_5_500M, 16, 0.62e9),
}
EVERY_MODEL = pytest.mark.parametrize(("model", "heads", "parameters"), MODELS.values(), ids=MODELS)


def run(precision: str = "fp32", shape: Shape = SMALL, seed: int = 5) -> PreparedProducts:
    prepared = TYPICAL.prepare(precision, shape, Place(), seed=seed)
    prepared.poison()
    with prepared.setting():
        prepared.run()
    return prepared


def decoder(model: Model, heads: int) -> Decoder:
    kv_heads = model.key_value * heads // model.hidden
    return Decoder(model.layers, model.hidden, heads, kv_heads, model.intermediate, model.vocabulary)


@EVERY_MODEL
def test_sizes_are_those_of_the_model(model: Model, heads: int, parameters: float) -> None:
    assert decoder(model, heads).parameters == pytest.approx(parameters, rel=0.003)


@EVERY_MODEL
def test_a_layer_with_its_share_of_the_head_is_a_layer_of_the_model(
    model: Model, heads: int, parameters: float
) -> None:
    shape = model.shape(16)
    of_model = decoder(model, heads).matrix_parameters / model.layers
    assert TYPICAL.flop(shape) / (2 * 16) == pytest.approx(of_model, rel=0.005)
    assert shape["head"] % 128 == 0
    assert 0 <= shape["head"] * model.layers - model.vocabulary < 128 * model.layers


@EVERY_MODEL
def test_8_bit_products_take_these_sides(model: Model, heads: int, parameters: float) -> None:
    for sides in products(model.shape(16)).values():
        assert all(side % 16 == 0 for side in sides.values())


@given(st.lists(st.floats(1e9, 1e15), min_size=5, max_size=5), st.sampled_from([16, 256, 4096]))
def test_value_is_the_harmonic_mean_weighted_by_flop(rates: list[float], batch: int) -> None:
    shape = LLAMA_3_8B.shape(batch)
    flop = [Gemm().flop(sides) for sides in products(shape).values()]
    seconds = sum(work / rate for work, rate in zip(flop, rates, strict=True))
    weights = [work / sum(flop) for work in flop]
    harmonic = 1 / sum(weight / rate for weight, rate in zip(weights, rates, strict=True))
    value = TYPICAL.flop(shape) / seconds
    assert value == pytest.approx(harmonic)
    assert min(rates) <= value * (1 + 1e-9)
    assert value <= max(rates) * (1 + 1e-9)


def test_flop_agrees_with_torch_counter() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    prepared = run()
    counter = FlopCounterMode(display=False)
    with counter:
        prepared.run()
    assert counter.get_total_flops() == TYPICAL.flop(SMALL)


@pytest.mark.parametrize("precision", FLOATS)
def test_footprint_is_what_the_operands_take(precision: str) -> None:
    held = [
        tensor
        for product in run(precision).products.values()
        for tensor in (product.operands.a, product.operands.stored_b, product.operands.c)
    ]
    assert len({tensor.data_ptr() for tensor in held}) == 15
    size = sum(tensor.numel() * tensor.element_size() for tensor in held)
    assert TYPICAL.footprint_bytes(SMALL, precision) == size
    assert TYPICAL.bytes_moved(SMALL, precision) == size


def test_weights_lie_as_a_linear_layer_keeps_them() -> None:
    prepared = run()
    shapes = {name: tuple(each.operands.stored_b.shape) for name, each in prepared.products.items()}
    assert shapes == {
        "query_key_value": (128, 64),
        "output": (64, 64),
        "gate_up": (320, 64),
        "down": (64, 160),
        "head": (128, 64),
    }
    assert prepared.backend.startswith("torch/")
    assert prepared.backend.endswith("transposed")
    for each in prepared.products.values():
        expected = torch.nn.functional.linear(each.operands.a, each.operands.stored_b)
        torch.testing.assert_close(each.c, expected)


def test_no_two_products_have_the_same_operands() -> None:
    firsts = [float(each.operands.a[0, 0]) for each in run().products.values()]
    others = [float(each.operands.a[0, 0]) for each in run(seed=6).products.values()]
    assert len({*firsts, *others}) == 10
    assert firsts == [float(each.operands.a[0, 0]) for each in run().products.values()]


@pytest.mark.parametrize("precision", FLOATS)
def test_right_result_passes_and_repeats(precision: str) -> None:
    if TYPICAL.lacks(precision, Place()):
        pytest.skip("not on this CPU")
    shape = TYPICAL.ladder(precision, Place())[0]
    prepared = run(precision, shape)
    verdict = prepared.check()
    assert verdict.correct, verdict.detail
    before = prepared.digest()
    assert before is not None
    prepared.poison()
    assert prepared.digest() != before
    with prepared.setting():
        prepared.run()
    assert prepared.digest() == before


def test_8_bit_products_are_bound_as_torch_takes_them() -> None:
    try:
        prepared = run("fp8")
    except (NotImplementedError, RuntimeError):
        pytest.skip("this torch does not even emulate fp8 here")
    verdict = prepared.check()
    assert verdict.correct, verdict.detail
    assert prepared.products["down"].operands.stored_b.shape == (64, 160)
    held = [(p.operands.a, p.operands.stored_b, p.operands.c) for p in prepared.products.values()]
    size = sum(tensor.numel() * tensor.element_size() for each in held for tensor in each)
    assert TYPICAL.footprint_bytes(SMALL, "fp8") == size
    prepared.products["head"].c[3, 3] += 100
    assert not prepared.check().correct


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", ["nan", "tile", "unwritten", "off"])
def test_a_fault_in_any_product_is_seen_and_named(name: str, fault: str) -> None:
    prepared = run()
    product = prepared.products[name]
    if fault == "nan":
        product.c[7, 9] = math.nan
    elif fault == "tile":
        product.c[16:32, 16:32] = 0
    elif fault == "unwritten":
        product.poison()
    else:
        product.c.mul_(1.01)
    verdict = prepared.check()
    assert not verdict.correct
    assert verdict.detail.startswith(f"{name}: ")
    assert all(other not in verdict.detail for other in NAMES if other != name)


def test_no_digest_where_a_product_promises_none(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = run()
    monkeypatch.setattr(prepared.products["down"], "digest", lambda: None)
    assert prepared.digest() is None


@given(
    memory_bytes=st.integers(0, 1 << 40),
    kind=st.sampled_from(["cpu", "mps", *LARGE_GPUS]),
    precision=st.sampled_from(TYPICAL.precisions),
)
def test_ladder_has_two_batches_of_one_model_and_fits(memory_bytes: int, kind: str, precision: str) -> None:
    ladder = TYPICAL.ladder(precision, Place(kind=kind, memory_bytes=memory_bytes))
    assert all(TYPICAL.footprint_bytes(shape, precision) <= memory_bytes for shape in ladder)
    assert [next(iter(shape)) for shape in ladder] == ["batch"] * len(ladder)
    assert list(ladder) == sorted(ladder, key=TYPICAL.flop)
    assert len({shape["hidden"] for shape in ladder}) <= 1
    if memory_bytes >= WIDE_MEMORY_BYTES:
        assert len(ladder) == 2


def test_a_gpu_gets_the_width_it_has_room_for() -> None:
    small = TYPICAL.ladder("bf16", Place(kind="cuda", memory_bytes=6 * 10**9))
    large = TYPICAL.ladder("bf16", Place(kind="rocm", memory_bytes=32 * 10**9))
    assert [(shape["batch"], shape["hidden"]) for shape in small] == [(16, 4096), (4096, 4096)]
    assert [(shape["batch"], shape["hidden"]) for shape in large] == [(16, 8192), (4096, 8192)]


def test_another_precision_or_backend_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'fp64'.*known: bf16"):
        TYPICAL.prepare("fp64", SMALL, Place(), seed=0)
    with pytest.raises(ValueError, match=r"'onednn'.*known: torch"):
        TYPICAL.prepare("fp32", SMALL, Place(), seed=0, backend="onednn")
    assert "emulates" in str(TYPICAL.lacks("fp8", Place()))
