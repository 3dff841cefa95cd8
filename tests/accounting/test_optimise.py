"""The best mix against brute force, closed forms, and what duals must be."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.planning.optimise.clash import clashing, feasible
from accounting.planning.optimise.exchange import exchanged
from accounting.planning.optimise.problem import AnyLimit, CountLimit, Goal, Limit, Problem, Rates, ShareLimit
from accounting.planning.optimise.shadow import shadow_values
from accounting.planning.optimise.solver import UnboundedError, solve, tangent

DRAWS = 1_000


def drawn(means: Any, spreads: Any, seed: int, common: float = 0.5) -> Rates:
    """Lognormal rates with these medians; a part of their logs is common to all."""
    random = np.random.default_rng(seed)
    shared = random.standard_normal(DRAWS)
    own = random.standard_normal((len(means), DRAWS))
    logs = np.sqrt(common) * shared + np.sqrt(1 - common) * own
    return Rates(np.array(means)[:, None] * np.exp(np.array(spreads)[:, None] * logs), np.zeros(DRAWS))


def exact_rates(values: Any) -> Rates:
    return Rates(np.repeat(np.array(values, dtype=float)[:, None], 3, axis=1), np.zeros(3))


def brute_force(problem: Problem, most: int) -> tuple[float, Any] | None:
    """Return the goal's best value over all counts of up to ``most`` units each that keep every limit."""
    best = None
    for units in itertools.product(range(most + 1), repeat=len(problem.units)):
        counts = np.array(units) * problem.units
        if not problem.kept(counts):
            continue
        value = problem.goal.value(counts)
        if best is None or problem.better(value, best[0]):
            best = value, counts
    return best


small = st.lists(st.floats(1.0, 5.0), min_size=3, max_size=3)


@settings(max_examples=12, deadline=None)
@given(
    gain=small, cost=small, cap=st.floats(4.0, 9.0), at=st.sampled_from([0.2, 0.5]), seed=st.integers(0, 99)
)
def test_the_mix_is_as_good_as_the_best_of_all(
    gain: list[float], cost: list[float], cap: float, at: float, seed: int
) -> None:
    goal = Goal("gain", drawn(gain, [0.3, 0.4, 0.5], seed), at)
    limits: tuple[AnyLimit, ...] = (
        Limit("cost", drawn(cost, [0.1, 0.1, 0.2], seed + 1), "at most", cap),
        ShareLimit("share", goal.rates, np.array([1.0, 1.0, 0.0]), 0.0, "at most", 0.7),
        CountLimit("anything", np.ones(3), "at least", 1.0),
    )
    problem = Problem(goal, limits, np.ones(3))
    best = brute_force(problem, 10)
    found = solve(problem)
    if best is None:
        assert found is None
        return
    assert found is not None
    assert problem.kept(found.counts)
    # percentiles of draws are not quite smooth in the counts
    assert found.value >= best[0] * 0.99
    assert found.value <= best[0] * (1 + 1e-12)


@settings(max_examples=12, deadline=None)
@given(cost=small, gain=small, wanted=st.floats(3.0, 12.0), seed=st.integers(0, 99))
def test_the_cheapest_mix_is_as_cheap_as_the_cheapest_of_all(
    cost: list[float], gain: list[float], wanted: float, seed: int
) -> None:
    goal = Goal("cost", drawn(cost, [0.2, 0.1, 0.3], seed), maximise=False)
    limit = Limit("gain", drawn(gain, [0.4, 0.3, 0.5], seed + 1), "at least", wanted, sure=0.8)
    problem = Problem(goal, (limit,), np.ones(3))
    # by counts that more of cannot be cheaper than
    best = brute_force(problem, 10)
    found = solve(problem)
    assert found is not None
    assert problem.kept(found.counts)
    if best is not None:
        assert found.value <= best[0] * 1.02


def test_a_known_linear_programme() -> None:
    # Dantzig's textbook form: max 3x + 5y, x ≤ 4, 2y ≤ 12, 3x + 2y ≤ 18 (Hillier and Lieberman, Wyndor Glass)
    problem = Problem(
        Goal("profit", exact_rates([3, 5])),
        (
            Limit("plant 1", exact_rates([1, 0]), "at most", 4.0),
            Limit("plant 2", exact_rates([0, 2]), "at most", 12.0),
            Limit("plant 3", exact_rates([3, 2]), "at most", 18.0),
        ),
        np.ones(2),
    )
    found = solve(problem)
    assert found is not None
    assert found.counts.tolist() == [2.0, 6.0]
    assert found.value == pytest.approx(36.0)
    assert found.gap == pytest.approx(0.0, abs=1e-6)
    # the book's shadow prices
    assert shadow_values(problem, found.counts) == pytest.approx(
        {"plant 1": 0.0, "plant 2": 1.5, "plant 3": 1.0}
    )


def test_a_share_has_the_shadow_value_of_the_closed_form() -> None:
    # a delivers 2, b 1, each costs 1 of 100; a's share s of the whole: n_a = s V ÷ 2, n_b = (1 - s) V, so
    # V = 100 ÷ (1 - s ÷ 2), and dV/ds = 50 ÷ (1 - s ÷ 2)²
    gain, share = exact_rates([2, 1]), 0.5
    problem = Problem(
        Goal("gain", gain),
        (
            Limit("cost", exact_rates([1, 1]), "at most", 100.0),
            ShareLimit("share", gain, np.array([1.0, 0.0]), 0.0, "at most", share),
        ),
        np.full(2, 1.0),
    )
    value = 100 / (1 - share / 2)
    continuous = np.array([share * value / 2, (1 - share) * value])
    found = shadow_values(problem, continuous)
    assert found["share"] == pytest.approx(50 / (1 - share / 2) ** 2)
    assert found["cost"] == pytest.approx(value / 100)
    best = solve(problem)
    assert best is not None
    assert value - 2 < best.value <= value


def test_counts_come_in_their_units_and_a_smaller_unit_is_never_worse() -> None:
    goal = Goal("gain", drawn([2.0, 3.0], [0.3, 0.5], 1), 0.2)
    limit = Limit("cost", drawn([1.0, 1.6], [0.1, 0.1], 2), "at most", 1_000.0)
    coarse = solve(Problem(goal, (limit,), np.array([72.0, 8.0])))
    fine = solve(Problem(goal, (limit,), np.array([1.0, 1.0])))
    assert coarse is not None
    assert fine is not None
    assert coarse.counts[0] % 72 == 0
    assert coarse.counts[1] % 8 == 0
    assert fine.value >= coarse.value * (1 - 1e-3)


def test_caution_spreads_over_more_models_and_is_better_at_its_percentile() -> None:
    # two models as good as each other, whose efficiencies are known apart: half of each is safest
    rates = drawn([1.0, 1.0], [0.5, 0.5], 3, common=0.0)
    limit = CountLimit("number", np.ones(2), "at most", 100.0)
    robust = solve(Problem(Goal("gain", rates, 0.2), (limit,), np.ones(2)))
    assert robust is not None
    assert robust.counts.sum() == 100
    assert abs(robust.counts[0] - 50) <= 8
    middle = Goal("gain", rates, 0.5)
    median = solve(Problem(middle, (limit,), np.ones(2)))
    assert median is not None
    assert robust.value >= Goal("gain", rates, 0.2).value(median.counts) * (1 - 1e-6)
    assert median.value >= middle.value(robust.counts) * (1 - 2e-3)


def test_limits_are_kept_with_the_probability_asked_for() -> None:
    rates = drawn([1.0, 1.2], [0.3, 0.2], 4)
    goal = Goal("gain", drawn([1.0, 1.1], [0.2, 0.2], 5))
    last = np.inf
    for sure in (0.5, 0.8, 0.95):
        limit = Limit("power", rates, "at most", 500.0, sure)
        found = solve(Problem(goal, (limit,), np.ones(2)))
        assert found is not None
        assert np.mean(rates.of(found.counts) <= 500.0) >= sure
        # one unit more of the smaller would break it
        more = found.counts + np.array([2.0, 0.0])
        assert np.mean(rates.of(more) <= 500.0) < sure + 0.01
        assert found.value < last
        last = found.value


def test_a_tangent_touches_its_percentile() -> None:
    rates, counts = drawn([1.0, 2.0, 3.0], [0.3, 0.2, 0.4], 6), np.array([5.0, 3.0, 1.0])
    for at in (0.05, 0.2, 0.5, 0.9):
        line = tangent(rates, counts, at)
        assert line.constant + line.each @ counts == pytest.approx(np.quantile(rates.of(counts), at))
        # a percentile is homogeneous: half of all is half of it
        assert line.each @ (counts / 2) == pytest.approx(np.quantile(rates.of(counts / 2), at))


def infeasible() -> Problem:
    goal = Goal("gain", exact_rates([1, 1]))
    return Problem(
        goal,
        (
            Limit("harmless", exact_rates([1, 1]), "at most", 1e6),
            Limit("power", exact_rates([2, 1]), "at most", 10.0),
            Limit("wanted", exact_rates([1, 1]), "at least", 8.0),
            CountLimit("none of b", np.array([0.0, 1.0]), "at most", 0.0),
        ),
        np.ones(2),
    )


def test_the_limits_that_clash_are_those_and_no_others() -> None:
    problem = infeasible()
    assert solve(problem) is None
    found = clashing(problem)
    assert [limit.name for limit in found] == ["power", "wanted", "none of b"]
    # irreducible: without any one of them the rest can be kept
    for limit in found:
        assert feasible(problem.with_limits([one for one in found if one is not limit]))


@settings(max_examples=12, deadline=None)
@given(caps=st.lists(st.floats(0.5, 6.0), min_size=3, max_size=3), wanted=st.floats(1.0, 20.0))
def test_no_mix_is_found_exactly_where_there_is_none(caps: list[float], wanted: float) -> None:
    goal = Goal("gain", exact_rates([1.0, 1.5, 2.5]))
    limits = [Limit(f"cap {i}", exact_rates(np.eye(3)[i]), "at most", cap) for i, cap in enumerate(caps)]
    problem = Problem(goal, (*limits, Limit("wanted", goal.rates, "at least", wanted)), np.ones(3))
    best = brute_force(problem, 6)
    found = solve(problem)
    assert (found is None) == (best is None)
    if found is None:
        kept = clashing(problem)
        assert not feasible(problem.with_limits(kept))
    elif best is not None:
        assert found.value == pytest.approx(best[0])


def test_a_goal_without_end_is_refused() -> None:
    problem = Problem(
        Goal("gain", exact_rates([1, 2])), (CountLimit("some", np.ones(2), "at least", 1.0),), np.ones(2)
    )
    with pytest.raises(UnboundedError):
        solve(problem)


def test_what_stands_already_counts() -> None:
    gain = Rates(np.ones((1, 3)), np.full(3, 10.0))
    limit = Limit("cost", Rates(np.full((1, 3), 2.0), np.full(3, 4.0)), "at most", 11.0)
    found = solve(Problem(Goal("gain", gain), (limit,), np.ones(1)))
    assert found is not None
    assert found.counts.tolist() == [3.0]
    assert found.value == 13.0


def test_exchanging_never_breaks_a_limit_nor_loses() -> None:
    goal = Goal("gain", drawn([1.0, 2.0, 4.0], [0.2, 0.3, 0.4], 7), 0.3)
    problem = Problem(
        goal, (Limit("cost", drawn([1.0, 2.1, 4.0], [0.1, 0.1, 0.1], 8), "at most", 40.0),), np.ones(3)
    )
    start = np.array([5.0, 5.0, 2.0])
    found = exchanged(problem, start)
    assert problem.kept(found)
    assert goal.value(found) >= goal.value(start)


def test_fewer_limits_are_never_worse() -> None:
    problem = infeasible()
    loose = replace(problem, limits=problem.limits[:2])
    tight = replace(problem, limits=(problem.limits[0], problem.limits[1], problem.limits[3]))
    more, less = solve(loose), solve(tight)
    assert more is not None
    assert less is not None
    assert more.value >= less.value
