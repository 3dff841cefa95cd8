"""A model with tokens to draw and an optimiser: what a training step works on, and its parts.

Imports torch: load it only to run something.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from kernels.shared import tensors
from kernels.training import fp8
from kernels.training.adamw import AdamW
from kernels.training.loss import Outcome, Recipe
from kernels.training.samples import Samples
from kernels.transformer import model
from kernels.transformer.model import Weights
from kernels.transformer.sizes import Decoder
from kernels.workload import Place, Shape

Forward = Callable[[Weights, torch.Tensor, torch.Tensor, Recipe], Outcome]


class Step:
    """A model in place, with tokens to draw and an optimiser.

    Attributes:
        masters: Weights in float32, with their gradients of the last step.
        tokens: Of the last step, (batch, sequence + 1).
        importance: Of each token in the loss: 1 / tokens.
        outcome: Of the last forward pass; None before the first.
        samples: Some elements of each weight.
    """

    def __init__(self, shape: Shape, precision: str, place: Place, seed: int, forward: Forward) -> None:
        self.decoder, self.precision, self.seed = Decoder.of(shape), precision, seed
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
        self._forward = forward
        self.samples = Samples(self.weights, seed)

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
