"""Draws keyed by name: they depend on the seed and the name of what varies, on nothing else.

A counter-based generator (Philox) is keyed by a hash of seed and name, so draws do not change with the
order of work, the number of workers, or what else is in a census; and the first 1,000 draws of a name
are the same whether 1,000 or 10,000 are asked for. Whatever two scenarios share by name, they share by draw.
"""

from __future__ import annotations

import hashlib

import numpy as np

from accounting.capacity.bases import Draws
from accounting.quantities import Uncertain

_BLOCK = 4096
# 95th percentile of the standard normal distribution
Z95 = 1.6448536269514722


def standard_normal(seed: int, name: str, size: int) -> Draws:
    """Return ``size`` standard normal draws for ``name`` (shape: size).

    >>> bool((standard_normal(1, "a", 10) == standard_normal(1, "a", 99)[:10]).all())
    True
    """
    digest = hashlib.blake2b(f"{seed}\x00{name}".encode(), digest_size=16).digest()
    key = np.frombuffer(digest, dtype="<u8")
    blocks = []
    for block in range(0, size, _BLOCK):
        generator = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, block // _BLOCK]))
        blocks.append(generator.standard_normal(_BLOCK))
    return np.concatenate(blocks)[:size] if blocks else np.empty(0)


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


def expit(x: Draws) -> Draws:
    """Return 1 ÷ (1 + e⁻ˣ), without overflow for large |x|."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _transform(x: float, family: str) -> float:
    if family == "logit-normal":
        return float(np.log(x / (1.0 - x)))
    return float(np.log(x - 1.0 if family == "one-plus-lognormal" else x))


def _back(x: Draws, family: str) -> Draws:
    if family == "logit-normal":
        return expit(x)
    return np.exp(x) + (1.0 if family == "one-plus-lognormal" else 0.0)
