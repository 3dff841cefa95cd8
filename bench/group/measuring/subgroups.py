"""Which ranks take part: all, those of one node, or one of each node. Imports torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch.distributed as dist

from bench.figures import Reach
from bench.group.rendezvous.joining import Joined


@dataclass(frozen=True)
class Subgroup:
    """Ranks that do something together, as this one sees them.

    Attributes:
        reach: Which they are.
        ranks: Their numbers among all; empty where this rank is none of them.
        nodes: On how many nodes.
        largest: Ranks of the largest subgroup of this reach, where each node has one.
        group: Their process group in torch; None for that of all.
    """

    reach: Reach
    ranks: tuple[int, ...]
    nodes: int
    largest: int
    group: Any = None

    def leads(self, rank: int) -> bool:
        """Whether a rank tells what the subgroup found."""
        return self.ranks[:1] == (rank,)


def subgroups(joined: Joined) -> tuple[Subgroup, ...]:
    """All ranks; on several nodes with several ranks each also within a node, and between nodes.

    Within: all nodes at once, each for itself. Between: the first rank of each node.
    """
    everyone = tuple(range(len(joined.facts)))
    nodes = joined.nodes
    found = [Subgroup("all", everyone, len(nodes), len(everyone))]
    on_each = [joined.ranks_of(node) for node in nodes]
    largest = max(len(ranks) for ranks in on_each)
    if len(nodes) < 2 or largest < 2:
        return tuple(found)
    mine = joined.own_node
    # Every rank takes part in making every group, as torch wants it.
    inside = [dist.new_group(list(ranks)) if len(ranks) > 1 else None for ranks in on_each]
    own = inside[nodes.index(joined.facts[joined.rank].node)]
    found.append(Subgroup("within", mine if own is not None else (), 1, largest, own))
    firsts = tuple(ranks[0] for ranks in on_each)
    group = dist.new_group(list(firsts))
    part = firsts if joined.rank in firsts else ()
    found.append(Subgroup("between", part, len(nodes), len(firsts), group if part else None))
    return tuple(found)
