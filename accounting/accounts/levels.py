"""Levels: the questions "whose is it?" that an account groups by, one function a level."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

from accounting.census.ledger import Entry
from accounting.errors import UnknownNameError
from accounting.reference.names import UNKNOWN

Weighted = list[tuple[str, float]]
Levels = tuple[str, ...]


def _sole(code: str | None) -> Weighted:
    return [(code or UNKNOWN, 1.0)]


# Each gives codes with weights that add to 1, so that every level's rows add to the same total.
LEVELS: Mapping[str, Callable[[Entry], Weighted]] = {
    "territory": lambda entry: _sole(entry.territory),
    "provider": lambda entry: [(owner.nation or UNKNOWN, owner.share) for owner in entry.owners],
    "owner": lambda entry: [(owner.organisation or UNKNOWN, owner.share) for owner in entry.owners],
    "vendor": lambda entry: _sole(entry.vendor),
    "vendor_nation": lambda entry: _sole(entry.vendor_nation),
    "operator": lambda entry: _sole(entry.operator),
    "sector": lambda entry: _sole(entry.sector),
    "accelerator": lambda entry: _sole(entry.accelerator),
    "facility": lambda entry: _sole(entry.facility),
    "deployment": lambda entry: _sole(entry.id),
}
MEANING = {
    "territory": "where it stands",
    "provider": "nation of the owner's ultimate controlling unit",
    "owner": "owner",
    "vendor": "designer of the accelerators",
    "vendor_nation": "nation of the designer",
    "operator": "operator",
    "sector": "sector of the owner",
    "accelerator": "accelerator model",
    "facility": "facility",
    "deployment": "deployment: one batch of one accelerator model in one facility",
}
# levels whose codes are nations, and so have groups such as the EU
NATIONAL = frozenset({"territory", "provider", "vendor_nation"})
SEPARATOR = " / "


def is_national(levels: Levels) -> bool:
    """Whether the rows of a level are nations, so that groups of nations can be made of them."""
    return len(levels) == 1 and levels[0] in NATIONAL


def read_levels(text: str) -> tuple[str, ...]:
    """Read ``territory`` or a crossing ``territory,provider``.

    Raises:
        UnknownNameError: a level that there is not, with the nearest one.
    """
    levels = tuple(part.strip().replace("-", "_") for part in text.split(","))
    for level in levels:
        if level not in LEVELS:
            raise UnknownNameError("level", level, LEVELS)
    return levels


def codes(entry: Entry, levels: Sequence[str]) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield (a code for each level, weight) for one entry; the weights add to 1."""
    for combination in product(*(LEVELS[level](entry) for level in levels)):
        weight = 1.0
        for _, share in combination:
            weight *= share
        yield tuple(code for code, _ in combination), weight
