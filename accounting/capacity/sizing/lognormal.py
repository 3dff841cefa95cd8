"""Lognormal quantities on the log scale: their products, mixtures and weighted means.

The logarithm of a lognormal is normal, so that a product has the sums of log-means and log-variances. Part of
a quantity's error may be common to many sites. It is kept apart by name as a loading: how far one standard
deviation of the named standard normal moves the log. Products, mixtures and means carry loadings along, as
covariances with what is common.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from accounting.capacity.draws import Z95, log_sd
from accounting.capacity.sizing.correlated import Loadings
from accounting.quantities import Uncertain
from accounting.validation import Kind, weakest


@dataclass(frozen=True)
class Lognormal:
    """A positive quantity on the log scale: natural log of its median, and standard deviation of the log.

    ``common`` are the loadings of the error that other sites share: a part of ``sd``, not added to it.

    >>> round(math.exp(Lognormal.of(Uncertain(50.0, 100.0, 200.0, "lognormal")).mean))
    100
    """

    mean: float
    sd: float
    kind: Kind = "derived"
    common: Loadings = ()

    @classmethod
    def of(cls, value: Uncertain, kind: Kind = "derived") -> Lognormal:
        """Return the lognormal with the value's median and the ratio of its 95th to its 5th percentile."""
        return cls(math.log(value.best), log_sd(value), kind)

    @property
    def inverse(self) -> Lognormal:
        """One over it."""
        return Lognormal(-self.mean, self.sd, self.kind, tuple((name, -sd) for name, sd in self.common))

    def shared_by(self, name: str, share: float) -> Lognormal:
        """Return it with ``share`` of its variance common to all that have ``name``."""
        loading = self.sd * math.sqrt(share)
        return replace(self, common=((name, loading),)) if loading else self


def product(factors: Iterable[Lognormal]) -> Lognormal:
    """Return the product of independent lognormals: log-means add, log-variances add, what is common adds."""
    rows = tuple(factors)
    kind = weakest([factor.kind for factor in rows])
    common = weighted_loadings((1.0, factor.common) for factor in rows)
    return Lognormal(
        math.fsum(f.mean for f in rows), math.sqrt(math.fsum(f.sd**2 for f in rows)), kind, common
    )


def mixture(parts: Iterable[tuple[float, Lognormal]], kind: Kind = "assumed") -> Lognormal:
    """Return the lognormal with mean and variance of a mixture of (weight, part) on the log scale."""
    rows = list(parts)
    whole = math.fsum(weight for weight, _ in rows)
    mean = math.fsum(weight * part.mean for weight, part in rows) / whole
    variance = math.fsum(weight * (part.sd**2 + (part.mean - mean) ** 2) for weight, part in rows) / whole
    common = weighted_loadings((weight / whole, part.common) for weight, part in rows)
    return Lognormal(mean, math.sqrt(variance), kind, common)


def combine(factors: Sequence[Lognormal]) -> tuple[Lognormal, float]:
    """Weight lognormal estimates by precision: mean Σ(x ÷ s²) ÷ Σ(1 ÷ s²), variance 1 ÷ Σ(1 ÷ s²).

    Returns:
        The combination, its spread widened by the Birge ratio where that exceeds 1, and the ratio. An
        estimate without spread stands alone.

    >>> total, ratio = combine([Lognormal(0.0, 1.0), Lognormal(1.0, 1.0)])
    >>> total.mean, round(total.sd, 3), ratio
    (0.5, 0.707, 1.0)
    """
    certain = [factor for factor in factors if not factor.sd]
    if certain:
        return certain[0], 1.0
    weights = [factor.sd**-2 for factor in factors]
    whole = math.fsum(weights)
    mean = math.fsum(w * f.mean for w, f in zip(weights, factors, strict=True)) / whole
    squares = math.fsum(w * (f.mean - mean) ** 2 for w, f in zip(weights, factors, strict=True))
    ratio = max(1.0, math.sqrt(squares / (len(factors) - 1))) if len(factors) > 1 else 1.0
    # what the clues disagree in is this site's: it widens the part that is its own
    common = weighted_loadings((w / whole, f.common) for w, f in zip(weights, factors, strict=True))
    return Lognormal(mean, ratio * whole**-0.5, common=common), ratio


def uncertain(factor: Lognormal) -> Uncertain:
    """Return a lognormal as its 5th, 50th and 95th percentile."""
    low, best, high = (math.exp(factor.mean + side * Z95 * factor.sd) for side in (-1, 0, 1))
    return Uncertain(low, best, high, "lognormal")


def weighted_loadings(parts: Iterable[tuple[float, Loadings]]) -> Loadings:
    """Return the weighted sum of what is common, by name.

    >>> weighted_loadings([(0.5, (("a", 1.0), ("b", 2.0))), (0.5, (("a", 1.0),))])
    (('a', 1.0), ('b', 1.0))
    """
    found: dict[str, float] = {}
    for weight, common in parts:
        for name, loading in common:
            found[name] = found.get(name, 0.0) + weight * loading
    return tuple((name, loading) for name, loading in sorted(found.items()) if loading)
