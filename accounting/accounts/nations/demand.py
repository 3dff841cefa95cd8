"""Demand and supply: a bloc's share of world capacity against a stated share of demand.

With a share s of supply, a share d of demand, and growth by factors b (the bloc) and w (the world) a year,
the share after t years is s (b ÷ w)ᵗ, so the gap closes after

    t = ln(d ÷ s) ÷ ln(b ÷ w)      and never where b ≤ w and s < d.

The share of demand is somebody's claim and is held constant; nothing here measures demand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.accounts.crosstabs import Share, share_of
from accounting.capacity.bases import Draws
from bench.errors import InputError


@dataclass(frozen=True)
class Closing:
    """Years until a gap closes: percentiles over draws, None standing for never."""

    p5: float | None
    p50: float | None
    p95: float | None
    probability_never: float

    @classmethod
    def of(cls, years: Draws) -> Closing:
        """Summarise draws of years, infinite where never."""
        # between a year and never there is nothing to interpolate
        low, middle, high = np.quantile(years, [0.05, 0.5, 0.95], method="inverted_cdf")
        return cls(_finite(low), _finite(middle), _finite(high), float(np.mean(np.isinf(years))))


@dataclass(frozen=True)
class Gap:
    """A share of supply against one of demand; ``gap`` is in the unit of the draws, negative in surplus."""

    supply: Share
    demand: float
    gap: Quantiles
    growth: Quantiles
    world_growth: Quantiles
    closing: Closing


def years_to_close(share: Draws, demand: float, growth: Draws, world_growth: Draws) -> Draws:
    """Return years until ``share`` reaches ``demand``: 0 where it has, infinite where it never does.

    Raises:
        InputError: the share of demand does not lie between 0 and 1.
    """
    if not 0 < demand <= 1:
        raise InputError(f"the share of demand must lie between 0 and 1 (found {demand:g})")
    with np.errstate(divide="ignore", invalid="ignore"):
        pace = np.log(growth) - np.log(world_growth)
        distance = math.log(demand) - np.log(share)
        years = np.where(pace > 0, distance / pace, np.inf)
    return np.asarray(np.where(share >= demand, 0.0, np.where(share > 0, years, np.inf)))


def gap(bloc: Draws, world: Draws, demand: float, growth: Draws, world_growth: Draws) -> Gap:
    """Set a bloc's capacity against a share of demand for the world's.

    Args:
        bloc: the bloc's capacity (shape: draws), in H100e or FLOP/s.
        world: the world's, in the same unit and draws, above 0.
        demand: the bloc's share of demand (0 to 1), as claimed.
        growth: the bloc's growth, a factor a year, as
            :func:`accounting.accounts.over_time.growth.yearly_growth` gives it.
        world_growth: the world's.

    Raises:
        InputError: the share of demand does not lie between 0 and 1, or the world holds nothing.
    """
    if not (world > 0).all():
        raise InputError("the world holds nothing in some draws, so that no share can be stated")
    years = years_to_close(bloc / world, demand, growth, world_growth)
    return Gap(
        supply=share_of(bloc, world),
        demand=demand,
        gap=Quantiles.of(demand * world - bloc),
        growth=Quantiles.of(growth),
        world_growth=Quantiles.of(world_growth),
        closing=Closing.of(years),
    )


def _finite(years: float) -> float | None:
    return float(years) if math.isfinite(years) else None
