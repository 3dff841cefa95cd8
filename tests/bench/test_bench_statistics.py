"""Laws that a figure and its interval must obey."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from bench.statistics import student_t_quantile, student_t_within, summarise

RATES = st.lists(st.floats(1e3, 1e15), min_size=2, max_size=40)


@given(values=RATES, factor=st.floats(1e-6, 1e6))
def test_scaling_the_values_scales_the_figures(values: list[float], factor: float) -> None:
    plain, scaled = summarise(values), summarise([factor * value for value in values])
    assert scaled.median == pytest.approx(factor * plain.median)
    assert scaled.low == pytest.approx(factor * plain.low)
    assert scaled.high == pytest.approx(factor * plain.high)


@given(values=RATES, data=st.data())
def test_order_does_not_matter(values: list[float], data: st.DataObject) -> None:
    assert summarise(data.draw(st.permutations(values))) == summarise(values)


@given(values=RATES)
def test_interval_holds_the_median(values: list[float]) -> None:
    found = summarise(values)
    assert found.low <= found.median <= found.high


@given(value=st.floats(1e-3, 1e18), count=st.integers(2, 50))
def test_rounds_that_agree_are_settled(value: float, count: int) -> None:
    found = summarise([value] * count)
    assert (found.low, found.median, found.high) == (value, value, value)
    assert found.settled


@pytest.mark.parametrize(("spread", "settled"), [(0.001, True), (0.05, False)])
def test_settled_means_within_one_percent(spread: float, settled: bool) -> None:
    found = summarise([1 - spread, 1, 1 + spread, 1 - spread, 1 + spread])
    assert found.settled is settled
    assert (found.high / found.median - 1 <= 0.01) is settled


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 8, 9, 19, 39, 200])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_quantile_agrees_with_scipy(confidence: float, degrees: int) -> None:
    expected = float(scipy.stats.t.ppf(0.5 + confidence / 2, degrees))
    assert student_t_quantile(confidence, degrees) == pytest.approx(expected, rel=1e-9)


@given(confidence=st.floats(0.01, 0.99), degrees=st.integers(1, 100))
def test_quantile_inverts_the_probability(confidence: float, degrees: int) -> None:
    assert student_t_within(student_t_quantile(confidence, degrees), degrees) == pytest.approx(confidence)


@pytest.mark.parametrize("rounds", [5, 10, 30])
def test_interval_holds_another_runs_median_as_often_as_it_says(rounds: int) -> None:
    draw = random.Random(rounds)
    runs = [summarise([math.exp(draw.gauss(0, 0.1)) for _ in range(rounds)]) for _ in range(4000)]
    pairs = list(zip(runs[::2], runs[1::2], strict=True))
    held = sum(one.low <= other.median <= one.high for one, other in pairs)
    assert 0.94 <= held / len(pairs) <= 0.98


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 0.0], [1.0, -1.0], [1.0, math.nan], [1.0, math.inf]])
def test_what_is_no_rate_is_refused(values: Sequence[float]) -> None:
    with pytest.raises(ValueError, match=r"two rounds|positive"):
        summarise(values)


@pytest.mark.parametrize(("confidence", "degrees"), [(0, 5), (1, 5), (0.95, 0)])
def test_impossible_quantiles_are_refused(confidence: float, degrees: int) -> None:
    with pytest.raises(ValueError, match="must"):
        student_t_quantile(confidence, degrees)
