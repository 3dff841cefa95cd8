"""The training step of `kernels.data_parallel` in torch. Imports torch: load it only to run something."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from kernels.exchange.operation import library_of
from kernels.shared import tensors
from kernels.training import ranks_check
from kernels.training.adamw import AdamW, gradients
from kernels.training.loss import Recipe, forward
from kernels.transformer import model
from kernels.transformer.sizes import Decoder
from kernels.workload import Place, Shape, Verdict


class Learner(nn.Module):
    """The decoder and its loss, as torch's data parallelism wants them: a module of parameters."""

    def __init__(self, weights: model.Weights, tokens: int, recipe: Recipe) -> None:
        super().__init__()
        self.masters = weights.mapped(nn.Parameter)
        self.parts = nn.ParameterList(self.masters.all())
        device = self.masters.embedding.device
        self._importance = torch.full((tokens,), 1 / tokens, device=device)
        self._recipe = recipe

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Mean loss of the tokens."""
        return forward(self.masters, tokens, self._importance, self._recipe).loss


class PreparedDataParallel:
    """A model on each rank, and the part of the batch that is this rank's.

    Attributes:
        tokens: Of the whole batch, the same on all ranks; each learns from its rows.
        learner: The model itself.
    """

    def __init__(self, shape: Shape, precision: str, place: Place, seed: int) -> None:
        self.decoder, self.precision, self._place = Decoder.of(shape), precision, place
        rows, sequence = shape["batch"] // place.ranks, shape["sequence"]
        self._rows, self._group = rows, place.group
        recipe = Recipe(torch.float32 if precision == "fp32" else torch.bfloat16)
        weights = model.draw_weights(self.decoder, torch.float32, place, seed)
        self.learner = Learner(weights, rows * sequence, recipe)
        self._model: Any = self.learner
        if place.ranks > 1:
            group: Any = place.group
            self._model = DistributedDataParallel(
                self.learner, process_group=group, gradient_as_bucket_view=True, broadcast_buffers=False
            )
        self.weights: list[torch.Tensor] = list(self.learner.parts)
        self.optimiser = AdamW(self.weights)
        self.tokens = torch.zeros(shape["batch"], sequence + 1, dtype=torch.int64, device=place.device)
        self._source = tensors.generator(place.device, seed + 1)
        self.loss = torch.full((), math.nan)

    @property
    def backend(self) -> str:
        """Torch's data parallelism with the library beneath."""
        return f"ddp, {library_of(self._place)}" if self._place.ranks > 1 else "torch eager"

    def setting(self) -> AbstractContextManager[None]:
        """The precision's switches."""
        return tensors.numerics(self.precision)

    def poison(self) -> None:
        """The loss becomes NaN."""
        self.loss = torch.full((), math.nan)

    def run(self) -> None:
        """One step on new tokens."""
        self._learn()
        self.optimiser.step()

    def digest(self) -> str | None:
        """Nothing to promise: each step begins where the last one ended."""
        return None

    def fingerprint(self) -> float:
        """The same on all ranks where they have learnt alike: the sum of all weights, in float64."""
        return math.fsum(float(tensors.float64(weight.detach()).sum()) for weight in self.weights)

    def check(self) -> Verdict:
        """Whether gradients and loss are those of one rank that has the whole batch to itself.

        Every rank computes them once more, from the same weights, a rank's rows at a time and without the
        others, and compares the length of the difference. Roundings are those of `kernels.training.check`; a
        rank that was left out, or counted twice, would change gradients by a share of their own length.
        """
        with self.setting():
            self._learn()
            found = [gradient.detach().clone() for gradient in gradients(self.weights)]
            loss = self._mean(self.loss)
            wanted_loss, wanted = self._alone()
        return ranks_check.compare((found, wanted), (loss, wanted_loss), self.precision, self.decoder)

    def _learn(self) -> None:
        self.tokens.random_(0, self.decoder.vocabulary, generator=self._source)
        begin = self._place.rank * self._rows
        for weight in self.weights:
            weight.grad = None
        with torch.enable_grad():
            loss = self._model(self.tokens[begin : begin + self._rows])
            loss.backward()
        self.loss = loss.detach()

    def _mean(self, loss: torch.Tensor) -> float:
        """Mean over ranks."""
        total = tensors.float64(loss).clone().reshape(1).to(self.tokens.device)
        if self._place.ranks > 1:
            group: Any = self._group
            torch.distributed.all_reduce(total, group=group)
        return float(total) / self._place.ranks

    def _alone(self) -> tuple[float, list[torch.Tensor]]:
        """Loss and gradients of the whole batch on this rank by itself."""
        sums = [torch.zeros_like(weight, requires_grad=False) for weight in self.weights]
        losses = 0.0
        for rank in range(self._place.ranks):
            for weight in self.weights:
                weight.grad = None
            with torch.enable_grad():
                loss = self.learner(self.tokens[rank * self._rows : (rank + 1) * self._rows])
                found = torch.autograd.grad(loss, self.weights)
            torch._foreach_add_(sums, list(found), alpha=1 / self._place.ranks)
            losses += float(loss.detach()) / self._place.ranks
        return losses, sums
