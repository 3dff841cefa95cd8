"""Counts whose errors are correlated: the part that they share is drawn once, by its name, the rest apart.

A count with total spread s (of its log) and loadings lₖ on named standard normals zₖ is

    median × exp(Σ lₖ zₖ) × exp(√(s² − Σ lₖ²) × n)

with n a normal of its own. The median and the spread stay those that are stated for the count, and two counts
that share a name rise and fall together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields

import numpy as np

from accounting.capacity.bases import Draws
from accounting.capacity.draws import Z95, draw, log_sd, standard_normal
from accounting.census.ledger import Entry
from accounting.quantities import Uncertain

# names of standard normals that counts share, each with how far one standard deviation of it moves the log
Loadings = tuple[tuple[str, float], ...]
# how many bytes of draws are kept rather than made again
_KEPT = 64 * 2**20


def own_part(count: Uncertain, common: Loadings) -> Uncertain:
    """Return a count with the spread that is left to it when what is common is drawn apart.

    >>> alone = own_part(Uncertain(50.0, 100.0, 200.0, "lognormal"), (("a", 0.3),))
    >>> round(alone.best, 9), round((math.log(alone.high / alone.low) / 2 / Z95) ** 2 + 0.3**2, 3)
    (100.0, 0.178)
    """
    if not common:
        return count
    own = math.sqrt(max(log_sd(count) ** 2 - math.fsum(loading**2 for _, loading in common), 0.0))
    low, high = (count.best * math.exp(side * Z95 * own) for side in (-1, 1))
    return Uncertain(low, count.best, high, "lognormal")


@dataclass(frozen=True, slots=True)
class SizedEntry(Entry):
    """An entry whose count was worked out; ``common`` are the loadings of the error it shares with others."""

    common: Loadings = ()

    @classmethod
    def of(cls, entry: Entry, common: Loadings) -> Entry:
        """Return the entry with its loadings; as it is where there are none."""
        if not common:
            return entry
        same = {one.name: getattr(entry, one.name) for one in fields(Entry)}
        return cls(**same, common=common)


def common_of(entry: Entry) -> Loadings:
    """Return the loadings of the error that an entry's count shares with others; none where it was stated."""
    return entry.common if isinstance(entry, SizedEntry) else ()


@dataclass(frozen=True)
class CommonFactors:
    """Draws of what counts have in common, made once for each set of loadings."""

    seed: int
    size: int
    _made: dict[Loadings, Draws] = field(default_factory=dict, compare=False, repr=False)

    def draws(self, common: Loadings) -> Draws:
        """Return exp(Σ loading × normal) (shape: draws)."""
        found = self._made.get(common)
        if found is None:
            logs = np.zeros(self.size)
            for name, loading in common:
                logs += loading * standard_normal(self.seed, name, self.size)
            found = np.exp(logs)
            if (len(self._made) + 1) * found.nbytes <= _KEPT:
                self._made[common] = found
        return found

    def times(self, common: Loadings, other: Callable[[], Draws] | None = None) -> Callable[[], Draws]:
        """Return a function that makes these draws, times those of ``other`` where given."""
        if other is None:
            return lambda: self.draws(common)
        return lambda: self.draws(common) * other()


def drawn_count(count: Uncertain, common: Loadings, name: str, factors: CommonFactors) -> Draws:
    """Return draws of a count, as estimates draw it."""
    own = own_part(count, common)
    drawn = draw(own, standard_normal(factors.seed, name, factors.size))
    return drawn * factors.draws(common) if common else drawn
