"""A machine whose pace drifts does not change who is found to be fastest, nor what is chosen."""

from __future__ import annotations

import random
import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.choosing.pace import Pace, levels
from bench.choosing.search import search
from kernels.products.shapes import cpu_grid
from tests.bench.known_rates import RIGHT, ScriptedWorkload, drifting, plateau, share_of_best

CPU_GRID = cpu_grid()
TRUE = {"a": 26.0, "b": 26.05, "c": 25.8, "d": 26.02}
STEPS = st.lists(st.tuples(st.integers(1, 60), st.floats(-1, 1)), max_size=3)


def in_rounds(seed: int, rounds: int = 15) -> list[str]:
    order = random.Random(seed)
    return [name for _ in range(rounds) for name in order.sample(sorted(TRUE), len(TRUE))]


@given(seed=st.integers(0, 1000), steps=STEPS)
def test_a_machine_that_changes_its_pace_a_few_times_changes_no_difference(
    seed: int, steps: list[tuple[int, float]]
) -> None:
    """Raw medians are off by as much as the pace changes; differences of neighbours only at the steps."""
    samples = [
        (name, TRUE[name] + sum(height for when, height in steps if at >= when))
        for at, name in enumerate(in_rounds(seed))
    ]
    found = levels(samples)
    for one, other in pairwise(sorted(TRUE)):
        assert found[one] - found[other] == pytest.approx(TRUE[one] - TRUE[other], abs=0.02)


@given(
    seed=st.integers(0, 1000),
    up=st.floats(-3, 3),
    noise=st.lists(st.floats(-0.2, 0.2), min_size=60, max_size=60),
)
def test_a_machine_that_is_faster_throughout_is_faster_for_all(
    seed: int, up: float, noise: list[float]
) -> None:
    samples = [(name, TRUE[name] + off) for name, off in zip(in_rounds(seed), noise, strict=True)]
    slow = levels(samples)
    fast = levels([(name, value + up) for name, value in samples])
    for name in TRUE:
        assert fast[name] - slow[name] == pytest.approx(up, abs=1e-6)


def test_single_outliers_are_passed_over() -> None:
    samples = [(name, TRUE[name] - (1.0 if at % 9 == 0 else 0.0)) for at, name in enumerate(in_rounds(0))]
    assert levels(samples) == pytest.approx(TRUE, abs=0.02)


def test_what_was_sampled_once_is_told_by_its_neighbours() -> None:
    """The machine is slow by 0.5 just then."""
    before = [("a", 26.0), ("b", 26.1)] * 4
    during = [("a", 25.5), ("new", 25.7), ("b", 25.6)]
    assert levels(before + during + before)["new"] == pytest.approx(26.2, abs=0.03)


def test_one_entrant_alone_has_its_median() -> None:
    pace: Pace[str] = Pace()
    for value in (1.0, 2.0, 9.0):
        pace.add("a", value)
    assert pace.levels() == {"a": 2.0}
    assert levels([]) == {}


def test_the_samples_since_count_alone() -> None:
    pace: Pace[str] = Pace()
    for name, value in [("a", 5.0), ("b", 1.0)] * 3 + [("a", 1.0), ("b", 2.0)] * 3:
        pace.add(name, value)
    found = pace.levels_since(6)
    assert found["b"] - found["a"] == pytest.approx(1.0, abs=0.01)


def test_a_drifting_machine_costs_two_per_cent_at_most_nine_times_in_ten() -> None:
    """A search that compares rates as they were measured stays within that in two runs of three."""
    shares = []
    for seed in range(12):
        workload = ScriptedWorkload(RIGHT, rate=plateau, shapes=CPU_GRID)
        chosen = search(drifting(workload, seed), seconds=10.0, slot_seconds=10.0 if seed % 2 else 0.7)
        shares.append(share_of_best(workload, chosen))
    assert sum(share >= 0.98 for share in shares) >= 11, sorted(shares)
    assert statistics.median(shares) >= 0.99, sorted(shares)
