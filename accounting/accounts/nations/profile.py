"""Sovereignty profile of a country: what on its soil is its own, level by level and at all levels at once.

The levels are those of Hawkins, Lehdonvirta and Wu (2025) and deeper ones, weighted by capacity. Two kinds of
level differ in what control means. Who owns or operates can switch capacity off now; who designs chips,
makes them, their memory or their package can stop it from growing, and switches nothing off. Joint owners
count by share. What is unknown, or one of several nations' of which this is one, is never domestic; an upper
figure counts it as domestic. An exposure counts what is that nation's alone: it is a lower bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.accounts.crosstabs import Crosstab, Key, Share, fold, may_be, ratio, share_of, size_of, whole
from accounting.capacity.bases import Draws
from accounting.reference.names import ALTERNATIVES, UNKNOWN
from bench.errors import InputError

TERRITORY = "territory"
# nations of those who can switch off what runs
NOW = frozenset({"provider", "operator_nation"})
# nations of those who can stop more from coming
GROWTH = frozenset({"vendor_nation", "foundry_nation", "memory_nation", "packaging_nation"})


@dataclass(frozen=True)
class LevelProfile:
    """One level on a country's soil. ``domestic_high`` counts what is unknown as domestic.

    ``nations`` are the foreign ones, the largest mean share first; bodies of the EU are among them, and
    alternatives (``JP+KR``) where it is not known which of them has what part.
    """

    level: str
    domestic: Share
    domestic_high: Share
    unknown: Share
    nations: dict[str, Share]
    probability_weakest: float


@dataclass(frozen=True)
class Exposure:
    """What one foreign government has in its hand: shares of the capacity on the country's soil.

    ``by_level`` is for each level alone; ``stop_now`` and ``stop_growth`` are unions over the levels of each
    kind, since one site may be exposed at several.
    """

    nation: str
    by_level: dict[str, Share]
    stop_now: Share
    stop_growth: Share


@dataclass(frozen=True)
class Profile:
    """A country's profile; ``weakest`` is the level with the smallest domestic share of the mean."""

    code: str
    capacity: Quantiles
    levels: tuple[LevelProfile, ...]
    joint: Share
    joint_high: Share
    weakest: str
    exposures: tuple[Exposure, ...]
    domestic_draws: dict[str, Draws]
    joint_draws: Draws


@dataclass(frozen=True)
class Site:
    """A site of a country: its capacity, its share of the soil, and how probably it is the largest."""

    code: str
    capacity: Quantiles
    share: Share
    probability_largest: float


def profile(sums: Crosstab, levels: Sequence[str], code: str) -> Profile:
    """Return the profile of a country.

    Args:
        sums: a crossing whose first level is the territory, then levels of nations.
        levels: the names of the levels of ``sums``: territory, provider, vendor_nation, …
        code: the country, or a bloc that was made one holder (:func:`accounting.accounts.crosstabs.renamed`).

    Raises:
        InputError: the first level is not the territory, or another is no level of nations known here.
    """
    names = _checked(levels)
    soil = {key[1:]: sums[key] for key in sorted(sums) if key[0] == code} or {
        (UNKNOWN,) * len(names): np.zeros(size_of(sums))
    }
    everything = whole(soil)
    own = {name: whole(soil, _at(place, {code})) for place, name in enumerate(names)}
    shares = np.stack([ratio(draws, everything) for draws in own.values()])
    first = np.argmin(shares, axis=0)
    found = tuple(
        _level(soil, place, name, code, everything, float(np.mean(first == place)))
        for place, name in enumerate(names)
    )
    joint = whole(soil, lambda key: all(c == code for c in key))
    high = whole(soil, lambda key: all(c == code or may_be(c, code) for c in key))
    foreign = sorted({nation for level in found for nation in level.nations if ALTERNATIVES not in nation})
    exposures = [_exposure(soil, names, nation, everything) for nation in foreign]
    exposures.sort(key=lambda e: (-e.stop_now.share, -e.stop_growth.share, e.nation))
    return Profile(
        code=code,
        capacity=Quantiles.of(everything),
        levels=found,
        joint=share_of(joint, everything),
        joint_high=share_of(high, everything),
        weakest=min(found, key=lambda level: level.domestic.share).level,
        exposures=tuple(exposures),
        domestic_draws=own,
        joint_draws=joint,
    )


def dependence(sums: Crosstab, code: str) -> dict[str, Share]:
    """Return the share of each holder of the second level on a country's soil, the largest first.

    From (territory, owner), (territory, vendor), … these are the firms that the country depends on.
    """
    soil = {key[1:2]: draws for key, draws in fold(sums, 0, 1).items() if key[0] == code}
    return _ranked(soil, whole(soil))


def largest_site(sums: Crosstab, code: str) -> Site | None:
    """Return the site with the largest mean of a country from (territory, facility), None where it has none.

    A training run cannot be spread over a nation: what one site holds bounds what can be trained there.
    """
    soil = {key[1]: draws for key, draws in fold(sums, 0, 1).items() if key[0] == code}
    if not soil:
        return None
    names = sorted(soil)
    draws = np.stack([soil[name] for name in names])
    place = int(np.argmax(draws.mean(axis=1)))
    return Site(
        names[place],
        Quantiles.of(draws[place]),
        share_of(draws[place], draws.sum(axis=0)),
        float(np.mean(np.argmax(draws, axis=0) == place)),
    )


def _checked(levels: Sequence[str]) -> tuple[str, ...]:
    if not levels or levels[0] != TERRITORY:
        raise InputError("a profile needs a crossing that begins with the territory")
    names = tuple(levels[1:])
    if not names or (odd := [name for name in names if name not in NOW | GROWTH]):
        raise InputError(
            f"a profile is of levels of nations ({', '.join(sorted(NOW | GROWTH))}; found "
            f"{', '.join(odd) if names else 'none'})"
        )
    return names


def _level(
    soil: Crosstab, place: int, name: str, code: str, everything: Draws, weakest: float
) -> LevelProfile:
    table = fold(soil, place)
    foreign = {key: d for key, d in table.items() if key[0] != code and not may_be(key[0], code)}
    return LevelProfile(
        name,
        domestic=share_of(whole(table, _at(0, {code})), everything),
        domestic_high=share_of(whole(table, lambda k: k[0] == code or may_be(k[0], code)), everything),
        unknown=share_of(whole(table, lambda k: may_be(k[0], code)), everything),
        nations=_ranked(foreign, everything),
        probability_weakest=weakest,
    )


def _exposure(soil: Crosstab, names: Sequence[str], nation: str, everything: Draws) -> Exposure:
    def union(kind: Iterable[str]) -> Share:
        places = [place for place, name in enumerate(names) if name in kind]
        return share_of(whole(soil, lambda key: any(key[p] == nation for p in places)), everything)

    each = {name: share_of(whole(soil, _at(place, {nation})), everything) for place, name in enumerate(names)}
    return Exposure(nation, each, stop_now=union(NOW), stop_growth=union(GROWTH))


def _at(place: int, codes: Iterable[str]) -> Callable[[Key], bool]:
    inside = frozenset(codes)

    def test(key: Key) -> bool:
        return key[place] in inside

    return test


def _ranked(table: Crosstab, everything: Draws) -> dict[str, Share]:
    order = sorted(table, key=lambda key: (-float(np.mean(table[key])), key))
    return {key[0]: share_of(table[key], everything) for key in order if table[key].any()}
