"""Values that tell whose they are and where they belong, and add up exactly. Imports torch.

Element i of rank r is p(i) + q(r), with whole numbers p from 1 to 127 scattered over the indices and q that
differ between ranks. The sum over n ranks is n·p(i) + Σq: known in closed form, and exact in float32 in
whatever order it is taken, as all sums stay below 2²⁴. What arrives from the wrong rank differs in q, what
arrives at the wrong place in p, and what was added twice or left out in the sum.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from kernels.workload import Verdict

EXACT = 1 << 24
# Values of p: 1 to 127.
LEVELS = 127
# Fibonacci hashing (Knuth, The Art of Computer Programming, vol. 3, section 6.4): 2³² ÷ golden ratio, odd.
MULTIPLIER = 2654435769
CHUNK = 1 << 20
MOST_RANKS = EXACT // (2 * LEVELS)
Closed = Callable[[torch.Tensor], torch.Tensor]
"""Expected values at the given indices."""


def scattered(indices: torch.Tensor, seed: int) -> torch.Tensor:
    """Value p of each index, float32 from 1 to 127."""
    mixed = ((indices + 1 + 7919 * (seed % 65521)) * MULTIPLIER) & 0xFFFFFFFF
    return ((mixed >> 12) % LEVELS + 1).to(torch.float32)


def modulus(ranks: int) -> int:
    """Length of q's cycle: of rank r it is r modulo this, different for each as far as the sum stays exact.

    Raises:
        ValueError: There are more ranks than sums of float32 can be exact for.
    """
    if ranks > MOST_RANKS:
        raise ValueError(f"sums over more than {MOST_RANKS} ranks are not exact in float32; found {ranks}")
    return min(ranks, EXACT // ranks - LEVELS)


def mark(rank: int, ranks: int) -> int:
    """Value q of a rank."""
    return rank % modulus(ranks)


def marks(ranks: int) -> int:
    """Sum of `mark` over all ranks, in closed form."""
    length = modulus(ranks)
    whole, rest = divmod(ranks, length)
    return whole * (length * (length - 1) // 2) + rest * (rest - 1) // 2


def fill(target: torch.Tensor, closed: Closed) -> None:
    """Write the values of a closed form, a part at a time."""
    for start in range(0, len(target), CHUNK):
        part = target[start : start + CHUNK]
        part.copy_(closed(_indices(start, len(part), target.device)))


def compare(found: torch.Tensor, closed: Closed) -> Verdict:
    """Whether every element is what the closed form says, bit by bit as these are whole numbers."""
    wrong, first = 0, None
    for start in range(0, len(found), CHUNK):
        part = found[start : start + CHUNK]
        wanted = closed(_indices(start, len(part), found.device))
        differing = part != wanted
        count = int(differing.sum())
        if count and first is None:
            place = int(differing.to(torch.uint8).argmax())
            first = f"element {start + place} is {float(part[place]):g}, not {float(wanted[place]):g}"
        wrong += count
    detail = f"{wrong} of {len(found)} elements differ from the closed form"
    return Verdict(correct=wrong == 0, detail=detail if first is None else f"{detail}; {first}")


def _indices(start: int, count: int, device: torch.device) -> torch.Tensor:
    return torch.arange(start, start + count, dtype=torch.int64, device=device)
