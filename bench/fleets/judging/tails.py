"""How heavy the tail of sound devices is on the worse side: what is assumed, moved by what the sample shows.

A fleet's promise of few false alarms rests on chances of 1e-5 and less, far beyond any sample: what a hundred
devices show does not tell Student's t with 5 degrees from a normal. So a tail is assumed for each signal, as
degrees of a t, and the sample moves it by as much as it can know: the ratio of an outer to an inner quantile
on the worse side (in the manner of Hogg, J. Amer. Statist. Assoc. 69:348, 1974), weighed against the assumed
one by the inverse squares of their errors. Fewer than 150 devices tell nothing; ten thousand speak for
themselves.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from bench.fleets.judging.robust import Floats, critical

# Beyond the outer one only what is more than a fault here and there could move it.
_INNER, _OUTER = 0.75, 0.95
# Standard error of the ratio times the square root of the sample's size; normal samples, by simulation.
_ERROR = 4.2
# How far the ratio of sound devices may lie from the assumed one, as a standard deviation (assumed).
_DOUBT = 0.15
_LEAST_DEGREES = 3.0
# Fewer values tell nothing: the error of the ratio is then as large as a t with 4 degrees makes it.
_LEAST_WORTH = 150.0
_RECIPROCALS = np.linspace(0, 1 / _LEAST_DEGREES, 34)


def degrees_of(values: Floats, worth: float, assumed: float) -> float:
    """Degrees of the t whose upper tail finite values have, infinite for a normal's; 3 at least.

    Args:
        values: a sample, worse values higher.
        worth: how many independent values they are worth.
        assumed: degrees where the sample told nothing.
    """
    if worth < _LEAST_WORTH:
        return assumed
    middle, inner, outer = np.quantile(values, [0.5, _INNER, _OUTER])
    if not inner > middle:
        return assumed
    ratios = _ratios()
    before = float(np.interp(1 / assumed, _RECIPROCALS, ratios))
    trust = _DOUBT**2 / (_DOUBT**2 + _ERROR**2 / worth)
    ratio = before + trust * (float((outer - middle) / (inner - middle)) - before)
    reciprocal = float(np.interp(ratio, ratios, _RECIPROCALS))
    return 1 / reciprocal if reciprocal > 0 else math.inf


@functools.lru_cache(maxsize=1)
def _ratios() -> Floats:
    """Outer to inner quantile of a t by the reciprocal of its degrees."""
    found = [
        critical(1 - _OUTER, degrees) / critical(1 - _INNER, degrees)
        for degrees in (1 / one if one else math.inf for one in _RECIPROCALS)
    ]
    return np.array(found)
