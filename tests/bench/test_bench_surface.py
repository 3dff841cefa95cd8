"""The model of rates by shape and backend."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.choosing.surface import Point, distance, fit


@given(
    effects=st.lists(st.floats(-0.5, 0.5), min_size=4, max_size=4),
    merit=st.floats(-1, 1),
    centre=st.floats(-5, 30),
)
def test_the_model_finds_a_sum_of_effects(effects: list[float], merit: float, centre: float) -> None:
    """A row and a column are enough to rank what was never sampled."""
    by_side = dict(zip((512, 1024, 2048, 4096), effects, strict=True))
    truth = {
        (m, n, name): centre + by_side[m] - 0.5 * by_side[n] + (merit if name == "b" else 0.0)
        for m in by_side
        for n in by_side
        for name in "ab"
    }
    sampled = {key: value for key, value in truth.items() if (key[0], key[1]) != (4096, 4096)}
    surface = fit([Point({"m": m, "n": n}, name, value) for (m, n, name), value in sampled.items()])
    for (m, n, name), value in truth.items():
        assert surface.expected({"m": m, "n": n}, name) == pytest.approx(value, abs=0.35)


@given(st.integers(1, 1 << 14), st.integers(1, 1 << 14))
def test_distance_is_that_of_logs(one: int, other: int) -> None:
    apart = distance({"m": one}, {"m": other})
    assert apart == pytest.approx(abs(math.log(one / other)))
    assert apart == distance({"m": other}, {"m": one})
