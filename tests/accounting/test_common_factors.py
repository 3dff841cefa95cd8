"""What sized sites have in common does not average out: totals against the closed form."""

from __future__ import annotations

import datetime
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.accounts.account import account
from accounting.accounts.sized import resize
from accounting.capacity.bases import Draws
from accounting.capacity.calibration import Calibration
from accounting.capacity.draws import Z95
from accounting.capacity.sizing.correlated import common_of, own_part
from accounting.capacity.sizing.counts import Sized, size
from accounting.capacity.sizing.facts import SizingFacts, load_sizing
from accounting.capacity.sizing.lognormal import Lognormal, combine, mixture, product
from accounting.capacity.sums import Work
from accounting.capacity.valuation import Term, Valued, Valuer
from accounting.census.ledger import Entry
from accounting.quantities import Uncertain, exact
from accounting.reference.facts import Facts
from tests.accounting.ledgers import BASE

DAY = datetime.date(2026, 1, 1)
DRAWS = 40_000


@pytest.fixture(scope="module")
def sizing(facts: Facts) -> SizingFacts:
    return load_sizing(facts)


def site(number: int, **changes: object) -> Entry:
    power = {"count": None, "power": exact(1e7, "power"), "power_of": "site"}
    return replace(BASE, id=f"e{number}", facility=f"f{number}", **{**power, **changes})  # type: ignore[arg-type]


def total_draws(rows: list[Entry], facts: Facts) -> Draws:
    valuer = Valuer(facts, Calibration.of((), facts), "bf16", ("peak",), 5, DRAWS)
    total = np.zeros(DRAWS)
    for row in resize(rows, facts, "bf16").entries:
        value = valuer.value(row)
        assert isinstance(value, Valued)
        total += value.capacity["peak"].draws
    return total


@pytest.mark.parametrize("sites", [1, 4, 30])
def test_the_total_of_n_sites_has_the_width_of_the_closed_form(
    facts: Facts, sizing: SizingFacts, sites: int
) -> None:
    rows = [site(n) for n in range(sites)]
    # variance of the log of one site, and what of it every two of them share: from the facts themselves
    family = facts.accelerators["nvidia-h100-sxm"].family
    values = {
        "overheads": next(row.value for row in sizing.overheads if family in row.of),
        "facility_overheads": sizing.facility_overheads[-1].value,
        "filled": sizing.filled.value,
    }
    shares: dict[str, float] = {part.of: part.value.best for part in sizing.common}
    variances = {what: (math.log(v.high / v.low) / 2 / Z95) ** 2 for what, v in values.items()}
    variance = sum(variances.values())
    covariance = sum(v * shares[what] for what, v in variances.items())
    # coefficient of variation of a sum of n lognormals of equal mean
    expected = math.sqrt((math.expm1(variance) + (sites - 1) * math.expm1(covariance)) / sites)
    apart = math.sqrt(math.expm1(variance) / sites)
    draws = total_draws(rows, facts)
    found = draws.std() / draws.mean()
    # three standard errors of a standard deviation of so many draws, lognormal tails included
    assert found == pytest.approx(expected, rel=0.04)
    if sites == 30:
        assert expected > 2 * apart


def test_one_site_has_the_quantiles_that_it_states(facts: Facts, sizing: SizingFacts) -> None:
    found = size(site(1), facts, sizing)
    assert isinstance(found, Sized)
    count = found.entry.count
    assert count is not None
    assert {name.split("/")[1] for name, _ in common_of(found.entry)} == {
        "overheads",
        "facility_overheads",
        "filled",
    }
    peak = facts.accelerators["nvidia-h100-sxm"].peak["bf16"]
    draws = total_draws([site(1)], facts) / peak
    assert np.quantile(draws, [0.05, 0.5, 0.95]) == pytest.approx(
        [count.low, count.best, count.high], rel=0.02
    )


def test_sites_of_other_rows_share_only_what_they_have_in_common(facts: Facts, sizing: SizingFacts) -> None:
    here = size(site(1), facts, sizing)
    gulf = size(site(2, territory="AE", accelerator="nvidia-a100-sxm-80gb"), facts, sizing)
    run = size(site(3, power_of="run"), facts, sizing)
    assert isinstance(here, Sized)
    assert isinstance(gulf, Sized)
    assert isinstance(run, Sized)
    names = [{name for name, _ in common_of(one.entry)} for one in (here, gulf, run)]
    assert names[0] & names[1] == {"sizing/filled/"}
    assert {name.split("/")[1] for name in names[0] & names[2]} == {"overheads"}


def test_sums_and_single_values_agree_and_workers_change_nothing(facts: Facts) -> None:
    rows = [site(n) for n in range(5)]
    entries = resize(rows, facts, "bf16").entries
    valuer = Valuer(facts, Calibration.of((), facts), "bf16", ("peak",), 5, 12_000)
    found = [
        account(entries, valuer, (("territory",),), as_of=DAY, work=work)["peak"]
        for work in (Work(), Work(workers=3, chunk=1))
    ]
    assert found[0].total == found[1].total
    draws = sum(value.capacity["peak"].draws for e in entries if isinstance(value := valuer.value(e), Valued))
    assert found[0].total.p95 == pytest.approx(np.quantile(draws, 0.95), rel=1e-5)
    alone = account(entries[:1], valuer, (), as_of=DAY)["peak"].total
    # adding sites leaves a site's own draws as they were
    first = valuer.value(entries[0])
    assert isinstance(first, Valued)
    assert alone.p50 == pytest.approx(np.quantile(first.capacity["peak"].draws, 0.5), rel=1e-5)


loadings = st.lists(
    st.tuples(st.sampled_from("abc"), st.floats(-0.5, 0.5)), max_size=3, unique_by=lambda p: p[0]
)
factors = st.builds(
    lambda mean, extra, common: Lognormal(
        mean, math.hypot(extra, *(loading for _, loading in common)), "derived", tuple(common)
    ),
    st.floats(-2, 2),
    st.floats(0.01, 1),
    loadings,
)


def common_variance(factor: Lognormal) -> float:
    return math.fsum(loading**2 for _, loading in factor.common)


@settings(max_examples=60)
@given(
    rows=st.lists(factors, min_size=1, max_size=4),
    weights=st.lists(st.floats(0.1, 1), min_size=4, max_size=4),
)
def test_what_is_common_is_never_more_than_the_whole(rows: list[Lognormal], weights: list[float]) -> None:
    mixed = mixture(zip(weights, rows, strict=False))
    assert common_variance(mixed) <= mixed.sd**2 * (1 + 1e-9) + 1e-12
    inverse = product([rows[0].inverse])
    assert dict(inverse.common) == {n: -x for n, x in rows[0].common if x}


def test_a_mixture_and_a_combination_covary_as_their_draws_do() -> None:
    rng = np.random.default_rng(2)
    shared = rng.standard_normal(400_000)
    a = Lognormal(0.0, 0.5, "derived", (("k", 0.4),))
    b = Lognormal(1.0, 0.6, "derived", (("k", 0.1),))
    draws = [
        f.mean
        + f.common[0][1] * shared
        + math.sqrt(f.sd**2 - f.common[0][1] ** 2) * rng.standard_normal(shared.size)
        for f in (a, b)
    ]
    either = np.where(rng.random(shared.size) < 0.3, *draws)
    ((_, loading),) = mixture([(0.3, a), (0.7, b)]).common
    assert loading == pytest.approx(np.cov(either, shared)[0, 1], abs=0.005)
    both, _ = combine([a, b])
    weights = np.array([a.sd**-2, b.sd**-2])
    mean = np.average(np.stack(draws), axis=0, weights=weights)
    assert both.common[0][1] == pytest.approx(np.cov(mean, shared)[0, 1], abs=0.005)


@given(sd=st.floats(0.01, 1), part=st.floats(0, 1))
def test_the_own_part_is_what_is_left(sd: float, part: float) -> None:
    low, best, high = (100 * math.exp(side * Z95 * sd) for side in (-1, 0, 1))
    count = Uncertain(low, best, high, "lognormal")
    own = own_part(count, (("a", sd * math.sqrt(part)),))
    left = math.log(own.high / own.low) / 2 / Z95
    assert left**2 == pytest.approx(sd**2 * (1 - part), abs=1e-9)
    assert own.best == count.best


def test_a_stated_count_shares_nothing(facts: Facts) -> None:
    valuer = Valuer(facts, Calibration.of((), facts), "bf16", ("peak",), 5, 100)
    term = valuer.term(site(1, count=exact(100), power=None))
    assert isinstance(term, Term)
    assert term.common == ()
    assert term.presence is None
