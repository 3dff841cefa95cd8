"""Forward pass and loss of the training step, in each of its precisions, and their FLOP as torch counts them.

Imports torch: load it only to run something.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from kernels.training import fp8
from kernels.transformer import model
from kernels.transformer.model import Weights


class Recipe(NamedTuple):
    """How a precision computes.

    Attributes:
        dtype: Of activations and of the weights they are multiplied with.
        scaled: The 8-bit formats of the layers' products; None where they are not of 8 bits.
    """

    dtype: torch.dtype
    scaled: fp8.Types | None = None


class Outcome(NamedTuple):
    """What a forward pass gives.

    Attributes:
        loss: Sum of the tokens' losses, each times its importance.
        token_losses: (batch · sequence,), float32, without gradient.
        states: Hidden states (batch, sequence, hidden), without gradient.
    """

    loss: torch.Tensor
    token_losses: torch.Tensor
    states: torch.Tensor


def forward(masters: Weights, tokens: torch.Tensor, importance: torch.Tensor, recipe: Recipe) -> Outcome:
    """Cross-entropy of each next token.

    Args:
        masters: Weights in float32.
        tokens: (batch, sequence + 1), int64.
        importance: Of each predicted token in the loss, (batch · sequence,), float32.
        recipe: In which types.
    """
    weights = masters if recipe.dtype == torch.float32 else masters.mapped(lambda each: each.to(recipe.dtype))
    linear = functional.linear if recipe.scaled is None else fp8.ScaledProducts(recipe.scaled)
    states = model.forward(weights, tokens[:, :-1], linear=linear)
    logits = functional.linear(states, weights.head).flatten(0, 1).float()
    losses = functional.cross_entropy(logits, tokens[:, 1:].flatten(), reduction="none")
    return Outcome((losses * importance).sum(), losses.detach(), states.detach())


def counted_flop(masters: Weights, tokens: torch.Tensor, recipe: Recipe) -> float:
    """FLOP of a forward and a backward pass by the formulas of torch's flop counter. Unit: FLOP.

    Runs both in an untimed call. Attention is taken apart into its products for it: fused kernels compute
    scores twice, which torch then counts, or torch has no formula for them.

    Args:
        masters: Weights in float32; their gradients become those of these tokens.
        tokens: (batch, sequence + 1); of one sequence to spare time and the memory of all scores.
        recipe: In which types.
    """
    for weight in masters.all():
        weight.grad = None
    importance = torch.ones(tokens[:, 1:].numel(), device=tokens.device)
    with sdpa_kernel(SDPBackend.MATH), torch.enable_grad(), _Counter() as counter:
        forward(masters, tokens, importance, recipe).loss.backward()  # type: ignore[no-untyped-call]
    return float(counter.flop)


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts as `torch.utils.flop_counter.FlopCounterMode` does, without the compiler that this imports."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        # known to torch itself from 2.7 on
        self._formulas: dict[Any, Any] = {torch.ops.aten._scaled_mm: _scaled_flop, **flop_registry}
        self.flop: float = 0.0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing here is compiled; torch would load its compiler to be told so."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if (formula := self._formulas.get(func._overloadpacket)) is not None:
            self.flop += float(formula(*args, **(kwargs or {}), out_val=result))
        return result


def _scaled_flop(left: torch.Tensor, right: torch.Tensor, *_: Any, **__: Any) -> int:
    return 2 * left.shape[0] * left.shape[1] * right.shape[1]
