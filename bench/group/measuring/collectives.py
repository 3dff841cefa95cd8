"""Every collective at every size, measured by all ranks in step.

Each rank runs this same code. Whatever decides what comes next (times, the clock, whether memory was
found) is agreed on by all ranks first, so that all take the same way; see `bench.group.measuring.timing`. The
time of a call is the longest that any rank of the subgroup took for it; the value of a round is that of its
median call. Rounds are spread over the time as `bench.running.sampling` spreads those of one device, all in
the same processes.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench.assessing.results import result_of
from bench.choosing.choice import Chosen
from bench.choosing.faults import describe
from bench.figures import Exchange
from bench.group.measuring.subgroups import Subgroup
from bench.group.measuring.timing import Ensemble
from bench.group.rendezvous.joining import Joined
from bench.plan import MIN_ROUNDS
from bench.record import DeviceDescription, Result
from bench.running.sampling import sample, schedule
from bench.running.trial import Trial
from bench.worker.tasks import Case, RoundTaken, Settled, Surroundings
from kernels.collectives import STEP, Collective
from kernels.workload import Place, Prepared, Verdict

if TYPE_CHECKING:
    from kernels.workload import Shape

# Of the time for a workload, what five rounds at one size may take: larger ones are left out.
MOST_SHARE = 0.5
# A round makes at least as many calls: one to warm up, one timed, one checked.
CALLS_A_ROUND = 3
MOST_CALLS = 2000
# Of a slot, what timed calls take; the check and agreeing take the rest.
FILL_SHARE = 0.7
PROBE_CALLS = 3
# Where time is short, at most so many rungs of a ladder are passed over at a time.
LARGEST_STRIDE = 4
PRECISION = "fp32"
ONE_GROUP = "all rounds are of one group of processes: how much groups differ is not in the interval"
UNSUPPORTED = ("does not support", "not supported", "not implemented")


@dataclass
class SizedCollective:
    """One collective at one size in one subgroup."""

    workload: Collective
    subgroup: Subgroup
    trial: Trial
    place: Place

    @property
    def label(self) -> str:
        """For people: ``all_reduce 64 B (within)``."""
        size = dict(self.trial.case.shape or {}).get("bytes", 0)
        reach = "" if self.subgroup.reach == "all" else f" ({self.subgroup.reach})"
        return f"{self.workload.name} {size} B{reach}"


@dataclass
class CollectiveRun:
    """State of a run of collectives on this rank.

    Attributes:
        joined: All ranks, and which one this is.
        ensemble: How they agree.
        device: This rank's device as described.
        place: Where it runs.
        seed: Draws operands and the order of rounds.
        told: Called now and then, when results may be told.
    """

    joined: Joined
    ensemble: Ensemble
    device: DeviceDescription
    place: Place
    seed: int
    told: Callable[[], None]

    def __post_init__(self) -> None:
        self.measured: list[SizedCollective] = []
        self._held: dict[int, Prepared] = {}
        self._held_bytes = 0
        self._fresh = False
        self._unsupported: dict[str, str] = {}

    def results(self) -> list[Result]:
        """Results so far of the subgroups that this rank leads."""
        mine = [sized for sized in self.measured if sized.subgroup.leads(self.joined.rank)]
        return [_result(sized, self.device) for sized in mine]

    def run(self, workloads: Sequence[Collective], subgroups: Sequence[Subgroup], seconds: float) -> None:
        """Choose sizes, then take rounds until the time is over. Unit: s.

        Raises:
            Exception: Whatever torch raises where a rank has gone.
        """
        begin = self.ensemble.clock()
        pairs = [(one, subgroup) for subgroup in subgroups for one in workloads]
        for workload, subgroup in pairs:
            self._climb(workload, subgroup, MOST_SHARE * seconds / len(pairs))
        trials = {id(sized.trial): sized for sized in self.measured}
        deadline = begin + seconds
        left = max(0.0, deadline - self.ensemble.clock())
        sample(
            [sized.trial for sized in self.measured],
            planned=schedule(left, len(self.measured), 0.0),
            deadline=deadline,
            clock=self.ensemble.clock,
            order=random.Random(self.seed),  # noqa: S311 - an order, not a secret
            renew=lambda: None,
            take=lambda trial, slot, due: self._take(trials[id(trial)], slot, due=due),
        )

    def end(self, reason: str) -> None:
        """No further round can be taken; those that were taken count, where they are enough."""
        for sized in self.measured:
            if sized.trial.active:
                sized.trial.end(reason)

    def _climb(self, workload: Collective, subgroup: Subgroup, most_seconds: float) -> None:
        """From the smallest size on, until five rounds of all would take longer than there is."""
        whole = replace(self.place, ranks=subgroup.largest, rank=0, group=None)
        lacking = workload.lacks(PRECISION, whole) or self._unsupported.get(workload.name)
        rungs: Sequence[Shape] = () if lacking else workload.ladder(PRECISION, whole)
        number, stride = 0, 1
        while number < max(1, len(rungs)):
            sized = self._sized(workload, subgroup, rungs[number] if rungs else {}, lacking)
            self.measured.append(sized)
            if lacking:
                return
            begin = self.ensemble.clock()
            self._first(sized)
            if not sized.trial.sound:
                return
            if number == 0:
                # What a round of the smallest size takes is what a round of any size takes at least.
                round_seconds = max(self.ensemble.clock() - begin, 1e-6)
                affordable = max(1.0, most_seconds / (MIN_ROUNDS * round_seconds))
                stride = max(1, min(LARGEST_STRIDE, math.ceil(len(rungs) / affordable)))
            number += stride
            if sized.trial.call_seconds * STEP**stride * CALLS_A_ROUND * MIN_ROUNDS > most_seconds:
                return

    def _sized(
        self, workload: Collective, subgroup: Subgroup, rung: Shape, lacking: str | None
    ) -> SizedCollective:
        ranks = subgroup.ranks
        number = ranks.index(self.joined.rank) if ranks else 0
        place = replace(self.place, ranks=len(ranks) or subgroup.largest, rank=number, group=subgroup.group)
        shape = {} if lacking else {**workload.shaped(rung["bytes"], place), "nodes": subgroup.nodes}
        trial = Trial(Case(workload.name, PRECISION, shape), workload, self.device.id, skipped=lacking)
        return SizedCollective(workload, subgroup, trial, place)

    def _first(self, sized: SizedCollective) -> None:
        """The first calls of a size: do they work, are they right, and how long do they take."""
        self.joined.watch.step(sized.label)
        prepared, fault = self._prepared(sized)
        if self._failed(sized, fault):
            return
        try:
            seconds = self._timed(prepared, PROBE_CALLS, sized.subgroup, fresh=True)
            fault = None
        except Exception as error:
            fault = describe(error)
            # What the library does not have it says on all ranks, before anything is sent.
            if not any(sign in fault for sign in UNSUPPORTED):
                raise
        if fault is not None:
            sized.trial.skipped = self._unsupported[sized.workload.name] = fault
            return
        verdict = self._checked(prepared)
        shape = dict(sized.trial.case.shape or {})
        (call_seconds,), verdict = self._agreed(verdict, statistics.median(seconds) if seconds else 0.0)
        backend = prepared.backend if prepared else None
        footprint = sized.workload.footprint_bytes(shape, PRECISION)
        sized.trial.settle(Settled(Chosen(shape, None, call_seconds), backend, footprint, verdict))

    def _take(self, sized: SizedCollective, slot: float, *, due: bool) -> None:
        """A round: what all ranks need is made ready, then a barrier, then calls one after the other."""
        begin = self.ensemble.clock()
        self.joined.watch.step(sized.label)
        prepared, fault = self._prepared(sized)
        if self._failed(sized, fault):
            return
        trial = sized.trial
        count = max(1, min(MOST_CALLS, int(FILL_SHARE * slot / max(trial.call_seconds, 1e-9))))
        seconds = self._timed(prepared, count, sized.subgroup, fresh=self._fresh)
        verdict = self._checked(prepared) if due else None
        work = sized.workload.bytes_moved(dict(trial.case.shape or {}), PRECISION)
        # Who takes no part counts a round too, so that all count alike.
        value = work / statistics.median(seconds) if seconds else 1.0
        total = sum(seconds) if seconds else float(count)
        trial.take(RoundTaken(value, count, total, Surroundings()), started_seconds=begin, process=0)
        mean = total / count if seconds else 0.0
        still = float(bool(seconds) and not trial.enough)
        (mean, still, most), verdict = self._agreed(verdict, mean, still, total if seconds else 0.0)
        trial.call_seconds, trial.enough = mean, not still
        if due:
            trial.judge(verdict)
            trial.check_seconds = max(0.0, self.ensemble.clock() - begin - most)
        trial.seconds_spent += self.ensemble.clock() - begin
        self.told()

    def _timed(
        self, prepared: Prepared | None, count: int, subgroup: Subgroup, *, fresh: bool
    ) -> tuple[float, ...]:
        """The longest time of each call over the ranks of the subgroup; empty where this is none of them."""
        if fresh:
            if prepared is not None:
                prepared.run()
            # Buffers are touched and connections made: now all begin together.
            self.ensemble.agree()
        if prepared is None:
            return ()
        seconds = self.ensemble.time_calls(prepared.run, count)
        return self.ensemble.highest(seconds, subgroup.group)

    def _checked(self, prepared: Prepared | None) -> Verdict | None:
        """Whether one more call, into poisoned arrays, is right on this rank."""
        if prepared is None:
            return None
        prepared.poison()
        prepared.run()
        return prepared.check()

    def _agreed(self, verdict: Verdict | None, *values: float) -> tuple[tuple[float, ...], Verdict]:
        """The highest of values over all ranks, and the verdict of all: right only if it is right on each."""
        wrong = verdict is not None and not verdict.correct
        worst, *highest = self.ensemble.agree(float(self.joined.rank + 1) if wrong else 0.0, *values)
        if not worst:
            return tuple(highest), verdict or Verdict(correct=True, detail="")
        detail = f"on {self.joined.name_of(int(worst) - 1)}" + (
            f"; here: {verdict.detail}" if verdict else ""
        )
        return tuple(highest), Verdict(correct=False, detail=detail)

    def _failed(self, sized: SizedCollective, fault: str | None) -> bool:
        """Whether any rank could not make its operands: then none may call. All begin after this together."""
        worst, fresh = self.ensemble.agree(float(self.joined.rank + 1) if fault else 0.0, float(self._fresh))
        self._fresh = bool(fresh)
        if not worst:
            return False
        sized.trial.end(
            f"{self.joined.name_of(int(worst) - 1)} could not make its arrays"
            + (f": {fault}" if fault else "")
        )
        return True

    def _prepared(self, sized: SizedCollective) -> tuple[Prepared | None, str | None]:
        """Operands in place, as many as may be held at once; or why not."""
        self._fresh = False
        if not sized.subgroup.ranks:
            return None, None
        if (held := self._held.get(id(sized))) is not None:
            return held, None
        shape = dict(sized.trial.case.shape or {})
        size = sized.workload.footprint_bytes(shape, PRECISION)
        if self._held_bytes + size > self.place.memory_bytes:
            self._held.clear()
            self._held_bytes = 0
        try:
            prepared = sized.workload.prepare(PRECISION, shape, sized.place, seed=self.seed)
        except Exception as error:
            return None, describe(error)
        self._held[id(sized)], self._fresh = prepared, True
        self._held_bytes += size
        return prepared, None


def _result(sized: SizedCollective, device: DeviceDescription) -> Result:
    """The result, with what the ranks did together beside it."""
    result = result_of(sized.trial, device)
    if result.value is None or result.ci95 is None:
        return result
    size, work = result.shape["bytes"], sized.workload.bytes_moved(result.shape, PRECISION)
    low, high = result.ci95
    exchange = Exchange(
        ranks=len(sized.subgroup.ranks),
        nodes=sized.subgroup.nodes,
        reach=sized.subgroup.reach,
        seconds=work / result.value,
        seconds_ci95=(work / high, work / low),
        algorithm_bytes_per_s=result.value * size / work,
        bus_bytes_per_s=result.value,
    )
    # Whether an interval is settled is judged over processes; these rounds are of one group of them.
    notes = tuple(note for note in result.notes if not note.startswith("rounds of fewer than"))
    update = {"exchange": exchange, "settled": None, "notes": (*notes, ONE_GROUP)}
    return result.model_copy(update=update)
