"""Demand against supply and distance to programmes: closed forms, and published figures."""

from __future__ import annotations

import csv
import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.accounts.crossing import crossings
from accounting.accounts.crosstabs import renamed, whole
from accounting.accounts.nations.demand import Closing, gap, years_to_close
from accounting.accounts.nations.targets import (
    Distance,
    NotComparable,
    Stated,
    distance,
    growth_needed,
    probability,
    stated,
)
from accounting.accounts.over_time.growth import yearly_growth
from accounting.capacity.bases import Draws
from accounting.capacity.calibration import Calibration
from accounting.capacity.valuation import Valuer
from accounting.census.selection import Selection, select
from accounting.census.sources import load_census
from accounting.quantities import exact
from accounting.reference.facts import Facts
from accounting.reference.names import EU
from accounting.reference.programmes import Aim, Programme, load_programmes
from accounting.reference.shipped import configs_root
from bench.errors import InputError

START, END = datetime.date(2022, 12, 31), datetime.date(2025, 5, 31)


@given(st.floats(0.001, 0.5), st.floats(0.001, 1), st.floats(1.01, 8), st.floats(1.01, 8))
def test_after_the_years_stated_the_share_is_the_demand(s: float, d: float, b: float, w: float) -> None:
    years = years_to_close(np.array([s]), d, np.array([b]), np.array([w]))[0]
    if s >= d:
        assert years == 0
    elif b <= w:
        assert np.isinf(years)
    elif years < 1e3:
        assert s * (b / w) ** years == pytest.approx(d, rel=1e-9)


def test_a_gap_in_units_and_never() -> None:
    bloc, world = np.array([5.0, 5.0]), np.array([100.0, 100.0])
    found = gap(bloc, world, 0.2, np.array([4.0, 2.0]), np.array([2.0, 3.0]))
    assert found.gap.mean == pytest.approx(15)
    assert found.supply.share == pytest.approx(0.05)
    assert found.closing.p5 == pytest.approx(2.0)
    assert found.closing.p95 is None
    assert found.closing.probability_never == 0.5
    surplus = gap(bloc, world, 0.01, np.array([1.0, 1.0]), np.array([2.0, 2.0]))
    assert surplus.gap.mean == pytest.approx(-4)
    assert surplus.closing == Closing(0.0, 0.0, 0.0, 0.0)
    nothing = gap(np.zeros(2), world, 0.2, np.array([4.0, 4.0]), np.array([2.0, 2.0]))
    assert nothing.closing.p50 is None
    for demand in (0.0, 1.2):
        with pytest.raises(InputError, match="share of demand"):
            gap(bloc, world, demand, bloc, bloc)
    with pytest.raises(InputError, match="the world holds nothing"):
        gap(bloc, np.zeros(2), 0.2, bloc, bloc)


def test_growth_needs_two_dates_and_something_to_grow_from() -> None:
    growth = yearly_growth(np.array([2.0]), np.array([16.0]), START, START + datetime.timedelta(days=1096))
    assert growth[0] == pytest.approx(2, rel=1e-3)
    with pytest.raises(InputError, match="a date after"):
        yearly_growth(np.ones(1), np.ones(1), END, START)
    with pytest.raises(InputError, match="nothing to grow from"):
        yearly_growth(np.zeros(1), np.ones(1), START, END)


def located(shared: Path, facts: Facts, day: datetime.date) -> tuple[Draws, Draws]:
    """Return the EU's and the world's 16-bit capacity on the June 2025 file, by its own column."""
    file = shared / "data/epoch/ai_supercomputers_2025-06-07.csv"
    ledger = load_census([f"epoch-clusters:{file}"], facts)
    wanted = Selection(
        day, since=datetime.date(2019, 1, 1), standard_only=True, drop_duplicates=False, known_only=True
    )
    valuer = Valuer(facts, Calibration.of((), facts), "bf16", ("peak",), 0, 1, "file")
    level = ("territory",)
    sums = crossings(select(ledger, wanted).entries, valuer, [level], "peak")[level]
    bloc = renamed(sums, [*facts.groups_on(day)[EU], EU], "bloc", [0])
    return bloc["bloc",], whole(sums)


def test_europe_fell_behind_on_the_june_2025_file(shared: Path, facts: Facts) -> None:
    before, after = located(shared, facts, START), located(shared, facts, END)
    assert (before[0] / before[1])[0] == pytest.approx(0.138, abs=5e-4)
    assert (after[0] / after[1])[0] == pytest.approx(0.048, abs=5e-4)
    growth, world_growth = (yearly_growth(a, b, START, END) for a, b in zip(before, after, strict=True))
    found = gap(*after, 0.2, growth, world_growth)
    assert found.closing == Closing(None, None, None, 1.0)
    assert 3 <= 100 * found.supply.share <= 5
    assert world_growth[0] > growth[0] > 1


PROGRAMMES = configs_root() / "programmes"


@pytest.fixture(scope="module")
def programmes(facts: Facts) -> dict[str, Programme]:
    return load_programmes(PROGRAMMES, facts)


def aim(programmes: dict[str, Programme], programme: str, name: str) -> Aim:
    return next(one for one in programmes[programme].aims if one.id == name)


def test_420_ai_exaflops_are_106_thousand_h100(
    shared: Path, facts: Facts, programmes: dict[str, Programme]
) -> None:
    meant = stated(aim(programmes, "uk-airr", "target-2030"), facts, "bf16")
    assert isinstance(meant, Stated)
    with (shared / "reference/targets.csv").open(encoding="utf-8") as stream:
        row = next(row for row in csv.DictReader(stream) if row["programme"] == "AIRR")
    assert "106,114 H100" in row["note"]
    assert meant.h100.best == pytest.approx(106_114, rel=1e-4)
    assert "fp8 sparse" in meant.reading


def test_how_aims_are_read(facts: Facts, programmes: dict[str, Programme]) -> None:
    alps = stated(aim(programmes, "switzerland-alps", "alps"), facts, "bf16")
    assert isinstance(alps, Stated)
    peaks = [facts.accelerators[name].peak["bf16"] for name in ("nvidia-gh200", "nvidia-h100-sxm")]
    assert alps.h100.best == pytest.approx(10_752 * peaks[0] / peaks[1])
    india = stated(aim(programmes, "india-ai-mission", "onboarded-2026-03"), facts, "bf16")
    assert isinstance(india, Stated)
    assert (india.h100.best, india.kind) == (38_231, "assumed")
    fp4 = stated(aim(programmes, "us-doe-argonne", "both"), facts, "bf16")
    assert isinstance(fp4, Stated)
    # in bf16 dense its note makes it 275 EFLOP/s
    assert fp4.h100.best * peaks[1] == pytest.approx(275e18, rel=0.15)
    power = stated(aim(programmes, "uk-ai-growth-zones", "power-2030"), facts, "bf16")
    assert power == NotComparable("states power, no capacity")


def test_every_shipped_aim_is_read_or_has_a_reason(facts: Facts, programmes: dict[str, Programme]) -> None:
    for programme in programmes.values():
        for one in programme.aims:
            meant = stated(one, facts, "bf16")
            if isinstance(meant, Stated):
                assert meant.h100.best > 0
            else:
                assert meant.reason.startswith("states ")


def far(programmes: dict[str, Programme], current: Draws, growth: Draws, day: datetime.date) -> Distance:
    goal = aim(programmes, "uk-airr", "target-2030")
    meant = Stated(exact(100.0), "assumed", "as given")
    return distance(programmes["uk-airr"], goal, meant, current, growth, as_of=day, unit_per_h100=2.0)


def test_distance_by_hand(programmes: dict[str, Programme]) -> None:
    day = datetime.date(2028, 12, 31)
    found = far(programmes, np.array([50.0, 50.0]), np.array([3.0, 1.5]), day)
    assert found.target.best == 200
    assert found.reached.mean == pytest.approx(0.25)
    assert found.growth_needed is not None
    assert found.growth_needed.mean == pytest.approx(2.0, rel=2e-3)
    assert found.probability == 0.5
    late = far(programmes, np.array([50.0, 250.0]), np.array([3.0, 3.0]), datetime.date(2031, 6, 1))
    assert (late.growth_needed, late.probability, late.years_left) == (None, 0.5, 0.0)
    nothing = far(programmes, np.zeros(2), np.array([3.0, 3.0]), day)
    assert (nothing.growth_needed, nothing.probability) == (None, 0.0)


@given(st.floats(0.001, 0.99), st.floats(0.1, 20))
def test_growing_as_needed_reaches_the_aim(reached: float, years: float) -> None:
    needed = growth_needed(np.array([reached]), years)
    assert reached * needed[0] ** years == pytest.approx(1, rel=1e-9)
    assert probability(np.array([reached]), needed * 1.001, years) == 1
    assert probability(np.array([reached]), needed * 0.999, years) == 0
