"""How concentrated capacity is among its holders, with intervals, and bounds for what is unknown.

The Herfindahl-Hirschman index is the sum of squared percentage shares: 10,000 ÷ n for n equal holders, 10,000
for one (US Department of Justice and Federal Trade Commission, Merger Guidelines, 2023, section 2.1). Holders
that are not known are one holder or many. The index with the unknown as infinitely many adds nothing for
them and is a lower bound; with the unknown as one holder it is the usual one; and it is highest where all
that is unknown belongs to the largest holder known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accounting.accounts.account import Quantiles
from accounting.accounts.crosstabs import NOT_KNOWN, Crosstab, ratio, size_of, total
from accounting.capacity.bases import Draws
from accounting.reference.names import ALTERNATIVES
from bench.errors import InputError

HHI_OF_ONE = 10_000.0


@dataclass(frozen=True)
class Concentration:
    """Concentration of one level, from draws; ``hhi`` counts the unknown as one holder.

    ``hhi_low`` counts the unknown as infinitely many holders, ``hhi_high`` as all the largest holder's.
    ``top`` is the share of the largest n holders that are known, by n; ``top_high`` adds all that is unknown.
    """

    holders: int
    unknown: Quantiles
    hhi: Quantiles
    hhi_low: Quantiles
    hhi_high: Quantiles
    effective_number: Quantiles
    top: dict[int, Quantiles]
    top_high: dict[int, Quantiles]


def hhi_draws(sums: Crosstab) -> Draws:
    """Return the index (0 to 10,000) of the keys of ``sums``, draw by draw; all of them count as holders.

    Raises:
        InputError: there are draws in which nothing is held.

    >>> hhi_draws({("a",): np.ones(1), ("b",): np.ones(1)}).tolist()
    [5000.0]
    """
    shares = _shares(sums)
    return np.asarray(HHI_OF_ONE * np.sum(shares * shares, axis=0))


def concentration(sums: Crosstab, top: tuple[int, ...] = (1, 3, 5)) -> Concentration:
    """Summarise the concentration of a level; unknown holders are those whose every code is not known.

    Raises:
        InputError: there are draws in which nothing is held.
    """
    shares = _shares(sums)
    keys = sorted(sums)
    is_known = np.array([not all(_not_known(code) for code in key) for key in keys])
    known, unknown = shares[is_known], np.sum(shares[~is_known], axis=0)
    descending = -np.sort(-known, axis=0)
    low = HHI_OF_ONE * np.sum(known * known, axis=0)
    one = low + HHI_OF_ONE * unknown**2
    largest = descending[0] if len(known) else np.zeros_like(unknown)
    # (largest + unknown)² in place of largest²
    high = one + 2 * HHI_OF_ONE * largest * unknown
    leaders = {n: np.sum(descending[:n], axis=0) for n in top}
    return Concentration(
        holders=int(is_known.sum()) + bool((unknown > 0).any()),
        unknown=Quantiles.of(unknown),
        hhi=Quantiles.of(one),
        hhi_low=Quantiles.of(low),
        hhi_high=Quantiles.of(high),
        effective_number=Quantiles.of(HHI_OF_ONE / one),
        top={n: Quantiles.of(draws) for n, draws in leaders.items()},
        top_high={n: Quantiles.of(draws + unknown) for n, draws in leaders.items()},
    )


def _not_known(code: str) -> bool:
    """Whether a code names no one holder: unknown, or one of several makers without their parts."""
    return code in NOT_KNOWN or ALTERNATIVES in code


def _shares(sums: Crosstab) -> NDArray[np.float64]:
    """Return shares (shape: holders × draws), holders in the order of their codes."""
    size = size_of(sums)
    everything = total((sums[key] for key in sorted(sums)), size)
    if not sums or not (everything > 0).all():
        raise InputError("nothing is held in some draws, so that no concentration can be stated")
    return np.stack([ratio(sums[key], everything) for key in sorted(sums)])
