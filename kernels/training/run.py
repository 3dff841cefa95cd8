"""The training step of `kernels.training_step` in torch: weights, tokens and moments in place.

Imports torch: load it only to run something. Nothing in a step waits for the device.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache

import torch

from kernels.shared import tensors
from kernels.training import check, fp8
from kernels.training.adamw import AdamW
from kernels.training.loss import Outcome, Recipe, forward
from kernels.training_step import COMPILED, EAGER
from kernels.transformer import model
from kernels.transformer.model import Weights
from kernels.transformer.sizes import Decoder
from kernels.workload import Place, Shape, Verdict

Forward = Callable[[Weights, torch.Tensor, torch.Tensor, Recipe], Outcome]


# Shapes and precisions together; torch gives up on a function after eight kinds of arguments.
MOST_KINDS = 256


@lru_cache
def _compiled() -> Forward:
    """One for all shapes and precisions: the compiler makes code for each."""
    from torch._dynamo import config  # noqa: PLC0415 - the compiler takes more than a second to import

    # the name until torch 2.6, and since
    for limit in ("cache_size_limit", "recompile_limit"):
        if hasattr(config, limit):
            setattr(config, limit, MOST_KINDS)
    compiled: Forward = torch.compile(forward, fullgraph=True, dynamic=False)
    return compiled


class PreparedTraining:
    """A model in place, with tokens to draw and an optimiser.

    Attributes:
        masters: Weights in float32, with their gradients of the last step.
        tokens: Of the last step, (batch, sequence + 1).
        importance: Of each token in the loss: 1 / tokens.
        outcome: Of the last forward pass; None before the first.
    """

    def __init__(self, shape: Shape, precision: str, place: Place, seed: int, *, compiled: bool) -> None:
        self.decoder, self.precision, self.compiled, self.seed = Decoder.of(shape), precision, compiled, seed
        batch, sequence = shape["batch"], shape["sequence"]
        self.masters = model.draw_weights(self.decoder, torch.float32, place, seed)
        self.weights = [weight.requires_grad_() for weight in self.masters.all()]
        self.optimiser = AdamW(self.weights)
        self.tokens = torch.zeros(batch, sequence + 1, dtype=torch.int64, device=place.device)
        count = batch * sequence
        self.importance = torch.full((count,), 1 / count, device=place.device)
        self.outcome: Outcome | None = None
        scaled = fp8.types_of(place) if precision == "fp8" else None
        self.recipe = Recipe(torch.float32 if precision == "fp32" else torch.bfloat16, scaled)
        self._source = tensors.generator(place.device, seed + 1)
        self._forward = _compiled() if compiled else forward
        self.samples = check.Samples(self.weights, seed)

    @property
    def backend(self) -> str:
        """Which of torch's two ways."""
        return COMPILED if self.compiled else EAGER

    def setting(self) -> AbstractContextManager[None]:
        """The precision's switches."""
        return tensors.numerics(self.precision)

    def poison(self) -> None:
        """Loss and gradients become NaN; the weights must stay, but are remembered, to see them change."""
        for tensor in [] if self.outcome is None else self.outcome:
            tensor.detach().fill_(math.nan)
        for weight in self.weights:
            if weight.grad is not None:
                weight.grad.fill_(math.nan)
        self.samples.remember()

    def run(self) -> None:
        """One step on new tokens."""
        self.draw()
        self.learn()
        self.optimiser.step()

    def draw(self) -> None:
        """New tokens, uniform over the vocabulary."""
        self.tokens.random_(0, self.decoder.vocabulary, generator=self._source)

    def learn(self) -> None:
        """Forward and backward: gradients of the loss on the present tokens."""
        for weight in self.weights:
            weight.grad = None
        self.look().backward()  # type: ignore[no-untyped-call]

    def look(self) -> torch.Tensor:
        """The loss on the present tokens, with what its gradient needs."""
        self.outcome = None  # lets go of the last one first
        with torch.enable_grad():
            self.outcome = self._forward(self.masters, self.tokens, self.importance, self.recipe)
        return self.outcome.loss

    def check(self) -> Verdict:
        """See `kernels.training.check`."""
        with self.setting():
            return check.verify(self)

    def digest(self) -> str | None:
        """Nothing to promise: each step begins where the last one ended."""
        return None
