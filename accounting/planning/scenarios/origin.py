"""Whose an entry is on a level, and what part of it comes from some nations or firms."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from accounting.accounts.levels import LEVELS, Holders
from accounting.census.ledger import Entry
from accounting.errors import UnknownNameError
from accounting.reference.facts import Facts
from accounting.reference.names import ALTERNATIVES, UNKNOWN, WITHHELD

Scope = Literal["nation", "firm"]
Weighted = Sequence[tuple[str, float]]

# where supply may be cut, and the level of accounts that says who supplies, by nation and by firm
SUPPLY: Mapping[str, Mapping[Scope, str]] = {
    "vendor": {"nation": "vendor_nation", "firm": "vendor"},
    "foundry": {"nation": "foundry_nation", "firm": "foundry"},
    "memory": {"nation": "memory_nation", "firm": "memory"},
    "packaging": {"nation": "packaging_nation", "firm": "packaging"},
    "provider": {"nation": "provider", "firm": "owner"},
}
SUPPLY_MEANING = {
    "vendor": "designer of the accelerators",
    "foundry": "maker of the compute dies",
    "memory": "maker of the memory",
    "packaging": "who packages dies and memory",
    "provider": "owner",
}


def reader(facts: Facts) -> Callable[[Entry, str], Weighted]:
    """Return what gives the codes of an entry on a level, with weights that add to 1.

    A code such as ``KR+US`` names all that it may be: makers whose shares nobody states.
    """
    holders = Holders(facts)
    return lambda entry, level: [(codes[0], weight) for codes, weight in holders.codes(entry, (level,))]


def supply_level(at: str, scope: Scope) -> str:
    """Return the level of accounts that says who supplies.

    Raises:
        UnknownNameError: no such place, or accounts do not know that level.

    >>> supply_level("vendor", "nation")
    'vendor_nation'
    """
    if at not in SUPPLY or SUPPLY[at][scope] not in LEVELS:
        raise UnknownNameError("place where supply may be cut", at, places(scope))
    return SUPPLY[at][scope]


@cache
def places(scope: Scope) -> tuple[str, ...]:
    """Return the places where supply may be cut that accounts have a level for."""
    return tuple(at for at, level in SUPPLY.items() if level[scope] in LEVELS)


@dataclass(frozen=True)
class Origin:
    """What part of an entry comes from those who cut: surely, possibly, and of an origin not known.

    ``possible`` holds (part, ways, of): that part is from one or several of ``of`` alternatives, of which
    ``ways`` are among those who cut. The parts are between 0 and 1.
    """

    sure: float
    possible: tuple[tuple[str, float, int, int], ...]
    unknown: float


def origin(codes: Weighted, cutting: Collection[str]) -> Origin:
    """Return what part of codes with weights is of ``cutting``.

    >>> origin([("US", 0.25), ("KR", 0.75)], {"US"}).sure
    0.25
    >>> origin([("KR+US", 1.0)], {"US"}).possible
    (('KR+US', 1.0, 1, 2),)
    """
    sure, possible, unknown = [], [], []
    for code, weight in codes:
        parts = code.split(ALTERNATIVES)
        ways = sum(part in cutting for part in parts)
        if ways == len(parts):
            sure.append(weight)
        elif ways:
            possible.append((code, weight, ways, len(parts)))
        elif code in {UNKNOWN, WITHHELD}:
            unknown.append(weight)
    return Origin(math.fsum(sure), tuple(sorted(possible)), math.fsum(unknown))
