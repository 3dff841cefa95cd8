"""What part of capacity a supply cut takes over the years, in closed form (arguments: draws, or one number).

Times are in years. Capacity that is lost at time x is replaced with probability ``share``, after a delay
that is exponential with mean ``delay``, by substitutes that have the part ``capacity`` of it. So of a unit
lost at x the part

    made good = capacity · share · (1 - exp(-(t - x) ÷ delay))

is there again at t: the law by which plans come true in docs/stock.md, applied to replacements.

Without service, accelerators fail for good at the rate λ = -ln(1 - failures) · worsening · (1 - mended
locally) a year. Spares make good the first ones; they last t₀ = spares ÷ λ years, and after that the stock
falls as exp(-λ · (t - t₀)): a constant hazard, as for any part without wear (Barlow and Proschan,
*Mathematical Theory of Reliability*, 1965, chapter 2). The wear of age is in the life curve of the stock
already.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accounting.capacity.bases import Draws

# rates that differ by less than this part are taken as equal, where their difference divides
_SAME = 1e-9
# a share of 1 has no finite rate; all but so few fail within the year
_LEAST_LEFT = 1e-12


@dataclass(frozen=True)
class Replacement:
    """How what is lost is made good: how probably, how late (years), with what part of its capacity."""

    share: Draws
    delay: Draws
    capacity: Draws

    def made_good(self, years: Draws | float) -> Draws:
        """Return the part of a loss that is there again ``years`` after it.

        >>> one = np.ones(1)
        >>> float(Replacement(0.5 * one, 2 * one, 0.8 * one).made_good(2 * np.log(2))[0])
        0.2
        """
        waited = np.maximum(years, 0.0)
        return np.asarray(self.capacity * self.share * -np.expm1(-waited / self.delay))


@dataclass(frozen=True)
class Wear:
    """Hardware without service: how many fail for good a year, and which part of the stock are spares."""

    rate: Draws
    spares: Draws

    @classmethod
    def of(cls, failures: Draws, worsening: Draws, mended_locally: Draws, spares: Draws) -> Wear:
        """Return the wear from the share that fails in a year of service, and what it becomes without."""
        kept = np.maximum(1.0 - failures, _LEAST_LEFT)
        return cls(-np.log(kept) * worsening * (1.0 - mended_locally), spares)

    def unserviced(self, years: Draws | float) -> Draws:
        """Return for how many years of ``years`` there have been no spares any more."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            lasts = np.where(self.rate > 0, self.spares / self.rate, np.inf)
        return np.asarray(np.maximum(np.asarray(years) - lasts, 0.0))

    def failed(self, years: Draws | float) -> Draws:
        """Return the part of the stock that is gone ``years`` after service ended.

        >>> one = np.ones(1)
        >>> wear = Wear(0.05 * one, 0.1 * one)
        >>> float(wear.failed(2.0)[0]), round(float(wear.failed(12.0)[0]), 4)
        (0.0, 0.3935)
        """
        return np.asarray(-np.expm1(-self.rate * self.unserviced(years)))

    def missing(self, years: Draws | float, replacement: Replacement) -> Draws:
        """Return :meth:`failed` less what of it is made good by then.

        With y years without spares, rate λ and k = 1 ÷ delay, the failures at x are made good by
        capacity · share · (1 - exp(-k · (y - x))); over all x that is
        capacity · share · (failed - λ · (exp(-λ y) - exp(-k y)) ÷ (k - λ)).
        """
        y = self.unserviced(years)
        k, rate = 1.0 / replacement.delay, self.rate
        gap = k - rate
        same = np.abs(gap) <= _SAME * k
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = rate * (np.exp(-rate * y) - np.exp(-k * y)) / gap
        waiting = np.where(same, rate * y * np.exp(-k * y), apart)
        failed = self.failed(years)
        good = np.clip(failed - waiting, 0.0, failed)
        return np.asarray(failed - replacement.capacity * replacement.share * good)
