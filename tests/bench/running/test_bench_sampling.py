"""Schedules of sweeps and fresh processes, and who is measured when."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.choosing.choice import Chosen
from bench.devices.fake import FakeClock, FakeWorkload
from bench.plan import MIN_ROUNDS
from bench.running.sampling import MOST_ROUNDS, START_SHARE, Schedule, sample, schedule
from bench.running.trial import REPLAYED, Round, Trial
from bench.worker.tasks import Case, RoundTaken, Settled, Surroundings
from kernels.workload import Verdict

WORKLOAD = FakeWorkload(Verdict(correct=True, detail=""))
SETTLED = Settled(Chosen({"size": 1}, None, 0.01))


def trials(count: int) -> list[Trial]:
    made = [Trial(Case(f"w{number}", "fp32"), WORKLOAD, "cpu") for number in range(count)]
    for trial in made:
        trial.settle(SETTLED)
    return made


def taken(value: float) -> RoundTaken:
    return RoundTaken(value, 10, 0.1, Surroundings())


def test_replayed_calls_are_said_once() -> None:
    (trial,) = trials(1)
    for _ in range(3):
        trial.take(replace(taken(1e9), replayed=True), started_seconds=0.0, process=0)
    assert trial.notes == [REPLAYED]


@given(st.floats(0, 2000), st.integers(1, 60), st.floats(0, 30))
def test_a_schedule_has_five_sweeps_and_the_processes_it_can_afford(
    seconds: float, count: int, start: float
) -> None:
    planned = schedule(seconds, count, start)
    assert MIN_ROUNDS <= planned.sweeps <= MOST_ROUNDS
    assert 1 <= planned.processes <= planned.sweeps
    assert planned.processes == 1 or planned.processes * start <= START_SHARE * seconds
    fresh = [planned.is_fresh(sweep) for sweep in range(planned.sweeps)]
    assert sum(fresh) == planned.processes
    # A trial that settles has six rounds, which tell how processes differ only if they come from five.
    assert all(fresh[: min(MIN_ROUNDS, planned.processes)])
    # So do those of a trial that starts over in the extra sweeps.
    again = [planned.is_fresh(planned.sweeps + sweep) for sweep in range(planned.sweeps)]
    assert sum(again) == planned.processes


def test_where_starting_is_cheap_each_sweep_has_its_own_process() -> None:
    planned = schedule(60, 10, 0.5)
    assert planned.processes == planned.sweeps


def take_all(count: int, seconds: float, *, noise: float, seed: int = 0) -> tuple[list[Trial], list[str]]:
    """Sample trials whose rounds fill their slots, with lognormal noise."""
    clock, made, calls = FakeClock(), trials(count), list[str]()
    draw = random.Random(seed)

    def take(trial: Trial, slot: float, check: bool) -> None:
        clock.advance(slot)
        trial.take(taken(1e9 * draw.lognormvariate(0, noise)), started_seconds=clock(), process=0)
        calls.append(trial.label + (" checked" if check else ""))

    sample(
        made,
        planned=schedule(seconds, count, 0.1),
        deadline=seconds,
        clock=clock,
        order=random.Random(seed),
        renew=lambda: calls.append("renew"),
        take=take,
    )
    assert clock() <= seconds * 1.0001
    return made, calls


@given(st.integers(1, 6), st.floats(5, 600), st.integers(0, 9))
def test_every_trial_gets_its_rounds_within_the_deadline(count: int, seconds: float, seed: int) -> None:
    made, calls = take_all(count, seconds, noise=0.2, seed=seed)
    assert all(len(trial.rounds) >= MIN_ROUNDS for trial in made)
    assert calls[0] == "renew"


def test_a_trial_that_has_settled_leaves_its_time_to_the_others() -> None:
    made, calls = take_all(3, 300, noise=1e-4)
    assert all(len(trial.rounds) == MIN_ROUNDS + 1 for trial in made), "narrow twice in a row"
    assert Counter(call for call in calls if call != "renew").total() == 3 * (MIN_ROUNDS + 1)


def test_an_expensive_check_is_made_in_the_first_and_the_fifth_round() -> None:
    clock, (trial,) = FakeClock(), trials(1)
    trial.check_seconds = 100.0
    checked: list[bool] = []

    def take(one: Trial, slot: float, check: bool) -> None:
        clock.advance(slot)
        one.add(one.rounds[0] if one.rounds else _round(1e9))
        one.enough = False
        checked.append(check)

    planned = Schedule(8, 8)
    sample(
        [trial], planned=planned, deadline=10, clock=clock, order=random.Random(0), renew=_nothing, take=take
    )
    assert [number for number, check in enumerate(checked) if check] == [0, MIN_ROUNDS - 1]


@pytest.mark.parametrize("fault", ["error", "skipped"])
def test_a_trial_that_ended_is_passed_over(fault: str) -> None:
    good, bad = trials(2)
    setattr(bad, fault, "because")
    seen: list[Trial] = []

    def take(trial: Trial, _slot: float, _check: bool) -> None:
        seen.append(trial)
        trial.take(taken(1e9 * (1 + 0.1 * (len(seen) % 2))), started_seconds=0, process=0)

    sample(
        [good, bad],
        planned=Schedule(5, 1),
        deadline=1,
        clock=FakeClock(),
        order=random.Random(0),
        renew=_nothing,
        take=take,
    )
    assert seen == [good] * 5


def _round(value: float) -> Round:
    trial = trials(1)[0]
    trial.take(taken(value), started_seconds=0, process=0)
    return trial.rounds[0]


def _nothing() -> None:
    pass
