"""Stock over time: survival in closed form, plans by rejection, lives that nobody ends twice."""

from __future__ import annotations

import datetime
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from accounting.capacity.stock.projection import Projection
from accounting.capacity.stock.rates import StockRates, load_stock_rates
from accounting.capacity.stock.survival import (
    Life,
    age_at_end,
    exponential,
    fit_weibull,
    kaplan_meier,
    lives_of,
    survival,
)
from accounting.census.ledger import Entry, Ledger
from accounting.census.selection import PLANNED, Selection, select, status_on
from accounting.census.snapshot import snapshot_of
from accounting.census.sources import load_census
from accounting.dimensions import YEAR_DAYS, years_between
from accounting.errors import InputFaults
from accounting.reference.facts import Facts
from bench.errors import InputError
from tests.accounting.ledgers import BASE

SNAPSHOT = datetime.date(2026, 6, 1)
SIZE = 400
ages = st.floats(0.0, 20.0)
medians = st.floats(1.0, 15.0)
shapes = st.floats(0.6, 6.0)
days_after = st.integers(0, 3500).map(lambda days: SNAPSHOT + datetime.timedelta(days))


@pytest.fixture(scope="module")
def rates() -> StockRates:
    return load_stock_rates()


def projection(rates: StockRates, size: int = SIZE, **entries: Entry) -> Projection:
    return Projection(rates, SNAPSHOT, 3, size, entries)


def fixed(rates: StockRates, realised: float, delay: float) -> StockRates:
    """Return the rates with one exact fate for what is announced."""
    from accounting.quantities import exact

    plan = rates.planned.announced
    sure = plan.model_copy(
        update={
            "realised": plan.realised.model_copy(update={"value": exact(realised, "fraction")}),
            "mean_delay_years": plan.mean_delay_years.model_copy(update={"value": exact(delay, "ratio")}),
        }
    )
    return rates.model_copy(update={"planned": rates.planned.model_copy(update={"announced": sure})})


@given(seen=ages, more=ages, median=medians, shape=shapes)
def test_survival_is_one_when_seen_and_the_ratio_of_weibulls_after(
    seen: float, more: float, median: float, shape: float
) -> None:
    weibull = stats.weibull_min(shape, scale=median / math.log(2) ** (1 / shape))
    assert survival(seen, seen, median, shape) == 1.0
    assert survival(seen / 2, seen, median, shape) == 1.0
    expected = math.exp(weibull.logsf(seen + more) - weibull.logsf(seen))
    assert survival(seen + more, seen, median, shape) == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert survival(seen + more + 1, seen, median, shape) <= survival(seen + more, seen, median, shape)


@given(seen=ages, share=st.floats(1e-6, 0.999), median=medians, shape=shapes)
def test_an_age_at_the_end_is_where_survival_has_fallen_to_its_share(
    seen: float, share: float, median: float, shape: float
) -> None:
    end = float(age_at_end(seen, np.array([-math.log(share)]), median, shape)[0])
    assert end >= seen
    assert survival(end, seen, median, shape) == pytest.approx(share, rel=1e-6)


def test_exponential_draws_are_so_distributed_and_keyed() -> None:
    draws = exponential(1, "a", 20_000)
    assert stats.kstest(draws, "expon").pvalue > 0.01
    np.testing.assert_array_equal(draws[:500], exponential(1, "a", 500))
    assert not np.array_equal(draws[:500], exponential(1, "b", 500))


def test_the_fit_is_the_likeliest_weibull_of_censored_lives() -> None:
    generator = np.random.default_rng(5)
    lengths = 7.0 * generator.weibull(2.5, 300)
    ends = generator.uniform(0, 12, 300)
    lives = [Life(float(min(t, c)), bool(t <= c)) for t, c in zip(lengths, ends, strict=True)]
    oracle = stats.weibull_min.fit(stats.CensoredData.right_censored(
        [life.years for life in lives], [not life.ended for life in lives]), floc=0)  # fmt: skip
    fit = fit_weibull(lives)
    assert fit.shape == pytest.approx(oracle[0], rel=1e-3)
    assert fit.median_years == pytest.approx(stats.weibull_min(*oracle).median(), rel=1e-3)
    # a second world of the same truth lies within a few standard errors
    assert abs(math.log(fit.shape / 2.5)) < 4 * fit.log_shape_se
    assert abs(math.log(fit.median_years / (7 * math.log(2) ** (1 / 2.5)))) < 4 * fit.log_median_se


def test_standard_errors_are_the_curvature_of_the_likelihood() -> None:
    lives = [Life(2.0, True), Life(5.0, True), Life(6.5, True), Life(3.0, False), Life(9.0, False)]
    fit = fit_weibull(lives)

    def log_likelihood(log_median: float, log_shape: float) -> float:
        k, m = math.exp(log_shape), math.exp(log_median)
        terms = [
            life.ended * (math.log(math.log(2) * k / m) + (k - 1) * math.log(life.years / m))
            - math.log(2) * (life.years / m) ** k
            for life in lives
        ]
        return float(sum(terms))

    at, h = (math.log(fit.median_years), math.log(fit.shape)), 1e-4
    hessian = np.empty((2, 2))
    for i in range(2):
        for j in range(2):
            step = [[h * (n == i), h * (n == j)] for n in range(2)]
            corners = [
                a * b * log_likelihood(*(at[n] + a * step[n][0] + b * step[n][1] for n in range(2)))
                for a in (1, -1)
                for b in (1, -1)
            ]
            hessian[i, j] = sum(corners) / (4 * h * h)
    errors = np.sqrt(np.diag(np.linalg.inv(-hessian)))
    assert [fit.log_median_se, fit.log_shape_se] == pytest.approx(errors.tolist(), rel=1e-3)


@given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=2, max_size=30))
def test_kaplan_meier_is_that_of_scipy(rows: list[tuple[int, bool]]) -> None:
    lives = [Life(float(years), ended) for years, ended in rows]
    data = stats.CensoredData.right_censored([y for y, _ in rows], [not ended for _, ended in rows])
    for age, share in kaplan_meier(lives):
        assert share == pytest.approx(float(stats.ecdf(data).sf.evaluate(age)))


def test_one_retirement_gives_no_lifetime() -> None:
    with pytest.raises(InputError, match="two retirements"):
        fit_weibull([Life(3.0, True), Life(3.0, True), Life(8.0, False)])


@settings(max_examples=40)
@given(
    began=st.integers(0, 5000).map(lambda days: SNAPSHOT - datetime.timedelta(days)),
    days=st.lists(days_after, min_size=2, max_size=5).map(sorted),
    status=st.sampled_from(["operational", *PLANNED]),
)
def test_what_runs_runs_at_the_snapshot_and_leaves_once(
    rates: StockRates, began: datetime.date, days: list[datetime.date], status: str
) -> None:
    entry = replace(BASE, in_service=began, status=status)
    lives = projection(rates)
    at_snapshot = lives.presence(entry, SNAPSHOT)
    assert (at_snapshot == (1.0 if status == "operational" else 0.0)).all()
    left = np.zeros(SIZE, dtype=bool)
    been = at_snapshot > 0
    for before, after in pairwise(lives.presence(entry, day) for day in [SNAPSHOT, *days]):
        left |= (before > 0) & (after == 0)
        been |= after > 0
        assert not (left & (after > 0)).any()
    if status == "operational":
        assert been.all()


@given(retired=days_after, day=days_after)
def test_a_stated_retirement_is_the_only_one(
    rates: StockRates, retired: datetime.date, day: datetime.date
) -> None:
    entry = replace(BASE, in_service=datetime.date(2012, 1, 1), retired=retired)
    expected = 1.0 if day < retired else 0.0
    assert (projection(rates).presence(entry, day) == expected).all()


def test_what_was_retired_is_in_no_projection() -> None:
    gone = replace(BASE, status="retired", retired=datetime.date(2025, 1, 1))
    undated = replace(BASE, id="u", status="retired", retired=None)
    wanted = Selection(datetime.date(2028, 1, 1), frozenset({"operational", *PLANNED}), project=True)
    assert not select(Ledger("t", (gone, undated)), wanted).entries
    # before its retirement it counts as operating
    assert status_on(gone, datetime.date(2024, 6, 1)) == "operational"


def test_survivors_are_as_many_as_the_closed_form_says(rates: StockRates) -> None:
    began, day = datetime.date(2021, 6, 1), datetime.date(2029, 6, 1)
    lives = projection(rates, 40_000)
    seen, later = years_between(began, SNAPSHOT), years_between(began, day)
    expected = survival(later, seen, lives.median_years, lives.shape)
    found = lives.presence(replace(BASE, in_service=began), day)
    assert found.mean() == pytest.approx(expected.mean(), abs=4 * 0.5 / math.sqrt(40_000))


@pytest.mark.parametrize("overdue_days", [0, 365, 900])
def test_an_overdue_plan_is_what_is_left_of_all_that_were_planned_so(
    rates: StockRates, overdue_days: int
) -> None:
    size, realised, delay = 60_000, 0.6, 0.8
    planned = SNAPSHOT - datetime.timedelta(overdue_days)
    generator = np.random.default_rng(1)
    worlds = 400_000
    comes = np.where(
        generator.random(worlds) < realised,
        generator.exponential(delay, worlds) - overdue_days / YEAR_DAYS,
        np.inf,
    )
    open_yet = comes[comes > 0]
    entry = replace(BASE, status="announced", in_service=planned)
    found = Projection(fixed(rates, realised, delay), SNAPSHOT, 0, size)
    for years in (0.25, 1.0):
        day = SNAPSHOT + datetime.timedelta(round(years * YEAR_DAYS))
        expected = (open_yet <= years_between(SNAPSHOT, day)).mean()
        # so soon hardly any of what came is gone again
        assert found.presence(entry, day).mean() == pytest.approx(expected, abs=0.012)


def test_a_plan_that_supersedes_takes_the_place_of_what_it_includes(rates: StockRates) -> None:
    later = replace(BASE, id="later", status="under_construction", in_service=datetime.date(2026, 9, 1))
    first = replace(BASE, id="first", superseded_by="later")
    lives = projection(rates, later=later)
    for year in range(2026, 2036):
        day = datetime.date(year, 12, 31)
        assert not (lives.presence(first, day) * lives.presence(later, day)).any()
    alone = projection(rates).presence(first, datetime.date(2027, 12, 31))
    assert lives.presence(first, datetime.date(2027, 12, 31)).sum() < alone.sum()


def test_what_a_later_list_saw_running_runs_until_then(rates: StockRates) -> None:
    later = datetime.date(2034, 6, 1)
    old = replace(BASE, in_service=datetime.date(2016, 1, 1))
    late = replace(BASE, id="late", status="announced", in_service=datetime.date(2026, 7, 1))
    lives = replace(projection(rates), seen={old.id: later, late.id: later})
    assert (lives.presence(old, later) == 1).all()
    assert lives.presence(old, later + datetime.timedelta(700)).mean() < 0.9
    # a plan of that list had not come by then
    assert not lives.presence(late, later).any()
    assert (projection(rates).presence(old, later) < 1).any()


def test_lives_do_not_depend_on_what_else_there_is_nor_on_how_many_are_drawn(rates: StockRates) -> None:
    day = datetime.date(2030, 12, 31)
    few, many = (projection(rates, size).presence(BASE, day) for size in (100, 3000))
    np.testing.assert_array_equal(few, many[:100])
    assert not np.array_equal(many, projection(rates, 3000).presence(replace(BASE, id="row-3"), day))


def test_the_stated_lifetime_covers_what_the_census_shows(facts: Facts, rates: StockRates) -> None:
    ledger = load_census([], facts)
    fit = fit_weibull(lives_of(ledger, snapshot_of(ledger, datetime.date.max)))
    median, shape = rates.lifetime.median_years.value, rates.lifetime.shape.value
    assert median.low <= fit.median_years <= median.high
    assert shape.low <= fit.shape <= shape.high


def test_lives_leave_out_plans_and_what_is_undated() -> None:
    rows = (
        BASE,
        replace(BASE, id="a", status="announced"),
        replace(BASE, id="b", in_service=None),
        replace(BASE, id="c", status="retired", retired=datetime.date(2025, 1, 1)),
        replace(BASE, id="d", status="retired", retired=None),
    )
    lives = lives_of(Ledger("t", rows), datetime.date(2026, 1, 1))
    assert [life.ended for life in lives] == [False, True]
    assert lives[1].years == pytest.approx(366 / 365.25)


@pytest.mark.parametrize(
    ("name", "stated", "expected"),
    [
        ("epoch-clusters:x_2025-06-07.csv", None, datetime.date(2025, 6, 7)),
        ("top500:TOP500_202506.csv", None, datetime.date(2025, 6, 1)),
        ("x_2025-06-07.csv", datetime.date(2024, 2, 2), datetime.date(2024, 2, 2)),
        ("x_2099-01-01.csv", None, datetime.date(2026, 1, 1)),
        ("x_2025-13-07.csv", None, datetime.date(2024, 1, 1)),
        ("no date", None, datetime.date(2024, 1, 1)),
    ],
)
def test_the_snapshot_of_a_ledger(name: str, stated: datetime.date | None, expected: datetime.date) -> None:
    ledger = Ledger(name, (BASE, replace(BASE, id="p", status="announced")), snapshot=stated)
    assert snapshot_of(ledger, datetime.date(2026, 1, 1)) == expected


def test_faults_of_the_rates_are_shown_with_their_place(tmp_path: Path, repository: Path) -> None:
    text = (repository / "configs/stock.yaml").read_text().replace("best: 90%", "best: 190%", 1)
    (tmp_path / "stock.yaml").write_text(text)
    with pytest.raises(InputFaults, match=r"stock\.yaml:\d+:\d+: planned\.under_construction\.realised"):
        load_stock_rates(tmp_path / "stock.yaml")
