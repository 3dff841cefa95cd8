"""What a run loses where it spans several sites that are not one network.

Each site trains a replica for H steps by itself; then all average their changes (DiLoCo, Douillard et al.
2023, arXiv:2311.08105). Two things are lost.

**Time.** With k sites of which each sends and receives W bytes per second, a ring exchange of b bytes a
parameter takes 2(k−1)/k · b·N ÷ W (Patarasuk and Yuan 2009, *J. Parallel Distrib. Comput.* 69, 117). The H
steps between take H · B · 6N ÷ F, with B tokens a step of all sites together and F their FLOP/s. The number
of parameters N cancels:

    share of time computing = 1 ÷ (1 + x),   x = 2(k−1)/k · b · F ÷ (6 · W · H · B)

Exchanges are taken as not overlapped with steps; where they are (Streaming DiLoCo, arXiv:2501.18512) less is
lost.

**Learning.** Averages of replicas learn a little less from the same FLOP: e^(a·l·(l−1)) times as many are
needed for the same loss, l = log2 k, so that two sites lose nothing (a fitted to replicas of equal size, up
to eight: Charles et al. 2025, arXiv:2503.09799, tables 4 and 5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from accounting.capacity.bases import Draws


@dataclass(frozen=True)
class Links:
    """What linking needs, as draws: bytes a parameter, bytes/s, steps, tokens, and a of learning."""

    bytes_per_parameter: Draws
    bandwidth: Draws
    inner_steps: Draws
    batch_tokens: Draws
    extra: Draws

    def computing(self, sites: int, flop_per_s: Draws | float) -> Draws:
        """Return the share of time that ``sites`` of together ``flop_per_s`` compute."""
        return computing_share(
            sites, flop_per_s, self.bytes_per_parameter, self.bandwidth, self.inner_steps, self.batch_tokens
        )

    def learning(self, sites: int) -> Draws:
        """Return the FLOP that one site would need ÷ those that ``sites`` need for the same loss."""
        doublings = math.log2(sites)
        return np.asarray(np.exp(-self.extra * doublings * (doublings - 1)))

    def factor(self, sites: int, flop_per_s: Draws | float) -> Draws:
        """Return what is left of the sum of the sites' rates."""
        return self.computing(sites, flop_per_s) * self.learning(sites)


def computing_share(
    sites: int,
    flop_per_s: Draws | float,
    bytes_per_parameter: Draws,
    bandwidth: Draws,
    inner_steps: Draws,
    batch_tokens: Draws,
) -> Draws:
    """Return the share of time that linked sites compute, 0 to 1.

    Two sites of 3e18 FLOP/s together, 2 bytes a parameter, 50 GB/s, 100 steps of 10 million tokens:
    x = 1 · 2 · 3e18 ÷ (6 · 5e10 · 100 · 1e7) = 0.02.

    >>> one = [np.array(v) for v in (2.0, 5e10, 100.0, 1e7)]
    >>> round(float(computing_share(2, 3e18, *one)), 6)
    0.980392
    """
    exchanged = 2.0 * (sites - 1) / sites * bytes_per_parameter * flop_per_s
    return np.asarray(1.0 / (1.0 + exchanged / (6.0 * bandwidth * inner_steps * batch_tokens)))
