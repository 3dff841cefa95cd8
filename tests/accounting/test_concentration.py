"""Concentration and inequality: bounds, invariances, and values that others compute otherwise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.accounts.crosstabs import Crosstab
from accounting.accounts.nations.concentration import concentration, hhi_draws
from accounting.accounts.nations.inequality import gini_draws, inequality, lorenz, per_unit, weights
from accounting.reference.country_figures import load_country_figures
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from bench.errors import InputError
from tests.accounting.crossings import DRAWS, frame, holders


@given(holders())
def test_the_index_lies_between_that_of_equals_and_that_of_one(sums: Crosstab) -> None:
    found = hhi_draws(sums)
    assert (found >= 10_000 / len(sums) * (1 - 1e-12)).all()
    assert (found <= 10_000 * (1 + 1e-12)).all()
    table = frame(sums, "holder").pivot_table(index="draw", columns="holder", values="value", fill_value=0.0)
    shares = table.div(table.sum(axis=1), axis=0)
    np.testing.assert_allclose(found, 1e4 * (shares**2).sum(axis=1), rtol=1e-12)


@given(holders(), st.floats(1e-6, 1e6), st.randoms(use_true_random=False))
def test_order_and_scale_do_not_matter(sums: Crosstab, factor: float, random: object) -> None:
    keys = list(sums)
    random.shuffle(keys)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(hhi_draws({key: sums[key] for key in keys}), hhi_draws(sums))
    np.testing.assert_allclose(
        hhi_draws({k: v * factor for k, v in sums.items()}), hhi_draws(sums), rtol=1e-12
    )


@given(holders(least=2), st.integers(1, 5))
def test_however_the_unknown_is_split_the_index_lies_within_the_bounds(sums: Crosstab, parts: int) -> None:
    known = {key: draws for key, draws in sums.items() if key != ("unknown",)}
    unknown = sums.get(("unknown",), np.ones(DRAWS))
    found = concentration({**known, ("unknown",): unknown})
    split = known | {(f"part{i}",): unknown / parts for i in range(parts)}
    index = hhi_draws(split).mean()
    assert found.hhi_low.mean <= index * (1 + 1e-12)
    assert index <= found.hhi_high.mean * (1 + 1e-12)
    given_to_one = [hhi_draws({**known, key: known[key] + unknown}).mean() for key in known]
    assert max(given_to_one) <= found.hhi_high.mean * (1 + 1e-12)
    assert found.hhi_low.mean <= found.hhi.mean <= found.hhi_high.mean * (1 + 1e-12)
    assert found.holders == len(known) + 1


def test_one_holder_is_no_upper_bound_of_what_is_unknown() -> None:
    found = concentration({("a",): np.array([6.0]), ("unknown",): np.array([4.0])})
    assert (found.hhi_low.mean, found.hhi.mean, found.hhi_high.mean) == pytest.approx((3600, 5200, 10_000))
    assert found.effective_number.mean == pytest.approx(10_000 / 5200)
    assert (found.top[1].mean, found.top_high[1].mean) == pytest.approx((0.6, 1.0))


def test_the_published_memory_market() -> None:
    # reference/shares.csv: SK hynix 57.5 %, Samsung 22 %, Micron 21 %, and an HHI of about 4,230
    found = concentration({(name,): np.array([s]) for name, s in (("sk", 57.5), ("samsung", 22), ("mu", 21))})
    assert found.hhi.mean == pytest.approx(4230, rel=0.01)
    assert found.top[3].mean == pytest.approx(1)


def test_cloud_shares_give_the_published_lower_bound() -> None:
    # reference/shares.csv: AWS 28 %, Microsoft 21 %, Google 14 %, HHI at least 1,421
    rows = {"aws": 28.0, "microsoft": 21.0, "google": 14.0, "unknown": 37.0}
    found = concentration({(name,): np.array([share]) for name, share in rows.items()})
    assert found.hhi_low.mean == pytest.approx(1421)


def test_nothing_held_has_no_concentration() -> None:
    some: Crosstab = {("a",): np.array([1.0, 0.0])}
    for sums in ({}, some):
        with pytest.raises(InputError, match="nothing is held"):
            concentration(sums)


def brute_gini(values: list[float], weight: list[float]) -> float:
    heads = [v / w for v, w in zip(values, weight, strict=True)]
    pairs = itertools.product(range(len(values)), repeat=2)
    spread = sum(weight[i] * weight[j] * abs(heads[i] - heads[j]) for i, j in pairs)
    return spread / (2 * sum(weight) * sum(values))


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(1e-3, 1e3)), min_size=1, max_size=8))
def test_gini_against_the_definition_over_pairs(rows: list[tuple[float, float]]) -> None:
    values, weight = [v for v, _ in rows], [w for _, w in rows]
    values[0] += 1.0
    found = gini_draws(np.array(values)[:, np.newaxis], np.array(weight))
    assert found[0] == pytest.approx(brute_gini(values, weight), abs=1e-12)
    assert -1e-12 <= found[0] < 1


@given(st.lists(st.floats(0.1, 1e6), min_size=1, max_size=8))
def test_equal_holdings_per_head_are_no_inequality(weight: list[float]) -> None:
    held = 3.0 * np.array(weight)
    assert gini_draws(held[:, np.newaxis], np.array(weight))[0] == pytest.approx(0, abs=1e-12)
    curve = lorenz(held, np.array(weight))
    assert curve[0] == (0, 0)
    assert curve[-1] == pytest.approx((1, 1))
    assert all(y == pytest.approx(x) for x, y in curve)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(1e-3, 1e3)), min_size=2, max_size=8))
def test_the_lorenz_curve_is_convex_and_below_the_diagonal(rows: list[tuple[float, float]]) -> None:
    held, weight = np.array([v + 1 for v, _ in rows]), np.array([w for _, w in rows])
    curve = np.array(lorenz(held, weight))
    assert (curve[:, 1] <= curve[:, 0] + 1e-9).all()
    slopes = np.diff(curve[:, 1]) / np.diff(curve[:, 0])
    assert (np.diff(slopes) >= -1e-6 * slopes.max()).all()


def test_nations_without_capacity_count_and_holders_without_people_do_not() -> None:
    sums: Crosstab = {("FR",): np.array([4.0, 4.0]), ("unknown",): np.array([1.0, 1.0])}
    found = inequality(sums, {"FR": 1.0, "DE": 1.0})
    assert (found.nations, found.without) == (2, 1)
    assert found.gini.mean == pytest.approx(0.5)
    assert found.left_out.share == pytest.approx(0.2)
    faulty: list[dict[str, float]] = [{}, {"FR": 0.0}, {"DE": 1.0}]
    for weight in faulty:
        with pytest.raises(InputError):
            inequality(sums, weight)


def test_people_and_product_come_from_the_shipped_table(facts: Facts) -> None:
    figures = load_country_figures(configs_root() / "country_figures.csv", facts.countries)
    people, product = weights(figures, "population"), weights(figures, "gdp_usd")
    assert len(people) > 200
    assert product["US"] > product["GB"] > people["GB"]
    found = per_unit(np.array([people["GB"] * 2.0]), people["GB"])
    assert found is not None
    assert found.mean == pytest.approx(2)
    assert per_unit(np.ones(1), people.get("TW")) is None
