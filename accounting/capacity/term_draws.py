"""The draws of terms in float32, added up by basis: the inner loop of every sum.

The model is that of :class:`.valuation.Valuer`, whose :meth:`value` draws the same in float64:

    peak      unit × median count × exp(width × n), the width of the side that n falls on; no draw where exact
    each step v ÷ (1 + exp(−(mean + shared_sd × shared + site_sd × n)))

where n is a normal of the entry's own (peak) or the site's own (steps). A step without a spread between sites
is the same for all of them: it draws nothing here, and multiplies their sum (:mod:`.sums`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np

from accounting.capacity.bases import Draws
from accounting.capacity.draws import Z95, draw
from accounting.capacity.streams import Normals, Streams
from accounting.capacity.valuation import Bias, Chain, Factor, Term
from accounting.quantities import Uncertain

# exact values are summed in whole numbers of a grain divided by this
FINE = 2.0**20


@dataclass(frozen=True)
class Shared:
    """Which sums a chain makes, and what multiplies them afterwards.

    ``of_basis`` has, for each basis asked for, the number of its sum and the factors to multiply it by. Bases
    that differ in shared factors alone are made from one sum.
    """

    of_basis: tuple[tuple[int, tuple[Factor, ...]], ...]
    bias: Bias | None

    @property
    def sums(self) -> int:
        """How many sums there are."""
        return 1 + max(number for number, _ in self.of_basis)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what is shared: an order that does not depend on what came first."""
        shared = (factor.shared_name for _, factors in self.of_basis for factor in factors)
        return (self.bias.name if self.bias else "", *shared)


@dataclass(frozen=True, eq=False)
class Plan:
    """The work on each term of a chain, in order: a step to draw, or the number of the sum to add to now.

    ``of_basis`` is that of :class:`Shared`.
    """

    own: tuple[Factor | int, ...]
    of_basis: tuple[tuple[int, tuple[Factor, ...]], ...]


@lru_cache(maxsize=4096)
def plan(chain: Chain) -> Plan:
    """Return the plan of a chain."""
    own: list[Factor | int] = []
    shared: list[Factor] = []
    of_basis: list[tuple[int, tuple[Factor, ...]]] = []
    changed, sums = True, 0
    for factor in (None, *chain.factors):
        if factor is not None and factor.site_sd == 0:
            shared.append(factor)
        elif factor is not None:
            own.append(factor)
            changed = True
        if (factor.basis if factor else "peak") in chain.bases:
            if changed:
                own.append(sums)
                changed, sums = False, sums + 1
            of_basis.append((sums - 1, tuple(shared)))
    return Plan(tuple(own), tuple(of_basis))


class SharedDraws:
    """What the sites of an accelerator share within a window of draws, made once for all workers."""

    def __init__(self, seed: int, start: int, stop: int) -> None:
        """Take the window from draw ``start`` to ``stop``."""
        self.seed, self.start, self.size = seed, start, stop - start
        self._streams = Streams(seed)
        self._made: dict[str, Normals] = {}

    def prepare(self, chain: Chain) -> None:
        """Make what a chain shares: minus the part of the logit that is not a site's own."""
        for factor in chain.factors:
            if factor.site_sd and factor.shared_name not in self._made:
                self._made[factor.shared_name] = (-factor.shared_logit(self._normal)).astype(np.float32)

    def _normal(self, name: str) -> Draws:
        room = np.empty(self.size, np.float32)
        return self._streams.fill(name, room, self.start).astype(np.float64)

    def minus_logit(self, factor: Factor) -> Normals:
        """Return what :meth:`prepare` made."""
        return self._made[factor.shared_name]


class TermDraws:
    """Draws terms within a window and adds them up. It has room of its own: one for each thread."""

    def __init__(self, shared: SharedDraws, grain: float) -> None:
        """State values in grains."""
        self._shared, self._grain = shared, grain
        self._streams = Streams(shared.seed)
        self._normal, self._value, self._rounded = (np.empty(shared.size, np.float32) for _ in range(3))

    def add_up(self, terms: Sequence[Term], sums: int) -> tuple[list[Draws | None], list[int]]:
        """Return the sums of terms of one chain: whole grains, drawn, and exact ones × ``FINE``."""
        drawn: list[Draws | None] = [None] * sums
        exact = [0] * sums
        steps = plan(terms[0].chain).own
        # a logit of −90 keeps nothing: its exponential is infinite, and so be it
        with np.errstate(over="ignore"):
            for term in terms:
                value: Normals | float = self._peak(term)
                for step in steps:
                    if isinstance(step, Factor):
                        value = self._step(value, step, term.site)
                    elif isinstance(value, float):
                        exact[step] += round(value * FINE)
                    else:
                        drawn[step] = self._added(drawn[step], value)
        return drawn, exact

    def _added(self, total: Draws | None, value: Normals | float) -> Draws:
        np.rint(value, out=self._rounded)
        if total is None:
            return self._rounded.astype(np.float64)
        return np.add(total, self._rounded, out=total)

    def _peak(self, term: Term) -> Normals | float:
        value = self._size(term)
        if term.presence is None:
            return value
        start = self._shared.start
        there = term.presence()[start : start + self._shared.size]
        return np.multiply(there, value, out=self._value, casting="unsafe")

    def _size(self, term: Term) -> Normals | float:
        if (exact := term.exact_peak) is not None:
            return exact / self._grain
        # a count that is not there is exact
        return self._count(cast("Uncertain", term.count), term.count_name, term.unit / self._grain)

    def _count(self, count: Uncertain, name: str, unit: float) -> Normals:
        """Draw a count times ``unit``, as :func:`.draws.draw` does in float64."""
        value, start = self._value, self._shared.start
        if count.family != "lognormal":
            self._streams.fill(name, value, start)
            value[:] = draw(count, value.astype(np.float64)) * unit
            return value
        down, up = math.log(count.best / count.low) / Z95, math.log(count.high / count.best) / Z95
        # width × n, with a width for each side, is mean width × n + half their difference × |n|
        mean, skew = (up + down) / 2, (up - down) / 2
        self._streams.fill(name, value, start, sd=mean)
        if abs(skew) > 1e-9 * mean:
            np.abs(value, out=self._normal)
            np.multiply(self._normal, np.float32(skew / mean), out=self._normal)
            np.add(value, self._normal, out=value)
        np.exp(value, out=value)
        return np.multiply(value, np.float32(unit * count.best), out=value)

    def _step(self, value: Normals | float, factor: Factor, site: str) -> Normals:
        logit = self._streams.fill(
            factor.site_name + site, self._normal, self._shared.start, sd=factor.site_sd
        )
        # minus the logit; a normal with its sign turned is as good, but not the one that value() takes
        np.subtract(self._shared.minus_logit(factor), logit, out=logit)
        np.exp(logit, out=logit)
        np.add(logit, np.float32(1), out=logit)
        return np.divide(np.float32(value) if isinstance(value, float) else value, logit, out=self._value)
