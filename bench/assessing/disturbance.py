"""Who took the device away: neighbours on a shared host, other processes on the node.

Nothing is left out of a value because of it; a round that was disturbed is marked, and the result says so.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from bench.record import Placement
from bench.running.trial import Round

# CPU time that the host, or other processes, took from which a round counts as disturbed. It is told in ticks
# of a hundredth of a second, so that less means nothing in a round of a quarter of a second.
STEAL_FRACTION = 0.10
OTHER_LOAD_FRACTION = 0.10
# A round this far below the better half was disturbed even where no meter shows it: a neighbour on the other
# hardware thread of a core, or on the same memory, takes no CPU time that the guest could count.
SLOW_FRACTION = 0.75


def disturbances(rounds: Sequence[Round]) -> list[str | None]:
    """For each round what disturbed it, in words; None where nothing did, as far as anything tells."""
    # Near and far cores differ by themselves: each round is judged among those of its placement.
    good = {placement: _good(rounds, placement) for placement in {one.detail.placement for one in rounds}}
    return [_words(taken, good[taken.detail.placement]) for taken in rounds]


def _good(rounds: Sequence[Round], placement: Placement | None) -> float:
    """Median of the better half: a value of the device when it was left alone, if it ever was."""
    values = sorted((one.value for one in rounds if one.detail.placement == placement), reverse=True)
    return statistics.median(values[: (len(values) + 1) // 2]) if values else 0.0


def _words(taken: Round, good: float) -> str | None:
    steal, others = taken.detail.steal_fraction, taken.detail.other_load_fraction
    if steal is not None and steal >= STEAL_FRACTION:
        return f"the host took CPU time ({steal:.0%})"
    if others is not None and others >= OTHER_LOAD_FRACTION:
        return f"other processes took CPU time ({others:.0%})"
    if taken.value < SLOW_FRACTION * good:
        return f"far slower than the others ({taken.value / good:.0%}), as when a neighbour shares the core"
    return None
