"""Short samples of shapes and backends: taken, kept, and dropped where they fail."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.choosing.choice import ENOUGH_OF_SLOT, Bout, in_words
from bench.choosing.faults import describe, is_out_of_memory, let_go

if TYPE_CHECKING:
    from kernels.workload import Prepared, Shape, Verdict

# A sample is as many calls as this share of the search's time holds, at least one. Short, so that those next
# to it meet the machine at the same pace: on a shared host that changes every 20 ms or so.
SAMPLE_SHARE = 1 / 400
LONGEST_SAMPLE_SECONDS = 0.01
MOST_CALLS = 1000
# A call may take no more of its slot than a climbed shape, nor more than this share of the search's own time.
CALL_SHARE_OF_SEARCH = 1 / 80
# A call this much longer than a sample is not warmed up first: that would double its cost, for little.
LONG_CALL_SAMPLES = 3
KEPT_PREPARED = 12

Sides = tuple[tuple[str, int], ...]
Key = tuple[Sides, str]


@dataclass
class Entrant:
    """One shape with one backend, and what its samples gave.

    Attributes:
        shape: The shape.
        backend: The backend.
        rates: One a sample, in the workload's unit.
        call_seconds: Mean time of a call in the last sample. Unit: s.
        key: What tells it from others.
    """

    shape: Shape
    backend: str
    rates: list[float] = field(default_factory=list)
    call_seconds: float = 0.0
    key: Key = field(init=False)

    def __post_init__(self) -> None:
        self.key = key_of(self.shape, self.backend)


def key_of(shape: Shape, backend: str) -> Key:
    """What tells a shape with a backend from others."""
    return tuple(shape.items()), backend


class Race:
    """Shapes and backends still in, and all samples taken."""

    def __init__(self, bout: Bout, shapes: tuple[Shape, ...], *, seconds: float, slot_seconds: float) -> None:
        self.bout = bout
        self.shapes = list(shapes)
        self.backends = list(bout.workload.backends(bout.precision, bout.place))
        self.default = self.backends[0]
        self.notes: list[str] = []
        self.entrants: dict[Key, Entrant] = {}
        self.error: Exception | None = None
        self._sample_seconds = min(LONGEST_SAMPLE_SECONDS, SAMPLE_SHARE * seconds)
        self._longest_call = min(ENOUGH_OF_SLOT * slot_seconds, CALL_SHARE_OF_SEARCH * seconds)
        self._prepared: OrderedDict[Key, Prepared] = OrderedDict()
        self._out: set[Key] = set()

    @property
    def over(self) -> bool:
        """Whether nothing is left to run."""
        return not self.shapes or not self.backends

    def still_in(self) -> list[Entrant]:
        """Sampled entrants that have not been dropped, nor their backends."""
        backends = set(self.backends)
        return [e for e in self.entrants.values() if e.backend in backends and e.key not in self._out]

    def affordable(self, backend: str, share: float = 1.0) -> list[Shape]:
        """Shapes of which a call should be short enough, by the best rate of the backend so far.

        Args:
            backend: The backend.
            share: How much of the longest call allowed it may take.
        """
        rate = self._best_rate(backend)
        if rate is None:
            return self.shapes[:1]
        return [shape for shape in self.shapes if self.bout.work(shape) <= rate * share * self._longest_call]

    def _best_rate(self, backend: str) -> float | None:
        rates = (max(entrant.rates) for entrant in self.still_in() if entrant.backend == backend)
        return max(rates, default=None)

    def sample(self, shape: Shape, backend: str) -> float | None:
        """One sample's rate; None where it failed, and then the shape or the backend is out."""
        try:
            return self._sample(shape, backend)
        except Exception as error:
            self._drop(shape, backend, error)
            return None

    def prepared(self, shape: Shape, backend: str) -> Prepared:
        """Operands in place: kept from before where there was room."""
        key = key_of(shape, backend)
        if key in self._prepared:
            self._prepared.move_to_end(key)
            return self._prepared[key]
        self._make_room(shape)
        self._prepared[key] = self.bout.prepare(shape, backend)
        return self._prepared[key]

    def check(self, shape: Shape, backend: str) -> Verdict | None:
        """Whether the last result is right; None where that could not be told, and then it is out.

        Operands that had to be prepared anew hold no result yet: they are run once.
        """
        try:
            fresh = key_of(shape, backend) not in self._prepared
            prepared = self.prepared(shape, backend)
            if fresh:
                self.bout.time(prepared, 1, warm_up=0)
            return prepared.check()
        except Exception as error:
            self._drop_checked(shape, backend, error)
            return None

    def _drop_checked(self, shape: Shape, backend: str, error: Exception) -> None:
        """References take memory beyond the operands: where that runs out, only this candidate is out."""
        if not is_out_of_memory(error):
            self._drop(shape, backend, error)
            return
        let_go(error)
        self.error = error
        self._release()
        self._out.add(key_of(shape, backend))
        self.notes.append(
            f"memory ran out while {backend} was checked at {in_words(shape)}: that was left out"
        )

    def _sample(self, shape: Shape, backend: str) -> float:
        key, work = key_of(shape, backend), self.bout.work(shape)
        fresh = key not in self._prepared
        expected = self._expected_seconds(key, work)
        count = max(1, min(MOST_CALLS, round(self._sample_seconds / expected)))
        long_call = expected > (LONG_CALL_SAMPLES if fresh else 1) * self._sample_seconds
        prepared = self.prepared(shape, backend)
        batch = self.bout.time(prepared, count, warm_up=0 if long_call else 1)
        # Over the whole sample: a median drops what disturbs one of many short calls, not of one long call.
        rate = work * len(batch.call_seconds) / batch.total_seconds
        entrant = self.entrants.setdefault(key, Entrant(shape, backend))
        entrant.rates.append(rate)
        entrant.call_seconds = batch.total_seconds / len(batch.call_seconds)
        return rate

    def _expected_seconds(self, key: Key, work: float) -> float:
        """What a call should take: as before, or at the backend's best rate; a whole sample where unknown."""
        if key in self.entrants:
            return self.entrants[key].call_seconds
        rate = self._best_rate(key[1])
        return self._sample_seconds if rate is None else work / rate

    def _make_room(self, shape: Shape) -> None:
        """Let go of the operands not used for longest, where they are many or large."""
        footprint, precision = self.bout.workload.footprint_bytes, self.bout.precision
        held = sum(footprint(dict(key[0]), precision) for key in self._prepared)
        room = self.bout.place.memory_bytes - footprint(shape, precision)
        while self._prepared and (len(self._prepared) >= KEPT_PREPARED or held > room):
            key, _ = self._prepared.popitem(last=False)
            held -= footprint(dict(key[0]), precision)

    def _drop(self, shape: Shape, backend: str, error: Exception) -> None:
        let_go(error)
        self.error = error
        self._prepared.pop(key_of(shape, backend), None)
        if is_out_of_memory(error):
            self._drop_shapes(shape)
        else:
            self.drop_backend(backend, describe(error))

    def drop_backend(self, backend: str, why: str) -> None:
        """Run it no more, and say so."""
        if backend in self.backends:
            self.backends.remove(backend)
            self.notes.append(f"backend {backend} was left out of the search: {why}")
        for key in [key for key in self._prepared if key[1] == backend]:
            del self._prepared[key]

    def _drop_shapes(self, shape: Shape) -> None:
        """Memory ran out: that shape and all that take more are out."""
        footprint, precision = self.bout.workload.footprint_bytes, self.bout.precision
        limit = footprint(shape, precision)
        self._release()
        self.shapes = [
            other for other in self.shapes if footprint(other, precision) < limit and other != shape
        ]
        self._out.update(key for key in self.entrants if footprint(dict(key[0]), precision) >= limit)
        self.notes.append(f"memory ran out at {in_words(shape)}: only shapes that take less were searched")

    def _release(self) -> None:
        self._prepared.clear()
        self.bout.device.release_memory()
