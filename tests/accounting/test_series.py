"""Series over time: pandas and closed forms as oracles, golden figures of a published file, laws of sums."""

from __future__ import annotations

import datetime
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from accounting.accounts.estimate import Request, estimate
from accounting.accounts.over_time.growth import Growth, compound, student_t95, trend
from accounting.accounts.over_time.leading import leading_trend
from accounting.accounts.over_time.series import dates_of, projection_of, series
from accounting.accounts.over_time.totals import projected_selection
from accounting.capacity.calibration import Calibration, load_calibration
from accounting.capacity.stock.projection import ProjectedValuer
from accounting.capacity.stock.rates import load_stock_rates
from accounting.census.ledger import Entry, Ledger
from accounting.census.readers.epoch_clusters import read
from accounting.census.selection import PLANNED, Selection
from accounting.dimensions import years_between
from accounting.quantities import exact
from accounting.reference.facts import Facts
from bench.errors import InputError
from tests.accounting.ledgers import BASE

FILE = "epoch/ai_supercomputers_2025-06-07.csv"
END = datetime.date(2025, 5, 31)
RECIPE = Selection(
    END, since=datetime.date(2019, 1, 1), standard_only=True, drop_duplicates=False, known_only=True
)
SNAPSHOT = datetime.date(2026, 6, 1)
DATES = dates_of(2023, 2032, SNAPSHOT)
RATES = load_stock_rates()
LEVELS = (("territory",), ("provider",), ("territory", "vendor"))


def entry(number: int, **changes: object) -> Entry:
    return replace(BASE, id=f"e{number}", facility=f"f{number}", **changes)  # type: ignore[arg-type]


@st.composite
def entries(draw: st.DrawFn, number: int) -> Entry:
    status = draw(st.sampled_from(["operational", "operational", "retired", *PLANNED]))
    planned = status in PLANNED
    began = draw(st.dates(datetime.date(2019 + 7 * planned, 1, 1), datetime.date(2025 + 5 * planned, 12, 31)))
    return entry(
        number,
        status=status,
        in_service=began,
        retired=began + datetime.timedelta(draw(st.integers(0, 3000))) if status == "retired" else None,
        territory=draw(st.sampled_from(["FR", "US", None])),
        count=exact(draw(st.floats(1, 1e5))),
    )


ledgers = st.integers(1, 5).flatmap(
    lambda size: st.tuples(*(entries(number) for number in range(size))).map(
        lambda rows: Ledger("t", rows, snapshot=SNAPSHOT)
    )
)


@pytest.fixture(scope="module")
def calibration(facts: Facts) -> Calibration:
    return load_calibration(facts)


def peaks(ledger: Ledger, facts: Facts, levels: tuple[tuple[str, ...], ...] = (), draws: int = 50):  # type: ignore[no-untyped-def]  # noqa: ANN201
    wanted = Request(Selection(SNAPSHOT), bases=("peak",), draws=draws)
    none = Calibration.of((), facts)
    lives = projection_of(ledger, wanted, RATES, SNAPSHOT)
    return series(ledger, wanted, DATES, facts, none, lives, levels)["peak"]


def frame(shared: Path) -> pd.DataFrame:
    """Return the rows of the recipe, superseded ones included, read without any of our code."""
    rows = pd.read_csv(shared / "data" / FILE)
    rows["on"] = pd.to_datetime(rows["First Operational Date"], format="mixed", errors="coerce")
    gone = rows["Decommissioned Date (if applicable)"]
    rows["off"] = pd.to_datetime(gone, format="mixed", errors="coerce").fillna(pd.Timestamp("2100-01-01"))
    rows["flops"] = pd.to_numeric(rows["16-bit OP/s"], errors="coerce")
    return rows[
        rows["Status"].isin(["Existing", "Decommissioned"])
        & (rows["Include in Standard Analysis"].astype(str) == "True")
        & rows["Country"].notna()
        & (rows["on"] >= "2019-01-01")
    ]


def pandas_total(shared: Path, day: datetime.date) -> float:
    """Return the capacity (FLOP/s) in service on a day without what a later phase there includes."""
    everything = pd.read_csv(shared / "data" / FILE)
    names = everything["Name"].value_counts()
    running = everything[everything["Status"] != "Planned"].assign(
        on=lambda r: pd.to_datetime(r["First Operational Date"], format="mixed", errors="coerce")
    )
    later = set(running.loc[running["on"] <= pd.Timestamp(day), "Name"]) & set(names[names == 1].index)
    rows = frame(shared)
    there = rows[(rows["on"] <= pd.Timestamp(day)) & (rows["off"] > pd.Timestamp(day))]
    return float(there.loc[~there["Superseded by"].isin(later), "flops"].sum())


def test_the_published_file_by_year_against_pandas_and_the_known_figures(shared: Path, facts: Facts) -> None:
    ledger = read(shared / "data" / FILE, facts)
    wanted = Request(RECIPE, bases=("peak",), draws=2)
    lives = projection_of(ledger, wanted, RATES, datetime.date(2026, 1, 1))
    assert lives.snapshot == datetime.date(2025, 6, 7)
    dates = dates_of(2019, 2025, END)
    found = series(ledger, wanted, dates, facts, Calibration.of((), facts), lives)["peak"]
    for point in found.points:
        assert not point.projected
        assert point.total.mean == pytest.approx(pandas_total(shared, point.as_of), rel=1e-9)
        assert point.deployments + sum(point.skipped.values()) == ledger.rows
    totals = {point.as_of: point.total.mean for point in found.points}
    # stated with three or four digits
    assert totals[datetime.date(2019, 12, 31)] == pytest.approx(6.07e18, rel=1e-3)
    assert totals[datetime.date(2022, 12, 31)] == pytest.approx(1.153e20, rel=5e-4)
    assert totals[END] == pytest.approx(1.159e21, rel=5e-4)
    assert found.growth is not None
    assert found.trend is not None
    assert found.growth.per_year == pytest.approx(2.64, abs=0.005)
    assert found.trend.p5 < found.growth.per_year < found.trend.p95


def test_leading_systems_of_the_published_file_double_in_about_9_6_months(shared: Path, facts: Facts) -> None:
    ledger = read(shared / "data" / FILE, facts)
    found = leading_trend(ledger, RECIPE, lambda e: e.values.get("bf16"))
    rows = frame(shared)
    rows = rows[(rows["Rank when first operational"] <= 10) & (rows["on"] <= pd.Timestamp(END))]
    rows = rows[rows["flops"] > 0]
    years = (rows["on"] - pd.Timestamp("2019-01-01")).dt.days / 365.25
    line = stats.linregress(years, np.log(rows["flops"]))
    assert found is not None
    assert found.points == len(rows)
    assert found.per_year == pytest.approx(math.exp(line.slope), rel=1e-9)
    error = stats.t.ppf(0.95, len(rows) - 2) * line.stderr
    assert found.p95 == pytest.approx(math.exp(line.slope + error), rel=1e-6)
    assert found.doubling_months == pytest.approx(9.6, abs=0.05)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 10, 31, 200])
def test_student_t(freedom: int) -> None:
    assert student_t95(freedom) == pytest.approx(stats.t.ppf(0.95, freedom), rel=1e-9)


@given(factor=st.floats(0.5, 5), size=st.floats(1e9, 1e21), years=st.integers(2, 10))
def test_what_grows_evenly_has_one_growth(factor: float, size: float, years: int) -> None:
    days = [datetime.date(2015 + n, 1, 1) for n in range(years + 1)]
    values = [size * factor ** years_between(days[0], day) for day in days]
    line, ends = trend(list(zip(days, values, strict=True))), None
    ends = compound(days[0], days[-1], np.full(3, values[0]), np.full(3, values[-1]))
    assert line is not None
    assert ends is not None
    assert line.per_year == pytest.approx(factor, rel=1e-9)
    assert ends.per_year == pytest.approx(factor, rel=1e-9)
    assert line.p5 == pytest.approx(line.p95, rel=1e-6)
    if factor > 1.001:
        assert ends.doubling_months == pytest.approx(12 / math.log2(factor), rel=1e-6)
    elif factor < 1:
        assert ends.doubling_months is None


def test_too_little_gives_no_growth() -> None:
    day = datetime.date(2020, 1, 1)
    later = datetime.date(2021, 1, 1)
    assert trend([(day, 1.0), (later, 2.0), (later, 3.0)]) is None
    assert compound(day, day, np.ones(2), np.ones(2)) is None
    assert compound(day, later, np.array([0.0, 1.0]), np.ones(2)) is None
    assert Growth(1.0, 1.0, 1.0, 2).doubling_months is None
    with pytest.raises(InputError):
        student_t95(0)


@settings(max_examples=30)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 12), st.integers(1, 9), st.none() | st.integers(0, 12)),
        min_size=3,
        max_size=25,
    ),
    rank=st.integers(1, 4),
)
def test_leading_without_stated_ranks_is_who_had_fewer_larger_ones_then(
    rows: list[tuple[int, int, int | None]], rank: int
) -> None:
    first = datetime.date(2020, 1, 1)
    table = [
        entry(
            n,
            in_service=first + datetime.timedelta(30 * began),
            retired=first + datetime.timedelta(30 * (began + lasted)) if lasted is not None else None,
            status="operational" if lasted is None else "retired",
            count=exact(float(size)),
        )
        for n, (began, size, lasted) in enumerate(rows)
    ]
    led = [
        (e.in_service, e.count.best)
        for e in table
        if e.count is not None and e.in_service is not None
        and sum(
            o.count.best > e.count.best
            and o.in_service <= e.in_service
            and not (o.retired and o.retired <= e.in_service)
            for o in table if o.count is not None and o.in_service is not None
        ) < rank
    ]  # fmt: skip
    found = leading_trend(
        Ledger("t", tuple(table)), Selection(SNAPSHOT), lambda e: e.count.best if e.count else None, rank
    )
    expected = trend(led)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found.points == expected.points
        assert found.per_year == pytest.approx(expected.per_year, rel=1e-9)


@settings(max_examples=15)
@given(ledger=ledgers)
def test_levels_add_up_at_every_date(facts: Facts, ledger: Ledger) -> None:
    found = peaks(ledger, facts, LEVELS)
    assert [point.projected for point in found.points] == [day > SNAPSHOT for day in DATES]
    for point in found.points:
        for one in point.accounts:
            total = sum(row.quantiles.mean for row in one.rows)
            # rows are summed in float32 draws rounded to grains of 2**30, the total in float64
            assert total == pytest.approx(point.total.mean, rel=1e-5, abs=1e10)


@settings(max_examples=15)
@given(ledger=ledgers, other=entries(99))
def test_adding_a_deployment_lowers_no_year(facts: Facts, ledger: Ledger, other: Entry) -> None:
    more = replace(ledger, entries=(*ledger.entries, other))
    for before, after in zip(peaks(ledger, facts).points, peaks(more, facts).points, strict=True):
        for name in ("p5", "p50", "p95", "mean"):
            low, high = getattr(before.total, name), getattr(after.total, name)
            assert high >= low * (1 - 1e-12)


@settings(max_examples=15)
@given(ledger=ledgers)
def test_what_operates_only_leaves_and_what_is_planned_is_said(facts: Facts, ledger: Ledger) -> None:
    rows = tuple(e for e in ledger.entries if e.status not in PLANNED)
    found = peaks(replace(ledger, entries=rows), facts)
    ahead = [point.total for point in found.points if point.as_of >= SNAPSHOT]
    for name in ("p5", "p50", "p95", "mean"):
        values = [getattr(total, name) for total in ahead]
        assert values == sorted(values, reverse=True)
    plans = peaks(replace(ledger, entries=tuple(e for e in ledger.entries if e.status in PLANNED)), facts)
    everything = peaks(ledger, facts)
    for point, standing, planned in zip(everything.points, found.points, plans.points, strict=True):
        # planned and operational draws are keyed by deployment, so that the parts are those of the whole
        whole = standing.total.mean + planned.total.mean
        assert point.total.mean == pytest.approx(whole, rel=1e-9, abs=1e-6)
        expected = planned.total.mean / whole if whole else 0.0
        assert point.planned_share == pytest.approx(expected, rel=1e-9, abs=1e-12)
        if not point.projected:
            assert planned.total.mean == 0


def test_a_date_of_a_series_is_the_projected_estimate_of_that_date(
    facts: Facts, calibration: Calibration
) -> None:
    rows = (
        entry(1),
        entry(2, status="announced", in_service=datetime.date(2027, 1, 1), territory="US"),
        entry(3, status="retired", retired=datetime.date(2025, 1, 1)),
    )
    ledger = Ledger("t", rows, snapshot=SNAPSHOT)
    wanted = Request(Selection(SNAPSHOT), bases=("peak", "delivered"), draws=300)
    lives = projection_of(ledger, wanted, RATES, SNAPSHOT)
    day = datetime.date(2030, 12, 31)
    found = series(ledger, wanted, (day,), facts, calibration, lives, LEVELS)
    ahead = replace(wanted, selection=projected_selection(wanted.selection, day), levels=LEVELS)
    for one in estimate(
        ledger, ahead, facts, calibration, lambda valuer: ProjectedValuer.on(day, valuer, lives)
    ):
        point = found[one.basis].points[0]
        assert point.total.p50 == pytest.approx(one.accounts.total.p50, rel=1e-5)
        assert point.total.p95 == pytest.approx(one.accounts.total.p95, rel=1e-5)
        assert point.accounts == one.accounts.accounts
        assert one.accounts.provenance == {"assumed": pytest.approx(1.0)}


def test_a_flow_has_no_series(facts: Facts, calibration: Calibration) -> None:
    request = Request(RECIPE, ("delivered",), unit="flop_per_year", draws=10)
    ledger = Ledger("t", (entry(1),))
    with pytest.raises(InputError, match="what is used"):
        series(ledger, request, DATES, facts, calibration, projection_of(ledger, request, RATES, SNAPSHOT))


def test_growth_is_known_better_than_the_totals(facts: Facts, calibration: Calibration) -> None:
    # many sites, so that what is left of the spread is what they share
    rows = tuple(entry(n, in_service=datetime.date(2020 + n % 4, 1, 1)) for n in range(200))
    ledger = Ledger("t", rows, snapshot=SNAPSHOT)
    wanted = Request(Selection(SNAPSHOT), bases=("delivered",), draws=2000)
    lives = projection_of(ledger, wanted, RATES, SNAPSHOT)
    found = series(ledger, wanted, dates_of(2021, 2025, SNAPSHOT), facts, calibration, lives)["delivered"]
    assert found.growth is not None
    years = years_between(datetime.date(2021, 12, 31), datetime.date(2025, 12, 31))
    last = found.points[-1].total
    spread = math.log(last.p95 / last.p5)
    assert math.log(found.growth.p95 / found.growth.p5) * years < spread / 2
    assert found.growth.p5 < 2 ** (1 / years) < found.growth.p95
