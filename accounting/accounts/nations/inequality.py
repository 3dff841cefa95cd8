"""Inequality between nations: capacity per head and per unit of product, Lorenz curve and Gini coefficient.

Each nation is a group of equal persons (or dollars), so this is the inequality between nations alone and a
lower bound of that between persons. With weights w (people) and values x (capacity per head),

    G = Σᵢ Σⱼ wᵢ wⱼ |xᵢ - xⱼ| ÷ (2 W Σ wᵢ xᵢ),   W = Σ wᵢ

(Sen, On Economic Inequality, 1973, ch. 2, for grouped data), computed as one minus twice the area under the
Lorenz curve. Nations with people and no capacity count; what no nation can be named for does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accounting.accounts.account import Quantiles
from accounting.accounts.crosstabs import Crosstab, Share, share_of, size_of, total
from accounting.capacity.bases import Draws
from accounting.reference.country_figures import CountryFigure
from bench.errors import InputError


@dataclass(frozen=True)
class Inequality:
    """Inequality of capacity between nations by one weight (people, dollars, or each nation once).

    ``lorenz`` runs from (0, 0) to (1, 1): cumulated share of weight, cumulated mean share of capacity.
    ``left_out`` is the share of capacity of holders without a weight, ``without`` how many nations have none
    of it at all.
    """

    nations: int
    without: int
    gini: Quantiles
    lorenz: tuple[tuple[float, float], ...]
    left_out: Share


def weights(figures: Mapping[tuple[str, str], CountryFigure], figure: str) -> dict[str, float]:
    """Return one figure by country: ``population`` in people, ``gdp_usd`` in dollars a year."""
    return {country: row.value for (country, name), row in figures.items() if name == figure}


def per_unit(draws: Draws, weight: float | None) -> Quantiles | None:
    """Return capacity per person or per dollar, None where a nation has no such figure."""
    return Quantiles.of(draws / weight) if weight else None


def inequality(sums: Crosstab, weight: Mapping[str, float]) -> Inequality:
    """Summarise the inequality of a level of nations.

    Args:
        sums: draws by (nation,).
        weight: people, dollars or 1 by nation, above 0; nations that hold nothing count as holding none.

    Raises:
        InputError: no weights, or draws in which none of these nations holds anything.
    """
    size = size_of(sums)
    nations = sorted(weight)
    if not nations or min(weight.values()) <= 0:
        raise InputError("inequality needs a weight above 0 for each nation")
    held = np.stack([sums.get((nation,), np.zeros(size)) for nation in nations])
    if not (held.sum(axis=0) > 0).all():
        raise InputError(
            "none of these nations holds anything in some draws: there is no inequality to state"
        )
    of = np.array([weight[nation] for nation in nations])
    everything = total((sums[key] for key in sorted(sums)), size)
    outside = total((sums[key] for key in sorted(sums) if key[0] not in weight), size)
    mean = held.mean(axis=1)
    return Inequality(
        nations=len(nations),
        without=int((mean == 0).sum()),
        gini=Quantiles.of(gini_draws(held, of)),
        lorenz=lorenz(mean, of),
        left_out=share_of(outside, everything),
    )


def gini_draws(held: NDArray[np.float64], weight: NDArray[np.float64]) -> Draws:
    """Return the Gini coefficient, draw by draw.

    Args:
        held: capacity (shape: nations × draws).
        weight: people or dollars (shape: nations).

    >>> gini_draws(np.array([[0.0], [1.0]]), np.array([1.0, 1.0])).tolist()
    [0.5]
    """
    x, y = _curve(held, weight)
    widths, heights = np.diff(x, axis=0), y[1:] + y[:-1]
    return np.asarray(1.0 - np.sum(widths * heights, axis=0))


def lorenz(held: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    """Return the Lorenz curve of one set of values (shape: nations), poorest per unit of weight first."""
    x, y = _curve(held[:, np.newaxis], weight)
    return tuple((float(a), float(b)) for a, b in zip(x[:, 0], y[:, 0], strict=True))


def _curve(
    held: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    order = np.argsort(held / weight[:, np.newaxis], axis=0, kind="stable")
    start = np.zeros((1, held.shape[1]))
    x = np.concatenate([start, np.cumsum(weight[order], axis=0)])
    y = np.concatenate([start, np.cumsum(np.take_along_axis(held, order, axis=0), axis=0)])
    return x / x[-1], y / y[-1]
