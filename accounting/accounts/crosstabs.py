"""Cross-tabulations of capacity: draws by the codes of several levels, and what is done with them.

A cross-tabulation maps a key, one code for each level, to draws of capacity (shape: draws), all in one
denomination. Cells are always added in the order of their keys. So a sum comes out the same to the last bit
in whatever order the entries came, and whatever other cells the table has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from accounting.capacity.bases import Draws
from accounting.reference.names import ALTERNATIVES, EU, UNKNOWN, WITHHELD

Key = tuple[str, ...]
Crosstab = Mapping[Key, Draws]
# these hold capacity and have no territory of their own
PARTNERS = frozenset({EU, UNKNOWN, WITHHELD})
NOT_KNOWN = frozenset({UNKNOWN, WITHHELD})


@dataclass(frozen=True)
class Share:
    """A share of the mean (0 to 1), with the 5th and 95th percentile of the share draw by draw."""

    share: float
    p5: float
    p95: float


def size_of(sums: Crosstab) -> int:
    """Return the number of draws, 1 where nothing is held."""
    return next((len(draws) for draws in sums.values()), 1)


def total(parts: Iterable[Draws], size: int) -> Draws:
    """Add draws in the order given (shape: size); noughts where there are none."""
    result = np.zeros(size)
    for part in parts:
        result = result + part
    return result


def whole(sums: Crosstab, keep: Callable[[Key], bool] = lambda key: True) -> Draws:
    """Add the cells that ``keep`` takes, in the order of their codes.

    >>> whole({("FR", "US"): np.ones(2), ("FR", "FR"): np.ones(2)}).tolist()
    [2.0, 2.0]
    """
    return total((sums[key] for key in sorted(sums) if keep(key)), size_of(sums))


def fold(sums: Crosstab, *positions: int) -> dict[Key, Draws]:
    """Keep the levels at ``positions`` and add over the others.

    >>> fold({("FR", "US"): np.ones(1), ("FR", "FR"): np.ones(1)}, 0)
    {('FR',): array([2.])}
    """
    result: dict[Key, Draws] = {}
    for key in sorted(sums):
        kept = tuple(key[position] for position in positions)
        result[kept] = result[kept] + sums[key] if kept in result else sums[key]
    return result


def renamed(sums: Crosstab, members: Iterable[str], code: str, positions: Iterable[int]) -> dict[Key, Draws]:
    """Make one holder of several, such as a union of its member states, at the levels of ``positions``."""
    inside, places = frozenset(members), frozenset(positions)
    result: dict[Key, Draws] = {}
    for key in sorted(sums):
        new = tuple(_renamed(c, inside, code) if i in places else c for i, c in enumerate(key))
        result[new] = result[new] + sums[key] if new in result else sums[key]
    return result


def _renamed(held: str, inside: frozenset[str], code: str) -> str:
    """Return ``code`` for each of the alternatives that is inside; all of them inside make it one."""
    found = {code if one in inside else one for one in held.split(ALTERNATIVES)}
    return held if code not in found else ALTERNATIVES.join(sorted(found))


def may_be(held: str, code: str) -> bool:
    """Whether what a code stands for may be another's: it is unknown, or one of alternatives.

    >>> may_be("KR+US", "US"), may_be("unknown", "US"), may_be("US", "US"), may_be("KR", "US")
    (True, True, False, False)
    """
    return held in NOT_KNOWN or (held != code and code in held.split(ALTERNATIVES))


def ratio(part: Draws, of: Draws) -> Draws:
    """Return part ÷ of, draw by draw, nought where there is nothing to divide by."""
    return np.divide(part, of, out=np.zeros(np.shape(part)), where=of > 0)


def share_of(part: Draws, of: Draws) -> Share:
    """Return the share of the mean, with percentiles from the same draws; nought of nothing."""
    mean = float(np.mean(of))
    low, high = np.quantile(ratio(part, of), [0.05, 0.95])
    return Share(float(np.mean(part)) / mean if mean else 0.0, float(low), float(high))
