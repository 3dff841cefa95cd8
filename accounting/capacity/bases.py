"""The four bases, and values of capacity that cannot be mixed up.

A value of capacity carries its denomination: precision, dense or sparse, basis and unit. Adding or
comparing values of different denomination raises, and the message names the call that reconciles them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from accounting.errors import MixedValuesError

Basis = Literal["peak", "achievable", "sustained", "delivered"]
BASES: tuple[Basis, ...] = ("peak", "achievable", "sustained", "delivered")
Unit = Literal["FLOP/s", "H100e", "B/s", "FLOP/year"]
Draws = NDArray[np.float64]

# what stands in place of a precision where the capacity is memory bandwidth, to which none applies
MEMORY = "memory"
# nothing is published of what memory sustains beyond the best stream
MEMORY_BASES: tuple[Basis, ...] = ("peak", "achievable")
# what is used is a flow of what is delivered
FLOW_BASES: tuple[Basis, ...] = ("delivered",)

BASIS_MEANING = {
    "peak": "spec sheet, dense",
    "achievable": "best measured matmul",
    "sustained": "model FLOP/s in a measured training step at scale",
    "delivered": "sustained × availability (goodput)",
}
USED_MEANING = "delivered × occupancy × a year: a flow, no capacity"
MEMORY_MEANING = {"peak": "spec sheet, memory bandwidth", "achievable": "best measured stream"}


def meaning(basis: Basis, precision: str) -> str:
    """Say what a basis is: of memory bandwidth where ``precision`` is ``MEMORY``, of arithmetic else."""
    return (MEMORY_MEANING if precision == MEMORY else BASIS_MEANING)[basis]


@dataclass(frozen=True)
class Denomination:
    """What a capacity is stated in. An H100e is one on its own basis only: the basis is part of it.

    Memory bandwidth (B/s) has ``MEMORY`` in place of a precision, and is neither dense nor sparse. What is
    used (FLOP/year) is a flow of what is delivered.
    """

    precision: str
    basis: Basis
    unit: Unit = "FLOP/s"
    sparse: bool = False

    def __str__(self) -> str:
        """Read as people write it: ``bf16 dense peak FLOP/s``, ``memory peak B/s``."""
        if self.unit == "B/s":
            return f"{self.precision} {self.basis} {self.unit}"
        if self.unit == "FLOP/year":
            return f"{self.precision} dense used {self.unit}"
        return f"{self.precision} {'sparse' if self.sparse else 'dense'} {self.basis} {self.unit}"


@dataclass(frozen=True)
class Capacity:
    """A capacity as draws (shape: draws) in one denomination.

    >>> a = Capacity(np.ones(2), Denomination("bf16", "peak"))
    >>> (a + a).draws.tolist()
    [2.0, 2.0]
    """

    draws: Draws
    denomination: Denomination

    def __add__(self, other: Capacity) -> Capacity:
        """Add draw by draw. Raises MixedValuesError where the denominations differ."""
        self._check(other, "added")
        return replace(self, draws=self.draws + other.draws)

    def scaled(self, factor: float | Draws) -> Capacity:
        """Multiply by a plain number or by draws of one."""
        return replace(self, draws=self.draws * factor)

    def ratio(self, other: Capacity) -> Draws:
        """Return self ÷ other, draw by draw. Raises MixedValuesError where the denominations differ."""
        self._check(other, "compared")
        return self.draws / other.draws

    def in_h100e(self, constant_flop_per_s: float) -> Capacity:
        """Convert from FLOP/s to H100e by the constant of the same basis and precision.

        Raises:
            MixedValuesError: a memory bandwidth, or what is used.
        """
        if self.denomination.unit == "H100e":
            return self
        if self.denomination.unit == "B/s":
            raise MixedValuesError(
                f"{self.denomination} cannot be stated in H100e: an H100e is arithmetic, and bytes are none; "
                "compare shares instead, each of its own total"
            )
        if self.denomination.unit == "FLOP/year":
            raise MixedValuesError(
                f"{self.denomination} cannot be stated in H100e: it is a flow, and an H100e a capacity"
            )
        unit = replace(self.denomination, unit="H100e")
        return Capacity(self.draws / constant_flop_per_s, unit)

    def _check(self, other: Capacity, verb: str) -> None:
        mine, theirs = self.denomination, other.denomination
        if mine != theirs:
            raise MixedValuesError(
                f"{mine} and {theirs} cannot be {verb}: they differ in "
                f"{_difference(mine, theirs)}; {_mend(mine, theirs)}"
            )


def _difference(a: Denomination, b: Denomination) -> str:
    names = ("precision", "sparse", "basis", "unit")
    return ", ".join(name for name in names if getattr(a, name) != getattr(b, name))


def _mend(a: Denomination, b: Denomination) -> str:
    if "B/s" in (a.unit, b.unit) and a.unit != b.unit:
        return "bytes and operations have no common unit: compare shares, each of its own total"
    if "FLOP/year" in (a.unit, b.unit) and a.unit != b.unit:
        return "a flow (what is computed in a year) and a capacity have no common unit: compare their shares"
    if a.unit != b.unit:
        return "call Capacity.in_h100e(constant) on the one in FLOP/s"
    if a.basis != b.basis:
        return f"value both on one basis: Valuer(…, bases=('{a.basis}',)).value(entry)"
    if a.sparse != b.sparse:
        return "halve no figure by hand: take the dense spec peak of the accelerator instead"
    return f"value both in one precision: Valuer(…, precision='{a.precision}').value(entry)"
