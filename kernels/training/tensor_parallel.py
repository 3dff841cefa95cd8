"""The training step of `kernels.tensor_parallel` in torch. Imports torch: load it only to run something."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from typing import Any

import torch
import torch.distributed as dist
from torch.nn import functional

from kernels.exchange.operation import library_of
from kernels.shared import tensors
from kernels.training import ranks_check
from kernels.training.adamw import AdamW, gradients
from kernels.training.loss import Recipe
from kernels.training.loss import forward as whole_forward
from kernels.transformer import model
from kernels.transformer.model import LAYER_PARTS, Weights
from kernels.transformer.sizes import Decoder
from kernels.workload import Place, Shape, Verdict

# Matrices are (out, in): of these each rank has some rows, of those some columns, of the others all.
ROWS = frozenset({"query", "key", "value", "gate", "up", "head"})
COLUMNS = frozenset({"output", "down"})


class _Copied(torch.autograd.Function):
    """The same on all ranks forward; gradients of all ranks summed backward."""

    @staticmethod
    def forward(context: Any, states: torch.Tensor, group: Any) -> torch.Tensor:
        """Nothing to do."""
        context.group = group
        return states.view_as(states)

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> Any:
        """Sum over ranks."""
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total, group=context.group)
        return total, None


class _Summed(torch.autograd.Function):
    """Summed over ranks forward; the gradient of the sum is that of each part."""

    @staticmethod
    def forward(context: Any, parts: torch.Tensor, group: Any) -> torch.Tensor:
        """Sum over ranks."""
        total = parts.contiguous().clone()
        dist.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> Any:
        """Nothing to do."""
        return gradients[0], None


class PreparedTensorParallel:
    """This rank's part of a model."""

    def __init__(self, shape: Shape, precision: str, place: Place, seed: int) -> None:
        self.decoder, self.precision, self._place = Decoder.of(shape), precision, place
        self._group: Any = place.group
        self.recipe = Recipe(torch.float32 if precision == "fp32" else torch.bfloat16)
        whole = model.draw_weights(self.decoder, torch.float32, place, seed)
        self.masters = _mapped_by_name(whole, self._own)
        self.weights = [weight.requires_grad_() for weight in self.masters.all()]
        ranks = place.ranks
        # As wide as its heads: what attention asks of it is the number of heads and their size.
        self._local = Decoder(
            self.decoder.layers,
            self.decoder.hidden // ranks,
            self.decoder.heads // ranks,
            self.decoder.kv_heads // ranks,
            self.decoder.intermediate // ranks,
            self.decoder.vocabulary // ranks,
        )
        self.optimiser = AdamW(self.weights)
        batch, sequence = shape["batch"], shape["sequence"]
        self.tokens = torch.zeros(batch, sequence + 1, dtype=torch.int64, device=place.device)
        self._source = tensors.generator(place.device, seed + 1)
        self.loss = torch.full((), math.nan)

    @property
    def backend(self) -> str:
        """Split matrices, and what sums over ranks."""
        return f"split, {library_of(self._place)}" if self._place.ranks > 1 else "torch eager"

    def setting(self) -> AbstractContextManager[None]:
        """The precision's switches."""
        return tensors.numerics(self.precision)

    def poison(self) -> None:
        """The loss becomes NaN."""
        self.loss = torch.full((), math.nan)

    def run(self) -> None:
        """One step on new tokens, the same on all ranks."""
        self._learn()
        self.optimiser.step()

    def digest(self) -> str | None:
        """Nothing to promise: each step begins where the last one ended."""
        return None

    def fingerprint(self) -> float:
        """The same on all ranks where they have learnt alike: the sum of what all have, in float64."""
        shared = [self.masters.embedding, self.masters.norm]
        shared += [norm for layer in self.masters.layers for norm in (layer.attention_norm, layer.feed_norm)]
        return math.fsum(float(tensors.float64(weight.detach()).sum()) for weight in shared)

    def check(self) -> Verdict:
        """Whether loss and this rank's gradients are those of the whole model on one rank.

        The whole model is put together from the parts, and computed once more by this rank alone. Roundings
        are those of `kernels.training.check`.
        """
        with self.setting():
            self._learn()
            found = [gradient.detach().clone() for gradient in gradients(self.weights)]
            whole = _mapped_by_name(self.masters, self._together)
            leaves = [weight.requires_grad_() for weight in whole.all()]
            count = self.tokens[:, 1:].numel()
            importance = torch.full((count,), 1 / count, device=self.tokens.device)
            with torch.enable_grad():
                loss = whole_forward(whole, self.tokens, importance, self.recipe).loss
                slopes = list(torch.autograd.grad(loss, leaves))
        wanted = _mapped_by_name(_in_place_of(whole, slopes), self._own).all()
        losses = float(self.loss), float(loss.detach())
        return ranks_check.compare((found, wanted), losses, self.precision, self.decoder)

    def _learn(self) -> None:
        self.tokens.random_(0, self.decoder.vocabulary, generator=self._source)
        for weight in self.weights:
            weight.grad = None
        with torch.enable_grad():
            loss = self._loss()
            loss.backward()  # type: ignore[no-untyped-call]
        self.loss = loss.detach()

    def _loss(self) -> torch.Tensor:
        weights = self.masters
        if self.recipe.dtype != torch.float32:
            weights = weights.mapped(lambda each: each.to(self.recipe.dtype))
        states = functional.embedding(self.tokens[:, :-1], weights.embedding)
        positions = torch.arange(states.shape[1], device=states.device)
        turn = model.rotations(self._local, positions)
        for layer in weights.layers:
            entered = self._copied(model.norm(states, layer.attention_norm))
            mixed = model.attention(layer, self._local, entered, turn, functional.linear, None, 0)
            states = states + self._summed(functional.linear(mixed, layer.output))
            entered = self._copied(model.norm(states, layer.feed_norm))
            states = states + self._summed(model.feed_forward(layer, entered, functional.linear))
        last = self._copied(model.norm(states, weights.norm))
        logits = functional.linear(last, weights.head).flatten(0, 1).float()
        return self._cross_entropy(logits, self.tokens[:, 1:].flatten())

    def _cross_entropy(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean over tokens, of logits of which this rank has some (its part of the vocabulary)."""
        highest = logits.detach().amax(dim=1)
        if self._place.ranks > 1:
            dist.all_reduce(highest, op=dist.ReduceOp.MAX, group=self._group)
        own = targets - self._place.rank * logits.shape[1]
        mine = (own >= 0) & (own < logits.shape[1])
        chosen = logits.gather(1, own.clamp(0, logits.shape[1] - 1)[:, None])[:, 0] * mine
        total = self._summed((logits - highest[:, None]).exp().sum(dim=1))
        return (total.log() + highest - self._summed(chosen)).mean()

    def _copied(self, states: torch.Tensor) -> torch.Tensor:
        if self._place.ranks < 2:
            return states
        found: torch.Tensor = _Copied.apply(states, self._group)  # type: ignore[no-untyped-call]
        return found

    def _summed(self, parts: torch.Tensor) -> torch.Tensor:
        if self._place.ranks < 2:
            return parts
        found: torch.Tensor = _Summed.apply(parts, self._group)  # type: ignore[no-untyped-call]
        return found

    def _own(self, name: str, weight: torch.Tensor) -> torch.Tensor:
        """This rank's part of a whole weight."""
        if name not in ROWS | COLUMNS:
            return weight.detach().clone()
        parts = weight.detach().chunk(self._place.ranks, dim=0 if name in ROWS else 1)
        return parts[self._place.rank].contiguous().clone()

    def _together(self, name: str, weight: torch.Tensor) -> torch.Tensor:
        """The whole weight, from the parts of all ranks."""
        part = weight.detach().contiguous()
        if name not in ROWS | COLUMNS or self._place.ranks < 2:
            return part.clone()
        parts = [torch.empty_like(part) for _ in range(self._place.ranks)]
        dist.all_gather(parts, part, group=self._group)
        return torch.cat(parts, dim=0 if name in ROWS else 1)


def _mapped_by_name(weights: Weights, change: Any) -> Weights:
    """As `Weights.mapped`, with the name of each weight."""
    layers = [
        model.Layer(**{part: change(part, getattr(layer, part)) for part in LAYER_PARTS})
        for layer in weights.layers
    ]
    embedding, head = change("embedding", weights.embedding), change("head", weights.head)
    return Weights(weights.decoder, embedding, layers, change("norm", weights.norm), head)


def _in_place_of(weights: Weights, others: list[torch.Tensor]) -> Weights:
    """Other tensors in the places of the weights, given in the order of `Weights.all`."""
    rest = iter(others)
    embedding = next(rest)
    layers = [model.Layer(**{part: next(rest) for part in LAYER_PARTS}) for _ in weights.layers]
    return Weights(weights.decoder, embedding, layers, next(rest), next(rest))
