"""The search for a shape and a backend finds what is best, in its time, and tells what it did."""

from __future__ import annotations

import math
import statistics

import pytest

from bench.choosing.choice import NothingToChoose
from bench.choosing.search import search
from kernels.workload import Shape
from tests.bench.known_rates import GRID, RIGHT, SMALLER, ScriptedWorkload, bout, found, ridge, share_of_best


def test_winner_is_within_one_per_cent_of_the_best() -> None:
    shares = []
    for seed in range(8):
        workload = ScriptedWorkload(RIGHT, shapes=SMALLER, names=("torch", "slow", "packed"))
        shares.append(share_of_best(workload, found(workload, seed, seconds=5.0, sigma=0.01)))
    assert sum(share >= 0.99 for share in shares) >= 7, sorted(shares)[:5]


def test_a_busy_neighbour_costs_little() -> None:
    """One sample in ten takes 2.5 times as long."""
    shares = []
    for seed in range(6):
        workload = ScriptedWorkload(RIGHT, shapes=SMALLER)
        shares.append(share_of_best(workload, found(workload, seed, sigma=0.02, slow_share=0.1)))
    assert statistics.median(shares) >= 0.98, sorted(shares)


@pytest.mark.parametrize("seconds", [2.0, 10.0])
def test_it_keeps_to_its_time(seconds: float) -> None:
    race = bout(ScriptedWorkload(RIGHT))
    chosen = search(race, seconds=seconds, slot_seconds=10.0)
    assert chosen.search is not None
    assert chosen.search.seconds == race.clock() <= 1.1 * seconds


def test_the_default_value_is_not_the_luckiest() -> None:
    """Of candidates that are all alike, the value given for the default is not biased upwards."""

    def alike(shape: Shape, backend: str) -> float:
        return 5e11

    errors = []
    for seed in range(8):
        workload = ScriptedWorkload(RIGHT, rate=alike, shapes=SMALLER, names=("torch",))
        chosen = found(workload, seed, seconds=4.0, sigma=0.05)
        assert chosen.search is not None
        assert chosen.search.default_value is not None
        errors.append(math.log(chosen.search.default_value / 5e11))
    # the luckiest of over fifty samples would be two sigma, 0.1, too high
    assert abs(statistics.mean(errors)) < 0.03


def test_what_was_searched_is_told() -> None:
    workload = ScriptedWorkload(RIGHT)
    chosen = found(workload)
    assert chosen.backend == "packed"
    told = chosen.search
    assert told is not None
    assert told.backends == workload.names
    assert told.default_backend == "torch"
    assert told.candidates == len(GRID) * len(workload.names)
    assert 20 < told.shapes_tried < len(GRID)
    assert 4 <= told.finalists <= 8
    assert told.default_value == pytest.approx(ridge(told.default_shape, "torch"), rel=0.05)
    ideal = workload.flop(chosen.shape) / ridge(chosen.shape, "packed")
    assert chosen.call_seconds == pytest.approx(ideal, rel=0.2)


def test_the_winner_is_compared_with_the_default_in_the_same_rounds() -> None:
    chosen = found(ScriptedWorkload(RIGHT), sigma=0.005)
    told = chosen.search
    assert told is not None
    assert told.value is not None
    assert told.default_value is not None
    assert chosen.backend == "packed"
    assert told.value == pytest.approx(ridge(chosen.shape, "packed"), rel=0.02)
    assert told.value > told.default_value


def test_no_call_is_longer_than_its_share_of_the_slot() -> None:
    longest = 0.0

    def watch(shape: Shape, backend: str) -> None:
        nonlocal longest
        longest = max(longest, 2.0 * math.prod(shape.values()) / ridge(shape, backend))

    search(bout(ScriptedWorkload(RIGHT, spoil=watch)), seconds=10.0, slot_seconds=0.5)
    assert 0 < longest < 1.5 * 0.05 * 0.5


def test_one_candidate() -> None:
    shape = {"m": 1024, "n": 1024, "k": 1024}
    chosen = found(ScriptedWorkload(RIGHT, shapes=(shape,), names=("torch",)))
    assert chosen.shape == shape
    assert chosen.search is not None
    assert (chosen.search.shapes_tried, chosen.search.finalists) == (1, 1)


def test_no_candidate() -> None:
    with pytest.raises(NothingToChoose, match="too little memory"):
        found(ScriptedWorkload(RIGHT, shapes=()))
