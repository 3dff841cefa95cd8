"""Parts of deployments that change hands: each has one owner, one operator, one territory and one user.

A move takes a share of the parts that it selects, and gives it another territory, owner, operator or user.
What is taken and what is left add up to what there was, in every draw; what nobody moves stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from accounting.capacity.bases import Draws
from accounting.census.ledger import Entry
from accounting.planning.scenarios.origin import Weighted
from accounting.reference.facts import Facts
from accounting.reference.names import UNKNOWN

UnstatedUse = Literal["unknown", "provider"]
# levels that a move may change; the others stay with the accelerators
MOVED = ("territory", "owner", "provider", "operator", "operator_nation", "user", "user_nation")


@dataclass(frozen=True)
class Share:
    """A factor of a part: the share that a move takes, or what it leaves (``left``)."""

    move: str
    left: bool = False


@dataclass(frozen=True)
class Part:
    """Part of a deployment: ``fixed`` (0 to 1) × the shares of moves, with its codes on the levels that move.

    ``narrowed`` holds the codes, with weights that add to 1, on levels of which a selection kept some.
    """

    fixed: float
    codes: Mapping[str, str]
    shares: tuple[Share, ...] = ()
    narrowed: Mapping[str, tuple[tuple[str, float], ...]] | None = None

    def weight(self, drawn: Mapping[str, Draws | float]) -> Draws | float:
        """Return the part of the deployment that this is, given the share that each move takes."""
        found: Draws | float = self.fixed
        for share in self.shares:
            found = found * (1.0 - drawn[share.move] if share.left else drawn[share.move])
        return found


def parts_of(entry: Entry, facts: Facts, unstated: UnstatedUse = "unknown") -> list[Part]:
    """Return a deployment in parts of one owner and one user each; their sizes add to 1.

    Use is as the facility states it; its own use is the owner's. Where nothing is stated it is ``unknown``,
    or taken for the owner's (``provider``).
    """
    found = []
    for owner in entry.owners:
        base = {
            "territory": entry.territory or UNKNOWN,
            "owner": owner.organisation or UNKNOWN,
            "provider": owner.nation or UNKNOWN,
            "operator": entry.operator or UNKNOWN,
            "operator_nation": facts.nation_of(entry.operator) or UNKNOWN,
        }
        own = entry.users == "own_use" or unstated == "provider"
        mine = (base["owner"], base["provider"]) if own else (UNKNOWN, UNKNOWN)
        for user, nation, share in _users(entry, facts, mine):
            codes = {**base, "user": user, "user_nation": nation}
            found.append(Part(owner.share * share, codes))
    return found


def _users(entry: Entry, facts: Facts, otherwise: tuple[str, str]) -> Iterator[tuple[str, str, float]]:
    stated = entry.used_by
    for user in stated:
        nation = user.nation or facts.nation_of(user.organisation) or UNKNOWN
        yield user.organisation or UNKNOWN, nation, user.share
    rest = 1.0 - math.fsum(user.share for user in stated)
    if rest > 1e-9:
        yield (*otherwise, rest)


@dataclass(frozen=True)
class Selector:
    """Which parts a move takes from: the codes wanted on each level named; all levels must agree."""

    wanted: Mapping[str, frozenset[str]]

    def split(self, part: Part, read: Callable[[str], Weighted]) -> tuple[Part | None, list[Part]]:
        """Return what of a part is wanted, and the rest; their sizes add up to that of the part.

        ``read`` gives the deployment's codes on the levels that do not move.
        """
        rest: list[Part] = []
        for level, wanted in self.wanted.items():
            codes = codes_of(part, level, read)
            inside = math.fsum(weight for code, weight in codes if code in wanted)
            if inside <= 0.0:
                return None, [*rest, part]
            if inside >= 1.0 - 1e-12:
                continue
            rest.append(_narrowed(part, level, codes, 1.0 - inside, wanted, inside=False))
            part = _narrowed(part, level, codes, inside, wanted, inside=True)
        return part, rest


def codes_of(part: Part, level: str, read: Callable[[str], Weighted]) -> Weighted:
    """Return a part's codes on a level, with weights that add to 1.

    ``read`` gives the deployment's codes on the levels that do not move.
    """
    if level in part.codes:
        return [(part.codes[level], 1.0)]
    return (part.narrowed or {}).get(level) or read(level)


def _narrowed(
    part: Part, level: str, codes: Weighted, whole: float, wanted: frozenset[str], *, inside: bool
) -> Part:
    """Return what of a part has codes inside ``wanted``, or outside; ``whole`` is how much that is."""
    kept = tuple((code, weight / whole) for code, weight in codes if (code in wanted) == inside)
    return replace(part, fixed=part.fixed * whole, narrowed={**(part.narrowed or {}), level: kept})


@dataclass(frozen=True)
class Target:
    """What moved parts become: codes by level, and users with their shares (they add to 1)."""

    codes: Mapping[str, str]
    users: tuple[tuple[str, str, float], ...] = ()

    def give(self, part: Part) -> list[Part]:
        """Return the parts that a part becomes; their sizes add up to its own."""
        codes = {**part.codes, **self.codes}
        if not self.users:
            return [replace(part, codes=codes)]
        return [
            replace(part, fixed=part.fixed * share, codes={**codes, "user": user, "user_nation": nation})
            for user, nation, share in self.users
        ]


@dataclass(frozen=True)
class Move:
    """One change: from the parts selected, the share of that name goes to the target."""

    id: str
    select: Selector
    to: Target

    def apply(self, parts: Sequence[Part], read: Callable[[str], Weighted]) -> tuple[list[Part], list[Part]]:
        """Return all parts after the move, and among them those that moved."""
        after: list[Part] = []
        moved: list[Part] = []
        for part in parts:
            taken, rest = self.select.split(part, read)
            after += rest
            if taken is None:
                continue
            given = self.to.give(replace(taken, shares=(*taken.shares, Share(self.id))))
            after.append(replace(taken, shares=(*taken.shares, Share(self.id, left=True))))
            after += given
            moved += given
        return after, moved
