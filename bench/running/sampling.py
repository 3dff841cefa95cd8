"""Rounds: every trial measured again and again over the time budget, in an order drawn anew each time.

Interleaving spreads slow drifts (heat, a neighbour on a shared host) over all trials alike, and makes
the rounds of one trial far enough apart to differ as two runs would. A fresh process for each sweep over the
trials lets memory land elsewhere and threads be placed anew, which within one process never change: intervals
from one process's own samples hold another run's value far less often than they say.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.devices.device import Clock
from bench.plan import MIN_ROUNDS
from bench.running.trial import Trial

# About how long a round should be: many short rounds tell more of the spread than few long ones. Unit: s.
SLOT_SECONDS = 0.7
MOST_ROUNDS = 40
# Of the time for rounds, what starting fresh processes may take.
START_SHARE = 0.35
# A check that takes more of a slot than this is made in the first and the fifth round only.
CHECK_SHARE = 0.25
MOST_EXTRA_SWEEPS = 4 * MIN_ROUNDS


@dataclass(frozen=True)
class Schedule:
    """How many sweeps over the trials fit, and how many fresh processes make them.

    Attributes:
        sweeps: Each takes a round of every trial.
        processes: One for each of the first five sweeps, as far as they reach; the others are spread evenly.
        start_seconds: What starting one takes. Unit: s.
    """

    sweeps: int
    processes: int
    start_seconds: float = 0.0

    def is_fresh(self, sweep: int) -> bool:
        """Whether this sweep, from 0, begins with a fresh process.

        A trial may settle after six rounds. If these came from two processes, because forty sweeps share ten
        of them, nothing would tell how much processes differ.
        """
        first = min(self.processes, MIN_ROUNDS)
        if sweep < first:
            return True
        # Extra sweeps, of trials that had to start over, get fresh processes as often as all do on average.
        skipped = first if sweep < self.sweeps else 0
        processes, sweeps, place = self.processes - skipped, self.sweeps - skipped, sweep - skipped
        return (place + 1) * processes // sweeps != place * processes // sweeps

    def starts_left_seconds(self, sweep: int) -> float:
        """What starting the processes of the sweeps after this one will take. Unit: s."""
        return self.start_seconds * sum(self.is_fresh(later) for later in range(sweep + 1, self.sweeps))


def schedule(seconds: float, trials: int, start_seconds: float) -> Schedule:
    """Plan five to forty sweeps of slots under a second, each in a fresh process if that costs little.

    Args:
        seconds: Time for all rounds. Unit: s.
        trials: How many trials a sweep goes over.
        start_seconds: What starting a process takes. Unit: s.
    """
    sweep_seconds = SLOT_SECONDS * max(1, trials) + start_seconds
    sweeps = min(MOST_ROUNDS, max(MIN_ROUNDS, int(seconds / sweep_seconds)))
    spare_seconds = START_SHARE * seconds
    if spare_seconds >= sweeps * start_seconds:
        return Schedule(sweeps, sweeps, start_seconds)
    return Schedule(sweeps, max(1, int(spare_seconds / start_seconds)), start_seconds)


def sample(
    trials: Sequence[Trial],
    *,
    planned: Schedule,
    deadline: float,
    clock: Clock,
    order: random.Random,
    renew: Callable[[], None],
    take: Callable[[Trial, float, bool], None],
) -> None:
    """Take rounds of all trials until the deadline, or until all have settled.

    Each slot is an equal share of the time left, so that one slow call is made up for by the others. Where
    calls get slower than expected (a busy host), fewer rounds are taken, but never fewer than five.

    Args:
        trials: Trials whose shape is chosen; those that failed are passed over.
        planned: Sweeps and processes.
        deadline: When the last round should be done, on ``clock``. Unit: s.
        clock: Tells the time. Unit: s.
        order: Draws the order within each sweep.
        renew: Called where a fresh process is due.
        take: Takes a round of a trial in a slot of so many seconds, with a check or without.
    """
    for sweep in range(planned.sweeps + MOST_EXTRA_SWEEPS):
        over = sweep >= planned.sweeps or clock() >= deadline
        # A trial that had to start over with a smaller shape gets its five rounds all the same.
        active = [one for one in trials if one.active and not (over and len(one.rounds) >= MIN_ROUNDS)]
        if not active:
            break
        order.shuffle(active)
        if planned.is_fresh(sweep):
            renew()
        for place, trial in enumerate(active):
            if trial.active:
                slots_left = len(active) * max(1, planned.sweeps - sweep) - place
                left = deadline - clock() - planned.starts_left_seconds(sweep)
                slot = max(0.0, left) / slots_left
                due = sweep in (0, MIN_ROUNDS - 1) or trial.check_seconds <= CHECK_SHARE * slot
                take(trial, slot, due)
