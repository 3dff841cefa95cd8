"""Inference: what counts as work and bytes, which models fit where, and right passes."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from kernels.inference import models
from kernels.inference.run import PATTERN_ELEMENTS, PreparedPass, repeated
from kernels.transformer import model
from kernels.transformer.model import Cache
from kernels.transformer.sizes import Decoder
from kernels.workload import Place, Shape, Workload
from tests.kernels.passes import (
    BOTH,
    DECODE,
    GIB,
    H200,
    PRECISIONS,
    PREFILL,
    SHAPES,
    TINY,
    prepared,
    run,
)


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
