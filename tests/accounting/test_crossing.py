"""The adapter between entries and grouped sums, against the account that estimates are made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from accounting.accounts.account import account
from accounting.accounts.crossing import crossings, unvalued
from accounting.accounts.crosstabs import Share, fold, whole
from accounting.accounts.nations.grading import GRADES, graded, graded_share
from accounting.accounts.nations.national import national_account
from accounting.capacity.calibration import Calibration, load_calibration
from accounting.census.ledger import Entry
from accounting.reference.facts import Facts
from tests.accounting.test_accounts import DAY, DRAWS, entries, entry, valuer

LEVELS = ("territory", "provider", "vendor_nation")


@pytest.fixture(scope="module")
def calibration(facts: Facts) -> Calibration:
    return load_calibration(facts)


@settings(max_examples=15, deadline=None)
@given(rows=entries())
def test_crossings_agree_with_the_account_and_with_one_another(
    facts: Facts, calibration: Calibration, rows: list[Entry]
) -> None:
    v = valuer(facts, calibration)
    found = crossings(rows, v, [LEVELS, ("kind", *LEVELS), ("facility",)], "delivered", 2.0)
    expected = account(rows, v, (LEVELS,), as_of=DAY)["delivered"]
    means = {row.codes: row.quantiles.mean / 2.0 for row in expected.accounts[0].rows}
    assert {key: float(np.mean(draws)) for key, draws in found[LEVELS].items()} == pytest.approx(
        means, rel=1e-5, abs=1e10
    )
    for sums in found.values():
        np.testing.assert_allclose(whole(sums), whole(found[LEVELS]), rtol=1e-12, atol=1e-3)
    by_kind = fold(found["kind", *LEVELS], 0)
    shares = {key[0]: draws.mean() / whole(by_kind).mean() for key, draws in by_kind.items()}
    assert shares == pytest.approx(dict(expected.provenance), rel=1e-5, abs=1e-6)


def test_what_cannot_be_valued_is_counted_and_passed_over(facts: Facts, calibration: Calibration) -> None:
    rows = [entry(1), entry(2, accelerator=None), entry(3, count=None)]
    v = valuer(facts, calibration)
    assert unvalued(rows, v) == {"no known accelerator and count": 2}
    level = ("facility",)
    assert set(crossings(rows, v, [level], "peak")[level]) == {("f1",)}


@pytest.mark.parametrize(
    ("kinds", "p5", "p95", "grade"),
    [
        ({"measured": 0.5, "published": 0.3, "assumed": 0.2}, 100, 120, "A"),
        ({"measured": 0.5, "published": 0.3, "assumed": 0.2}, 100, 190, "B"),
        ({"reported": 0.8, "assumed": 0.2}, 100, 100, "B"),
        ({"derived": 0.6, "assumed": 0.4}, 100, 110, "C"),
        ({"reported": 1.0}, 100, 390, "C"),
        ({"reported": 1.0}, 100, 500, "D"),
        ({"assumed": 1.0}, 100, 100, "D"),
        ({"measured": 1.0}, 0, 10, "D"),
        ({}, 0, 0, "D"),
    ],
)
def test_the_worse_of_two_grades_shows(kinds: dict[str, float], p5: float, p95: float, grade: str) -> None:
    found = graded(kinds, p5, p95)
    assert found.grade == grade
    assert GRADES.index(found.grade) == max(GRADES.index(found.by_kind), GRADES.index(found.by_spread))


def test_a_share_that_size_cannot_move_is_graded_as_reported() -> None:
    assumed = {"assumed": 1.0}
    assert graded_share(assumed, Share(0.0, 0.0, 0.0)).grade == "B"
    assert graded_share(assumed, Share(0.5, 0.4, 0.6)).grade == "D"
    assert graded_share({}, Share(0.0, 0.0, 0.0)).grade == "D"


@settings(max_examples=15, deadline=None)
@given(rows=entries())
def test_a_facility_abroad_leaves_the_account_of_france_to_the_last_bit(
    facts: Facts, calibration: Calibration, rows: list[Entry]
) -> None:
    v, level = valuer(facts, calibration), ("territory", "provider")
    more = [entry(98, territory="US"), *rows, entry(99, territory=None)]
    before = crossings(rows, v, [level], "delivered")[level]
    after = crossings(more, v, [level], "delivered")[level]
    for part in ("home", "foreign", "domestic"):
        old, new = (getattr(national_account(sums, "FR"), part) for sums in (before, after))
        np.testing.assert_array_equal(np.broadcast_to(old, DRAWS), np.broadcast_to(new, DRAWS))
