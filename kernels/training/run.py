"""The training step of `kernels.training_step` in torch: weights, tokens and moments in place.

Imports torch: load it only to run something. Nothing in a step waits for the device.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from functools import lru_cache

import torch

from kernels.shared import tensors
from kernels.training import check
from kernels.training.compiler import COMPILED, EAGER
from kernels.training.loss import forward
from kernels.training.step import Forward, Step
from kernels.workload import Place, Shape, Verdict

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


class PreparedTraining(Step):
    """A step to be run over and over, and looked at afterwards."""

    def __init__(self, shape: Shape, precision: str, place: Place, seed: int, *, compiled: bool) -> None:
        super().__init__(shape, precision, place, seed, _compiled() if compiled else forward)
        self.compiled = compiled

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

    def check(self) -> Verdict:
        """See `kernels.training.check`."""
        with self.setting():
            return check.verify(self)

    def digest(self) -> str | None:
        """Nothing to promise: each step begins where the last one ended."""
        return None
