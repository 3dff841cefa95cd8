"""Links, size of model, memory, utilisation and money of training runs, each by hand or by another road."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.capacity.calibration import Calibration, load_calibration
from accounting.capacity.runs import predict_run
from accounting.planning.training.assumptions import (
    Assumptions,
    Known,
    PublishedRun,
    load_assumptions,
    load_published_runs,
)
from accounting.planning.training.fit import largest_parameters, optimal_parameters, training_flop
from accounting.planning.training.links import Links, computing_share
from accounting.planning.training.sites import Batch, Site
from accounting.planning.training.spending import Overrides, Spending, annuity
from accounting.planning.training.utilisation import Foreteller, SizeEffect, size_effect
from accounting.quantities import Uncertain, exact
from accounting.reference.facts import Facts
from bench.errors import InputError


@pytest.fixture(scope="module")
def calibration(facts: Facts) -> Calibration:
    return load_calibration(facts)


@pytest.fixture(scope="module")
def assumptions() -> Assumptions:
    return load_assumptions()


def one(value: float) -> np.ndarray:
    return np.array([value])


def test_two_linked_sites_by_hand() -> None:
    """2(k−1)/k = 1; 1 · 2 B · 3e18 ÷ (6 · 5e10 B/s · 100 · 1e7) = 0.02, so 1 ÷ 1.02 of time computes."""
    found = computing_share(2, 3e18, one(2.0), one(5e10), one(100.0), one(1e7))
    assert float(found[0]) == pytest.approx(1 / 1.02)


def test_intellect_1() -> None:
    """38 minutes of steps, then 1 to 7 of exchange: 97 to 84 % of time; 83 to 96 % are published.

    10B parameters in int8 between 14 nodes: 2 · 13/14 · 1e10 B are 18.6 GB, in 1 minute 309 MB/s.
    """
    steps = 38 * 60
    # F follows from what 100 steps of B tokens take: F = 100 · B · 6N ÷ 2,280 s
    flop_per_s = 100 * 1e6 * 6 * 10e9 / steps
    for minutes in (1, 7):
        bandwidth = 2 * 13 / 14 * 10e9 / (minutes * 60)
        found = computing_share(14, flop_per_s, one(1.0), one(bandwidth), one(100.0), one(1e6))
        assert float(found[0]) == pytest.approx(38 / (38 + minutes))


@given(st.integers(1, 50), st.floats(1e15, 1e22))
def test_linking_leaves_a_share(sites: int, rate: float) -> None:
    links = Links(one(2.0), one(5e10), one(50.0), one(1.6e7), one(0.035))
    assert 0 < float(links.factor(sites, rate)[0]) <= 1
    assert float(links.factor(1, rate)[0]) == 1.0
    assert float(links.learning(2)[0]) == 1.0
    assert float(links.factor(sites + 1, rate)[0]) < float(links.factor(sites, rate)[0])


def test_learning_of_four_and_eight_replicas() -> None:
    """Charles et al.: +0.29 % of loss for 4 at 10B, +1.1 % for 8 at 2.4B.

    Loss falls as FLOP^-s between two sizes at 20 tokens a parameter, where FLOP go with the square of size.
    """
    links = Links(one(2.0), one(5e10), one(50.0), one(1.6e7), one(0.041))
    slope = math.log(2.224 / 2.090) / (2 * math.log(10 / 4))
    assert -math.log(links.learning(4)[0]) == pytest.approx(math.log(1.0029) / slope, abs=0.005)
    slope = math.log(2.460 / 2.326) / (2 * math.log(2.4 / 1.3))
    assert -math.log(links.learning(8)[0]) == pytest.approx(math.log(2.351 / 2.326) / slope, abs=0.015)


def test_chinchilla() -> None:
    """Hoffmann et al. 2022, table 3: 5.76e23 FLOP, 67B parameters, 1.5 T tokens; Chinchilla: 70B, 1.4 T."""
    assert float(training_flop(70e9, 1.4e12)) == pytest.approx(5.88e23)
    assert float(optimal_parameters(5.76e23, 1.5e12 / 67e9)) == pytest.approx(67e9, rel=0.03)


def test_memory_by_hand() -> None:
    """64 of 80 GB, half for the state, 16 bytes a parameter: 2.56 TB ÷ 16 B = 160 billion."""
    assert float(largest_parameters(64 * 80e9, 0.5, 16)) == pytest.approx(160e9)


def test_without_interruptions_and_size_it_is_what_calibration_foretells(
    calibration: Calibration, assumptions: Assumptions
) -> None:
    none = assumptions.with_values({"failures_per_accelerator_day": Known(exact(1e-15), "assumed", "test")})
    found = Foreteller(calibration, none, size=40_000).utilisation("nvidia-h100-sxm", 16384, 4e11).draws
    expected = predict_run(calibration, "nvidia-h100-sxm", 16384)
    assert np.quantile(found, [0.05, 0.5, 0.95]) == pytest.approx(
        [expected.low, expected.median, expected.high], rel=1e-3
    )


def test_a_run_of_the_size_measured_loses_no_more_than_was_measured(
    calibration: Calibration, assumptions: Assumptions
) -> None:
    foreteller = Foreteller(calibration, assumptions, size=2_000)
    found = foreteller.utilisation("nvidia-h100-sxm", foreteller.measured_on, 4e11)
    running = calibration.efficiency("delivered", None, "bf16")
    assert running is not None
    whole = np.median(found.other_availability * found.interruptions)
    # where interruptions alone would have lost more than was measured, they count
    assert whole == pytest.approx(running.median, abs=0.03)
    larger = foreteller.utilisation("nvidia-h100-sxm", 4 * foreteller.measured_on, 4e11)
    assert np.median(larger.interruptions) < np.median(found.interruptions)


def test_the_size_at_which_half_is_left_is_found_again(
    calibration: Calibration, assumptions: Assumptions, facts: Facts
) -> None:
    """Runs made from the formula itself, with half left at 5 billion and nothing else."""
    plain = Foreteller(calibration, assumptions, size=4_000)
    peak = facts.accelerators["nvidia-h100-sxm"].peak_flop_per_s("bf16")
    assert peak is not None
    made = []
    for parameters in np.geomspace(1e9, 5e11, 12):
        used = np.exp(np.median(np.log(plain.utilisation("nvidia-h100-sxm", 4096, parameters).draws)))
        hours = 1e24 / (used / (1 + 5e9 / parameters) * peak * 3600)
        row = {"name": "x", "accelerator": "nvidia-h100-sxm", "chips": 4096, "hours": hours, "flop": 1e24}
        about = {"kind": "assumed", "source": "https://a.b", "date": "2026"}
        made.append(PublishedRun(parameters=float(parameters), **row, **about))
    found = size_effect(made, calibration, assumptions)
    assert math.exp(found.log_half) == pytest.approx(5e9, rel=0.25)
    assert found.offset == pytest.approx(0.0, abs=0.05)


def test_small_models_use_less_and_large_ones_all(
    calibration: Calibration, assumptions: Assumptions, facts: Facts
) -> None:
    effect = size_effect(load_published_runs(facts), calibration, assumptions)
    medians = [float(np.median(effect.draws(n, 0, 2_000))) for n in (7e9, 70e9, 700e9)]
    assert medians == sorted(medians)
    assert medians[0] == pytest.approx(
        math.exp(effect.offset) / (1 + math.exp(effect.log_half) / 7e9), rel=0.05
    )
    assert SizeEffect().draws(7e9, 0, 3).tolist() == [1.0, 1.0, 1.0]


def test_published_runs_follow_from_their_hours(facts: Facts) -> None:
    """LLaMA-65B: 6 · 65.2e9 · 1.4e12 FLOP in 1,022,362 hours of 312 TFLOP/s are 47.7 %."""
    runs = {run.name: run for run in load_published_runs(facts)}
    assert runs["LLaMA-65B"].utilisation(312e12) == pytest.approx(0.477, abs=0.001)
    assert len(runs) == 14


def test_annuity_by_hand() -> None:
    """8 % over five years: 0.08 ÷ (1 − 1.08⁻⁵) = 0.2505; the payments are worth the price."""
    yearly = float(annuity(0.08, 5.0))
    assert sum(yearly / 1.08**year for year in range(1, 6)) == pytest.approx(1.0)


def spending(facts: Facts, **overrides: Uncertain) -> Spending:
    values = {
        "interest_per_year": one(0.08),
        "life_years": one(5.0),
        "upkeep_per_year": one(0.05),
        "hours_used": one(0.8),
        "price_per_watt": one(50.0),
    }
    return Spending(facts, values, 0, 1, Overrides(**overrides))


def test_an_accelerator_hour_by_hand(facts: Facts) -> None:
    """An MI300X: 750 W · 50 $ = 37,500 $; (0.25046 + 0.05) ÷ (8,766 h · 0.8) of it an hour."""
    found = float(spending(facts).usd_per_hour("amd-mi300x")[0])
    assert found == pytest.approx(750 * 50 * (0.250456 + 0.05) / (8766 * 0.8), rel=1e-4)


def test_watts_by_hand(facts: Facts) -> None:
    """An H100 of 700 W with a stated overhead of 1.5 and PUE of 1.2: 1,260 W."""
    batch = Batch("nvidia-h100-sxm", {"n": exact(10.0)}, "reported", exact(1.5, "ratio"))
    site = Site("a", "a", "US", None, (batch,), exact(1.2, "pue"))
    assert float(spending(facts).watts(site, batch)[0]) == pytest.approx(1260)
    given_pue = spending(facts, pue=exact(1.1, "pue"))
    assert float(given_pue.watts(site, batch)[0]) == pytest.approx(1155)


def test_electricity_is_the_countrys_and_says_so(facts: Facts) -> None:
    own, other = spending(facts), spending(facts)
    price = float(own.usd_per_kwh("DE")[0])
    assert own.used["usd_per_kwh/DE"].value.best == price
    other.usd_per_kwh("AQ")
    assert other.used["usd_per_kwh/others"].kind == "assumed"
    assert float(spending(facts, usd_per_kwh=exact(0.05, "ratio")).usd_per_kwh("DE")[0]) == 0.05


def test_power_that_nobody_states_is_refused(facts: Facts) -> None:
    known = {w.accelerator for w in spending(facts)._sizing.watts}
    bare = next(a.id for a in facts.accelerators.values() if a.tdp is None and a.id not in known)
    batch = Batch(bare, {"n": exact(10.0)}, "reported")
    with pytest.raises(InputError, match=f"the power of {bare} is not known"):
        spending(facts).watts(Site("a", "a", None, None, (batch,)), batch)
