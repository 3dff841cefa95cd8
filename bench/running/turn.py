"""One device's share of a run: choose a shape for each trial, take rounds of all, then the long runs."""

from __future__ import annotations

import random
from collections.abc import Sequence

from bench.assessing.results import result_of
from bench.devices.device import Clock
from bench.plan import MIN_ROUNDS, Plan
from bench.record import DeviceDescription, Result
from bench.running.log import Log
from bench.running.sampling import sample, schedule
from bench.running.trial import Trial, sound_trials
from bench.worker.process import Worker, WorkerLostError
from bench.worker.tasks import (
    Answer,
    Choose,
    Failure,
    LongRunTaken,
    RoundTaken,
    RunLong,
    Settled,
    TakeRound,
    Task,
)

# Of a device's time, what choosing may take; a search of shapes and libraries gets more of it than a ladder.
CHOOSE_SHARE = 0.25
SEARCH_WEIGHT = 6.0
LENGTHY_WEIGHT = 3.0
RUNG_WEIGHT = 0.2
MOST_SEARCH_SECONDS = 10.0
# Over less than this a meter or a scheduler tells little. Unit: s.
LEAST_WINDOW_SECONDS = 0.05
# An energy meter is right to 5 % over twenty of its periods (`bench.devices.meters.energy`). A round gets a
# quarter of that, as there are five rounds at least. Before it the device is kept busy for one period, so
# that the meter lags by as much at the beginning as at the end.
ENERGY_WINDOW_SHARE = 0.25
ENERGY_WARM_UP_SHARE = 0.05
# Compiling kernels for a GPU for the first time takes minutes.
COMPILE_SECONDS = 300.0
MOST_STEPS_DOWN = 4
RAN_OUT = "memory ran out"
MOST_FAULTS = 1


class Turn:
    """State of one device's share.

    Args:
        description: The device, spec sheet included.
        worker: Does the measuring.
        trials: What is measured.
        plan: Seed, patience, length of long runs.
        clock: Tells the time. Unit: s.
        log: Told of everything.
        least_window_seconds: Shortest window for the device's energy meter. Unit: s.
    """

    def __init__(
        self,
        description: DeviceDescription,
        worker: Worker,
        trials: list[Trial],
        plan: Plan,
        clock: Clock,
        log: Log,
        least_window_seconds: float = 0.0,
    ) -> None:
        self.description, self.worker, self.trials = description, worker, trials
        self._plan, self._clock, self._log = plan, clock, log
        self._meter_window_seconds = least_window_seconds
        self._process_offset = 0
        self._finished: dict[str, Result] = {}

    @property
    def results(self) -> tuple[Result, ...]:
        """Results so far, in the order of the trials."""
        labels = (trial.label for trial in self.trials)
        return tuple(self._finished[label] for label in labels if label in self._finished)

    def adopt(self, label: str, result: Result) -> None:
        """Take over a result that an earlier run had finished."""
        self._finished[label] = result

    def add_together(self, trial: Trial, value: float) -> None:
        """Put what a trial gave while all devices ran at once beside what it gave alone."""
        trial.together = value
        self._finished[trial.label] = self._finished[trial.label].model_copy(update={"together": value})

    def take(self, deadline: float, order: random.Random) -> None:
        """Measure everything within the deadline."""
        for trial in self.trials:
            if trial.skipped:
                self.finish(trial)
        open_trials = [trial for trial in self.trials if trial.label not in self._finished]
        long_seconds = self._plan.long_run_seconds
        reserve = long_seconds * sum(one.workload.headline for one in open_trials if not one.skipped)
        self._choose_all(open_trials, deadline - reserve)
        seconds = max(0.0, deadline - reserve - self._clock())
        sample(
            open_trials,
            planned=schedule(seconds, len(sound_trials(open_trials)), self.worker.start_seconds),
            deadline=deadline - reserve,
            clock=self._clock,
            order=order,
            renew=self.worker.renew,
            take=self._take_round,
        )
        for trial in sound_trials(open_trials) if long_seconds > 0 else ():
            if trial.workload.headline and len(trial.rounds) >= MIN_ROUNDS:
                self._log.working(trial, f"a run of {long_seconds:.0f} s without a pause")
                self._take_long_run(trial, long_seconds)
        for trial in open_trials:
            self.finish(trial)

    def finish(self, trial: Trial) -> None:
        """Turn a trial into its result, once."""
        if trial.label not in self._finished:
            result = result_of(trial, self.description)
            self._finished[trial.label] = result
            self._log.result(trial, result)

    def finish_interrupted(self) -> None:
        """Give every trial with rounds enough its value; the others end as interrupted.

        The journal is not told: should the record not be written either, the run can still be resumed.
        """
        for trial in self.trials:
            trial.interrupted = True
            if trial.label not in self._finished:
                self._finished[trial.label] = result_of(trial, self.description)

    def resume_after(self, processes: int) -> None:
        """Count the processes of this run from there on."""
        self._process_offset = processes

    def fail_all(self, reason: str) -> None:
        """The device could not be opened: every trial ends with that."""
        for trial in self.trials:
            trial.error = reason
            self.finish(trial)

    def _choose_all(self, trials: Sequence[Trial], deadline: float) -> None:
        due = [trial for trial in trials if trial.settled is None]
        seconds = max(0.0, deadline - self._clock())
        planned = schedule((1 - CHOOSE_SHARE) * seconds, len(trials), self.worker.start_seconds)
        slot = (1 - CHOOSE_SHARE) * seconds / max(1, len(trials) * planned.sweeps)
        left = {trial.label: _weight(trial) for trial in due}
        end = self._clock() + CHOOSE_SHARE * seconds
        for trial in due:
            share = max(0.0, end - self._clock()) * left[trial.label] / sum(left.values())
            del left[trial.label]
            if trial.error:
                self.finish(trial)
            else:
                self._choose(trial, min(share, MOST_SEARCH_SECONDS), slot)

    def _choose(self, trial: Trial, seconds: float, slot: float, below_bytes: int | None = None) -> None:
        self._log.working(trial, "choosing a shape")
        task = Choose(trial.case, self._plan.seed, seconds, slot, below_bytes)
        extra = 0.0 if self.description.kind == "cpu" else COMPILE_SECONDS
        answer = self._ask(trial, task, seconds, extra)
        if isinstance(answer, Settled):
            trial.settle(answer)
            self._log.settled(trial, answer)
        elif isinstance(answer, Failure):
            trial.error = answer.reason
        if not trial.sound:
            self.finish(trial)

    def _take_round(self, trial: Trial, slot: float, check: bool) -> None:
        if trial.settled is None or trial.settled.chosen is None:
            return
        task = TakeRound(
            trial.case,
            trial.settled.chosen,
            self._plan.seed,
            slot,
            self._window_seconds(trial),
            self._warm_up_seconds(trial),
            check=check,
            repeat=not trial.rounds,
        )
        started = self._log.spent_seconds
        answer = self._ask(trial, task, slot)
        if isinstance(answer, RoundTaken):
            number = self._process_offset + self.worker.process_number
            trial.take(answer, started_seconds=started, process=number)
            self._log.round(trial, trial.rounds[-1])
        elif isinstance(answer, Failure):
            self._after_failure(trial, answer)
        if not trial.sound:
            self.finish(trial)

    def _window_seconds(self, trial: Trial) -> float:
        """Time that a round's calls must fill: the energy of headline figures may need longer than timing."""
        longer = self._meter_window_seconds * ENERGY_WINDOW_SHARE if trial.workload.headline else 0.0
        return max(LEAST_WINDOW_SECONDS, longer)

    def _warm_up_seconds(self, trial: Trial) -> float:
        return self._meter_window_seconds * ENERGY_WARM_UP_SHARE if trial.workload.headline else 0.0

    def _take_long_run(self, trial: Trial, seconds: float) -> None:
        if trial.settled is None or trial.settled.chosen is None:
            return
        answer = self._ask(
            trial, RunLong(trial.case, trial.settled.chosen, self._plan.seed, seconds), seconds
        )
        if isinstance(answer, LongRunTaken):
            trial.long_run = answer
        elif isinstance(answer, Failure):
            # The rounds stand: what broke later does not make them wrong.
            trial.notes.append(f"no long run: {answer.reason}")

    def _ask(self, trial: Trial, task: Task, expected_seconds: float, extra: float = 0.0) -> Answer:
        """Have a task done for a trial; a worker that is lost counts as a failure of it."""
        start = self._clock()
        try:
            answer = self.worker.do(task, 3 * expected_seconds + self._plan.patience_seconds + extra)
        except WorkerLostError as lost:
            answer = Failure(str(lost), out_of_memory=lost.out_of_memory)
            if lost.device_lost:
                self._end_all(str(lost))
        finally:
            trial.seconds_spent += max(0.0, self._clock() - start)
        if isinstance(answer, Failure):
            # What it left behind (a broken context, held memory) must not meet the next trial.
            self.worker.renew()
        return answer

    def _after_failure(self, trial: Trial, failure: Failure) -> None:
        """Decide what a failed round means for its trial.

        Where memory ran out, a smaller shape is chosen. Another failure is forgiven once where a round went
        well before it. Else the trial ends, and five rounds or more stand.
        """
        if trial.error or trial.enough:
            return
        if failure.out_of_memory:
            self._step_down(trial, failure)
        elif 0 < len(trial.rounds) < MIN_ROUNDS and trial.faults < MOST_FAULTS:
            trial.faults += 1
            trial.notes.append(f"a round failed and was taken again: {failure.reason}")
        else:
            trial.end(failure.reason)

    def _step_down(self, trial: Trial, failure: Failure) -> None:
        """Memory ran out in a round: choose among smaller shapes and start over.

        How often that was so far, the notes tell, which outlive an interrupt in the journal.
        """
        settled = trial.settled
        steps = sum(note.startswith(RAN_OUT) for note in trial.notes)
        chosen = settled.chosen if settled else None
        may_step = failure.out_of_memory and trial.case.shape is None and steps < MOST_STEPS_DOWN
        if settled is None or chosen is None or not may_step:
            trial.error = failure.reason
            return
        shape = " ".join(f"{key}={size}" for key, size in chosen.shape.items())
        trial.notes.append(f"{RAN_OUT} at {shape} ({failure.reason}): a smaller shape was measured")
        trial.set_rounds_aside(f"they were of {shape}")
        self._choose(trial, 1.0, 1.0, settled.footprint_bytes)

    def _end_all(self, reason: str) -> None:
        """End all open trials, as the device is gone; what was measured stands."""
        for trial in self.trials:
            if trial.label not in self._finished and not trial.skipped and not trial.enough:
                trial.end(reason)


def _weight(trial: Trial) -> float:
    """How much of the time for choosing a trial gets, against the others."""
    if trial.case.shape is not None:
        return RUNG_WEIGHT
    if trial.workload.choice == "search":
        return SEARCH_WEIGHT
    # A ladder of long calls takes longer to climb. By name, as another package may hide ours until checked.
    return LENGTHY_WEIGHT if hasattr(trial.workload, "enough_of_slot") else 1.0
