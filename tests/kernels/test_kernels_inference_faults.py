"""The check of inference catches faults, and passes what is right."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn import functional

from kernels.transformer import model
from kernels.transformer.model import Weights
from kernels.workload import Workload
from tests.kernels.passes import BOTH, DECODE, MATRICES, PREFILL, PREPARED, SHAPES, TINY, prepared, run, wrong


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
    "no norm": faulty("norm", lambda states, scale: states),
    "norm without its scale": faulty(
        "norm", lambda states, scale: functional.rms_norm(states, (states.shape[-1],))
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
