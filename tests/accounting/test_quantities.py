"""Units cannot be mixed up, and uncertain values keep the quantiles they state."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from accounting.capacity.draws import Z95, draw, standard_normal
from accounting.dimensions import DIMENSIONS
from accounting.quantities import Uncertain, read_quantity, read_uncertain


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("400 MW", "power", 4e8),
        ("14.3kW", "power", 14_300),
        ("30 GWh", "energy", 30e9 * 3600),
        ("989.4 TFLOP/s", "rate", 989.4e12),
        ("80 GB", "memory", 80e9),
        ("80 GiB", "memory", 80 * 2**30),
        ("400 Gbit/s", "bandwidth", 50e9),
        ("814 mm2", "area", 814),
        ("15k", "count", 15_000),
        (5448, "count", 5448),
        ("5,448", "count", 5448),
        ("43%", "fraction", 0.43),
        (1.1, "pue", 1.1),
    ],
)
def test_quantities(text: object, dimension: str, value: float) -> None:
    assert read_quantity(text, dimension) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("raw", "dimension", "words"),
    [
        ("10 kWh", "power", "'kWh' is a unit of energy, but a power belongs here"),
        ("400 MW", "rate", "'MW' is a unit of power, but a rate belongs here"),
        (400, "power", "a power needs its unit"),
        ("400", "power", "a power needs its unit"),
        ("1,5 MW", "power", "not a power"),
        ("5 parsecs", "power", "unknown unit 'parsecs'"),
        (-1, "count", "at least 0"),
        (math.nan, "count", "finite"),
        (math.inf, "count", "finite"),
        ("1e999", "count", "finite"),
        (10**400, "count", "too large"),
        (0.99, "pue", "at least 1"),
        (1.2, "fraction", "at most 1"),
        ("0 to 3", "count", "above 0"),
        ("20 to 15 MW", "power", "must rise"),
        ("90% to 100%", "fraction", "below 1"),
        ({"low": 1, "best": 5, "high": 3}, "count", "must rise"),
        ({"low": 1, "high": 3}, "count", "{low, best, high}"),
        (True, "count", "count must be"),
        (None, "count", "count must be"),
    ],
)
def test_what_cannot_be_meant_is_refused(raw: object, dimension: str, words: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        read_uncertain(raw, dimension)
    assert words in str(caught.value)


@given(st.sampled_from(sorted(DIMENSIONS)), st.floats(1.0, 1e6))
def test_every_unit_of_a_dimension_round_trips(dimension: str, value: float) -> None:
    kind = DIMENSIONS[dimension]
    for unit, factor in kind.units.items():
        if value * factor <= kind.maximum:
            assert read_quantity(f"{value!r} {unit}", dimension) == pytest.approx(value * factor, rel=1e-12)


def test_units_of_different_dimensions_never_share_a_name() -> None:
    seen: dict[str, str] = {}
    for dimension in DIMENSIONS.values():
        for unit in dimension.units:
            if unit and not dimension.bare:
                assert seen.setdefault(unit, dimension.name) == dimension.name


@given(st.floats(1, 1e9), st.floats(1.001, 1e3))
def test_a_range_is_written_back_as_it_is_read(low: float, factor: float) -> None:
    value = read_uncertain(f"{low!r} to {low * factor!r}", "count")
    assert read_uncertain(value.to_plain(), "count") == value


POINTS = np.array([-Z95, 0.0, Z95])


@pytest.mark.parametrize(
    "value",
    [
        Uncertain(10, 30, 50, "lognormal"),
        Uncertain(0.2, 0.25, 0.9, "logit-normal"),
        Uncertain(1.05, 1.1, 1.6, "one-plus-lognormal"),
    ],
)
def test_draws_meet_the_three_quantiles_exactly(value: Uncertain) -> None:
    assert draw(value, POINTS) == pytest.approx([value.low, value.best, value.high], rel=1e-9)


@given(st.floats(1e-3, 1e6), st.floats(1.01, 100), st.floats(1.01, 100))
def test_draws_rise_with_the_normal(low: float, up: float, up_again: float) -> None:
    value = Uncertain(low, low * up, low * up * up_again, "lognormal")
    draws = draw(value, np.linspace(-5, 5, 101))
    assert bool((np.diff(draws) > 0).all())


def test_sample_quantiles_agree_with_an_independent_sampler() -> None:
    """A lognormal range against numpy's own lognormal with the same 5th and 95th percentile."""
    value = read_uncertain("15k to 20k", "count")
    ours = draw(value, standard_normal(1, "x", 200_000))
    mu, sigma = math.log(15_000 * 20_000) / 2, math.log(20 / 15) / (2 * 1.6448536269514722)
    theirs = np.random.default_rng(2).lognormal(mu, sigma, 200_000)
    for q in (0.05, 0.5, 0.95):
        assert np.quantile(ours, q) == pytest.approx(np.quantile(theirs, q), rel=4e-3)


@given(st.integers(0, 2**63), st.text(max_size=20), st.integers(1, 9000), st.integers(1, 9000))
def test_draws_depend_on_seed_and_name_only(seed: int, name: str, few: int, many: int) -> None:
    few, many = sorted((few, many))
    assert (standard_normal(seed, name, few) == standard_normal(seed, name, many)[:few]).all()


def test_draws_of_different_names_and_seeds_are_uncorrelated() -> None:
    a, b, c = (standard_normal(s, n, 50_000) for s, n in ((0, "a"), (0, "b"), (1, "a")))
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.02
    assert abs(np.corrcoef(a, c)[0, 1]) < 0.02
    assert abs(float(a.mean())) < 0.02
    assert float(a.std()) == pytest.approx(1, abs=0.02)
