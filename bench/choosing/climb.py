"""Climb the workload's ladder of shapes until a call is long enough, and keep the best rung.

Climbing only chooses. Its own times enter no figure, since the best of several noisy ones flatters.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.choosing.choice import Bout, Chosen, NothingToChoose
from bench.choosing.faults import is_out_of_memory
from bench.devices.device import MEMORY_SHARE, Batch

if TYPE_CHECKING:
    from kernels.workload import Shape

# A call this share of its slot long leaves about twenty calls a round.
ENOUGH_OF_SLOT = 0.05
PROBE_CALLS = 3
SAME_WORK = 1.2


def climb(bout: Bout, *, seconds: float, slot_seconds: float) -> Chosen:
    """The best rung.

    Args:
        bout: What to choose for.
        seconds: Time after which no further rung is tried. Unit: s.
        slot_seconds: Expected length of a round. Unit: s.

    Raises:
        NothingToChoose: No rung fits the memory.
        Exception: Whatever the first rung raised, or a later one other than out of memory.
    """
    best: Chosen | None = None
    notes: tuple[str, ...] = ()
    best_rate, start = 0.0, bout.clock()
    enough_work = math.inf
    for shape in _ladder(bout):
        # Rungs of about the same work (other tiles of a kernel) are all tried before the climb ends.
        if bout.work(shape) > enough_work:
            break
        try:
            batch = _time(bout, shape)
        except Exception as error:
            if best is None or not is_out_of_memory(error):
                raise
            notes = (f"memory ran out at {_words(shape)}: a smaller shape was measured",)
            break
        # Judged by the median call, planned with the mean: a slow call costs its time all the same.
        call_seconds = batch.total_seconds / len(batch.call_seconds)
        if (rate := bout.rate(shape, batch)) > best_rate:
            best_rate, best = rate, Chosen(shape, None, call_seconds)
        if call_seconds >= ENOUGH_OF_SLOT * slot_seconds:
            enough_work = min(enough_work, SAME_WORK * bout.work(shape))
        if bout.clock() - start >= seconds:
            break
    if best is None:
        raise NothingToChoose("the ladder of shapes is empty")
    return Chosen(best.shape, best.backend, best.call_seconds, notes=notes)


def _time(bout: Bout, shape: Shape) -> Batch:
    return bout.time(bout.prepare(shape), PROBE_CALLS)


def _ladder(bout: Bout) -> tuple[Shape, ...]:
    place = bout.place
    ladder = bout.workload.ladder(bout.precision, place)
    if not ladder:
        raise NothingToChoose(
            f"too little memory: {place.memory_bytes / 1e9:.2f} GB may be taken "
            f"({MEMORY_SHARE:.0%} of what is free) beside a cache of {place.cache_bytes / 1e6:.0f} MB"
        )
    return ladder


def _words(shape: Shape) -> str:
    return " ".join(f"{key}={size}" for key, size in shape.items())
