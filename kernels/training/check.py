"""Whether a training step is right: what it left, its FLOP, and a step taken for the check.

Four things are asked, of the very function that was timed, on as many tokens:

- The loss of the last call is finite and the mean of its tokens' losses, and the weights have changed.
- The formulas of torch's flop counter give the closed form, within 1 %.
- Where only the first tokens of one sequence count in the loss, a causal model's hidden states there, its
  losses and the gradients of all weights depend on nothing else, and are those of a float64 reference that
  sees these tokens alone: as wholes, and each element (`kernels.training.elements`; not in fp8, whose errors
  no one has bound one by one). The optimiser makes of these gradients what its paper says, for sampled
  elements and in a sum of every row, and of no element more than it can.
- Where all sequences repeat these tokens, the loss of all of them changes along that gradient as fast as the
  gradient of that loss says, by a central difference. All tokens pull the same way then: those that a
  backward pass left out would be missed. All sequences have the same states.

Tolerances. Independent roundings add up like the root of their number (Higham and Mary, SIAM J. Sci. Comput.
41(5), 2019), so states are off by some `layer_error`·√(1 + layers): that of each layer, and of the head. Four
times that is allowed, and eight times for gradients, which have come through every layer twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from kernels.shared import tensors
from kernels.training import elements
from kernels.training.adamw import LEARNING_RATE, State, expected, gradients
from kernels.training.loss import Outcome, counted_flop
from kernels.training.reference import Reference, reference
from kernels.training.step import Step
from kernels.workload import Verdict

# Tokens that the reference sees. Fused attention works in tiles of up to 128 on GPUs.
PREFIX_ON_CPU, PREFIX = 64, 256
# A layer's error relative to what it gives. In bf16 the unit roundoff, as some six roundings of 0.4 of it
# (root mean square) make; in fp8 0.4·√2 of 2⁻⁴, for two operands with 3 bits of significand each; else the
# roundings of a float32 sum of as many terms as the model is wide.
LAYER_ERRORS = {"bf16": 2.0**-8, "fp8": 2.0**-5}
FORWARD_MARGIN, BACKWARD_MARGIN = 4.0, 8.0
# By this share the central difference changes the loss: enough to stand above the roundings of the losses,
# and too little for its third derivative to count for more than a percent.
SLOPE_STEP = 0.003
SLOPE_TOLERANCE = 0.05
SIGMAS = 6.0
# Allowed of one element, times `SIGMAS`, where the root mean square of all is off by one. In steps of two
# models the worst state was off by 6.2 in bf16, the worst loss of a token by 2.1, and the worst element of a
# gradient by 11, which has `BACKWARD_MARGIN` times `SIGMAS`; in fp32 they were off by half as much.
ELEMENT_MARGIN = 3.0
# |first / √second| is below √((1 − β₁)² / ((1 − β₂)·(1 − β₁²/β₂))) = 1.2 (Cauchy and Schwarz), and below 2.7
# with the corrections of the first steps.
MOST_RATES = 4.0
MOST_FLOP_ERROR = 0.01


def layer_error(precision: str, hidden: int) -> float:
    """What a layer's result is off by, relative to its size."""
    return LAYER_ERRORS.get(precision, tensors.UNIT_ROUNDOFF_FP32 * math.sqrt(hidden))


def verify(prepared: Step) -> Verdict:
    """All of it; takes about three steps' time."""
    if (reason := _wrong_last_call(prepared)) is not None:
        return Verdict(correct=False, detail=reason)
    last = prepared.outcome
    counted, known = _counted_flop(prepared), prepared.decoder.training_flop(*_size(prepared))
    shares = {"FLOP": abs(counted / known - 1) / MOST_FLOP_ERROR, **_focused_shares(prepared)}
    if all(math.isfinite(share) for share in shares.values()):
        shares |= _slope_shares(prepared)
    prepared.outcome = last  # whose loss is again the one that `importance` makes
    detail = ", ".join(f"{name} at {share:.2g}" for name, share in shares.items())
    return Verdict(
        correct=all(share <= 1 for share in shares.values()),
        detail=f"torch counts {counted:.6g} FLOP; {detail} of its tolerance",
    )


def _wrong_last_call(prepared: Step) -> str | None:
    """What is wrong with what the last call left."""
    if prepared.outcome is None:
        return "no step was taken"
    loss, mean, share = _loss_and_mean(prepared.outcome)
    if not share <= 1:
        return f"the loss is {loss:.6g}, the mean of its tokens' losses {mean:.6g}"
    if unchanged := prepared.samples.unchanged():
        return f"{unchanged} of {len(prepared.weights)} weights did not change"
    return None


def _loss_and_mean(outcome: Outcome) -> tuple[float, float, float]:
    """The loss, the mean of its tokens' losses, and their difference as a share of its tolerance."""
    loss, mean = float(outcome.loss.detach()), float(tensors.float64(outcome.token_losses).mean())
    # a float32 sum of n like terms in pairs or lanes; √n roundings are many times what it loses
    allowed = tensors.UNIT_ROUNDOFF_FP32 * math.sqrt(outcome.token_losses.numel()) * mean
    return loss, mean, abs(loss - mean) / allowed if allowed else math.inf


def _counted_flop(prepared: Step) -> float:
    """Of one sequence, to spare time, for each of the batch: all are the same work."""
    return len(prepared.tokens) * counted_flop(prepared.masters, prepared.tokens[:1], prepared.recipe)


def _size(prepared: Step) -> tuple[int, int]:
    """Batch and sequence."""
    return prepared.tokens.shape[0], prepared.tokens.shape[1] - 1


def _slope_shares(prepared: Step) -> dict[str, float]:
    """(loss(w + εd) − loss(w − εd)) / 2ε against g·d, where d is the gradient that the reference judged.

    And of that step: the loss against its tokens', and the states of one sequence against another's.
    """
    along = gradients(prepared.weights)
    prefix = _prefix(prepared)
    first = prepared.tokens[-1, :prefix].clone()
    places = torch.arange(prepared.tokens.shape[1], device=first.device) % prefix
    prepared.tokens.copy_(first[places])
    prepared.learn()
    pairs = zip(gradients(prepared.weights), along, strict=True)
    slope = math.fsum(float(torch.dot(one.view(-1), other.view(-1))) for one, other in pairs)
    loss, _, mean_share = _loss_and_mean(_outcome(prepared))
    if not (0 < slope < math.inf and math.isfinite(loss)):
        return {"slope": math.inf}
    alike = _alike_share(prepared)
    step = SLOPE_STEP * loss / slope
    upper, lower = _moved(prepared, along, step), _moved(prepared, along, -step)
    share = abs((upper - lower) / (2 * step * slope) - 1) / _slope_tolerance(prepared, loss)
    return {"slope": share, "mean loss": mean_share, "like sequences": alike}


def _alike_share(prepared: Step) -> float:
    """The states of sequences with the same tokens, against those of the first."""
    states = _outcome(prepared).states
    first = tensors.float64(states[0])
    allowed = math.sqrt(2) * _element_error(prepared) * first.square().mean(dim=1, keepdim=True).sqrt()
    others = (float(((tensors.float64(one) - first).abs() / allowed).max()) for one in states[1:])
    return _largest(iter([0.0, *others]))


def _moved(prepared: Step, along: list[torch.Tensor], step: float) -> float:
    """The loss with the weights so far along a direction; afterwards they are back, but for a rounding."""
    with torch.no_grad():
        torch._foreach_add_(prepared.weights, along, alpha=step)
    loss = float(prepared.look().detach())
    with torch.no_grad():
        torch._foreach_add_(prepared.weights, along, alpha=-step)
    return loss


def _slope_tolerance(prepared: Step, loss: float) -> float:
    """5 %, and six times what the roundings of two means of losses make of the difference.

    A token's loss is off by what its logits are: the length of a row of the head, times the states' error;
    and tokens that are repeated are off by about the same.
    """
    logits = float(torch.linalg.vector_norm(prepared.masters.head.detach()[0]))
    error = math.sqrt(2 / _prefix(prepared)) * logits * _state_error(prepared)
    return SLOPE_TOLERANCE + SIGMAS * error / (2 * SLOPE_STEP * loss)


def _focused_shares(prepared: Step) -> dict[str, float]:
    """A step in which the first tokens of the last sequence make the loss."""
    prefix = _prefix(prepared)
    usual = prepared.importance.clone()
    prepared.importance.zero_().view(len(prepared.tokens), -1)[-1, :prefix] = 1 / prefix
    prepared.draw()
    signs = _signs(prepared)
    truth = reference(prepared.masters, prepared.tokens[-1, : prefix + 1], prepared.recipe.dtype, signs)
    before, room = _state(prepared), _largest_of_each(prepared)
    sums = elements.row_sums(prepared.optimiser, signs)
    prepared.learn()
    slopes = [float(gradient.abs().max()) for gradient in gradients(prepared.weights)]
    prepared.optimiser.step()
    prepared.importance.copy_(usual)
    backward = BACKWARD_MARGIN * _state_error(prepared)
    return {
        "states": _states_share(prepared, truth, prefix),
        "losses": _losses_share(prepared, truth, prefix),
        "gradients": _largest(_gradient_errors(prepared, truth, signs)) / backward,
        "elements": _largest(_gradient_elements(prepared, truth)),
        "optimiser": _optimiser_share(prepared, before),
        "rows": elements.optimiser_share(prepared.optimiser, gradients(prepared.weights), sums, signs),
        "range": _range_share(room, slopes, _largest_of_each(prepared)),
    }


def _prefix(prepared: Step) -> int:
    """How many tokens the reference sees."""
    _, length = _size(prepared)
    return min(length, PREFIX_ON_CPU if prepared.tokens.device.type == "cpu" else PREFIX)


def _state_error(prepared: Step) -> float:
    decoder = prepared.decoder
    return layer_error(prepared.precision, decoder.hidden) * math.sqrt(1 + decoder.layers)


def _element_error(prepared: Step) -> float:
    """What one element of a token's hidden states may be off by, as a share of their root mean square."""
    return SIGMAS * ELEMENT_MARGIN * _state_error(prepared)


def _states_share(prepared: Step, truth: Reference, prefix: int) -> float:
    """Of the worst token's hidden states, and of the worst element."""
    states = tensors.float64(_outcome(prepared).states[-1, :prefix])
    errors, size = states - truth.states, truth.states.norm(dim=1, keepdim=True)
    tokens = float((errors.norm(dim=1, keepdim=True) / size).max()) / (
        FORWARD_MARGIN * _state_error(prepared)
    )
    mean = size / math.sqrt(states.shape[1])
    return _largest(iter([tokens, float((errors.abs() / mean).max()) / _element_error(prepared)]))


def _losses_share(prepared: Step, truth: Reference, prefix: int) -> float:
    """Of the losses' distance to those of a model that knows nothing, and of their rounding to float32.

    All together, and the worst of them.
    """
    losses = tensors.float64(_outcome(prepared).token_losses).view(len(prepared.tokens), -1)[-1, :prefix]
    uniform = math.log(prepared.decoder.vocabulary)
    distance = float((truth.token_losses - uniform).norm())
    rounding = 4 * tensors.UNIT_ROUNDOFF_FP32 * uniform
    allowed = FORWARD_MARGIN * _state_error(prepared) * distance + rounding * math.sqrt(prefix)
    of_one = _element_error(prepared) * distance / math.sqrt(prefix) + rounding
    errors = losses - truth.token_losses
    return _largest(iter([float(errors.norm()) / allowed, float(errors.abs().max()) / of_one]))


def _gradient_errors(prepared: Step, truth: Reference, signs: list[torch.Tensor]) -> Iterator[float]:
    """Of each weight: a norm's gradient, or a matrix's times random signs, as long as itself on average."""
    for found, wanted, vector in zip(gradients(prepared.weights), truth.gradients, signs, strict=True):
        values = tensors.float64(found) if found.ndim == 1 else tensors.times_vector(found, vector)
        yield float((values - wanted.projection).norm() / wanted.norm)


def _gradient_elements(prepared: Step, truth: Reference) -> Iterator[float]:
    """Of each weight the worst element; nothing of 8-bit products."""
    if prepared.precision == "fp8":
        return
    error = BACKWARD_MARGIN * _state_error(prepared)
    rounding = 2 * torch.finfo(prepared.recipe.dtype).eps
    for found, wanted in zip(gradients(prepared.weights), truth.gradients, strict=True):
        yield elements.gradient_share(found, wanted, error, rounding)


def _optimiser_share(prepared: Step, before: State) -> float:
    """Sampled weights and moments, as a share of four roundings of float32 and a thousandth of an update."""
    gradient = prepared.samples.of(gradients(prepared.weights))
    wanted = expected(before, gradient, float(prepared.optimiser.steps[0]))
    rounding = 4 * tensors.UNIT_ROUNDOFF_FP32
    smallest = torch.finfo(torch.float32).tiny
    allowed = State(
        rounding * before.weights.abs() + 1e-3 * LEARNING_RATE,
        rounding * (before.first.abs() + gradient.abs()) + smallest,
        rounding * (before.second + gradient**2) + smallest,
    )
    triples = zip(_state(prepared), wanted, allowed, strict=True)
    return _largest(float(((value - right).abs() / most).max()) for value, right, most in triples)


def _largest_of_each(prepared: Step) -> list[tuple[float, float, float]]:
    """Of each weight and its two moments, the largest magnitude; NaN where one is NaN."""
    groups = (prepared.weights, prepared.optimiser.first, prepared.optimiser.second)
    return [
        (float(one.abs().max()), float(two.abs().max()), float(three.abs().max()))
        for one, two, three in zip(*([part.detach() for part in group] for group in groups), strict=True)
    ]


def _range_share(
    before: list[tuple[float, float, float]], slopes: list[float], after: list[tuple[float, float, float]]
) -> float:
    """The largest magnitude of any element of all, as a share of what a step can make of it.

    A moment is a mean of what it was and of the gradient, or its square; a weight decays towards zero and
    moves by less than `MOST_RATES` learning rates.
    """
    spare = 1 + 1e-6
    shares = []
    for (weight, first, second), slope, found in zip(before, slopes, after, strict=True):
        most = (weight + MOST_RATES * LEARNING_RATE, max(first, slope), max(second, slope**2))
        shares += [value / (spare * limit + 1e-37) for value, limit in zip(found, most, strict=True)]
    return _largest(iter(shares))


def _state(prepared: Step) -> State:
    optimiser, samples = prepared.optimiser, prepared.samples
    return State(samples.of(prepared.weights), samples.of(optimiser.first), samples.of(optimiser.second))


def _signs(prepared: Step) -> list[torch.Tensor]:
    """Random signs, for each weight as many as its rows are long."""
    draw = torch.Generator().manual_seed(prepared.seed + 3)
    drawn = (torch.randint(2, weight.shape[-1:], generator=draw) * 2 - 1 for weight in prepared.weights)
    device = "cpu" if prepared.tokens.device.type == "mps" else prepared.tokens.device
    return [signs.double().to(device) for signs in drawn]


def _outcome(prepared: Step) -> Outcome:
    if prepared.outcome is None:
        raise RuntimeError("no forward pass was made")
    return prepared.outcome


def _largest(values: Iterator[float]) -> float:
    """NaN where one is NaN."""
    found = list(values)
    return math.nan if any(math.isnan(value) for value in found) else max(found, default=0.0)
