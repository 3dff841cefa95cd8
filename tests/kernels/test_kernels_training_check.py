"""The check of a training step: a right one passes, and whatever is wrong with one is seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.nn import functional

from kernels.shared import tensors
from kernels.training import adamw, check, loss
from kernels.training.adamw import State, expected
from kernels.training.reference import reference
from kernels.training.run import PreparedTraining
from kernels.training_step import TrainingStep
from kernels.transformer import model
from kernels.transformer.model import Weights, forward
from kernels.transformer.sizes import Decoder
from kernels.workload import Place, Shape

STEP = TrainingStep()
# Twice as long as what the reference sees.
TINY: Shape = {
    "hidden": 64,
    "layers": 2,
    "heads": 4,
    "kv_heads": 2,
    "intermediate": 96,
    "vocabulary": 128,
    "batch": 2,
    "sequence": 2 * check.PREFIX_ON_CPU,
}
WEIGHTS = range(9 * TINY["layers"] + 3)
ON_A_CPU = pytest.mark.parametrize("precision", ["bf16", "fp32"])


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small operations wait for their threads longer than they compute, above all beside other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def ran(precision: str = "fp32", shape: Shape = TINY) -> PreparedTraining:
    step = STEP.prepare(precision, shape, Place(), seed=7)
    step.poison()
    with step.setting():
        step.run()
        step.run()
    return step


def reason(step: PreparedTraining) -> str:
    """What the check says of a step that is wrong."""
    with step.setting():
        step.run()
    verdict = step.check()
    assert not verdict.correct, verdict.detail
    return verdict.detail


def share(detail: str, name: str) -> float:
    """From a detail such as ``FLOP at 0, slope at 0.1``."""
    return float(detail.partition(f"{name} at ")[2].partition(",")[0].partition(" ")[0])


@ON_A_CPU
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_right_step_is_far_from_its_tolerance(precision: str, seed: int) -> None:
    step = STEP.prepare(precision, TINY, Place(), seed=seed)
    with step.setting():
        step.run()
    verdict = step.check()
    assert verdict.correct, verdict.detail
    names = ("FLOP", "states", "losses", "gradients", "optimiser", "slope")
    assert all(share(verdict.detail, name) < 0.6 for name in names), verdict.detail


def test_a_check_leaves_everything_as_it_was() -> None:
    step = ran()
    importance = step.importance.clone()
    weights = [weight.detach().clone() for weight in step.weights]
    assert step.check().correct
    assert torch.equal(step.importance, importance)
    assert float(step.importance.sum()) == pytest.approx(1)
    for before, after in zip(weights, step.weights, strict=True):
        # but for the step of its own
        torch.testing.assert_close(before, after.detach(), rtol=0, atol=1e-5)
    assert step.check().correct


def test_a_step_never_taken_is_seen() -> None:
    step = STEP.prepare("fp32", TINY, Place(), seed=7)
    assert step.check().detail == "no step was taken"
    step.run()
    step.poison()
    assert "nan" in step.check().detail


def test_weights_that_stay_are_seen() -> None:
    step = ran()
    step.poison()
    step.draw()
    step.learn()
    assert "did not change" in step.check().detail
    step.optimiser.step()
    assert step.check().correct


@pytest.mark.parametrize("wrong", [math.nan, math.inf, 0.0, 5.0])
def test_a_wrong_loss_is_seen(wrong: float) -> None:
    step = ran()
    assert step.outcome is not None
    step.outcome.loss.detach().fill_(wrong)
    assert "the loss is" in step.check().detail


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
@pytest.mark.parametrize("number", [0, 5, WEIGHTS[-1]])
def test_a_weight_that_is_no_number_is_seen(wrong: float, number: int) -> None:
    step = ran()
    step.weights[number].detach().view(-1)[:] = wrong
    reason(step)


WRONG_GRADIENTS = [
    *(("fp32", 0.9, number) for number in WEIGHTS),
    *(("bf16", 1.2, number) for number in WEIGHTS),
    *(("bf16", factor, number) for factor in (0.0, -1.0, math.nan) for number in (0, 4, WEIGHTS[-1])),
]


@pytest.mark.parametrize(("precision", "factor", "number"), WRONG_GRADIENTS)
def test_a_wrong_gradient_of_any_weight_is_seen(precision: str, factor: float, number: int) -> None:
    step = READY[precision] if precision in READY else READY.setdefault(precision, ran(precision))
    hook = step.weights[number].register_hook(lambda gradient: gradient * factor)  # type: ignore[no-untyped-call]
    before = [weight.detach().clone() for weight in step.weights]
    verdict = step.check()
    hook.remove()
    for weight, was in zip(step.weights, before, strict=True):
        weight.detach().copy_(was)
    assert not verdict.correct, verdict.detail
    assert not share(verdict.detail, "gradients") <= 1
    assert share(verdict.detail, "states") < 1


READY: dict[str, PreparedTraining] = {}


def test_one_wrong_row_of_a_gradient_is_seen() -> None:
    step = ran()

    def without_a_row(gradient: torch.Tensor) -> torch.Tensor:
        changed = gradient.clone()
        changed[3] = 0
        return changed

    step.masters.layers[1].gate.register_hook(without_a_row)  # type: ignore[no-untyped-call]
    assert share(reason(step), "gradients") > 1


@ON_A_CPU
@pytest.mark.parametrize("kept", [64, 100])
def test_gradients_that_leave_out_later_tokens_are_seen(
    precision: str, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference does not see them: the slope does."""
    original = loss.forward

    def shortened(masters: Weights, tokens: torch.Tensor, importance: torch.Tensor, recipe: Any) -> Any:
        outcome = original(masters, tokens, importance, recipe)
        first = torch.zeros(tokens.shape[0], tokens.shape[1] - 1)
        first[:, :kept] = 1
        part = original(masters, tokens, importance * first.flatten(), recipe).loss
        return outcome._replace(loss=outcome.loss.detach() + part - part.detach())

    step = ran(precision)
    monkeypatch.setattr(step, "_forward", shortened)
    detail = reason(step)
    assert share(detail, "slope") > 1
    assert share(detail, "gradients") < 1


def changed_layers(monkeypatch: pytest.MonkeyPatch, change: Callable[[Weights], Weights]) -> None:
    """The model runs with other weights than it says."""

    def other(weights: Weights, *args: Any, **kwargs: Any) -> torch.Tensor:
        return forward(change(weights), *args, **kwargs)

    monkeypatch.setattr(model, "forward", other)


@ON_A_CPU
def test_a_layer_that_does_nothing_is_seen(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    step = ran(precision)

    def idle(weights: Weights) -> Weights:
        last = weights.layers[-1]
        layer = model.Layer(**{**vars(last), "output": 0 * last.output, "down": 0 * last.down})
        return Weights(
            weights.decoder, weights.embedding, [*weights.layers[:-1], layer], weights.norm, weights.head
        )

    changed_layers(monkeypatch, idle)
    detail = reason(step)
    assert share(detail, "states") > 1
    assert share(detail, "gradients") > 1


def test_a_layer_left_out_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    step = ran()

    def shorter(weights: Weights) -> Weights:
        return Weights(weights.decoder, weights.embedding, weights.layers[:-1], weights.norm, weights.head)

    changed_layers(monkeypatch, shorter)
    with pytest.raises(RuntimeError, match="9 weights without a gradient"):
        step.run()
    monkeypatch.setattr(adamw, "gradients", lambda weights: [torch.zeros_like(w) for w in weights])
    monkeypatch.setattr(check, "gradients", adamw.gradients)
    assert share(reason(step), "FLOP") > 1


@ON_A_CPU
def test_attention_to_later_tokens_is_seen(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    step = ran(precision)
    original = functional.scaled_dot_product_attention

    def everywhere(*args: Any, **kwargs: Any) -> torch.Tensor:
        result: torch.Tensor = original(*args, **{**kwargs, "is_causal": False})
        return result

    monkeypatch.setattr(functional, "scaled_dot_product_attention", everywhere)
    assert share(reason(step), "states") > 1


def test_positions_left_out_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    step = ran()
    monkeypatch.setattr(model, "rotate", lambda heads, *_: heads)
    assert share(reason(step), "states") > 1


def test_a_lower_precision_than_said_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    step = ran("fp32")
    monkeypatch.setattr(step, "recipe", loss.Recipe(torch.bfloat16))
    monkeypatch.setattr(check, "reference", lambda *args: reference(args[0], args[1], torch.float32, args[3]))
    assert share(reason(step), "states") > 1


WRONG_STEPS: dict[str, dict[str, Any]] = {
    "no decay": {"weight_decay": 0.0},
    "twice the rate": {"lr": 2e-6},
    "another first moment": {"beta1": 0.8},
    "another second moment": {"beta2": 0.99},
    "uphill": {"maximize": True},
    "another epsilon": {"eps": 1e-3},
}


@pytest.mark.parametrize("wrong", WRONG_STEPS)
def test_a_wrong_optimiser_is_seen(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    step, original = ran(), torch._fused_adamw_
    monkeypatch.setattr(
        torch, "_fused_adamw_", lambda *args, **kwargs: original(*args, **{**kwargs, **WRONG_STEPS[wrong]})
    )
    detail = reason(step)
    assert share(detail, "optimiser") > 1
    assert share(detail, "gradients") < 1


def test_an_optimiser_that_forgets_its_bias_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    step = ran()
    original: Callable[..., None] = torch._fused_adamw_

    def late(*args: Any, **kwargs: Any) -> None:
        steps = [number + 1000 for number in args[5]]
        original(*args[:5], steps, **kwargs)

    monkeypatch.setattr(torch, "_fused_adamw_", late)
    assert share(reason(step), "optimiser") > 1


@pytest.mark.parametrize("number", WEIGHTS)
def test_a_weight_that_the_optimiser_leaves_out_is_seen(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    step = ran()
    original: Callable[..., None] = torch._fused_adamw_

    def partly(*args: Any, **kwargs: Any) -> None:
        lists = [part[:number] + part[number + 1 :] for part in args]
        original(*lists, **kwargs)

    monkeypatch.setattr(torch, "_fused_adamw_", partly)
    step.poison()
    assert "1 of 21 weights did not change" in reason(step)


def test_adamw_is_torchs_own() -> None:
    draw = torch.Generator().manual_seed(1)
    start = [torch.randn(5, 3, generator=draw), torch.randn(4, generator=draw)]
    ours = [weight.clone().requires_grad_() for weight in start]
    theirs = [weight.clone().double().requires_grad_() for weight in start]
    optimiser = adamw.AdamW(ours)
    torchs = torch.optim.AdamW(
        theirs,
        lr=adamw.LEARNING_RATE,
        betas=adamw.BETAS,
        eps=adamw.EPSILON,
        weight_decay=adamw.DECAY,
    )
    formula = [State(weight.double(), torch.zeros_like(weight), torch.zeros_like(weight)) for weight in start]
    for number in range(1, 6):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn(mine.shape, generator=draw)
            other.grad = mine.grad.double()
        optimiser.step()
        torchs.step()
        formula = [
            expected(state, tensors.float64(other.grad), number)
            for state, other in zip(formula, theirs, strict=True)
            if other.grad is not None
        ]
    for mine, other, state in zip(ours, theirs, formula, strict=True):
        torch.testing.assert_close(mine.detach().double(), other.detach(), rtol=1e-6, atol=0)
        torch.testing.assert_close(state.weights, other.detach(), rtol=1e-12, atol=0)


def test_the_reference_is_what_autograd_finds_in_float64() -> None:
    decoder = Decoder.of({**TINY, "kv_heads": 1})
    draw = torch.Generator().manual_seed(4)
    masters = model.draw_weights(decoder, torch.float64, Place(), 1).mapped(
        lambda w: (10 * w if w.ndim == 2 else w + 0.1 * torch.randn(w.shape, generator=draw)).requires_grad_()
    )
    tokens = torch.randint(decoder.vocabulary, (9,), generator=draw)
    states = forward(masters, tokens[None, :-1])[0]
    losses = functional.cross_entropy(states @ masters.head.T, tokens[1:], reduction="none")
    losses.mean().backward()  # type: ignore[no-untyped-call]
    signs = [torch.randn(w.shape[-1], generator=draw, dtype=torch.float64) for w in masters.all()]
    found = reference(masters, tokens, torch.float64, signs)
    # rotations are computed in float32 there
    torch.testing.assert_close(found.states, states.detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.token_losses, losses.detach(), rtol=1e-5, atol=1e-5)
    for weight, vector, gradient in zip(masters.all(), signs, found.gradients, strict=True):
        assert weight.grad is not None
        wanted = weight.grad if weight.ndim == 1 else weight.grad @ vector
        torch.testing.assert_close(gradient.projection, wanted, rtol=1e-4, atol=1e-6)
        assert float(gradient.norm) == pytest.approx(float(weight.grad.norm()), rel=1e-4)
