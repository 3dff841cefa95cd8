"""Change points by ranks: chances against counting, false alarms against a promise, sizes against scipy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.fleets.history.changes import (
    LEAST_NIGHTS,
    LEAST_PART,
    best_place,
    changes,
    false_discoveries,
    log_chance,
    night_correlation,
    screen,
    shift,
    slope,
    split_places,
)


@pytest.mark.parametrize(("part", "nights"), [(3, 10), (4, 11), (5, 10)])
def test_chances_of_rank_sums_are_those_of_all_draws(part: int, nights: int) -> None:
    sums = np.array([sum(one) for one in itertools.combinations(range(1, nights + 1), part)])
    for total in range(part * (part + 1) // 2, part * (nights + 1) // 2 + 1):
        expected = math.log(np.mean(sums <= total))
        assert log_chance(np.array([total]), part, nights)[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("part", "nights"), [(12, 60), (30, 90), (12, 300)])
def test_chances_agree_with_scipys_exact_test(part: int, nights: int) -> None:
    rng = np.random.default_rng(part)
    for _ in range(5):
        # the lowest ranks, but for a few
        ranks = np.sort(rng.choice(np.arange(1, nights // 2), part, replace=False))
        rest = np.setdiff1d(np.arange(1, nights + 1), ranks)
        expected = stats.mannwhitneyu(ranks, rest, alternative="less", method="exact").pvalue
        assert math.exp(log_chance(np.array([ranks.sum()]), part, nights)[0]) == pytest.approx(
            expected, rel=1e-6
        )


def test_the_normal_approximation_errs_to_the_safe_side() -> None:
    part, nights = 40, 120
    for total in np.linspace(part * (part + 1) / 2 + 400, part * (nights + 1) / 2 - 200, 8).astype(int):
        u = total - part * (part + 1) // 2
        exact = stats.mannwhitneyu(*_samples(u, part, nights), alternative="less", method="exact").pvalue
        found = log_chance(np.array([total]), part, nights)[0]
        assert found >= math.log(exact) - 0.02


def _samples(u: int, part: int, nights: int) -> tuple[list[int], list[int]]:
    """Two samples with that Mann-Whitney statistic."""
    first = list(range(1, part + 1))
    for place in range(part - 1, -1, -1):
        step = min(u, nights - part)
        first[place] += step
        u -= step
    return first, sorted(set(range(1, nights + 1)) - set(first))


@pytest.mark.parametrize("nights", [10, 30, 200])
@pytest.mark.parametrize("kind", ["normal", "outliers", "equal values"])
def test_series_that_never_change_keep_the_promise(nights: int, kind: str) -> None:
    rng = np.random.default_rng([nights, len(kind)])
    values = rng.normal(size=(3000, nights))
    if kind == "outliers":
        values += (rng.random(values.shape) < 0.05) * rng.uniform(-50, 0, values.shape)
    elif kind == "equal values":
        values = np.round(values)
    chances = screen(values).chances
    for promised in (0.1, 0.02):
        # three standard errors of so many series
        assert (chances <= promised).mean() <= promised + 3 * math.sqrt(promised / 3000)


def test_nights_that_resemble_the_one_before_keep_it_too_once_that_is_allowed_for() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(2000, 130))
    for night in range(1, 130):
        values[:, night] += 0.4 * values[:, night - 1]
    values = values[:, 30:]
    blind = screen(values)
    found = float(np.median(night_correlation(values, blind.splits)))
    assert found == pytest.approx(0.4, abs=0.06)
    assert (blind.chances <= 0.05).mean() > 0.15
    assert (screen(values, found).chances <= 0.05).mean() <= 0.05 + 3 * math.sqrt(0.05 / 2000)


def test_independent_nights_show_no_correlation() -> None:
    values = np.random.default_rng(6).normal(size=(2000, 60))
    assert abs(float(np.median(night_correlation(values, screen(values).splits)))) < 0.05


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("place", [5, 30, 52])
def test_a_change_is_found_where_it_is_and_as_large_as_it_is(sign: int, place: int) -> None:
    rng = np.random.default_rng(7)
    values = rng.normal(0, 0.003, 60)
    values[place:] += sign * 0.03
    values[rng.choice(60, 3, replace=False)] -= 0.4
    (found,) = changes(values, 1e-2)
    assert abs(found.place - place) <= 1
    assert found.low <= sign * 0.03 <= found.high
    assert found.high - found.low < 0.02


def test_several_changes_are_found_in_order() -> None:
    values = np.random.default_rng(8).normal(0, 0.002, 90)
    values[30:60] -= 0.05
    values[60:] -= 0.02
    assert [one.place for one in changes(values, 1e-4)] == [30, 60]


def test_a_few_bad_nights_in_the_middle_are_no_change() -> None:
    values = np.random.default_rng(9).normal(0, 0.002, 90)
    values[[20, 41, 42, 70]] -= 0.5
    assert changes(values, 1e-3) == []


@settings(max_examples=50)
@given(st.lists(st.integers(-1000, 1000), min_size=LEAST_NIGHTS, max_size=40, unique=True))
def test_only_the_order_of_values_matters(values: list[int]) -> None:
    plain, bent = np.array([values], dtype=float), np.array([[one**3 + one for one in values]], dtype=float)
    assert screen(plain).chances[0] == screen(bent).chances[0]
    # the other direction is as strong a finding
    assert screen(-plain).chances[0] == screen(plain).chances[0]


@given(st.integers(LEAST_NIGHTS, 800))
def test_splits_leave_two_parts_and_mirror(nights: int) -> None:
    splits = split_places(nights)
    assert splits.min() == LEAST_PART
    assert set(nights - splits) == set(splits)
    assert len(splits) <= 4 * math.log2(nights) + 12


def test_the_best_split_leaves_least_deviation() -> None:
    values = np.random.default_rng(10).normal(size=25)
    costs = {
        place: stats.median_abs_deviation(values[:place]) for place in range(LEAST_PART, 25 - LEAST_PART + 1)
    }
    costs = {
        place: sum(abs(x - np.median(part)) for part in (values[:place], values[place:]) for x in part)
        for place in costs
    }
    assert best_place(values) == min(costs, key=costs.__getitem__)


def test_sizes_and_slopes_are_those_of_scipy_and_of_the_definition() -> None:
    rng = np.random.default_rng(11)
    first, second = rng.normal(0, 1, 15), rng.normal(0.5, 1, 9)
    size, low, high = shift(first, second)
    assert size == pytest.approx(np.median([b - a for a in first for b in second]))
    assert low < size < high
    days = np.sort(rng.choice(200, 40, replace=False))
    values = 0.01 * days + rng.normal(size=40)
    expected = stats.theilslopes(values, days, 0.95)
    found = slope(days, values)
    assert found[0] == pytest.approx(expected.slope)
    assert found[1:] == pytest.approx((expected.low_slope, expected.high_slope), rel=0.05)


def test_the_interval_of_a_shift_holds_it_in_95_of_100_cases() -> None:
    rng = np.random.default_rng(12)
    held = 0
    for _ in range(1000):
        _, low, high = shift(rng.standard_t(3, 20), 1 + rng.standard_t(3, 12))
        held += low <= 1 <= high
    assert 0.93 <= held / 1000 <= 0.975


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.sampled_from([0.01, 0.05, 0.2]))
def test_discoveries_are_those_of_benjamini_and_hochberg(chances: list[float], rate: float) -> None:
    limit = false_discoveries(chances, rate)
    adjusted = stats.false_discovery_control(chances)
    expected = [one for one, a in zip(chances, adjusted, strict=True) if a <= rate * (1 - 1e-12)]
    lenient = [one for one, a in zip(chances, adjusted, strict=True) if a <= rate * (1 + 1e-12)]
    found = [one for one in chances if (one <= limit and limit > 0) or one == 0]
    assert len(expected) <= len(found) <= len(lenient)


@pytest.mark.parametrize(("nights", "needed"), [(365, 4), (90, 5), (30, 8)])
def test_a_device_at_half_speed_is_found_after_as_many_nights_as_the_documents_say(
    nights: int, needed: int
) -> None:
    rng = np.random.default_rng(13)
    for later in (needed - 1, needed):
        values = rng.normal(0, 0.003, nights)
        values[nights - later :] -= math.log(2)
        chance = float(screen(values[None, :]).chances[0])
        # one among 8,000 at the default rate
        assert (false_discoveries([chance, *[1.0] * 7999], 0.05) > 0) == (later == needed)
