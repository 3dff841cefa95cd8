"""Which cells are sensitive, and by how much they must be protected.

After Hundepool et al., *Statistical Disclosure Control* (Wiley 2012), chapter 4: a cell is sensitive where
fewer than a threshold of contributors stand behind it, where the n largest make up more than k % of it
(dominance), or where total − largest − second largest is less than p % of the largest (p% rule: the second
could work the largest out to within p %). Contributors are facilities or owners.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.errors import InputError

Contributions = Mapping[str, float]


@dataclass(frozen=True)
class Rules:
    """When a cell is sensitive, and how far it is protected.

    ``threshold`` contributors at least; ``dominance`` (n, k): the n largest hold at most k %; ``p``: the
    others together are at least p % of the largest. None switches a rule off. ``margin`` is the least
    protection, as a fraction of the cell, where the rules themselves ask for less.
    """

    threshold: int | None = 3
    dominance: tuple[int, float] | None = None
    p: float | None = None
    margin: float = 0.1

    def __post_init__(self) -> None:
        """Refuse rules that mean nothing. Raises InputError."""
        n, k = self.dominance or (1, 50.0)
        for wrong, what in (
            (self.threshold is not None and self.threshold < 1, f"threshold {self.threshold} is less than 1"),
            (n < 1 or not 0 < k < 100, f"dominance {n}:{k:g} is not N:K with N from 1 and K in (0, 100)"),
            (self.p is not None and not 0 < self.p <= 100, f"p {self.p} is not in (0, 100]"),
            (not 0 < self.margin <= 1, f"margin {self.margin} is not in (0, 1]"),
        ):
            if wrong:
                raise InputError(f"suppression: {what}")

    def reason(self, contributions: Contributions) -> str | None:
        """Return why a cell is sensitive, None where it is not.

        >>> Rules(threshold=3).reason({"a": 1.0, "b": 2.0})
        'fewer than 3 contributors'
        """
        values = sorted((contributions[who] for who in standing_behind(contributions)), reverse=True)
        total = sum(values)
        if self.threshold is not None and len(values) < self.threshold:
            return f"fewer than {self.threshold} contributors"
        if self.dominance is not None and total > 0:
            n, k = self.dominance
            if sum(values[:n]) > k / 100 * total:
                return f"the {n} largest hold more than {k:g} %"
        # one contributor leaves others worth nothing
        if self.p is not None and values and sum(values[2:]) < self.p / 100 * values[0]:
            return f"the others hold less than {self.p:g} % of the largest"
        return None

    def protection(self, contributions: Contributions) -> float:
        """Return by how much a sensitive cell must be able to differ, up and down, in its own unit."""
        values = sorted(contributions.values(), reverse=True)
        total = sum(values)
        asked = [self.margin * total]
        if self.dominance is not None:
            n, k = self.dominance
            asked.append(100 / k * sum(values[:n]) - total)
        if self.p is not None and values:
            asked.append(self.p / 100 * values[0] - sum(values[2:]))
        # nothing can fall below zero
        return min(max(asked), total)


def standing_behind(contributions: Contributions) -> list[str]:
    """Return who stands behind a cell: those with something of it. Who has nothing hides nobody.

    >>> standing_behind({"a": 2.0, "b": 0.0})
    ['a']
    """
    return [who for who, value in contributions.items() if value > 0]


def parse_rules(text: str) -> Rules:
    """Read ``threshold=3,dominance=1:75,p=10,margin=0.1``; a rule not named is off.

    Raises:
        InputError: what is not a rule, or a value that is none.

    >>> parse_rules("dominance=2:85").threshold is None
    True
    """
    given: dict[str, Any] = {"threshold": None}
    for part in text.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        reader = _READERS.get(name)
        try:
            if reader is None:
                raise ValueError(name)
            given[name] = reader(value)
        except ValueError:
            message = "expected threshold=N, dominance=N:K, p=P or margin=M, joined by commas"
            raise InputError(f"suppression: {message} (found '{part.strip()}')") from None
    if all(given.get(name) is None for name in ("threshold", "dominance", "p")):
        raise InputError("suppression: give at least one of threshold=N, dominance=N:K, p=P")
    return Rules(**given)


def _dominance(text: str) -> tuple[int, float]:
    n, _, k = text.partition(":")
    return int(n), float(k)


_READERS: Mapping[str, Callable[[str], Any]] = {
    "threshold": int,
    "dominance": _dominance,
    "p": float,
    "margin": float,
}
