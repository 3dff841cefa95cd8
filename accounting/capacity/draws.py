"""Draws keyed by name: they depend on the seed and the name of what varies, on nothing else.

They do not change with the order of work, the number of workers, or what else is in a census; and the first
1,000 draws of a name are the same whether 1,000 or 10,000 are asked for (:mod:`.streams`). Whatever two
scenarios share by name, they share by draw.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import overload

import numpy as np

from accounting.capacity.bases import Draws
from accounting.capacity.streams import Streams
from accounting.quantities import Uncertain

# 95th percentile of the standard normal distribution
Z95 = 1.6448536269514722
# the median is midway where its square is the product of the ends to within this fraction
_SYMMETRY = 1e-9


def standard_normal(seed: int, name: str, size: int) -> Draws:
    """Return ``size`` standard normal draws for ``name`` (shape: size).

    >>> bool((standard_normal(1, "a", 10) == standard_normal(1, "a", 99)[:10]).all())
    True
    """
    return Streams(seed).fill(name, np.empty(size, np.float32)).astype(np.float64)


def draw(value: Uncertain, normal: Draws) -> Draws:
    """Turn standard normal draws into draws of ``value`` (same shape).

    The value's family is normal after a transform (log, logit, log of the excess over 1). The three
    quantiles are met exactly: where the median is not midway, each side has a width of its own.
    """
    if value.exact:
        return np.full(normal.shape, value.best)
    low, best, high = (_transform(x, value.family) for x in (value.low, value.best, value.high))
    width = np.where(normal < 0, (best - low) / Z95, (high - best) / Z95)
    return _back(best + width * normal, value.family)


def log_sd(value: Uncertain) -> float:
    """Return the standard deviation of ln(value): a 90 % interval spans 2 × 1.645 of them; 0 where exact.

    >>> round(log_sd(Uncertain(50.0, 100.0, 200.0, "lognormal")), 3)
    0.421
    """
    return 0.0 if value.exact else math.log(value.high / value.low) / (2 * Z95)


@overload
def expit(x: float) -> float: ...
@overload
def expit(x: Draws) -> Draws: ...
def expit(x: Draws | float) -> Draws | float:
    """Return 1 ÷ (1 + e⁻ˣ), the fraction whose logit is x, without overflow for large |x|."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def product(values: Iterable[Uncertain]) -> Uncertain:
    """Collapse a product of independent lognormals into the one lognormal that it is, before any is drawn.

    The logs of the medians add up, and the squares of the spreads. This is exact, and only, for lognormals
    whose median is midway on the log scale: a logit-normal, or a lognormal of two widths, has no such form.

    Raises:
        ValueError: a value of another family, or with two widths.

    >>> product([Uncertain(1, 2, 4, "lognormal"), Uncertain(3, 3, 3, "lognormal")]).best
    6.0
    """
    best, square = 1.0, 0.0
    for value in values:
        low, middle, high = value.low, value.best, value.high
        # low × high is the median squared where the median is midway
        if value.family != "lognormal" or abs(low * high - middle * middle) > _SYMMETRY * middle * middle:
            raise ValueError(f"only lognormals with their median midway collapse (found {value})")
        best, square = best * middle, square + math.log(high / middle) ** 2
    spread = math.exp(math.sqrt(square))
    return Uncertain(best / spread, best, best * spread, "lognormal")


def _transform(x: float, family: str) -> float:
    if family == "logit-normal":
        return float(np.log(x / (1.0 - x)))
    return float(np.log(x - 1.0 if family == "one-plus-lognormal" else x))


def _back(x: Draws, family: str) -> Draws:
    if family == "logit-normal":
        return expit(x)
    return np.exp(x) + (1.0 if family == "one-plus-lognormal" else 0.0)
