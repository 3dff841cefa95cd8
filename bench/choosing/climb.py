"""Climb the workload's ladder of shapes until a call is long enough, and keep the best rung.

Climbing only chooses. Its own times enter no figure, since the best of several noisy ones flatters.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.choosing.choice import ENOUGH_OF_SLOT, Bout, Chosen, NothingToChoose, in_words
from bench.choosing.faults import describe, is_out_of_memory, let_go
from bench.devices.device import MEMORY_SHARE, Batch

if TYPE_CHECKING:
    from kernels.workload import Shape

PROBE_CALLS = 3
SAME_WORK = 1.2
# Compiling may take long, and must not leave the climb at its lowest rung; nor may it go on forever.
MOST_WALL_MULTIPLE = 10.0
LEAST_WALL_SECONDS = 60.0


def climb(bout: Bout, *, seconds: float, slot_seconds: float) -> Chosen:
    """The best rung.

    Args:
        bout: What to choose for.
        seconds: Time inside timed calls after which no further rung is tried; compiling a kernel and
            filling operands do not count, but for `MOST_WALL_MULTIPLE`. Unit: s.
        slot_seconds: Expected length of a round. Unit: s.

    Raises:
        NothingToChoose: No rung fits the memory.
        Exception: Whatever the first rung raised, where none works.
    """
    found = _Climb(bout, slot_seconds)
    deadline = bout.clock() + max(MOST_WALL_MULTIPLE * seconds, LEAST_WALL_SECONDS)
    for shape in _ladder(bout):
        # Rungs of about the same work (other tiles of a kernel) are all tried before the climb ends.
        if bout.work(shape) > found.enough_work or not found.holds(shape):
            break
        if found.timed_seconds >= seconds or bout.clock() >= deadline:
            break
    return found.chosen()


class _Climb:
    """What the rungs tried so far gave."""

    def __init__(self, bout: Bout, slot_seconds: float) -> None:
        self._bout = bout
        # Work that a longer call must do to be itself (a training step, say) is the workload's to know.
        self._enough_seconds = slot_seconds * getattr(bout.workload, "enough_of_slot", ENOUGH_OF_SLOT)
        self.timed_seconds = 0.0
        self.enough_work = math.inf
        self._best: Chosen | None = None
        self._best_rate = 0.0
        self._errors: list[tuple[Shape, Exception]] = []

    def holds(self, shape: Shape) -> bool:
        """Try a rung; whether memory held. One that fails otherwise is passed over."""
        try:
            batch = _time(self._bout, shape)
        except Exception as error:
            let_go(error)
            self._errors.append((shape, error))
            return not is_out_of_memory(error)
        self._note(shape, batch)
        return True

    def _note(self, shape: Shape, batch: Batch) -> None:
        # Judged by the median call, planned with the mean: a slow call costs its time all the same.
        call_seconds = batch.total_seconds / len(batch.call_seconds)
        self.timed_seconds += batch.total_seconds
        if (rate := self._bout.rate(shape, batch)) > self._best_rate:
            self._best_rate, self._best = rate, Chosen(shape, None, call_seconds)
        if call_seconds >= self._enough_seconds:
            self.enough_work = min(self.enough_work, SAME_WORK * self._bout.work(shape))

    def chosen(self) -> Chosen:
        """The best rung, with a note on those that failed."""
        if self._best is None:
            raise self._errors[0][1]
        return replace(self._best, notes=tuple(self._notes()))

    def _notes(self) -> Iterator[str]:
        starved = [shape for shape, error in self._errors if is_out_of_memory(error)]
        broken = [(shape, error) for shape, error in self._errors if not is_out_of_memory(error)]
        if broken:
            shape, error = broken[0]
            more = f", and {len(broken) - 1} more shapes failed" if len(broken) > 1 else ""
            yield f"{in_words(shape)} was passed over: {describe(error)}{more}"
        if starved:
            yield f"memory ran out at {in_words(starved[0])}: a smaller shape was measured"


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
