"""When a series of nights changed its level, by ranks: no night counts for more than its rank.

A split of n nights into an earlier and a later part is judged by the rank sum of the shorter part (Wilcoxon,
Biometrics Bulletin 1:6, 1945). If nights are exchangeable, the chance of so low a sum follows by counting,
whatever the distribution of values is, outliers included. The least chance over splits, times the number of
splits and of directions (Bonferroni), is the chance for the series. Equal values are ranked against the
finding.

Nights that resemble the one before are not exchangeable. Where the lag-1 rank correlation φ of a metric is
above nought, the normal quantile of each chance is made smaller by √((1 − φ) ÷ (1 + φ)), the ratio that holds
for means of a first-order autoregression (Box, Jenkins and Reinsel, Time Series Analysis, 3rd ed. 1994,
section 2.1.6).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Below this many nights nothing is said; a part of a split has at least three.
LEAST_NIGHTS = 10
LEAST_PART = 3
# Rank sums are counted up to this size of the shorter part, and in short series up to half; beyond it the
# normal approximation errs to the safe side, as a rank sum's tails are lighter.
_COUNTED = 12
_COUNTED_WHOLE = 100
_GRID = 1.25
_Z = 1.959964
_NORMAL = NormalDist()
_TINY = 1e-15


@dataclass(frozen=True)
class Change:
    """A change of level.

    Attributes:
        place: The first night after it.
        size: Median over pairs of (log later − log earlier) (Hodges and Lehmann), with its 95 % interval.
    """

    place: int
    size: float
    low: float
    high: float


@dataclass(frozen=True)
class Screened:
    """What the splits of many series of the same length say.

    Attributes:
        chances: Of so great a change in either direction, were nights exchangeable; one a series.
        splits: How many nights come before the strongest change.
    """

    chances: Floats
    splits: Ints


def split_places(nights: int) -> Ints:
    """How many nights come before each split that is judged: closer together towards both ends."""
    parts, size = [], float(LEAST_PART)
    while round(size) <= nights // 2:
        parts.append(round(size))
        size = max(size * _GRID, size + 1)
    return np.unique([*parts, *(nights - part for part in parts)]).astype(np.int64)


def screen(values: Floats, correlation: float = 0.0) -> Screened:
    """Judge series, a row each, all of the same number of nights.

    Args:
        values: logs by series and night.
        correlation: lag-1 correlation φ between nights; see `night_correlation`.
    """
    splits = split_places(values.shape[1])
    drop, at_drop = _least(values, splits)
    rise, at_rise = _least(-values, splits)
    least = np.exp(np.minimum(drop, rise))
    corrected = np.array([_corrected(float(one), correlation) for one in least])
    chances = np.minimum(1.0, 2 * len(splits) * corrected)
    return Screened(chances, np.where(drop <= rise, at_drop, at_rise))


def _least(values: Floats, splits: Ints) -> tuple[Floats, Ints]:
    """Least log chance of a drop by series, and its split."""
    count, nights = values.shape
    order = np.argsort(values, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, nights + 1)[None, :].repeat(count, axis=0), axis=1)
    before = np.cumsum(ranks, axis=1)
    logs = np.empty((count, len(splits)))
    for column, split in enumerate(splits):
        first = before[:, split - 1]
        part = int(min(split, nights - split))
        # the low ranks are in the later part; the earlier one, if shorter, mirrors it
        low = nights * (nights + 1) // 2 - first if part == nights - split else part * (nights + 1) - first
        logs[:, column] = log_chance(low, part, nights)
    best = logs.argmin(axis=1)
    return logs[np.arange(count), best], splits[best]


def log_chance(sums: Ints, part: int, nights: int) -> Floats:
    """Log of the chance that ``part`` of ``nights`` ranks drawn at random have so low a sum, or a lower one.

    >>> round(math.exp(log_chance(np.array([6]), 3, 10)[0]) * math.comb(10, 3))
    1
    """
    mean = part * (nights + 1) / 2
    if part <= _COUNTED or nights <= _COUNTED_WHOLE:
        table = _counted(part, nights)
        held = table[np.minimum(sums, len(table) - 1)]
        return np.asarray(np.where(sums < len(table), held, math.log(0.5)))
    spread = math.sqrt(part * (nights - part) * (nights + 1) / 12)
    return np.array([_log_normal((float(one) + 0.5 - mean) / spread) for one in sums])


def _log_normal(z: float) -> float:
    chance = 0.5 * math.erfc(-z / math.sqrt(2))
    return math.log(chance) if chance > 0 else -745.0


@functools.lru_cache(maxsize=512)
def _counted(part: int, nights: int) -> Floats:
    """Log chances of a rank sum of at most 0, 1, 2, … up to the middle."""
    return np.asarray(_all_counted(nights)[part])


@functools.lru_cache(maxsize=16)
def _all_counted(nights: int) -> list[Floats]:
    parts = min(nights // 2, _COUNTED if nights > _COUNTED_WHOLE else nights)
    most = parts * (nights + 1) // 2 + 1
    ways = np.zeros((parts + 1, most + 1))
    ways[0, 0] = 1.0
    for value in range(1, min(nights, most) + 1):
        # each row from the row before, as it was without this value
        ways[1:, value:] += ways[:-1, : most + 1 - value].copy()
    tables = []
    for part in range(parts + 1):
        size = part * (nights + 1) // 2 + 1
        with np.errstate(divide="ignore"):
            tables.append(np.log(np.cumsum(ways[part, :size]) / float(math.comb(nights, part))))
    return tables


def _corrected(chance: float, correlation: float) -> float:
    if correlation <= 0 or chance >= 0.5:
        return chance
    shrink = math.sqrt((1 - correlation) / (1 + correlation))
    return _NORMAL.cdf(shrink * _NORMAL.inv_cdf(max(chance, _TINY)))


def night_correlation(values: Floats, splits: Ints) -> Floats:
    """Lag-1 correlation of the ranks of nights about their level before and after a split, one a series."""
    found = np.empty(len(values))
    nights = values.shape[1]
    for row, (series, split) in enumerate(zip(values, splits, strict=True)):
        off = np.concatenate(
            (series[:split] - np.median(series[:split]), series[split:] - np.median(series[split:]))
        )
        ranks = np.argsort(np.argsort(off)).astype(np.float64)
        ranks -= ranks.mean()
        found[row] = float(np.sum(ranks[1:] * ranks[:-1]) / np.sum(ranks**2))
    # taking out two levels makes neighbours look less alike than they are
    return np.asarray(found + (2 + 3 * np.maximum(found, 0)) / nights)


def changes(values: Floats, limit: float, correlation: float = 0.0) -> list[Change]:
    """All changes of a series whose chance is at most ``limit``, in order (binary segmentation)."""
    places = _refined(values, _places(values, limit, correlation, 0))
    ends = [0, *places, len(values)]
    return [
        _sized(values[ends[number] : place], values[place : ends[number + 2]], place, correlation)
        for number, place in enumerate(places)
    ]


def _places(values: Floats, limit: float, correlation: float, first: int) -> list[int]:
    if len(values) < LEAST_NIGHTS:
        return []
    if screen(values[None, :], correlation).chances[0] > limit:
        return []
    place = best_place(values)
    earlier = _places(values[:place], limit, correlation, first)
    later = _places(values[place:], limit, correlation, first + place)
    return [*earlier, first + place, *later]


def _refined(values: Floats, places: Sequence[int]) -> list[int]:
    """Each place found anew between its neighbours: the first was found while later changes were in sight."""
    found = [0, *places, len(values)]
    for number in range(1, len(found) - 1):
        first, end = found[number - 1], found[number + 1]
        found[number] = first + best_place(values[first:end])
    return found[1:-1]


def best_place(values: Floats) -> int:
    """The split that leaves the least sum of absolute deviations from the medians of its parts."""
    costs = [
        float(np.abs(values[:place] - np.median(values[:place])).sum())
        + float(np.abs(values[place:] - np.median(values[place:])).sum())
        for place in range(LEAST_PART, len(values) - LEAST_PART + 1)
    ]
    return LEAST_PART + int(np.argmin(costs))


def _sized(earlier: Floats, later: Floats, place: int, correlation: float) -> Change:
    size, low, high = shift(earlier, later, correlation)
    return Change(place, size, low, high)


def shift(earlier: Floats, later: Floats, correlation: float = 0.0) -> tuple[float, float, float]:
    """Median of (later − earlier) over all pairs, and its 95 % interval.

    Source: Hodges and Lehmann, Annals of Mathematical Statistics 34:2 (1963); the interval lies between order
    statistics of the differences (Conover, Practical Nonparametric Statistics, 3rd ed. 1999, section 5.4).
    """
    pairs = np.sort((later[:, None] - earlier[None, :]).ravel())
    count = len(earlier) + len(later)
    wider = math.sqrt((1 + correlation) / (1 - correlation)) if correlation > 0 else 1.0
    spread = wider * math.sqrt(len(pairs) * (count + 1) / 12)
    place = max(0, math.floor(len(pairs) / 2 - _Z * spread))
    return float(np.median(pairs)), float(pairs[place]), float(pairs[-1 - place])


def false_discoveries(chances: Sequence[float], rate: float) -> float:
    """The chance up to which a series is taken as changed.

    Of those reported, a share ``rate`` at most is false on average. In a history in which nothing
    changed, anything at all is then reported with chance ``rate`` at most. Holds for series that are
    independent or move together. Source: Benjamini and Hochberg, Journal of the Royal Statistical
    Society B 57:1 (1995); Benjamini and Yekutieli, Annals of Statistics 29:4 (2001).

    >>> false_discoveries([0.001, 0.02, 0.9], 0.03)
    0.02
    """
    ordered = sorted(chances)
    allowed = [
        chance for place, chance in enumerate(ordered, 1) if chance <= rate * place / max(len(ordered), 1)
    ]
    return allowed[-1] if allowed else 0.0


def slope(days: Ints, values: Floats) -> tuple[float, float, float]:
    """Change of a value a day, and its 95 % interval: the median of the slopes between all pairs of nights.

    Source: Sen, Journal of the American Statistical Association 63:324 (1968).
    """
    first, second = np.triu_indices(len(days), 1)
    found = np.sort((values[second] - values[first]) / (days[second] - days[first]))
    count = len(days)
    spread = _Z * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    place = max(0, math.floor((len(found) - spread) / 2))
    return float(np.median(found)), float(found[place]), float(found[-1 - place])
