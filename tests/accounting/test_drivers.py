"""Shares of variance by input: against closed forms, and against scipy's Sobol indices."""

from __future__ import annotations

import datetime
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from accounting.accounts.drivers import Drivers, drivers
from accounting.accounts.estimate import Request, estimate
from accounting.capacity.calibration import Calibration, load_calibration
from accounting.capacity.draws import Z95
from accounting.capacity.sizing.correlated import SizedEntry
from accounting.capacity.stock.projection import ProjectedValuer, Projection
from accounting.capacity.stock.rates import load_stock_rates
from accounting.capacity.valuation import Valuer
from accounting.census.ledger import Entry, Ledger
from accounting.census.selection import Selection
from accounting.quantities import Uncertain, exact
from accounting.reference.facts import Facts
from tests.accounting.ledgers import BASE

DAY = datetime.date(2026, 1, 1)
DRAWS = 40_000
H100 = 989.4e12


@pytest.fixture(scope="module")
def calibration(facts: Facts) -> Calibration:
    return load_calibration(facts)


def lognormal(best: float, sd: float) -> Uncertain:
    return Uncertain(best * math.exp(-Z95 * sd), best, best * math.exp(Z95 * sd), "lognormal")


def entry(number: int, count: Uncertain, source: str = "https://a.example") -> Entry:
    return replace(BASE, id=f"e{number}", facility=f"f{number}", count=count, source=source)


def paper(facts: Facts, **changes: object) -> Valuer:
    base = Valuer(facts, Calibration.of((), facts), "bf16", ("peak",), 11, DRAWS)
    return replace(base, **changes)  # type: ignore[arg-type]


def check(found: Drivers, expected: dict[str, tuple[float, float]]) -> None:
    """Compare (first order, total) by input, within four standard errors and a thousandth."""
    assert {driver.key for driver in found.drivers} == set(expected)
    for driver in found.drivers:
        first, total = expected[driver.key]
        assert abs(driver.first.value - first) < 4 * driver.first.error + 1e-3
        assert abs(driver.total.value - total) < 4 * driver.total.error + 1e-3
        assert driver.total.error < 0.02


def test_a_product_of_lognormals_has_the_shares_of_the_closed_form(facts: Facts) -> None:
    count, bias = 0.3, 0.5
    row = entry(1, lognormal(100, count))
    found = drivers([row], paper(facts, source_bias={row.source: lognormal(1, bias)}), facts)
    a, b = math.expm1(count**2), math.expm1(bias**2)
    whole = a + b + a * b
    check(
        found,
        {
            "count:f1": (a / whole, (a + a * b) / whole),
            "source:https://a.example": (b / whole, (b + a * b) / whole),
        },
    )
    assert abs(found.together.value - a * b / whole) < 4 * found.together.error
    assert found.sd / (found.centre * math.exp((count**2 + bias**2) / 2)) == pytest.approx(
        math.sqrt(whole), rel=0.03
    )
    # alone, an input moves the total from its own 5th to its own 95th percentile
    effects = {driver.key: (driver.low, driver.high) for driver in found.drivers}
    ends = [100 * H100 * math.exp(side * Z95 * bias) for side in (-1, 1)]
    assert effects["source:https://a.example"] == pytest.approx(ends, rel=0.02)
    assert found.centre == pytest.approx(100 * H100, rel=1e-3)


def test_a_sum_has_the_shares_of_its_parts_and_a_shared_factor_does_not_average_out(facts: Facts) -> None:
    rows = [entry(1, lognormal(100, 0.4)), entry(2, lognormal(300, 0.2)), entry(3, lognormal(50, 0.3))]
    bias = 0.25
    found = drivers(rows, paper(facts, source_bias={rows[0].source: lognormal(1, bias)}), facts)
    parts = [(100, 0.4), (300, 0.2), (50, 0.3)]
    means = [n * math.exp(sd**2 / 2) for n, sd in parts]
    own = [mean**2 * math.expm1(sd**2) for mean, (_, sd) in zip(means, parts, strict=True)]
    b = math.expm1(bias**2)
    shared = sum(means) ** 2 * b
    whole = sum(own) + shared + sum(own) * b
    expected = {f"count:f{n}": (v / whole, v * (1 + b) / whole) for n, v in enumerate(own, 1)}
    expected["source:https://a.example"] = (shared / whole, (shared + sum(own) * b) / whole)
    check(found, expected)


def test_inputs_beyond_the_largest_are_taken_together(facts: Facts) -> None:
    sds = [0.5, 0.4, 0.3, 0.2, 0.1]
    rows = [entry(n, lognormal(100, sd)) for n, sd in enumerate(sds)]
    found = drivers(rows, paper(facts), facts, most=2)
    variances = [math.exp(sd**2) * math.expm1(sd**2) for sd in sds]
    whole = sum(variances)
    shares = {"count:f0": variances[0], "count:f1": variances[1], "count:*": sum(variances[2:])}
    check(found, {key: (value / whole, value / whole) for key, value in shares.items()})
    assert {d.key: d.inputs for d in found.drivers}["count:*"] == 3
    assert math.fsum(d.first.value for d in found.drivers) == pytest.approx(1, abs=0.05)


def test_two_batches_of_one_facility_and_what_sized_sites_share_are_one_input(facts: Facts) -> None:
    loading = (("sizing/filled/", 0.3),)
    rows = [SizedEntry.of(entry(n, lognormal(100, 0.5)), loading) for n in (1, 2)]
    rows[1] = replace(rows[1], facility="f1")
    found = drivers(rows, paper(facts), facts)
    own = math.expm1(0.5**2 - 0.3**2)
    common = math.expm1(0.3**2)
    # of two of equal mean: what is shared, twice one's own, and both together
    whole = 4 * common + 2 * own + 2 * own * common
    check(
        found,
        {
            "count:f1": (2 * own / whole, 2 * own * (1 + common) / whole),
            "sizing_filled": (4 * common / whole, (4 * common + 2 * own * common) / whole),
        },
    )


def test_the_chain_agrees_with_scipy(facts: Facts, calibration: Calibration) -> None:
    rows = [entry(1, lognormal(100, 0.3)), entry(2, exact(200))]
    valuer = Valuer(facts, calibration, "bf16", ("delivered",), 11, DRAWS)
    found = {driver.key: driver for driver in drivers(rows, valuer, facts).drivers}
    steps = [
        calibration.efficiency(step, "nvidia-h100-sxm", "bf16")
        for step in ("achievable", "sustained", "delivered")
    ]

    def total(x: np.ndarray) -> np.ndarray:
        """Inputs: the count, three shared efficiencies, and for each step the own part of two sites."""
        z = stats.norm.ppf(x)
        sizes = [100 * np.exp(0.3 * z[0]), np.full(z.shape[1], 200.0)]
        for number, step in enumerate(steps):
            assert step is not None
            p = step.prediction
            for site in range(2):
                logit = p.mean + p.shared_sd * z[1 + number] + p.site_sd * z[4 + 2 * number + site]
                sizes[site] = sizes[site] / (1 + np.exp(-logit))
        return np.asarray(sizes[0] + sizes[1])

    uniform = stats.uniform()
    indices = stats.sobol_indices(func=total, n=2**13, dists=[uniform] * 10, rng=np.random.default_rng(3))
    for place, key in enumerate(
        ["count:f1", "achievable:nvidia-h100-sxm", "sustained:nvidia-h100-sxm", "delivered"]
    ):
        assert found[key].first.value == pytest.approx(indices.first_order[place], abs=0.03)
        assert found[key].total.value == pytest.approx(indices.total_order[place], abs=0.03)
    for number, step in enumerate(("achievable", "sustained", "delivered")):
        both = indices.first_order[4 + 2 * number : 6 + 2 * number].sum()
        assert found[f"site_spread:{step}"].first.value == pytest.approx(both, abs=0.03)


def test_what_is_in_service_is_an_input_of_a_projection(facts: Facts) -> None:
    rows = [entry(1, lognormal(100, 0.2)), replace(entry(2, exact(100)), facility="f2")]
    projection = Projection(load_stock_rates(), DAY, 11, DRAWS)
    day = datetime.date(2031, 6, 1)
    found = drivers(rows, ProjectedValuer.on(day, paper(facts), projection), facts)
    by_key = {driver.key: driver for driver in found.drivers}
    assert set(by_key) == {"count:f1", "service"}
    counts = 100 * np.exp(0.2 * np.random.default_rng(1).standard_normal(DRAWS))
    there = [projection.presence(row, day) for row in rows]
    # known presence, and the mean of the count
    known = there[0] * counts.mean() + there[1] * 100
    whole = there[0] * counts + there[1] * 100
    assert by_key["service"].first.value == pytest.approx(known.var() / whole.var(), abs=0.03)
    assert by_key["service"].low == pytest.approx(0.0, abs=1e-3 * H100)


def test_what_is_exact_has_no_drivers(facts: Facts) -> None:
    found = drivers([entry(1, exact(100))], paper(facts), facts)
    assert found.drivers == ()
    assert found.centre == pytest.approx(100 * H100, rel=1e-3)
    assert found.sd == 0.0
    assert drivers([], paper(facts), facts) == Drivers(0.0, 0.0, ())


def test_an_estimate_in_h100e_has_the_shares_of_the_one_in_flops(
    facts: Facts, calibration: Calibration
) -> None:
    ledger = Ledger("a census", (entry(1, lognormal(100, 0.3)),))
    base = Request(Selection(DAY), ("delivered",), draws=2_000, drivers=True)
    flops, h100e = (
        estimate(ledger, replace(base, unit=unit), facts, calibration)[0] for unit in ("flops", "h100e")
    )
    assert flops.drivers is not None
    assert h100e.drivers is not None
    for mine, theirs in zip(flops.drivers.drivers, h100e.drivers.drivers, strict=True):
        assert mine.first.value == pytest.approx(theirs.first.value)
        assert mine.first.error == pytest.approx(theirs.first.error)
    assert h100e.drivers.sd / h100e.accounts.total.mean == pytest.approx(
        flops.drivers.sd / flops.accounts.total.mean
    )
