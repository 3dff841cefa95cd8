"""The geometry of the charts: proportions hold, nothing leaves the picture, nothing overlaps."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flopcensus.report.blocks.charts import (
    WIDTH,
    Measure,
    Part,
    bar_chart,
    nice_step,
    shorten,
    stack_chart,
    text_width,
    without_unit,
)

NEAR = 1e-6
amounts = st.floats(0, 1e22, allow_subnormal=False)


@st.composite
def measures(draw: st.DrawFn, largest: float = 1e22) -> Measure:
    low, middle, high = sorted(draw(st.tuples(*[st.floats(0, largest, allow_subnormal=False)] * 3)))
    return Measure(middle, low, high, draw(st.text(max_size=20)), draw(st.integers(0, 5)))


groups = st.lists(st.tuples(st.text(max_size=30), st.lists(measures(), max_size=3)), max_size=6)
parts = st.builds(
    Part, st.floats(0, 1, allow_subnormal=False), st.integers(0, 9), st.just("1"), st.text(max_size=30)
)


@given(groups, st.booleans())
def test_bars_are_proportional_and_stay_in_the_plot(
    given_groups: list[tuple[str, list[Measure]]], numbered: bool
) -> None:
    chart = bar_chart(given_groups, lambda value: f"{value:g}", numbered=numbered)
    bars = [bar for group in chart.groups for bar in group.bars]
    values = [measure.value for _, group in given_groups for measure in group]
    assert len(bars) == len(values)
    longest = max(values, default=0)
    for bar, value in zip(bars, values, strict=True):
        assert -NEAR <= bar.width <= chart.plot_width + NEAR
        if longest:
            reference = max(bar.width for bar in bars)
            assert bar.width == pytest.approx(reference * value / longest, abs=NEAR)
        assert bar.y + bar.height <= chart.axis_y <= chart.height
    assert chart.x + chart.plot_width < chart.text_x <= WIDTH


@given(groups)
def test_a_whisker_contains_its_median_and_stays_in_the_plot(
    given_groups: list[tuple[str, list[Measure]]],
) -> None:
    chart = bar_chart(given_groups, str)
    bars = [bar for group in chart.groups for bar in group.bars]
    given_measures = [measure for _, group in given_groups for measure in group]
    for bar, measure in zip(bars, given_measures, strict=True):
        if bar.whisker is None:
            assert measure.low == pytest.approx(measure.high, rel=1e-8)
            continue
        assert bar.whisker.x1 - NEAR <= chart.x + bar.width <= bar.whisker.x2 + NEAR
        assert chart.x - NEAR <= bar.whisker.x1
        assert bar.whisker.x2 <= chart.x + chart.plot_width + NEAR
        assert bar.y < bar.whisker.y < bar.y + bar.height


@given(groups)
def test_bars_and_labels_do_not_overlap(given_groups: list[tuple[str, list[Measure]]]) -> None:
    chart = bar_chart(given_groups, str)
    for group in chart.groups:
        tops = [group.label_y, *(bar.y for bar in group.bars)]
        assert tops == sorted(tops)
        assert all(later.y >= bar.y + bar.height for bar, later in pairwise(group.bars))
    for group, later_group in pairwise(chart.groups):
        assert all(bar.y + bar.height <= later_group.label_y - 9 for bar in group.bars)


@given(st.lists(measures(largest=1.0), min_size=1, max_size=5))
def test_ticks_of_shares_begin_at_nought_and_stay_in_the_plot(shares: list[Measure]) -> None:
    chart = bar_chart([("", shares)], lambda value: f"{100 * value:g} %", shares=True)
    places = [tick.x for tick in chart.ticks]
    assert places[0] == chart.x
    assert places == sorted(set(places))
    assert places[-1] <= chart.x + chart.plot_width + NEAR


def test_shares_that_near_the_whole_end_at_the_whole() -> None:
    chart = bar_chart(
        [("US", [Measure(0.928, 0.86, 0.96, "92.8 %", 0)])], lambda v: f"{100 * v:g} %", shares=True
    )
    assert [tick.text for tick in chart.ticks] == ["0", "25", "50", "75", "100 %"]
    assert chart.groups[0].bars[0].width == pytest.approx(0.928 * chart.plot_width)


def test_an_exact_value_has_no_whisker() -> None:
    chart = bar_chart([("peak", [Measure(5.0, 5.0, 5.0, "5", 0)])], str)
    assert chart.groups[0].bars[0].whisker is None


@pytest.mark.parametrize("empty", [[], [("nothing", [])], [("nought", [Measure(0.0, 0.0, 0.0, "none", 0)])]])
def test_a_chart_of_nothing_is_still_a_chart(empty: list[tuple[str, list[Measure]]]) -> None:
    chart = bar_chart(empty, str)
    assert chart.height > 0
    assert all(bar.width == 0 for group in chart.groups for bar in group.bars)


@given(st.floats(1e-9, 1e24))
def test_a_step_is_round_and_few_reach_the_value(value: float) -> None:
    step = nice_step(value)
    assert value / step <= 4 + 1e-6
    assert value / step > 1.5
    assert f"{step:.3e}"[:4] in {"1.00", "2.00", "2.50", "5.00"}


@given(st.lists(st.tuples(st.text(max_size=40), st.lists(parts, max_size=6)), max_size=4))
def test_segments_fill_their_bar_in_proportion(stacks: list[tuple[str, list[Part]]]) -> None:
    chart = stack_chart(stacks)
    for stack, (_, given_parts) in zip(chart.stacks, stacks, strict=True):
        total = sum(part.size for part in given_parts)
        drawn = [part for part in given_parts if total and (WIDTH - 1) * part.size / total > 0]
        assert len(stack.segments) == len(drawn)
        for segment, part in zip(stack.segments, drawn, strict=True):
            assert segment.width == pytest.approx((WIDTH - 1) * part.size / total)
            assert not segment.text or text_width(segment.text) <= segment.width
        for left, right in pairwise(stack.segments):
            assert right.x == pytest.approx(left.x + left.width, abs=NEAR)
        if stack.segments:
            last = stack.segments[-1]
            assert last.x + last.width == pytest.approx(WIDTH - 0.5)
        assert stack.y + chart.bar_height <= chart.height


@given(st.text(max_size=200), st.floats(20, 400))
def test_a_shortened_label_fits_and_says_so(text: str, width: float) -> None:
    short = shorten(text, width)
    assert text_width(short) <= width
    assert short == text or short.endswith("…")


def test_wide_characters_take_two_columns() -> None:
    assert text_width("計算") == text_width("abcd")


def test_ticks_of_different_units_keep_them() -> None:
    assert without_unit(["0", "500 PFLOP/s", "1 EFLOP/s"]) == ["0", "500 PFLOP/s", "1 EFLOP/s"]
    assert without_unit([]) == []
