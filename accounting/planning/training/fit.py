"""Which models fit a run: by memory, by FLOP, and where FLOP are best spent.

- Training FLOP of a dense model: C = 6·N·D, with N parameters and D tokens (Kaplan et al. 2020,
  arXiv:2001.08361, section 2.1).
- Where they are best spent, D = r·N with r about 20 (Hoffmann et al. 2022, arXiv:2203.15556, table 3), so
  that N = √(C ÷ 6r).
- Memory: weights, gradients and optimiser state take s bytes a parameter (16 in mixed precision with Adam,
  Rajbhandari et al. 2020, arXiv:1910.02054), spread over all accelerators of a site, of whose memory a
  share m is for them: N ≤ m · memory ÷ s.
"""

from __future__ import annotations

import numpy as np

from accounting.capacity.bases import Draws


def training_flop(parameters: Draws | float, tokens: Draws | float) -> Draws:
    """Return 6·N·D.

    >>> float(training_flop(70e9, 1.4e12))
    5.88e+23
    """
    return np.asarray(6.0 * parameters * tokens)


def optimal_parameters(flop: Draws | float, tokens_per_parameter: Draws | float) -> Draws:
    """Return √(C ÷ 6r), the parameters of the model that learns most from C FLOP.

    >>> round(float(optimal_parameters(5.88e23, 20)) / 1e9)
    70
    """
    return np.asarray(np.sqrt(flop / (6.0 * tokens_per_parameter)))


def largest_parameters(
    memory_bytes: Draws | float, share: Draws | float, state_bytes: Draws | float
) -> Draws:
    """Return the parameters whose training state fits in a share of a site's accelerator memory.

    1,024 accelerators of 80 GB with half of it for the state, at 16 bytes:

    >>> float(largest_parameters(1024 * 80e9, 0.5, 16.0))
    2560000000000.0
    """
    return np.asarray(memory_bytes * share / state_bytes)
