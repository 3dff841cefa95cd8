"""All devices of a node at once: what is left of each one's rate where power, heat and links are shared."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from bench.plan import Plan
from bench.running.trial import Trial
from bench.running.turn import Turn
from bench.worker.process import WorkerLostError
from bench.worker.tasks import LongRunTaken, RunLong

# Long enough for a process to start and to put its operands in place. Unit: s.
WARM_UP_SECONDS = 0.2


def take_together(turns: Sequence[Turn], plan: Plan, seconds: float) -> None:
    """Run each headline figure on all devices at once, and put it beside what each gave alone.

    Args:
        turns: The devices, each with its results.
        plan: Seed and patience.
        seconds: For all of it. Unit: s.
    """
    keys = shared_cases(turns)
    for key in keys:
        trials = [_trial(turn, key) for turn in turns]
        if sum(trial is not None for trial in trials) < 2:
            continue
        length = max(1.0, seconds / len(keys))
        pool = ThreadPoolExecutor(len(turns))
        try:
            # All are made ready first: a process that is still starting shares no power with the others.
            list(pool.map(partial(_rate, plan=plan, seconds=WARM_UP_SECONDS), turns, trials))
            rates = list(pool.map(partial(_rate, plan=plan, seconds=length), turns, trials))
        finally:
            # After an interrupt the workers are killed, which ends what these threads wait for.
            pool.shutdown(wait=False, cancel_futures=True)
        for turn, trial, rate in zip(turns, trials, rates, strict=True):
            if trial is not None and rate is not None:
                turn.add_together(trial, rate)


def shared_cases(turns: Sequence[Turn]) -> list[str]:
    """Headline cases that at least two devices have, and that nothing has ended."""
    trials = [trial for turn in turns for trial in turn.trials if trial.workload.headline]
    labels = [trial.case.label for trial in trials if not (trial.error or trial.skipped)]
    return [label for label in dict.fromkeys(labels) if labels.count(label) > 1]


def _trial(turn: Turn, label: str) -> Trial | None:
    return next((one for one in turn.trials if one.case.label == label and one.sound), None)


def _rate(turn: Turn, trial: Trial | None, plan: Plan, seconds: float) -> float | None:
    """The steady rate while the others run too; None where it could not be had."""
    if trial is None or trial.settled is None or trial.settled.chosen is None:
        return None
    task = RunLong(trial.case, trial.settled.chosen, plan.seed, seconds)
    try:
        answer = turn.worker.do(task, 3 * seconds + plan.patience_seconds)
    except WorkerLostError:
        return None
    if isinstance(answer, LongRunTaken):
        return answer.steady
    # What a failure left behind (a broken context, held memory) must not meet the next case.
    turn.worker.renew()
    return None
