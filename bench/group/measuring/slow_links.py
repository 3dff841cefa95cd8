"""Which link, which rank or which node is slow, from what each pair sent: by a rule that noise does not trip.

A link is slow if even its fastest round lies clearly below the median link of its kind: by a fifth at least,
and by so much that among sound links one in a thousand runs would show any such link
(`bench.fleets.judging.robust`). With too few links to know their spread, it must lie below half of the
median. And a link below half of what the fastest quarter of the links reach is slow in any case. Where most
links of a rank are slow, the rank is named instead of them (it may be its port or its card); where most
links of a node are, the node is.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from bench.figures import Link
from bench.fleets.judging.robust import centre_of

CHANCE = 1e-3
# Links of one kind from which on their spread can be told.
LEAST_LINKS = 6
MATERIAL = 0.8
MATERIAL_OF_FEW = 0.5
MOST_NAMED = 10


def slow_links(links: Sequence[Link]) -> list[Link]:
    """Links that are slow among their kind: within a node, or between nodes; the slowest first."""
    kinds = {within: [one for one in links if (one.nodes[0] == one.nodes[1]) == within] for within in (0, 1)}
    found = [link for kind in kinds.values() for link in _slow_among(kind)]
    return sorted(found, key=lambda link: link.bytes_per_s)


def in_words(links: Sequence[Link]) -> tuple[str, ...]:
    """Nodes, ranks and links that are slow, a line each; empty where none is."""
    slow = slow_links(links)
    if not slow:
        return ()
    usual = float(np.median([link.bytes_per_s for link in links]))
    node_of = {rank: node for link in links for rank, node in zip(link.ranks, link.nodes, strict=True)}
    ranks = _mostly_slow(links, slow, {rank: str(rank) for rank in node_of}) if len(node_of) > 2 else {}
    nodes = set(node_of.values())
    sick = _mostly_slow(links, slow, node_of) if len(nodes) > 2 else {}
    lines = [f"node {node}: {bad} of its {every} links are slow" for node, (bad, every) in sick.items()]
    lines += [
        f"rank {rank} on {node_of[int(rank)]}: {bad} of its {every} links are slow"
        for rank, (bad, every) in ranks.items()
        if node_of[int(rank)] not in sick
    ]
    told = {rank for rank in node_of if str(rank) in ranks or node_of[rank] in sick}
    rest = [link for link in slow if not set(link.ranks) & told]
    lines += [_line(link, usual) for link in rest[:MOST_NAMED]]
    if len(rest) > MOST_NAMED:
        lines.append(f"and {len(rest) - MOST_NAMED} more links")
    return tuple(lines)


def _slow_among(links: Sequence[Link]) -> list[Link]:
    if len(links) < 2:
        return []
    medians = np.log([link.bytes_per_s for link in links])
    centre = centre_of(medians)
    if len(links) < LEAST_LINKS:
        limit = centre.median + math.log(MATERIAL_OF_FEW)
    else:
        far = centre.limit(CHANCE / len(links)) * centre.scale
        limit = centre.median - max(far, -math.log(MATERIAL))
    # where half are slow, the median and the spread are no measure of what is usual: the faster quarter is
    limit = max(limit, float(np.quantile(medians, 0.75)) + math.log(MATERIAL_OF_FEW))
    return [link for link in links if math.log(link.best_bytes_per_s) < limit]


def _mostly_slow(
    links: Sequence[Link], slow: Sequence[Link], names: dict[int, str]
) -> dict[str, tuple[int, int]]:
    """Of what has more slow links than sound ones to others: how many, of how many; the worst first.

    Two that are both slow share a link; so the worst is taken out, and the others are looked at again.
    """
    found: dict[str, tuple[int, int]] = {}
    while True:
        every, bad = Counter[str](), Counter[str]()
        for count, some in ((every, links), (bad, slow)):
            for link in some:
                ends = {names[rank] for rank in link.ranks}
                if len(ends) == 2 and not ends & found.keys():
                    count.update(ends)
        most = max(bad, key=lambda name: bad[name] / every[name], default=None)
        # Of two ends that have but one link left it cannot be told which is at fault.
        if most is None or 2 * bad[most] <= every[most] or every[most] < 3:
            return found
        found[most] = (bad[most], every[most])


def _line(link: Link, usual: float) -> str:
    return (
        f"rank {link.ranks[0]} on {link.nodes[0]} to rank {link.ranks[1]} on {link.nodes[1]}: "
        f"{link.bytes_per_s / 1e9:.3g} GB/s, {link.bytes_per_s / usual:.2f} of the median link"
    )
