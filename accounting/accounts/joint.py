"""What has several owners, or a joint undertaking for one: whose it is counted as.

Three readings, all defensible, that differ for machines such as those of EuroHPC:

    owner    by shares of ownership
    access   by shares of access, where they are stated: of the facility, else of the undertaking that owns
             it. What is left goes to the owners that have no stated share, else to the host
    host     all to the nation that it stands in

Machines with one owner that is no joint undertaking are the owner's in all three.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from accounting.census.ledger import Entry, Owner
from accounting.reference.facts import Facts

Joint = Literal["owner", "access", "host"]
READINGS: tuple[Joint, ...] = ("owner", "access", "host")
_UNDERTAKING = "joint_undertaking"
# shares that differ by less are the same but for rounding
_LEAST = 1e-9


def is_joint(entry: Entry, facts: Facts) -> bool:
    """Whether an entry has several owners, or one that is a joint undertaking."""
    if len(entry.owners) != 1:
        return len(entry.owners) > 1
    owner = facts.organisations.get(entry.owners[0].organisation or "")
    return owner is not None and owner.kind == _UNDERTAKING


def divided(entry: Entry, joint: Joint, facts: Facts) -> tuple[Owner, ...]:
    """Return whose an entry is counted as; the shares add to 1."""
    if joint == "owner" or not is_joint(entry, facts):
        return entry.owners
    if joint == "host":
        return _to_host(entry, 1.0, facts)
    return _by_access(entry, facts)


def _by_access(entry: Entry, facts: Facts) -> tuple[Owner, ...]:
    if entry.access:
        return _filled(entry, entry.access, facts)
    found: list[Owner] = []
    for owner in entry.owners:
        known = facts.organisations.get(owner.organisation or "")
        if known is None or not known.access:
            found.append(owner)
            continue
        # a stake of the nation that the undertaking is of is the undertaking's own
        stakes = [
            Owner(
                stake.organisation or (known.id if stake.nation == known.nation else None),
                facts.nation_of(stake.organisation) or stake.nation,
                stake.share.best * owner.share,
            )
            for stake in known.access
        ]
        found += [*stakes, *_to_host(entry, owner.share - _whole(stakes), facts)]
    return tuple(found)


def _filled(entry: Entry, access: tuple[Owner, ...], facts: Facts) -> tuple[Owner, ...]:
    rest = 1.0 - _whole(access)
    if rest < _LEAST:
        return access
    named = {holder.organisation for holder in access}
    others = [owner for owner in entry.owners if owner.organisation not in named]
    held = _whole(others)
    if not held:
        return (*access, *_to_host(entry, rest, facts))
    return (*access, *(Owner(o.organisation, o.nation, o.share / held * rest) for o in others))


def _to_host(entry: Entry, share: float, facts: Facts) -> tuple[Owner, ...]:
    """Give a share to the host: its owners there, else the operator if it is of that nation, else nobody."""
    if share < _LEAST:
        return ()
    at_home = [
        owner for owner in entry.owners if owner.nation is not None and owner.nation == entry.territory
    ]
    if held := _whole(at_home):
        return tuple(Owner(o.organisation, o.nation, o.share / held * share) for o in at_home)
    of_host = entry.territory is not None and facts.nation_of(entry.operator) == entry.territory
    return (Owner(entry.operator if of_host else None, entry.territory, share),)


def _whole(owners: Iterable[Owner]) -> float:
    return math.fsum(owner.share for owner in owners)
