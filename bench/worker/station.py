"""The measuring side: does one task after another on one device. Runs in a process of its own."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.choosing.choice import Bout, Chosen, NothingToChoose
from bench.choosing.climb import climb
from bench.choosing.faults import describe, is_out_of_memory
from bench.choosing.search import search
from bench.devices.device import Batch, Clock, Device, unwatched
from bench.devices.meters.energy import least_window_seconds
from bench.environment import Environment, describe_environment
from bench.worker.longrun import run_long
from bench.worker.surroundings import Around
from bench.worker.tasks import (
    Answer,
    Case,
    Choose,
    Failure,
    Introduce,
    Introduction,
    LongRunTaken,
    RoundTaken,
    RunLong,
    Settled,
    TakeRound,
    Task,
)
from bench.workloads import select_precisions, select_workloads, without_stand_ins

if TYPE_CHECKING:
    from kernels.workload import Place, Prepared, Workload

# More events than this in one queue only cost memory; the interval comes from rounds, not calls.
MOST_CALLS = 20_000
# A batch is made of a few, so that a device that has slowed down since it was chosen for is noticed early.
CHUNKS = 4
# Below this a search has no time to tell candidates apart, and climbing a ladder does better.
LEAST_SEARCH_SECONDS = 1.0


class UnsoundClockError(Exception):
    """Times that cannot be: negative, not finite, or longer than the window that held them."""


class Station:
    """Measures workloads on one device, a task at a time.

    Args:
        device: What calls are timed on.
        workloads: All workloads by name.
        clock: Tells the time. Unit: s.
        environment: Describes the node.
    """

    def __init__(
        self,
        device: Device,
        workloads: Mapping[str, Workload],
        clock: Clock = time.perf_counter,
        environment: Callable[[], Environment] = describe_environment,
    ) -> None:
        self._device, self._workloads, self._clock = device, workloads, clock
        self._environment = environment
        self._held: dict[str, Prepared] = {}
        self._held_bytes = 0
        self._place: Place | None = None
        self.folder: str | None = None

    @property
    def device(self) -> Device:
        """What calls are timed on."""
        return self._device

    def do(self, task: Task) -> Answer:
        """Do a task; whatever a kernel or a driver raises becomes the answer."""
        try:
            with self._device.activated():
                return self._do(task)
        except Exception as error:
            self.release()
            return Failure(describe(error), out_of_memory=is_out_of_memory(error))

    def release(self) -> None:
        """Let go of all operands."""
        self._held.clear()
        self._held_bytes = 0
        # A device that has just failed may fail again here, and its first error is the one to report.
        with suppress(Exception):
            self._device.release_memory()

    def _do(self, task: Task) -> Answer:
        match task:
            case Introduce():
                return self._introduce(task)
            case Choose():
                return self._choose(task)
            case TakeRound():
                return self._take_round(task)
            case RunLong():
                return self._run_long(task)

    def _introduce(self, task: Introduce) -> Introduction:
        cases = self._cases(task)
        reasons = {case.label: self._lacks(self._bout(case, 0)) for case in cases}
        return Introduction(
            description=self._device.description,
            environment=self._environment(),
            cases=tuple(cases),
            lacking={label: reason for label, reason in reasons.items() if reason},
            busy=self._device.busy(),
            least_window_seconds=self._least_window_seconds(),
        )

    def _least_window_seconds(self) -> float:
        """Shortest window for the energy meter; 0 without one and for a CPU, whose meter is fast. Unit: s."""
        if self._where().kind == "cpu" or self._device.read().energy_j is None:
            return 0.0
        return least_window_seconds(self._device.read) or 0.0

    def _cases(self, task: Introduce) -> list[Case]:
        chosen = select_workloads(self._workloads, task.workloads)
        pairs = ((one, precision) for one in chosen for precision in self._precisions(one, task))
        return [case for one, precision in pairs for case in self._cases_of(one, precision)]

    def _precisions(self, workload: Workload, task: Introduce) -> tuple[str, ...]:
        precisions = select_precisions(workload, task.precisions)
        if not task.short:
            return precisions
        return without_stand_ins(
            workload,
            precisions,
            lambda precision: self._lacks(self._bout(Case(workload.name, precision), 0)) is None,
        )

    def _cases_of(self, workload: Workload, precision: str) -> list[Case]:
        if workload.choice != "each" or workload.lacks(precision, self._where()):
            return [Case(workload.name, precision)]
        rungs = workload.ladder(precision, self._where())
        return [Case(workload.name, precision, dict(shape)) for shape in rungs] or [
            Case(workload.name, precision)
        ]

    def _choose(self, task: Choose) -> Settled:
        bout = self._bout(task.case, task.seed, task.below_bytes)
        if reason := self._lacks(bout):
            return Settled(skipped=reason)
        try:
            chosen = self._chosen(task, bout)
        except NothingToChoose as finding:
            return Settled(skipped=str(finding))
        prepared = self._prepared(task.case, chosen, task.seed)
        self._time(prepared, 1)
        start = self._clock()
        verdict = prepared.check()
        seconds = self._clock() - start
        footprint = bout.workload.footprint_bytes(chosen.shape, bout.precision)
        return Settled(chosen, prepared.backend, footprint, verdict, seconds)

    def _lacks(self, bout: Bout) -> str | None:
        arithmetic = bout.workload.metric in ("flop_rate", "token_rate")
        hardware = self._device.lacks(bout.precision) if arithmetic else None
        return hardware or bout.workload.lacks(bout.precision, bout.place)

    def _chosen(self, task: Choose, bout: Bout) -> Chosen:
        self.release()
        if task.case.shape is not None:
            prepared = bout.prepare(task.case.shape)
            batch = bout.time(prepared, 3)
            return Chosen(task.case.shape, None, batch.total_seconds / len(batch.call_seconds))
        if bout.workload.choice == "search" and task.seconds >= LEAST_SEARCH_SECONDS:
            return search(bout, seconds=task.seconds, slot_seconds=task.slot_seconds)
        return climb(bout, seconds=task.seconds, slot_seconds=task.slot_seconds)

    def _take_round(self, task: TakeRound) -> RoundTaken:
        start = self._clock()
        prepared = self._prepared(task.case, task.chosen, task.seed)
        prepared.poison()
        work = self._bout(task.case, task.seed).work(task.chosen.shape)
        around = Around(self._device, self._where(), self._clock)
        with prepared.setting():
            self._device.time_calls(prepared.run, 1, unwatched)
            if task.warm_up_seconds:
                self._fill(prepared.run, task.chosen.call_seconds, task.warm_up_seconds, unwatched)
            left = max(task.slot_seconds - (self._clock() - start), task.window_seconds)
            with around:
                batch = self._fill(prepared.run, task.chosen.call_seconds, left, around.during)
        checking = self._clock()
        verdict = prepared.check() if task.check else None
        check_seconds = self._clock() - checking if task.check else 0.0
        return RoundTaken(
            value=work / statistics.median(batch.call_seconds),
            sample_count=len(batch.call_seconds),
            sample_seconds=batch.total_seconds,
            around=around.surroundings(),
            verdict=verdict,
            repeatable=self._repeats(prepared) if task.repeat else None,
            check_seconds=check_seconds,
            replayed=batch.replayed,
        )

    def _fill(
        self, call: Callable[[], None], call_seconds: float, left: float, during: Callable[[], None]
    ) -> Batch:
        """Time calls until so many seconds are used up: at least one call, at most `MOST_CALLS`.

        The calls are made in chunks, each sized by the mean time of the calls before it, so that a device
        slower than planned (``call_seconds``) gets fewer calls rather than more time. Filling ends half a
        chunk early, where another one would end further from the goal.

        Raises:
            UnsoundClockError: The times cannot be.
        """
        seconds: list[float] = []
        total_seconds, replayed = 0.0, False
        begin = self._clock()
        while not seconds or (
            self._clock() - begin < left * (1 - 0.5 / CHUNKS) and len(seconds) < MOST_CALLS
        ):
            start = self._clock()
            mean = total_seconds / len(seconds) if seconds else call_seconds
            rest = left - (start - begin)
            count = max(1, min(int(rest / mean), math.ceil(left / CHUNKS / mean), MOST_CALLS - len(seconds)))
            chunk = self._device.time_calls(call, count, during)
            _require_sound(chunk, self._clock() - start)
            seconds += chunk.call_seconds
            total_seconds += chunk.total_seconds
            replayed = replayed or chunk.replayed
        return Batch(tuple(seconds), replayed)

    def _repeats(self, prepared: Prepared) -> bool | None:
        digests = []
        for _ in range(2):
            prepared.poison()
            self._time(prepared, 1)
            digests.append(prepared.digest())
        return None if None in digests else digests[0] == digests[1]

    def _run_long(self, task: RunLong) -> LongRunTaken:
        prepared = self._prepared(task.case, task.chosen, task.seed)
        work = self._bout(task.case, task.seed).work(task.chosen.shape)
        with prepared.setting():
            return run_long(
                self._device, prepared.run, work, task.chosen.call_seconds, task.seconds, self._clock
            )

    def _time(self, prepared: Prepared, count: int) -> Batch:
        with prepared.setting():
            return self._device.time_calls(prepared.run, count, unwatched)

    def _prepared(self, case: Case, chosen: Chosen, seed: int) -> Prepared:
        """A case with its operands in place, which are held for later rounds as long as memory allows."""
        key = f"{case.label} {sorted(chosen.shape.items())} {chosen.backend} {seed}"
        if key not in self._held:
            bout = self._bout(case, seed)
            size = bout.workload.footprint_bytes(chosen.shape, case.precision)
            if self._held_bytes + size > bout.place.memory_bytes:
                self.release()
            self._held[key] = bout.prepare(chosen.shape, chosen.backend)
            self._held_bytes += size
        return self._held[key]

    def _bout(self, case: Case, seed: int, below_bytes: int | None = None) -> Bout:
        place = self._where()
        if below_bytes is not None:
            place = replace(place, memory_bytes=min(place.memory_bytes, below_bytes - 1))
        return Bout(self._workloads[case.workload], case.precision, self._device, place, seed, self._clock)

    def _where(self) -> Place:
        """The place as it was when first asked for: memory taken since then is our own."""
        if self._place is None:
            self._place = replace(self._device.place(), folder=self.folder)
        return self._place


def _require_sound(batch: Batch, window_seconds: float) -> None:
    """Refuse times that only a clock which jumped can give.

    Raises:
        UnsoundClockError: A time is not positive and finite, or all together exceed the window by half.
    """
    times: Sequence[float] = batch.call_seconds
    if not all(math.isfinite(seconds) and seconds > 0 for seconds in times):
        raise UnsoundClockError(f"the clock jumped: a call took {min(times):g} s")
    if batch.total_seconds > 1.5 * window_seconds + 1e-3:
        raise UnsoundClockError(
            f"the clock jumped: calls of {batch.total_seconds:g} s within a window of {window_seconds:g} s"
        )
