"""A value with where it comes from, as the models of planning take it and as answers list it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accounting.capacity.bases import Draws
from accounting.capacity.draws import draw, standard_normal
from accounting.quantities import Uncertain
from accounting.validation import Fact, Kind


@dataclass(frozen=True)
class Known:
    """A value in the unit of its place, how it is known, and the address where it stands."""

    value: Uncertain
    kind: Kind
    source: str

    @classmethod
    def of(cls, fact: Fact[Uncertain]) -> Known:
        """Return what a fact of a file states."""
        return cls(fact.value, fact.kind, fact.source)


@dataclass(frozen=True)
class Given:
    """One parameter of a cluster: its value in ``unit``, its source, and whether it is a default.

    ``key`` names its draws: parameters of one key share them.
    """

    name: str
    key: str
    value: Uncertain
    unit: str
    kind: Kind
    source: str
    default: bool

    @classmethod
    def of(cls, known: Known, name: str, key: str, unit: str, *, default: bool) -> Given:
        """Return a parameter of a known value."""
        return cls(name, key, known.value, unit, known.kind, known.source, default)

    def draws(self, seed: int, size: int) -> Draws:
        """Draw the parameter (shape: size, in its unit)."""
        if self.value.exact:
            return np.full(size, self.value.best)
        return draw(self.value, standard_normal(seed, self.key, size))
