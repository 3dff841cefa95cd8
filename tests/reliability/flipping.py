"""Bits flipped in what a workload has computed.

A workload joins by handing out its results as ``outputs`` (tensors), or with a line in `outputs_of`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from kernels.training.run import PreparedTraining
from kernels.workload import Prepared, Verdict

Kind = Literal["sign", "high exponent", "low exponent", "high mantissa", "low mantissa", "high", "low"]
FLOAT_KINDS: tuple[Kind, ...] = ("sign", "high exponent", "low exponent", "high mantissa", "low mantissa")
INTEGER_KINDS: tuple[Kind, ...] = ("sign", "high", "low")
# Bits of the significand, and of the exponent, as they are stored (IEEE 754; bfloat16: Intel, 2018).
LAYOUT = {
    torch.float64: (52, 11),
    torch.float32: (23, 8),
    torch.float16: (10, 5),
    torch.bfloat16: (7, 8),
}
WORDS = {8: torch.int64, 4: torch.int32, 2: torch.int16, 1: torch.uint8}


def kinds_of(dtype: torch.dtype) -> tuple[Kind, ...]:
    """The kinds of bits that a type has."""
    return FLOAT_KINDS if dtype in LAYOUT else INTEGER_KINDS


def bits_of(dtype: torch.dtype, kind: Kind) -> range:
    """The bits of a kind, the lowest of the type being 0."""
    whole = 8 * dtype.itemsize
    mantissa, exponent = LAYOUT.get(dtype, (whole - 1, 0))
    top = mantissa + exponent
    halves: dict[Kind, range] = {
        "sign": range(whole - 1, whole),
        "high exponent": range(mantissa + exponent // 2, top),
        "low exponent": range(mantissa, mantissa + exponent // 2),
        "high mantissa": range(mantissa // 2, mantissa),
        "low mantissa": range(mantissa // 2),
        "high": range(mantissa // 2, mantissa),
        "low": range(mantissa // 2),
    }
    return halves[kind]


@dataclass(frozen=True)
class Flip:
    """One bit of one element."""

    tensor: torch.Tensor
    index: tuple[int, ...]
    bit: int

    def is_idle(self) -> bool:
        """Whether a nothing would stay a nothing."""
        sign = self.tensor.dtype in LAYOUT and self.bit == 8 * self.tensor.element_size() - 1
        return sign and not bool(self.tensor.detach()[self.index])

    def do(self) -> None:
        """Turn the bit over; doing it again undoes it."""
        words = WORDS[self.tensor.element_size()]
        whole = 8 * self.tensor.element_size()
        value = (int(self.tensor.detach()[self.index].view(words)) % (1 << whole)) ^ (1 << self.bit)
        if words != torch.uint8 and value >= 1 << (whole - 1):
            value -= 1 << whole  # two's complement
        turned = torch.tensor(value, dtype=words).view(self.tensor.dtype)
        self.tensor.data[self.index] = turned.to(self.tensor.device)


def draw_flip(tensors: tuple[torch.Tensor, ...], kind: Kind | None, chance: random.Random) -> Flip:
    """A bit of a kind (any bit where none is given) in an element, all elements alike.

    Not the sign of a nothing, which stays one.
    """
    while (flip := _drawn(tensors, kind, chance)).is_idle():
        pass
    return flip


def _drawn(tensors: tuple[torch.Tensor, ...], kind: Kind | None, chance: random.Random) -> Flip:
    place = chance.randrange(sum(one.numel() for one in tensors))
    for tensor in tensors:
        if place < tensor.numel():
            index: list[int] = []
            for side in reversed(tensor.shape):
                place, rest = divmod(place, side)
                index.insert(0, rest)
            bits = range(8 * tensor.element_size()) if kind is None else bits_of(tensor.dtype, kind)
            return Flip(tensor, tuple(index), chance.choice(bits))
        place -= tensor.numel()
    raise AssertionError("an element beyond the last")


def outputs_of(prepared: Any) -> tuple[torch.Tensor, ...]:
    """The results of the last call."""
    if hasattr(prepared, "outputs"):
        return tuple(prepared.outputs)
    if hasattr(prepared, "products"):
        return tuple(one.c for one in prepared.products.values())
    if hasattr(prepared, "stages"):
        return tuple(stage.output for stage in prepared.stages)
    if hasattr(prepared, "outcome"):
        return (prepared.outcome.logits,)
    for name in ("c", "output", "target", "got"):
        if hasattr(prepared, name):
            return (getattr(prepared, name),)
    raise TypeError(f"{type(prepared).__name__} has no outputs that are known")


@dataclass
class Flipped:
    """A prepared workload of which a call, chosen by ``when``, leaves so many bits turned over."""

    inner: Prepared
    chance: random.Random
    when: Callable[[int], bool] = lambda _call: True
    flips: int = 1
    kind: Kind | None = None
    calls: int = field(default=0)

    @property
    def backend(self) -> str:
        """That of what is wrapped."""
        return self.inner.backend

    def setting(self) -> AbstractContextManager[None]:
        """That of what is wrapped."""
        return self.inner.setting()

    def poison(self) -> None:
        """As what is wrapped does."""
        self.inner.poison()

    def run(self) -> None:
        """One call, and perhaps the flips."""
        self.inner.run()
        if self.when(self.calls):
            for _ in range(self.flips):
                draw_flip(outputs_of(self.inner), self.kind, self.chance).do()
        self.calls += 1

    def check(self) -> Verdict:
        """What the check of the wrapped workload says."""
        return self.inner.check()

    def digest(self) -> str | None:
        """What the wrapped workload's output hashes to."""
        return self.inner.digest()


TRAINING_PARTS = ("states", "losses", "gradients", "weights")


@contextmanager
def faulty_step(
    step: PreparedTraining, part: str, kind: Kind | None, chance: random.Random
) -> Iterator[None]:
    """While it lasts, every step of a model leaves one bit of a part of it turned over.

    A training step is judged by one that the check takes itself: a fault is seen if the device still has it.
    """
    learn, update = step.learn, step.optimiser.step

    def flip(*tensors: torch.Tensor) -> None:
        draw_flip(tensors, kind, chance).do()

    def faulty_learn() -> None:
        learn()
        assert step.outcome is not None
        if part == "states":
            flip(step.outcome.states)
        elif part == "losses":
            flip(step.outcome.token_losses)
        elif part == "gradients":
            flip(*(weight.grad for weight in step.weights if weight.grad is not None))

    def faulty_update() -> None:
        update()
        if part == "weights":
            flip(*step.weights)

    step.learn, step.optimiser.step = faulty_learn, faulty_update  # type: ignore[method-assign]
    try:
        yield
    finally:
        step.learn, step.optimiser.step = learn, update  # type: ignore[method-assign]
