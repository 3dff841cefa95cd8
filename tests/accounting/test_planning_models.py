"""Energy, cost, carbon and water: each model by hand, and through a whole cluster without uncertainty."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.capacity.calibration import Calibration, load_calibration
from accounting.planning.clusters import load_cluster
from accounting.planning.cost import Terms, annuity, levelised_usd_per_1e21_flop, yearly_cost_usd
from accounting.planning.footprint import yearly_energy_j
from accounting.planning.outlook import Outlook, outlook, planner
from accounting.reference.facts import Facts

HOURS = 8766.0  # of a Julian year

TEXT = """\
cluster:
  id: exact
  name: Exact
  hypothetical: true
  territory: BR
  owner: mcti-brazil
  operator: lncc
  power_cap: 1.5 MW
  budget: 40 M$
  pue: {value: 1.25, SOURCE}
  host_overhead: {value: 1.5, SOURCE}
  load: {value: 0.9, SOURCE}
  it_lifetime: {value: 5 years, SOURCE}
  building_lifetime: {value: 15 years, SOURCE}
  building_cost: {value: 10 $/W, SOURCE}
  discount_rate: {value: 7%, SOURCE}
  operations: {value: 4%, SOURCE}
  electricity_price: {value: 0.08 $/kWh, SOURCE}
  carbon_intensity: {value: 100 g/kWh, SOURCE}
  building_carbon: {value: 300 kg, SOURCE}
  water_on_site: {value: 0.4 L/kWh, SOURCE}
  water_of_grid: {value: 3 L/kWh, SOURCE}
  deployments:
    - id: a
      accelerator: nvidia-h100-sxm
      count: 1000
      in_service: 2027-01
      power: {value: 900 W, SOURCE}
      price: {value: 40 k$, SOURCE}
      embodied_carbon: {value: 500 kg, SOURCE}
""".replace("SOURCE", 'kind: assumed, source: "https://example.org", date: 2026-01-01')


@pytest.fixture(scope="module")
def calibration(facts: Facts) -> Calibration:
    return load_calibration(facts)


@pytest.fixture(scope="module")
def exact(facts: Facts, calibration: Calibration, tmp_path_factory: pytest.TempPathFactory) -> Outlook:
    path: Path = tmp_path_factory.mktemp("clusters") / "exact.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return outlook(load_cluster(path, facts), planner(facts, calibration, size=50))


def at(found: Outlook, metric: str) -> float:
    """Return a metric that has no spread."""
    draws = found.metrics[metric]
    assert np.ptp(draws) == pytest.approx(0, abs=1e-9 * abs(draws[0]))
    return float(draws[0])


def test_power_and_energy_by_hand(exact: Outlook) -> None:
    assert at(exact, "it_full_load_w") == pytest.approx(1000 * 700 * 1.5)
    assert at(exact, "facility_full_load_w") == pytest.approx(1.05e6 * 1.25)
    assert at(exact, "it_power_w") == pytest.approx(0.9e6)
    assert at(exact, "facility_power_w") == pytest.approx(1.125e6)
    # 0.9 MW × 0.9 × 1.25 × 8,766 h = 8,875.6 MWh
    assert at(exact, "energy_j_per_year") == pytest.approx(8_875_575 * 3.6e6)


def test_cost_by_hand(exact: Outlook) -> None:
    assert at(exact, "it_capital_usd") == pytest.approx(40e6)
    assert at(exact, "building_capital_usd") == pytest.approx(10.5e6)
    assert at(exact, "electricity_usd_per_year") == pytest.approx(710_046)
    # capital recovery factors of 7 %, from tables of engineering economics: over 5 and 15 years
    capital = 40e6 * 0.2438907 + 10.5e6 * 0.1097946
    assert at(exact, "cost_usd_per_year") == pytest.approx(capital + 0.04 * 50.5e6 + 710_046, rel=1e-6)
    delivered = exact.capacity["bf16", "delivered"].draws
    per_year = delivered * HOURS * 3600
    expected = exact.metrics["cost_usd_per_year"] / (per_year / 1e21)
    assert exact.metrics["levelised_usd_per_1e21_flop"] == pytest.approx(expected)
    assert exact.metrics["run_flop"] == pytest.approx(delivered * 90 * 86_400)


def test_carbon_and_water_by_hand(exact: Outlook) -> None:
    assert at(exact, "operational_carbon_kg_per_year") == pytest.approx(887_557.5)
    # 1,000 × 500 kg, and 300 kg for each of 1,050 kW of building
    assert at(exact, "embodied_carbon_kg") == pytest.approx(815_000)
    assert at(exact, "carbon_kg_per_year") == pytest.approx(887_557.5 + 500_000 / 5 + 315_000 / 15)
    # IT energy is 7,100.46 MWh
    assert at(exact, "water_on_site_m3_per_year") == pytest.approx(7_100_460 * 0.4 / 1000)
    assert at(exact, "water_m3_per_year") == pytest.approx((7_100_460 * 0.4 + 8_875_575 * 3) / 1000)


def test_hardware_by_hand(exact: Outlook, facts: Facts) -> None:
    assert at(exact, "tpp") == pytest.approx(1000 * 1978.9 * 8, rel=1e-3)
    assert at(exact, "bytes_per_s") == pytest.approx(1000 * 3.35e12)
    assert at(exact, "accelerators") == 1000


@given(st.floats(1, 1e9), st.floats(1e-6, 0.5), st.floats(1, 40))
def test_an_annuity_is_worth_its_capital(capital: float, rate: float, years: float) -> None:
    """The present value of the payments, as a closed form of its own, is the capital."""
    payment = float(annuity(capital, rate, years))
    assert payment * (1 - (1 + rate) ** -years) / rate == pytest.approx(capital, rel=1e-6)
    assert payment >= capital / years * (1 - 1e-9)


def test_without_interest_an_annuity_is_straight_line() -> None:
    assert annuity(np.array([100.0, 100.0]), np.array([0.0, 1e-12]), 5.0) == pytest.approx([20.0, 20.0])


@given(st.floats(1e3, 1e9), st.floats(0.1, 1), st.floats(1, 2), st.floats(1, 10))
def test_energy_and_cost_are_proportional(watts: float, load: float, pue: float, factor: float) -> None:
    assert yearly_energy_j(watts * factor, load, pue) == pytest.approx(
        factor * float(yearly_energy_j(watts, load, pue))
    )
    terms = Terms(5, 15, 0.05, 0.03, 0.1)
    once, more = (
        yearly_cost_usd(1e6, 2e5, 1e5, terms),
        yearly_cost_usd(1e6 * factor, 2e5 * factor, 1e5 * factor, terms),
    )
    assert float(more) == pytest.approx(factor * float(once))
    assert levelised_usd_per_1e21_flop(float(more), 1e18 * factor) == pytest.approx(
        levelised_usd_per_1e21_flop(float(once), 1e18)
    )
