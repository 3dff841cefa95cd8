"""Inference: what counts as work and bytes, which models fit where, and a check that catches faults."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from kernels.decode_step import DecodeStep
from kernels.inference import models
from kernels.inference.run import PATTERN_ELEMENTS, PreparedPass, repeated
from kernels.prefill import Prefill
from kernels.transformer import model
from kernels.transformer.model import Cache, Layer, Weights
from kernels.transformer.sizes import Decoder
from kernels.workload import Place, Shape, Workload

DECODE, PREFILL = DecodeStep(), Prefill()
# As wide as weights of 0.02 need to be for scores to differ.
TINY = Decoder(layers=2, hidden=1024, heads=8, kv_heads=2, intermediate=768, vocabulary=600)
SHAPES: dict[str, dict[str, int]] = {
    "decode_step": {"batch": 5, "context": 96, **TINY.sizes()},
    "prefill": {"sequence": 96, **TINY.sizes()},
}
BOTH = pytest.mark.parametrize("workload", [DECODE, PREFILL], ids=lambda workload: workload.name)
PRECISIONS = pytest.mark.parametrize("precision", models.PRECISIONS)
MATRICES = [field.name for field in fields(Layer)]
GIB = 1 << 30
H200 = Place("cuda:0", "cuda", memory_bytes=55 * GIB, cache_bytes=60 << 20)


PREPARED: dict[tuple[str, str], PreparedPass] = {}


def prepared(workload: Workload, precision: str = "bf16") -> PreparedPass:
    """Operands that no test changes for good, drawn once."""
    key = workload.name, precision
    if key not in PREPARED:
        operation = workload.prepare(precision, SHAPES[workload.name], Place(), seed=5)
        assert isinstance(operation, PreparedPass)
        PREPARED[key] = operation
    PREPARED[key].poison()
    return PREPARED[key]


def run(workload: Workload, precision: str = "bf16") -> PreparedPass:
    """A right pass."""
    operation = prepared(workload, precision)
    with operation.setting():
        operation.run()
    return operation


def wrong(operation: PreparedPass) -> str:
    """What the check found at fault."""
    verdict = operation.check()
    assert not verdict.correct, verdict.detail
    return verdict.detail


# What counts as work


@pytest.mark.parametrize("batch", [1, 3])
def test_decoding_is_counted_as_torch_counts_it(batch: int) -> None:
    shape = {"batch": batch, "context": 32, **TINY.sizes()}
    products, attention = counted_flop(DECODE, shape)
    assert products == 2 * batch * TINY.matrix_parameters
    assert products + attention == DECODE.flop(shape)
    assert DECODE.count(shape) == batch


def test_a_prompt_is_counted_as_torch_counts_it() -> None:
    shape = {"sequence": 32, **TINY.sizes()}
    products, attention = counted_flop(PREFILL, shape)
    assert products + attention == PREFILL.flop(shape)
    assert PREFILL.flop(shape) < TINY.forward_flop(32, 32)
    assert PREFILL.count(shape) == 32


def counted_flop(workload: Workload, shape: Shape) -> tuple[int, int]:
    """Of the matrix products as torch counts them, and of attention by its two products."""
    operation = workload.prepare("fp32", shape, Place(), seed=1)
    attended = 0

    def attend(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, **rest: Any) -> torch.Tensor:
        nonlocal attended
        attended += 2 * 2 * query.numel() * keys.shape[2]
        return torch.zeros_like(query)

    with pytest.MonkeyPatch.context() as patch, FlopCounterMode(display=False) as counter:
        patch.setattr(functional, "scaled_dot_product_attention", attend)
        operation.run()
    return counter.get_total_flops(), attended


@BOTH
@PRECISIONS
def test_bytes_are_those_of_matrices_and_cache(workload: Workload, precision: str) -> None:
    outcome = run(workload, precision).outcome
    matrices = [weight for weight in outcome.weights.all() if weight.ndim == 2][1:]  # all but the embedding
    cached = [part for cache in outcome.caches for part in (cache.keys, cache.values)]
    read = sum(each.numel() * each.element_size() for each in [*matrices, *cached])
    assert workload.bytes_moved(SHAPES[workload.name], precision) == read


@BOTH
@PRECISIONS
def test_footprint_is_what_is_held_and_room_to_work(workload: Workload, precision: str) -> None:
    outcome = run(workload, precision).outcome
    parts = [part for cache in outcome.caches for part in (cache.keys, cache.values)]
    made = [getattr(passage, field.name) for passage in outcome.passages for field in fields(passage)]
    everything = [*outcome.weights.all(), *parts, *made, outcome.tokens, outcome.chosen, outcome.logits]
    held = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in everything}
    held[outcome.hidden.untyped_storage().data_ptr()] = outcome.hidden.untyped_storage().nbytes()
    shape = SHAPES[workload.name]
    batch, length = outcome.tokens.shape
    context = shape.get("context", length)
    assert sum(held.values()) == models.held_bytes(TINY, batch, length, context, precision)
    wide = 3 * batch * length * TINY.intermediate * outcome.logits.element_size()
    assert workload.footprint_bytes(shape, precision) >= sum(held.values()) + wide


# Which models fit where


@BOTH
@PRECISIONS
@given(
    kind=st.sampled_from(["cpu", "cuda", "rocm", "xpu", "mps"]),
    memory_bytes=st.integers(1 << 20, 1 << 38),
    cache_bytes=st.integers(1 << 20, 1 << 31),
    cores=st.integers(1, 256),
)
def test_ladder_climbs_and_fits(
    workload: Workload, precision: str, kind: str, memory_bytes: int, cache_bytes: int, cores: int
) -> None:
    place = Place("any", kind, memory_bytes, cache_bytes, cpus=tuple(range(cores)))
    ladder = workload.ladder(precision, place)
    assert len(ladder) in (0, 2)
    assert all(workload.footprint_bytes(shape, precision) <= memory_bytes for shape in ladder)
    work = [workload.flop(shape) for shape in ladder]
    assert work == sorted(set(work))
    assert len({Decoder.of(shape) for shape in ladder}) <= 1
    firsts = [next(iter(shape.items())) for shape in ladder]
    assert len(dict.fromkeys(firsts)) == len(firsts)
    if workload is DECODE:
        assert all(2 * Decoder.of(shape).matrix_parameters > cache_bytes for shape in ladder)


@BOTH
def test_a_large_gpu_takes_a_published_model_whole(workload: Workload) -> None:
    ladder = workload.ladder("bf16", H200)
    assert {Decoder.of(shape) for shape in ladder} == {models.LARGE}
    # Meta gives 8.03 billion parameters for it.
    assert round(models.LARGE.parameters / 1e9, 2) == 8.03


@BOTH
def test_a_small_gpu_takes_fewer_layers_or_a_smaller_model(workload: Workload) -> None:
    layers = [
        workload.ladder("bf16", replace(H200, memory_bytes=size * GIB))[0] for size in (1, 2, 5, 10, 40)
    ]
    assert [shape["hidden"] for shape in layers] == [2048, 2048, 4096, 4096, 4096]
    assert [shape["layers"] for shape in layers[2:]] == sorted(shape["layers"] for shape in layers[2:])


def test_decoding_reads_four_caches_of_weights_where_the_cores_can_fill_them() -> None:
    place = Place(cache_bytes=105 << 20, cpus=(0, 1))
    shape = DECODE.ladder("bf16", place)[0]
    assert 4 * (105 << 20) <= 2 * Decoder.of(shape).matrix_parameters < 5.5 * (105 << 20)
    assert [Decoder.of(one) for one in DECODE.ladder("fp32", place)] == 2 * [Decoder.of(shape)]
    crowded = DECODE.ladder("bf16", replace(place, cache_bytes=400 << 20))[0]
    assert 400 << 20 < 2 * Decoder.of(crowded).matrix_parameters < 700 << 20


# A right pass


@BOTH
@PRECISIONS
def test_right_pass_is_right(workload: Workload, precision: str) -> None:
    verdict = run(workload, precision).check()
    assert verdict.correct, verdict.detail


def test_a_single_sequence_and_a_single_token_are_right() -> None:
    for workload, first in ((DECODE, {"batch": 1}), (PREFILL, {"sequence": 1})):
        operation = workload.prepare("bf16", SHAPES[workload.name] | first, Place(), seed=4)
        operation.poison()
        operation.run()
        verdict = operation.check()
        assert verdict.correct, verdict.detail


def test_heads_without_groups_are_right() -> None:
    shape = SHAPES["decode_step"] | {"kv_heads": TINY.heads}
    operation = DECODE.prepare("bf16", shape, Place(), seed=4)
    operation.run()
    assert operation.check().correct


@BOTH
def test_a_call_repeats_bit_by_bit(workload: Workload) -> None:
    operation = run(workload)
    before, chosen = operation.digest(), operation.outcome.chosen.clone()
    operation.poison()
    assert operation.digest() != before
    for _ in range(2):
        operation.run()
    assert operation.digest() == before
    assert torch.equal(operation.outcome.chosen, chosen)
    assert operation.check().correct


def test_prompt_and_steps_agree() -> None:
    """A token decoded after a prompt sees what the whole prompt's last position sees."""
    whole = run(PREFILL, "fp32").outcome
    length = whole.tokens.shape[1]
    caches = [Cache(cache.keys.clone(), cache.values.clone()) for cache in whole.caches]
    last = model.forward(whole.weights, whole.tokens[:, -1:], caches=caches, start=length - 1)[:, 0]
    torch.testing.assert_close(last, whole.hidden, rtol=1e-3, atol=1e-3)


@BOTH
def test_nothing_waits_for_the_device_nor_leaves_it(workload: Workload) -> None:
    """On tensors without values: one that is asked for, or a tensor on another device, raises."""
    right = prepared(workload).outcome
    caches = [Cache(cache.keys.to("meta"), cache.values.to("meta")) for cache in right.caches]
    weights, tokens = right.weights.mapped(lambda weight: weight.to("meta")), right.tokens.to("meta")
    operation = PreparedPass(weights, tokens, caches, start=right.start, precision="bf16", seed=0)
    operation.run()
    assert operation.outcome.chosen.device.type == "meta"


def test_another_precision_or_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="fp8"):
        DECODE.prepare("fp8", SHAPES["decode_step"], Place(), seed=0)
    with pytest.raises(ValueError, match=r"'vllm'.*known: torch"):
        PREFILL.prepare("bf16", SHAPES["prefill"], Place(), seed=0, backend="vllm")
    assert PREFILL.backends("bf16", Place()) == ("torch",)
    assert run(DECODE, "fp32").backend.startswith("torch/")


def test_no_row_of_a_repeated_pattern_comes_twice() -> None:
    assert all(PATTERN_ELEMENTS % divisor for divisor in range(2, math.isqrt(PATTERN_ELEMENTS) + 1))
    rows = repeated(64 * 8, torch.randn(61)).view(-1, 8)
    assert len({tuple(row) for row in rows[:61].tolist()}) == 61
    assert torch.equal(rows[61:], rows[:3])


# A wrong pass


@BOTH
@pytest.mark.parametrize("number", range(TINY.layers))
@pytest.mark.parametrize("name", MATRICES)
def test_a_wrong_weight_fails(workload: Workload, number: int, name: str) -> None:
    operation = run(workload)
    layer = operation.outcome.weights.layers[number]
    right = getattr(layer, name)
    setattr(layer, name, right.roll(1, dims=0))
    operation.run()
    setattr(layer, name, right)
    assert f"of layer {number}" in wrong(operation)


@BOTH
@pytest.mark.parametrize("name", ["embedding", "norm", "head"])
def test_a_wrong_end_fails(workload: Workload, name: str) -> None:
    operation = run(workload)
    right = getattr(operation.outcome.weights, name)
    setattr(operation.outcome.weights, name, right.roll(1, dims=0))
    operation.run()
    setattr(operation.outcome.weights, name, right)
    wrong(operation)


@BOTH
@pytest.mark.parametrize("order", [(1, 0), (0, 0), (0,), (0, 1, 1)])
def test_wrong_layers_fail(workload: Workload, order: tuple[int, ...]) -> None:
    operation = run(workload)
    weights, caches = operation.outcome.weights, operation.outcome.caches
    operation.outcome.weights = replace(weights, layers=[weights.layers[number] for number in order])
    operation.outcome.caches = [caches[min(number, 1)] for number in range(len(order))]
    operation.run()
    operation.outcome.weights, operation.outcome.caches = weights, caches
    wrong(operation)


def faulty_angle(by: int, only: int | None = None) -> Callable[[pytest.MonkeyPatch], None]:
    """Turns by another position; only heads of that count where one is given."""

    def spoil(patch: pytest.MonkeyPatch) -> None:
        right = model.rotate

        def rotate(heads: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
            if only is not None and heads.shape[1] != only:
                return right(heads, cosines, sines)
            positions = torch.arange(by, heads.shape[2] + by)
            if heads.shape[2] == 1:  # decoding: the last of its context
                positions += SHAPES["decode_step"]["context"] - 1
            return right(heads, *model.rotations(TINY, positions))

        patch.setattr(model, "rotate", rotate)

    return spoil


def turned_back(patch: pytest.MonkeyPatch) -> None:
    right = model.rotate
    patch.setattr(model, "rotate", lambda heads, cosines, sines: right(heads, cosines, -sines))


def faulty_attention(change: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """Attends to what ``change`` makes of query, keys, values and the rest."""

    def spoil(patch: pytest.MonkeyPatch) -> None:
        right = functional.scaled_dot_product_attention

        def attend(
            query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, **rest: Any
        ) -> torch.Tensor:
            arguments = change(query, keys, values, **rest)
            return right(*arguments[:3], **arguments[3])

        patch.setattr(functional, "scaled_dot_product_attention", attend)

    return spoil


def faulty(name: str, function: Callable[..., Any], owner: Any = model) -> Any:
    return lambda patch: patch.setattr(owner, name, function)


def forward_from(shift: int) -> Callable[..., torch.Tensor]:
    right = model.forward
    return lambda *given, start, **rest: right(*given, start=start + shift, **rest)


def other_grouping(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, **rest: Any) -> Any:
    """Each group's queries meet the keys of another."""
    return query, keys.flip(1), values.flip(1), rest


def tanh_gelu(states: torch.Tensor) -> torch.Tensor:
    return functional.gelu(states, approximate="tanh")


FAULTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "angle of the next position": faulty_angle(1),
    "angle of the position before, queries alone": faulty_angle(-1, only=TINY.heads),
    "angle of the position before, keys alone": faulty_angle(-1, only=TINY.kv_heads),
    "no turn": faulty("rotate", lambda heads, cosines, sines: heads),
    "turned the other way": turned_back,
    "another group's keys": faulty_attention(other_grouping),
    "scores not scaled": faulty_attention(lambda q, k, v, **rest: (q, k, v, rest | {"scale": 1.0})),
    "keys for values": faulty_attention(lambda q, k, v, **rest: (q, k, k, rest)),
    "no norm": faulty("_norm", lambda states, scale: states),
    "norm without its scale": faulty(
        "_norm", lambda states, scale: functional.rms_norm(states, (states.shape[-1],))
    ),
    "another gate": faulty("silu", tanh_gelu, functional),
}
DECODE_FAULTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "the position before": faulty("forward", forward_from(-1)),
    "the first key passed over": faulty_attention(
        lambda q, k, v, **rest: (q, k[:, :, 1:], v[:, :, 1:], rest)
    ),
    "the new key passed over": faulty_attention(
        lambda q, k, v, **rest: (q, k[:, :, :-1], v[:, :, :-1], rest)
    ),
    "another sequence's cache": faulty_attention(
        lambda q, k, v, **rest: (q, k.roll(1, 0), v.roll(1, 0), rest)
    ),
}
PREFILL_FAULTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "seeing what comes later": faulty_attention(
        lambda q, k, v, **rest: (q, k, v, rest | {"is_causal": False})
    ),
    "the second key in place of the first": faulty_attention(
        lambda q, k, v, **rest: (q, torch.cat((k[:, :, 1:2], k[:, :, 1:]), 2), v, rest)
    ),
}
CASES = [
    *((workload, name, spoil) for workload in (DECODE, PREFILL) for name, spoil in FAULTS.items()),
    *((DECODE, name, spoil) for name, spoil in DECODE_FAULTS.items()),
    *((PREFILL, name, spoil) for name, spoil in PREFILL_FAULTS.items()),
]


@pytest.mark.parametrize(
    ("workload", "spoil"),
    [(workload, spoil) for workload, _, spoil in CASES],
    ids=[f"{workload.name}: {name}" for workload, name, _ in CASES],
)
def test_a_faulty_pass_fails(
    workload: Workload, spoil: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = run(workload)
    operation.poison()
    with monkeypatch.context() as patch:
        spoil(patch)
        operation.run()
    wrong(operation)
    # what a fault wrote over in the cache is not there for the tests after this one
    PREPARED.clear()


@BOTH
def test_a_prompt_or_cache_of_another_call_fails(workload: Workload) -> None:
    """A stale output: right for what it was made of, and that has changed."""
    operation = run(workload)
    tokens = operation.outcome.tokens
    operation.outcome.tokens = (tokens + 1) % TINY.vocabulary
    assert "embedding" in wrong(operation)
    operation.outcome.tokens = tokens
    assert operation.check().correct


def test_one_past_key_changed_after_the_pass_fails() -> None:
    operation = run(DECODE)
    key = operation.outcome.caches[1].keys[-1, 0, 7]  # of the last sequence, always among those sampled
    before = key.clone()
    key += 3.0
    assert "attention of layer 1" in wrong(operation)
    key.copy_(before)


@BOTH
def test_output_never_written_fails(workload: Workload) -> None:
    operation = run(workload)
    operation.poison()
    assert wrong(operation).startswith("0 layers")
    assert bool(operation.outcome.logits.isnan().all())
    assert bool((operation.outcome.chosen == -1).all())


@BOTH
@pytest.mark.parametrize(
    "name", ["hidden", "logits", "entered", "mixed", "projected", "fed", "keys", "values"]
)
@pytest.mark.parametrize("value", [math.nan, math.inf, 40.0])
def test_one_wrong_element_fails(workload: Workload, name: str, value: float) -> None:
    operation = run(workload)
    outcome = operation.outcome
    owners: list[Any] = [outcome, outcome.passages[1], outcome.caches[1]]
    tensor = next(getattr(owner, name) for owner in owners if hasattr(owner, name))
    if name in ("keys", "values"):
        tensor = tensor[:, :, outcome.start :]
    tensor[-1, ..., -1] = value
    wrong(operation)


@BOTH
@pytest.mark.parametrize("chosen", [-1, 0, TINY.vocabulary])
def test_another_token_than_the_likeliest_fails(workload: Workload, chosen: int) -> None:
    operation = run(workload)
    assert int(operation.outcome.chosen[0]) != chosen
    operation.outcome.chosen[0] = chosen
    assert "choice" in wrong(operation)


def test_a_small_error_of_every_logit_fails() -> None:
    """One per mille in float32, three per cent in bf16: far above what roundings explain."""
    for precision, factor in (("fp32", 1.001), ("bf16", 1.03)):
        operation = run(DECODE, precision)
        operation.outcome.logits *= factor
        assert "head" in wrong(operation)


def test_weights_are_normal_and_norms_are_not_all_one() -> None:
    weights: Weights = prepared(DECODE).outcome.weights
    matrices = [weight for weight in weights.all() if weight.ndim == 2]
    for matrix in matrices:
        assert float(matrix.float().std()) == pytest.approx(0.02, rel=0.02)
        assert abs(float(matrix.float().mean())) < 2e-4
    assert 0.05 < float(weights.norm.float().std()) < 0.2
