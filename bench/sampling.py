"""Rounds: every trial measured again and again over the time budget, in an order drawn anew each time.

Interleaving spreads slow drifts (heat, a neighbour on a shared host) over all trials alike, and makes
the rounds of one trial far enough apart to differ as two runs would.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from bench.devices.device import Clock
from bench.plan import MIN_ROUNDS
from bench.trial import Trial

SLOT_SECONDS = 1.2
MOST_ROUNDS = 40


def round_count(seconds: float, trials: int) -> int:
    """How many rounds share the time: slots of about a second, five rounds at least, forty at most."""
    return min(MOST_ROUNDS, max(MIN_ROUNDS, int(seconds / (SLOT_SECONDS * max(1, trials)))))


def sample(
    trials: Sequence[Trial],
    *,
    deadline: float,
    clock: Clock,
    order: random.Random,
    on_round: Callable[[Trial], None],
) -> None:
    """Take rounds of all trials until the deadline; verify each trial's output after its last.

    Each slot is an equal share of the time left, so that one slow call is made up for by the others. Where
    calls get slower than the probe saw (a busy host), fewer rounds are taken, but never fewer than five.

    Args:
        trials: Trials that were probed; those that failed are passed over.
        deadline: When the last check should be done, on ``clock``. Unit: s.
        clock: Tells the time. Unit: s.
        order: Draws the order within each round.
        on_round: Told of each trial after each of its rounds.
    """
    rounds = round_count(deadline - clock(), sum(trial.active for trial in trials))
    for number in range(rounds):
        active = [trial for trial in trials if trial.active]
        order.shuffle(active)
        reserve = sum(trial.check_seconds for trial in active)
        if number >= MIN_ROUNDS and clock() + reserve >= deadline:
            break
        for place, trial in enumerate(active):
            slots_left = len(active) * (rounds - number) - place
            slot = max(0.0, deadline - clock() - reserve) / slots_left
            with trial.attempt():
                trial.take_round(slot)
            on_round(trial)
    for trial in trials:
        if trial.active:
            with trial.attempt():
                trial.check()
