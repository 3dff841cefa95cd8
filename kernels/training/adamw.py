"""AdamW as the training step runs it, and what a step of it must do to a weight.

Imports torch: load it only to run something.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

# With these a step changes the model little, however often it is repeated, and yet each weight by several of
# its float32 roundings, so that a check sees what the optimiser did; for the same reason the decay is twenty
# times what is usual. The other two: Touvron et al., LLaMA (arXiv:2302.13971), section 2.3; torch's default.
LEARNING_RATE = 1e-6
DECAY = 2.0
BETAS = (0.9, 0.95)
EPSILON = 1e-8


class AdamW:
    """Torch's fused kernel over all weights at once (Loshchilov and Hutter, arXiv:1711.05101, algorithm 2).

    As `torch.optim.AdamW` calls it with ``fused=True``; called without that class, whose first use imports
    torch's compiler and takes more than a second.
    """

    def __init__(self, weights: list[torch.Tensor]) -> None:
        self.weights = weights
        self.first = [torch.zeros_like(weight, requires_grad=False) for weight in weights]
        self.second = [torch.zeros_like(weight, requires_grad=False) for weight in weights]
        self.steps = [torch.zeros((), device=weight.device) for weight in weights]

    @torch.no_grad()
    def step(self) -> None:
        """Update the weights by their gradients."""
        torch._foreach_add_(self.steps, 1)
        torch._fused_adamw_(
            self.weights,
            gradients(self.weights),
            self.first,
            self.second,
            [],
            self.steps,
            lr=LEARNING_RATE,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=DECAY,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )


def gradients(weights: list[torch.Tensor]) -> list[torch.Tensor]:
    """Of each weight.

    Raises:
        RuntimeError: The backward pass left a weight without one.
    """
    found = [weight.grad for weight in weights if weight.grad is not None]
    if len(found) < len(weights):
        raise RuntimeError(f"the backward pass left {len(weights) - len(found)} weights without a gradient")
    return found


class State(NamedTuple):
    """Some elements of the weights with their two moments, in float64."""

    weights: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor


def expected(before: State, gradient: torch.Tensor, step: float) -> State:
    """What a step makes of these elements: algorithm 2 of arXiv:1711.05101, η·λ and η·α as torch takes them.

    Args:
        before: Before the step.
        gradient: In float64.
        step: Which one this is, from 1.
    """
    first = BETAS[0] * before.first + (1 - BETAS[0]) * gradient
    second = BETAS[1] * before.second + (1 - BETAS[1]) * gradient**2
    moved = update(first, second, step)
    return State(before.weights * (1 - LEARNING_RATE * DECAY) - moved, first, second)


def update(first: torch.Tensor, second: torch.Tensor, step: float) -> torch.Tensor:
    """What a step takes off the weights whose moments it has made these, the decay apart."""
    size = (second / (1 - BETAS[1] ** step)).sqrt() + EPSILON
    moved: torch.Tensor = LEARNING_RATE * (first / (1 - BETAS[0] ** step)) / size
    return moved
