"""Links, size of model, memory, utilisation and money of training runs, each by hand or by another road."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.capacity.calibration import Calibration, load_calibration
from accounting.capacity.efficiency.runs import predict_run
from accounting.dimensions import YEAR_S
from accounting.planning.clusters import load_cluster
from accounting.planning.facts import load_planning
from accounting.planning.known import Known
from accounting.planning.outlook import outlook
from accounting.planning.outlook import planner as outlook_planner
from accounting.planning.training.assumptions import (
    Assumptions,
    PublishedRun,
    load_assumptions,
    load_published_runs,
    load_site,
)
from accounting.planning.training.fit import largest_parameters, optimal_parameters, training_flop
from accounting.planning.training.links import Links, computing_share
from accounting.planning.training.sites import Batch, Site, of_accelerators, of_cluster
from accounting.planning.training.spending import Overrides, Spending
from accounting.planning.training.utilisation import Foreteller, SizeEffect, size_effect
from accounting.quantities import Uncertain, exact
from accounting.reference.facts import Facts
from accounting.validation import Fact
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
    assert found.runs == len(made)
    # without a 16-bit peak a run says nothing, and is not counted
    mute = made[0].model_copy(update={"accelerator": "google-tpu-v1"})
    assert facts.accelerators[mute.accelerator].peak_flop_per_s("bf16") is None
    assert size_effect([*made, mute], calibration, assumptions) == found
    assert size_effect([mute], calibration, assumptions) == SizeEffect()


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


def fact(value: Uncertain) -> Fact[Uncertain]:
    return Fact[Uncertain].model_construct(
        value=value, kind="assumed", source="https://a.b", date=datetime.date(2026, 1, 1)
    )


def own_site(facts: Facts, **stated: Any) -> Site:
    """A cluster of one MI300X batch whose figures are all exact."""
    cluster = load_cluster("university", facts)
    deployment = cluster.deployments[0].model_copy(update={"accelerator": "amd-mi300x", **stated})
    own = {
        "pue": fact(exact(1.2, "pue")),
        "host_overhead": fact(exact(1.5, "ratio")),
        "it_lifetime": fact(exact(5 * YEAR_S, "duration")),
        "building_lifetime": fact(exact(15 * YEAR_S, "duration")),
        "building_cost": fact(exact(10.0, "power price")),
        "discount_rate": fact(exact(0.08, "fraction")),
        "operations": fact(exact(0.05, "fraction")),
        "electricity_price": fact(exact(0.1, "energy price")),
        "deployments": (deployment,),
    }
    return of_cluster(cluster.model_copy(update=own), facts, "bf16").sites[0]


def spending(facts: Facts, **overrides: Any) -> Spending:
    return Spending(facts, one(0.8), 0, 1, Overrides(**overrides))


def test_an_accelerator_hour_by_hand(facts: Facts) -> None:
    """An MI300X at 37,500 $ with 1,125 W of building at 10 $/W, over 5 and 15 years at 8 %, 5 % operations.

    37,500 × 0.250456 + 11,250 × 0.116830 + 0.05 × 48,750 = 13,143.9 $ a year, over 8,766 h × 0.8.
    """
    site = own_site(facts, price=fact(exact(37_500.0, "money")))
    found = spending(facts)
    hourly = float(found.usd_per_hour(site, site.batches[0])[0])
    yearly = 37_500 * 0.250456 + 11_250 * 0.116830 + 0.05 * 48_750
    assert hourly == pytest.approx(yearly / (8766 * 0.8), rel=1e-4)
    assert float(found.usd_per_kwh(site)[0]) == 0.1
    assert {"price of amd-mi300x", "it_lifetime", "operations"} <= set(found.used)


def test_watts_by_hand(facts: Facts) -> None:
    """1,000 W in training, as the cluster states, behind a PUE of 1.2."""
    site = own_site(facts, power=fact(exact(1_000.0, "power")))
    assert float(spending(facts).watts(site, site.batches[0])[0]) == pytest.approx(1200)
    given_pue = spending(facts, pue=exact(1.1, "pue"))
    assert float(given_pue.watts(site, site.batches[0])[0]) == pytest.approx(1100)


def test_a_year_of_a_run_costs_what_compare_says_of_the_cluster(facts: Facts) -> None:
    """All hours used and a load of 1: the same cost a year, and the same power, as of the planned cluster."""
    cluster = load_cluster("nordic-alliance", facts)
    size = 500
    by = outlook_planner(facts, load_calibration(facts), size=size, bases=("delivered",))
    stated = outlook(cluster.model_copy(update={"load": fact(exact(1.0, "ratio"))}), by).metrics
    site = of_cluster(cluster, facts, "bf16").sites[0]
    money = Spending(facts, np.ones(size), 0, size)
    watts, dollars = np.zeros(size), np.zeros(size)
    for batch in site.batches:
        watts += batch.accelerators * money.watts(site, batch)
        dollars += batch.accelerators * money.usd_per_hour(site, batch) * 8766
    assert watts == pytest.approx(stated["facility_power_w"])
    yearly = dollars + watts / 1000 * 8766 * money.usd_per_kwh(site)
    assert yearly == pytest.approx(stated["cost_usd_per_year"])


def test_electricity_is_the_countrys_and_says_so(facts: Facts) -> None:
    batch = Batch("nvidia-h100-sxm", {"n": exact(10.0)}, "reported")
    own, other = spending(facts), spending(facts)
    own.usd_per_kwh(Site("a", "a", "DE", None, (batch,)))
    german = load_planning(facts).figures["DE", "industrial_electricity_price_usd_per_kwh"].value
    assert own.used["electricity_price/DE"].value.best == pytest.approx(german * (0.65 * 1.35) ** 0.5)
    other.usd_per_kwh(Site("a", "a", "AQ", None, (batch,)))
    assert other.used["electricity_price/AQ"].kind == "assumed"
    given_price = spending(facts, usd_per_kwh=exact(0.05, "ratio"))
    assert float(given_price.usd_per_kwh(Site("a", "a", "DE", None, (batch,)))[0]) == 0.05


def test_a_file_of_ones_own_states_what_holds_at_every_site(facts: Facts, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        'site: {pue: {value: 1.05, kind: assumed, source: "https://a.b", date: 2026-01-01}}', encoding="utf-8"
    )
    site = of_accelerators("nvidia-h100-sxm", exact(10.0), "US", facts, "bf16").sites[0]
    plain, own = spending(facts), spending(facts, site=load_site(path))
    ratio = own.watts(site, site.batches[0]) / plain.watts(site, site.batches[0])
    assert own.used["pue/site"].value.best == 1.05
    assert float(ratio[0]) != pytest.approx(1.0)


def test_power_that_nobody_states_is_refused(facts: Facts) -> None:
    known = {w.accelerator for w in load_planning(facts).sizing.watts}
    bare = next(a.id for a in facts.accelerators.values() if a.tdp is None and a.id not in known)
    batch = Batch(bare, {"n": exact(10.0)}, "reported")
    with pytest.raises(InputError, match=f"no watts of {bare} are known"):
        spending(facts).watts(Site("a", "a", None, None, (batch,)), batch)
