"""Attention: the causal half counted, the kernel named, and checks of output and gradients that can fail."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from kernels.attention import HEAD, TENSORS, Attention
from kernels.operations import attention_check, attention_run
from kernels.operations.attention_run import PreparedAttention
from kernels.shared import probe, tensors
from kernels.workload import LARGE_GPUS, Place, Shape

FORWARD, TRAINING = Attention("forward"), Attention("training")
BOTH = pytest.mark.parametrize("attention", [FORWARD, TRAINING], ids=lambda attention: attention.name)
FLOATS = ("bf16", "fp16", "fp32")
EVERY_PRECISION = pytest.mark.parametrize("precision", FLOATS)
SMALL: Shape = {"sequence": 384, "batch": 2, "heads": 2, "head": 64}
Fault = Callable[[PreparedAttention], None]
OUTPUT, QUERY, KEY, VALUE = range(4)


@pytest.fixture(autouse=True)
def sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small as they are, they are checked as long sequences are (else: test_kernels_attention_whole)."""
    monkeypatch.setattr(attention_check, "WHOLE_SCORES", 0)


def run(operation: PreparedAttention) -> PreparedAttention:
    operation.poison()
    with operation.setting():
        operation.run()
    return operation


def done(
    attention: Attention, precision: str = "fp32", shape: Shape = SMALL, seed: int = 3
) -> PreparedAttention:
    return run(attention.prepare(precision, shape, Place(), seed=seed))


def in_float64(operation: PreparedAttention, **switches: Any) -> tuple[torch.Tensor, ...]:
    """Output and gradients by torch's own differentiation, in float64 and rounded to the operands' type."""
    operands = (operation.query, operation.key, operation.value)
    query, key, value = (operand.detach().double().requires_grad_() for operand in operands)
    assert operation.upstream is not None
    output = scaled_dot_product_attention(query, key, value, **{"is_causal": True} | switches)
    gradients = torch.autograd.grad(output, (query, key, value), operation.upstream.double())
    return tuple(each.detach().to(operation.query.dtype) for each in (output, *gradients))


@given(sequence=st.integers(1, 64), batch=st.integers(1, 4), heads=st.integers(1, 4), head=st.integers(1, 16))
def test_flop_counts_each_pair_of_a_query_and_a_key_it_sees(
    sequence: int, batch: int, heads: int, head: int
) -> None:
    shape = {"sequence": sequence, "batch": batch, "heads": heads, "head": head}
    pairs = int(torch.ones(sequence, sequence).tril().sum())
    assert FORWARD.flop(shape) == batch * heads * pairs * (2 * head + 2 * head)
    assert TRAINING.flop(shape) == 3 * FORWARD.flop(shape)


@BOTH
def test_flop_is_the_causal_share_of_what_torch_counts(attention: Attention) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    operation = attention.prepare("fp32", SMALL, Place(), seed=1)
    counter = FlopCounterMode(display=False)
    # The kernel that stores the scores is made of plain products, each counted over the whole square.
    with counter, sdpa_kernel(SDPBackend.MATH):
        operation.run()
    share = (SMALL["sequence"] + 1) / (2 * SMALL["sequence"])
    assert attention.flop(SMALL) == pytest.approx(share * counter.get_total_flops(), rel=1e-12)


def test_tokens_are_as_many_in_short_sequences_as_in_long_ones() -> None:
    for kind in ("cpu", "cuda"):
        short, long = FORWARD.ladder("bf16", Place(kind=kind))
        assert short["sequence"] * short["batch"] == long["sequence"] * long["batch"]
        assert FORWARD.bytes_moved(short, "bf16") == FORWARD.bytes_moved(long, "bf16")
        assert FORWARD.flop(long) / FORWARD.flop(short) == pytest.approx(
            long["sequence"] / short["sequence"], rel=2e-3
        )


@BOTH
@EVERY_PRECISION
def test_bytes_are_those_of_the_tensors_and_the_footprint_holds_them(
    attention: Attention, precision: str
) -> None:
    operation = done(attention, precision)
    inputs = [operation.query, operation.key, operation.value]
    given_too = [] if operation.upstream is None else [operation.upstream]
    held = [*inputs, *given_too, *operation.outputs]
    assert len(held) == TENSORS[attention.passes]
    size = sum(tensor.numel() * tensor.element_size() for tensor in held)
    assert attention.bytes_moved(SMALL, precision) == size
    # With the logarithm of every denominator, which the forward pass hands on in float32.
    queries = SMALL["batch"] * SMALL["heads"] * SMALL["sequence"]
    assert attention.footprint_bytes(SMALL, precision) >= size + 4 * queries


@BOTH
@given(
    memory_bytes=st.integers(0, 1 << 40),
    kind=st.sampled_from(["cpu", "mps", *LARGE_GPUS]),
    precision=st.sampled_from(FLOATS),
)
@settings(deadline=None)
def test_ladder_climbs_and_fits(attention: Attention, memory_bytes: int, kind: str, precision: str) -> None:
    place = Place(device="cpu" if kind == "cpu" else "meta", kind=kind, memory_bytes=memory_bytes)
    ladder = attention.ladder(precision, place)
    assert [next(iter(shape)) for shape in ladder] == ["sequence"] * len(ladder)
    assert list(ladder) == sorted(ladder, key=attention.flop)
    assert all(attention.footprint_bytes(shape, precision) <= memory_bytes for shape in ladder)


def test_where_the_scores_are_stored_they_must_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(device="cpu", kind="cuda", memory_bytes=32 << 30)
    assert len(TRAINING.ladder("bf16", place)) == 2
    monkeypatch.setattr(attention_run, "kernel_for", lambda *operands: "math")
    assert [shape["sequence"] for shape in TRAINING.ladder("bf16", place)] == [1024]


def test_a_device_that_torch_does_not_know_is_taken_at_its_word() -> None:
    assert len(FORWARD.ladder("bf16", Place(device="cuda:99", kind="cuda"))) == 2
    reason = FORWARD.lacks("bf16", Place(device="cuda:99", kind="cuda"))
    assert reason is not None
    assert "cannot on cuda:99" in reason


def test_what_torch_refuses_is_lacking_and_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(*arguments: object, **named: object) -> None:
        asked.append(arguments)
        raise RuntimeError("no kernel for 'Half'\nand much more")

    probe._failure.cache_clear()
    monkeypatch.setattr(attention_run, "scaled_dot_product_attention", refuse)
    try:
        reasons = {FORWARD.lacks("fp16", Place(memory_bytes=size)) for size in (1 << 30, 1 << 31)}
    finally:
        probe._failure.cache_clear()
    assert len(asked) == 1
    assert reasons == {f"torch {torch.__version__} cannot on cpu: no kernel for 'Half'"}


def test_no_memory_is_not_a_lack_of_software(monkeypatch: pytest.MonkeyPatch) -> None:
    def starve(*arguments: object, **named: object) -> None:
        raise torch.OutOfMemoryError("out of memory")

    probe._failure.cache_clear()
    monkeypatch.setattr(attention_run, "scaled_dot_product_attention", starve)
    with pytest.raises(torch.OutOfMemoryError):
        FORWARD.lacks("fp16", Place())


@BOTH
@EVERY_PRECISION
def test_right_result_passes_and_repeats(attention: Attention, precision: str) -> None:
    if attention.lacks(precision, Place()):
        pytest.skip("not on this CPU")
    operation = done(attention, precision, attention.ladder(precision, Place())[0])
    verdict = operation.check()
    assert verdict.correct, verdict.detail
    before = operation.digest()
    assert before is not None
    operation.poison()
    assert operation.digest() != before
    assert run(operation).digest() == before


@BOTH
@given(seed=st.integers(0, 1 << 30), precision=st.sampled_from(FLOATS))
@settings(max_examples=12, deadline=None)
def test_right_results_pass_whatever_is_drawn(attention: Attention, seed: int, precision: str) -> None:
    verdict = done(attention, precision, {"sequence": 200, "batch": 1, "heads": 2, "head": 128}, seed).check()
    assert verdict.correct, verdict.detail


@EVERY_PRECISION
def test_the_kernel_that_stores_the_scores_passes(precision: str) -> None:
    operation = TRAINING.prepare(precision, SMALL, Place(), seed=9)
    with sdpa_kernel(SDPBackend.MATH):
        run(operation)
    verdict = operation.check()
    assert verdict.correct, verdict.detail


@EVERY_PRECISION
def test_what_torch_differentiates_in_float64_passes(precision: str) -> None:
    operation = done(TRAINING, precision)
    operation.outputs = in_float64(operation)
    verdict = operation.check()
    assert verdict.correct, verdict.detail


@BOTH
def test_the_kernel_is_named(attention: Attention, monkeypatch: pytest.MonkeyPatch) -> None:
    operation = attention.prepare("fp32", SMALL, Place(), seed=1)
    assert operation.backend in {"torch/flash", "torch/math"}
    with sdpa_kernel(SDPBackend.MATH):
        assert operation.backend == "torch/math"
    monkeypatch.delattr(torch, "_fused_sdp_choice")
    assert operation.backend == "torch/sdpa"


def test_numbers_of_kernels_are_torchs() -> None:
    named = {"MATH": "math", "FLASH_ATTENTION": "flash", "EFFICIENT_ATTENTION": "efficient"}
    named |= {"CUDNN_ATTENTION": "cudnn", "OVERRIDEABLE": "overrideable"}
    members = SDPBackend.__members__
    assert {int(members[name].value): kernel for name, kernel in named.items()} == attention_run.KERNELS


def test_operands_lie_as_a_layer_leaves_them() -> None:
    operation = done(TRAINING)
    assert operation.query.shape == (2, 2, 384, 64)
    assert operation.query.transpose(1, 2).is_contiguous()
    operands = [operation.query, operation.key, operation.value, operation.upstream]
    assert len({float(each.detach().sum()) for each in operands if each is not None}) == 4
    assert abs(float(operation.key.detach().std()) - 1) < 0.02
    again = TRAINING.prepare("fp32", SMALL, Place(), seed=3)
    assert torch.equal(operation.value, again.value)


def one_nan(operation: PreparedAttention) -> None:
    operation.outputs[OUTPUT][1, 1, -1, 5] = math.nan


def rows_left_out(operation: PreparedAttention) -> None:
    operation.outputs[OUTPUT][:, 1, 128:192] = 0


def one_head_for_another(operation: PreparedAttention) -> None:
    operation.outputs = (operation.outputs[OUTPUT].flip(1), *operation.outputs[1:])


def everything_a_little_off(operation: PreparedAttention) -> None:
    operation.outputs[OUTPUT].mul_(1.05)


def computed(operation: PreparedAttention, **switches: Any) -> None:
    query, key, value = (each.detach() for each in (operation.query, operation.key, operation.value))
    operation.outputs = (scaled_dot_product_attention(query, key, value, **switches), *operation.outputs[1:])


def not_causal(operation: PreparedAttention) -> None:
    computed(operation, is_causal=False)


def one_key_too_many(operation: PreparedAttention) -> None:
    length = operation.query.shape[2]
    computed(operation, attn_mask=torch.ones(length, length, dtype=torch.bool).tril(1))


def one_key_too_few(operation: PreparedAttention) -> None:
    length = operation.query.shape[2]
    mask = torch.ones(length, length, dtype=torch.bool).tril(-1)
    mask[0, 0] = True
    computed(operation, attn_mask=mask)


def block_of_keys_left_out(operation: PreparedAttention) -> None:
    length = operation.query.shape[2]
    mask = torch.ones(length, length, dtype=torch.bool).tril()
    mask[192:, 64:128] = False
    computed(operation, attn_mask=mask)


def not_scaled(operation: PreparedAttention) -> None:
    computed(operation, is_causal=True, scale=1.0)


def other_shape(operation: PreparedAttention) -> None:
    operation.outputs = (operation.outputs[OUTPUT][:1], *operation.outputs[1:])


def nothing(operation: PreparedAttention) -> None:
    operation.outputs = ()


OUTPUT_FAULTS: list[Fault] = [
    one_nan,
    rows_left_out,
    one_head_for_another,
    everything_a_little_off,
    not_causal,
    one_key_too_many,
    one_key_too_few,
    block_of_keys_left_out,
    not_scaled,
    other_shape,
    nothing,
]


@EVERY_PRECISION
@BOTH
@pytest.mark.parametrize("fault", OUTPUT_FAULTS, ids=lambda fault: fault.__name__)
def test_fault_of_the_output_is_seen(precision: str, attention: Attention, fault: Fault) -> None:
    operation = done(attention, precision)
    fault(operation)
    verdict = operation.check()
    assert not verdict.correct, verdict.detail


def replaced(operation: PreparedAttention, number: int, gradient: torch.Tensor) -> None:
    outputs = list(operation.outputs)
    outputs[number] = gradient.to(operation.query.dtype)
    operation.outputs = tuple(outputs)


@EVERY_PRECISION
@pytest.mark.parametrize("number", [QUERY, KEY, VALUE])
@pytest.mark.parametrize("pair", [(0, 0), (1, 1)])
def test_a_tile_of_a_gradient_left_out_is_seen_in_every_head(
    precision: str, number: int, pair: tuple[int, int]
) -> None:
    operation = done(TRAINING, precision)
    operation.outputs[number][pair][64:192] = 0
    assert not operation.check().correct


@EVERY_PRECISION
@pytest.mark.parametrize("number", [QUERY, KEY, VALUE])
@pytest.mark.parametrize("fault", ["nan", "off", "stale", "not causal", "not scaled"])
def test_fault_of_a_gradient_is_seen(precision: str, number: int, fault: str) -> None:
    operation = done(TRAINING, precision)
    gradient = operation.outputs[number]
    if fault == "nan":
        gradient[1, 0, 100, 7] = math.nan
    elif fault == "off":
        gradient.mul_(1.1)
    elif fault == "stale":
        replaced(operation, number, done(TRAINING, precision, seed=4).outputs[number])
    elif fault == "not causal":
        replaced(operation, number, in_float64(operation, is_causal=False)[number])
    else:
        replaced(operation, number, in_float64(operation, scale=1.0)[number])
    verdict = operation.check()
    assert not verdict.correct, verdict.detail


@EVERY_PRECISION
def test_a_softmax_that_is_not_differentiated_is_seen(precision: str) -> None:
    """dS = P ∘ dP, as if the denominator did not depend on the scores: the laws alone would not tell."""
    operation = done(TRAINING, precision)
    operands = (operation.query, operation.key, operation.value, operation.upstream)
    query, key, value, upstream = (each.detach().double() for each in operands if each is not None)
    scores = (query @ key.mT) / math.sqrt(query.shape[-1])
    weights = scores.masked_fill(torch.ones_like(scores[0, 0]).triu(1).bool(), -math.inf).softmax(-1)
    wrong = weights * (upstream @ value.mT) / math.sqrt(query.shape[-1])
    replaced(operation, QUERY, wrong @ key)
    replaced(operation, KEY, wrong.mT @ query)
    verdict = operation.check()
    assert not verdict.correct, verdict.detail


def test_tf32_is_not_taken_for_fp32() -> None:
    def cut(values: torch.Tensor) -> torch.Tensor:
        return ((values.view(torch.int32) + (1 << 12)) & (-1 << 13)).view(torch.float32)

    operation = done(FORWARD, shape={"sequence": 1024, "batch": 1, "heads": 1, "head": HEAD})
    query, key, value = (cut(each) for each in (operation.query, operation.key, operation.value))
    operation.outputs = (scaled_dot_product_attention(query, key, value, is_causal=True),)
    assert not operation.check().correct


@BOTH
def test_output_never_written_fails(attention: Attention) -> None:
    operation = attention.prepare("fp32", SMALL, Place(), seed=1)
    assert not operation.check().correct
    run(operation).poison()
    assert not operation.check().correct


def test_nothing_is_left_of_an_earlier_call() -> None:
    operation = done(TRAINING)
    first = [tensors.digest(output) for output in operation.outputs]
    for _ in range(3):
        run(operation)
    assert [tensors.digest(output) for output in operation.outputs] == first
    assert operation.query.grad is None
    assert all(not output.requires_grad for output in operation.outputs)


def test_another_precision_or_backend_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'fp8'.*known: bf16"):
        FORWARD.prepare("fp8", SMALL, Place(), seed=0)
    with pytest.raises(ValueError, match=r"'flash'.*known: torch"):
        FORWARD.prepare("fp32", SMALL, Place(), seed=0, backend="flash")
