"""Attention with its operands in place. Imports torch: load it only to run something."""

from __future__ import annotations

import hashlib
import math
from contextlib import AbstractContextManager

import torch
from torch.nn.functional import scaled_dot_product_attention

from kernels.operations import attention_check
from kernels.operations.attention_reference import Tensors
from kernels.shared import tensors
from kernels.workload import Place, Shape, Verdict

# Torch's own numbers for what attention is computed with (torch.nn.attention.SDPBackend).
KERNELS = {0: "math", 1: "flash", 2: "efficient", 3: "cudnn", 4: "overrideable"}
MATH = "math"
PROBE_SIDES = (1, 2, 64, 128)


class PreparedAttention:
    """Queries, keys, values and, for training, the gradient of the output: (batch, heads, sequence, head)."""

    def __init__(
        self, precision: str, operands: tuple[torch.Tensor, ...], seed: int, *, training: bool
    ) -> None:
        self.query, self.key, self.value, *rest = operands
        self.upstream = rest[0] if training else None
        self.training = training
        self._precision, self._seed = precision, seed
        # Of training the output, then the gradients of queries, keys and values.
        self.outputs = tuple(torch.full_like(self.query, math.nan) for _ in range(4 if training else 1))
        for operand in operands[:3]:
            operand.requires_grad_(training)

    @property
    def backend(self) -> str:
        """Torch, and which of its kernels it takes for such operands, where it tells."""
        kernel = kernel_for(self.query, self.key, self.value)
        return "torch/sdpa" if kernel is None else f"torch/{kernel}"

    def setting(self) -> AbstractContextManager[None]:
        """The precision's switches: no TF32 in fp32."""
        return tensors.numerics(self._precision)

    def poison(self) -> None:
        """Fill the outputs with NaN, and as many more that the next ones' memory may come from."""
        twins = [torch.empty_like(output) for output in self.outputs]
        for output in (*self.outputs, *twins):
            output.fill_(math.nan)

    def run(self) -> None:
        """The output, and for training the gradients from the output's; what was there before is let go."""
        self.outputs = ()
        with torch.set_grad_enabled(self.training):
            output = scaled_dot_product_attention(self.query, self.key, self.value, is_causal=True)
            if self.upstream is None:
                self.outputs = (output,)
                return
            gradients = torch.autograd.grad(output, (self.query, self.key, self.value), self.upstream)
        self.outputs = (output.detach(), *gradients)

    def check(self) -> Verdict:
        """Rows sampled from every part of the sequence; of training also a whole head and two laws."""
        held = Tensors(
            self.query.detach(), self.key.detach(), self.value.detach(), self.upstream, self.outputs
        )
        return attention_check.verify(held, self._seed)

    def digest(self) -> str | None:
        """Hash of the outputs on a CPU; GPUs may sum gradients in any order and promise nothing."""
        if self.query.device.type != "cpu":
            return None
        parts = "".join(tensors.digest(output) for output in self.outputs)
        return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


def prepare(precision: str, shape: Shape, place: Place, seed: int, *, training: bool) -> PreparedAttention:
    """Standard normal operands: three, and for training the output's gradient."""
    dtype, source = tensors.dtype_of(precision), tensors.generator(place.device, seed)
    batch, sequence, heads, head = (shape[name] for name in ("batch", "sequence", "heads", "head"))

    def draw() -> torch.Tensor:
        flat = tensors.normal_matrix(batch * sequence, heads * head, dtype, source)
        return flat.view(batch, sequence, heads, head).transpose(1, 2)

    operands = tuple(draw() for _ in range(4 if training else 3))
    return PreparedAttention(precision, operands, seed, training=training)


def is_fused(precision: str, place: Place, *, training: bool) -> bool:
    """Whether torch has a kernel there that does not store the scores; yes where it does not tell."""
    try:
        operand = torch.empty(PROBE_SIDES, dtype=tensors.dtype_of(precision), device=place.device)
    except (AssertionError, RuntimeError):  # this torch does not know the device
        return True
    operand.requires_grad_(training)
    return kernel_for(operand, operand, operand) != MATH


def kernel_for(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> str | None:
    """The kernel that torch chooses for causal attention over these; None where it does not tell."""
    try:
        number = torch._fused_sdp_choice(query, key, value, None, 0.0, True)
    except (AttributeError, NotImplementedError, RuntimeError, TypeError):
        return None
    return KERNELS.get(int(number))
