"""Interruptions: published figures, a simulation of the process, brute force for the interval, and laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.planning.training.assumptions import Interruptions, failure_rate, load_assumptions
from accounting.planning.training.failures import (
    Failures,
    availability,
    daly_interval,
    goodput,
    most_useful,
    replica_goodput,
    young_interval,
)


def one(value: float) -> np.ndarray:
    return np.array([value])


def failures(rate: float = 5e-4, restart: float = 400.0, replica_from: float = math.inf) -> Failures:
    """Return a run with a pause of 5 s, whose state is written out at once."""
    return Failures(
        one(rate), one(restart), one(5.0), one(1e12), one(1e9), one(180.0), one(2000.0), replica_from
    )


def test_llama_3_by_hand() -> None:
    """466 interruptions in 54 days: one in 54 · 24 ÷ 466 = 2.781 h; √(2 · 5 s · 10,012 s) = 316 s."""
    row = Interruptions(
        what="x",
        interruptions=466,
        days=54,
        accelerators=16384,
        kind="published",
        source="https://a.b",
        date="2024",
    )
    run = failures(rate=row.rate)
    between = float(run.between(16384)[0])
    assert between == pytest.approx(54 * 86400 / 466)
    assert float(young_interval(one(5.0), one(between))[0]) == pytest.approx(316.4, abs=0.1)
    # the paper: more than 90 % of time was effective training
    assert 0.9 < float(run.goodput(16384)[0]) < 0.95


def test_the_projection_of_kokolis_and_others() -> None:
    """RSC-1: 6.50 failures in 1,000 node-days of eight; they project 1.8 h for 16,384 GPUs."""
    assert float(failures(rate=6.5 / 1000 / 8).between(16384)[0]) / 3600 == pytest.approx(1.8, abs=0.01)


def test_restarts_on_100_000_accelerators() -> None:
    """arXiv 2602.00277: 44 % of time with restarts of 10 minutes; 80 % with stalls of 3."""
    between = one(720.0)
    assert float(replica_goodput(one(180.0), between, one(0.0))[0]) == pytest.approx(0.8)
    interval = daly_interval(one(5.0), between)
    assert float(goodput(interval, one(5.0), one(600.0), between)[0]) == pytest.approx(0.44, abs=0.08)


@pytest.mark.parametrize(("pause", "restart", "between"), [(5.0, 400.0, 10_000.0), (60.0, 600.0, 1_800.0)])
def test_goodput_is_that_of_a_simulated_run(pause: float, restart: float, between: float) -> None:
    interval = float(daly_interval(one(pause), one(between))[0])
    random = np.random.default_rng(7)
    clock = 0.0
    segments = 20_000
    for _ in range(segments):
        while (life := random.exponential(between)) < interval + pause:
            clock += life
            # a restart may be interrupted as well
            while (life := random.exponential(between)) < restart:
                clock += life
            clock += restart
        clock += interval + pause
    found = float(goodput(one(interval), one(pause), one(restart), one(between))[0])
    assert found == pytest.approx(segments * interval / clock, rel=0.02)


@pytest.mark.parametrize("between", [600.0, 3_600.0, 36_000.0])
def test_dalys_interval_is_as_good_as_the_best_of_many(between: float) -> None:
    tried = np.geomspace(1.0, 2 * between, 4_000)
    best = goodput(tried, np.full(4_000, 5.0), np.full(4_000, 400.0), np.full(4_000, between)).max()
    found = goodput(daly_interval(one(5.0), one(between)), one(5.0), one(400.0), one(between))
    assert float(found[0]) == pytest.approx(float(best), rel=1e-4)


def test_no_checkpoint_begins_before_the_last_is_written() -> None:
    slow = Failures(one(5e-4), one(400.0), one(5.0), one(1e15), one(1e8), one(180.0), one(2000.0))
    assert float(slow.interval(1000)[0]) == pytest.approx(1e15 / (1e8 * 1000))


def test_availability_at_the_size_measured_is_what_was_measured() -> None:
    assert float(availability(one(0.85), one(0.95), one(0.95))[0]) == pytest.approx(0.85)
    # where the model explains more than was lost, nothing else is lost
    assert float(availability(one(0.97), one(0.95), one(0.9))[0]) == pytest.approx(0.9)


def test_the_rate_is_pooled_as_the_t_less_interval_of_another_fleet() -> None:
    rows = load_assumptions().failures_per_accelerator_day.value
    logs = np.log([466 / 54 / 16384, 105 / 60 / 992, 6.5 / 8000, 2.34 / 8000])
    spread = 1.6448536 * logs.std(ddof=1) * math.sqrt(1.25)
    assert rows.best == pytest.approx(math.exp(logs.mean()))
    assert rows.high / rows.best == pytest.approx(math.exp(spread), rel=1e-6)


def test_one_row_is_taken_as_it_is() -> None:
    row = Interruptions(
        what="x",
        interruptions=1,
        days=10,
        accelerators=10,
        kind="published",
        source="https://a.b",
        date="2024",
    )
    assert failure_rate((row,)).value.exact


@given(
    st.floats(1e-5, 1e-2),
    st.floats(1, 1e6),
    st.floats(1.0, 10.0),
    st.sampled_from([math.inf, 32_768.0, 1.0]),
)
def test_more_accelerators_never_do_less_work(rate: float, count: float, more: float, edge: float) -> None:
    run = failures(rate, replica_from=edge)

    def work(accelerators: float) -> float:
        used = most_useful(accelerators, run, -0.025)
        assert used <= accelerators
        return math.pow(used, 1 - 0.025 / math.log(2)) * float(run.goodput(used)[0])

    assert work(count * more) >= work(count) * (1 - 1e-6)


@given(st.floats(1e-5, 1e-2), st.floats(1, 1e5), st.floats(1.0, 100.0))
def test_more_interruptions_leave_less(rate: float, count: float, more: float) -> None:
    fewer, many = failures(rate).goodput(count), failures(rate * more).goodput(count)
    assert 0 <= float(many[0]) <= float(fewer[0]) * (1 + 1e-9) <= 1 + 1e-9
