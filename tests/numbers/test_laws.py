"""A share of `benchmarks/metamorphic.py`: laws of the whole pipeline on the golden census and a real one."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from accounting.census.ledger import Ledger
from accounting.census.sources import load_census
from accounting.quantities import exact
from tests.numbers import laws

GOLDEN = Path(__file__).parents[1] / "long_life" / "golden" / "0.1"


@pytest.fixture(scope="module", params=["golden", "shipped"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """The golden census, and forty entries of the shipped one."""
    facts, _ = laws.known()
    if request.param == "golden":
        return load_census([str(GOLDEN / "facilities.yaml")], facts)
    whole = load_census([], facts)
    return replace(whole, entries=tuple(random.Random("forty").sample(whole.entries, 40)))


@pytest.mark.parametrize("law", laws.LAWS)
def test_a_law_is_kept(law: str, ledger: Ledger) -> None:
    assert laws.LAWS[law](ledger) <= laws.TOLERANCE[law]


def test_a_facility_in_two_halves_has_the_same_capacity(ledger: Ledger) -> None:
    counted = [entry for entry in ledger.entries if entry.count is not None]
    known = replace(
        ledger, entries=tuple(replace(e, count=exact(e.count.best, "count")) for e in counted if e.count)
    )
    peak, errors = laws.splitting(known)
    assert peak <= 1e-6
    assert errors < 4


def test_single_draws_of_other_seeds_lie_in_the_interval_as_often_as_it_says(ledger: Ledger) -> None:
    inside, drawn = laws.coverage(ledger, range(40))
    # 36 of 40 are expected; fewer than 28 come by once in ten thousand
    assert 28 <= inside <= 40
    assert drawn == 40


@pytest.mark.parametrize(("seed", "name"), [(0, "a"), (2**70, "availability"), (-5, "ä")])
def test_streams_in_float32_are_near_those_in_float64(seed: int, name: str) -> None:
    assert laws.streaming(seed, name) <= laws.TOLERANCE["streaming"]
