"""Training runs on sites: laws, the census counted another way, and what else the sites could do."""

from __future__ import annotations

import csv
import datetime
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.accounts.account import Quantiles
from accounting.capacity.calibration import load_calibration
from accounting.census.sources import load_census
from accounting.planning.clusters import load_cluster
from accounting.planning.known import Known
from accounting.planning.training.assumptions import load_assumptions, load_published_runs
from accounting.planning.training.choices import choices
from accounting.planning.training.question import Outcome, Question
from accounting.planning.training.run import Planner, answer, planner
from accounting.planning.training.sites import Batch, Site, Sites, of_accelerators, of_census, of_cluster
from accounting.planning.training.spending import Overrides
from accounting.planning.training.utilisation import size_effect
from accounting.quantities import exact
from accounting.reference.facts import Facts, load_facts
from bench.errors import InputError

FACTS = load_facts()
CALIBRATION = load_calibration(FACTS)
ASSUMPTIONS = load_assumptions()
EFFECT = size_effect(load_published_runs(FACTS), CALIBRATION, ASSUMPTIONS)
FREE = ASSUMPTIONS.with_values(
    {
        "bandwidth": Known(exact(1e30), "assumed", "test"),
        "extra_flop": Known(exact(1e-12, "ratio"), "assumed", "test"),
        "failures_per_accelerator_day": Known(exact(1e-12), "assumed", "test"),
    }
)
PLAIN = Question(exact(1e24), parameters=exact(70e9), draws=200)


def plan(question: Question = PLAIN, assumptions: Any = ASSUMPTIONS, **overrides: Any) -> Planner:
    return planner(question, FACTS, CALIBRATION, assumptions, EFFECT, Overrides(**overrides))


def h100(count: float) -> Sites:
    return of_accelerators("nvidia-h100-sxm", exact(count), "US", FACTS, "bf16")


def site(name: str, **counts: float) -> Site:
    """Return a site of accelerators by id, with _ for -."""
    batches = tuple(
        Batch(a.replace("_", "-"), {f"{name}/{a}": exact(n)}, "reported") for a, n in counts.items()
    )
    return Site(name, name, "US", "private", batches)


def ask(of: Sites, /, **changes: Any) -> Outcome:
    return answer(of, plan(replace(PLAIN, **changes)))


def same(a: Quantiles, b: Quantiles, factor: float = 1.0) -> None:
    ends = [(a.p5, b.p5), (a.p50, b.p50), (a.p95, b.p95), (a.mean, b.mean)]
    for left, right in ends:
        assert left * factor == pytest.approx(right, rel=1e-9)


def test_a_run_by_hand() -> None:
    """1e24 FLOP at 40 % of 1,000 · 989.4 TFLOP/s: 29.24 days, 701,839 hours; at 2 $ and 0.1 $/kWh."""
    given_ = replace(PLAIN, utilisation=exact(0.4, "fraction"))
    cluster = load_cluster("university", FACTS)
    peak = FACTS.accelerators["nvidia-h200-sxm"].peak_flop_per_s("bf16") or 0.0
    found = answer(
        of_cluster(cluster, FACTS, "bf16"),
        plan(given_, pue=exact(1.25, "pue"), usd_per_kwh=exact(0.1), usd_per_accelerator_hour=exact(2.0)),
    )
    days = 1e24 / (336 * peak * 0.4) / 86400
    assert found.days.p5 == pytest.approx(days) == pytest.approx(found.days.p95)
    assert found.accelerator_hours.p50 == pytest.approx(336 * 24 * days)
    # nodes in training, as measured of the H100's, and what is beyond them, are what is left of uncertainty
    joules = 336 * 700 * 1.163 * np.sqrt(1.04 * 1.2) * 1.25 * days * 86400
    assert found.energy_j.p50 == pytest.approx(joules, rel=0.02)
    assert found.cost_usd.p50 == pytest.approx(2 * 336 * 24 * days + 0.1 * found.energy_j.p50 / 3.6e6)
    assert found.utilisation.p50 == pytest.approx(0.4)


@settings(max_examples=15)
@given(st.floats(1e20, 1e27), st.floats(8, 1e5))
def test_twice_the_flop_takes_twice_the_time_and_money(flop: float, count: float) -> None:
    once, twice = ask(h100(count), flop=exact(flop)), ask(h100(count), flop=exact(2 * flop))
    same(once.days, twice.days, 2.0)
    same(once.energy_j, twice.energy_j, 2.0)
    same(once.cost_usd, twice.cost_usd, 2.0)


@settings(max_examples=15)
@given(st.floats(100, 3e6), st.floats(1.0, 20.0))
def test_more_accelerators_never_take_longer(count: float, more: float) -> None:
    fewer, many = ask(h100(count)), ask(h100(count * more))
    # by the median that the number is chosen by; medians of a product need not be products of medians
    assert many.days.p50 <= fewer.days.p50 * 1.02
    assert many.days.p50 >= fewer.days.p50 / more * 0.98


@settings(max_examples=10)
@given(st.lists(st.floats(64, 2e4), min_size=2, max_size=6))
def test_another_site_never_makes_the_best_way_longer(counts: list[float]) -> None:
    sites = [site(f"s{n}", nvidia_h100_sxm=count) for n, count in enumerate(counts)]
    fewer = answer(Sites("x", tuple(sites[:-1])), plan())
    more = answer(Sites("x", tuple(sites)), plan())
    assert more.days.p50 <= fewer.days.p50 * (1 + 1e-9)
    assert more.days.p50 <= min(way.days.p50 for way in more.ways) * (1 + 1e-9)


def test_links_without_loss_add_up() -> None:
    sites = Sites("x", tuple(site(f"s{n}", nvidia_h100_sxm=n) for n in (1024.0, 2048.0)))
    linked = answer(sites, plan(replace(PLAIN, sites="all"), FREE))
    apart = [answer(Sites("x", (one,)), plan(PLAIN, FREE)) for one in sites.sites]
    rates = sum(one.run.rate for one in apart)
    assert linked.run.rate == pytest.approx(rates, rel=1e-9)


def test_half_of_a_site_is_a_site_of_half() -> None:
    same(ask(h100(2000), share=0.5).days, ask(h100(1000)).days)


def test_several_models_lose_and_a_useless_one_is_left_out() -> None:
    both = ask(Sites("x", (site("a", nvidia_h100_sxm=1000, nvidia_a100_sxm_80gb=3000),)))
    alone = ask(Sites("x", (site("a", nvidia_h100_sxm=1000),)))
    assert len(both.run.sites[0].parts) == 2
    assert 0.8 < np.median(both.run.sites[0].mixing) < 1
    assert both.days.p50 < alone.days.p50
    few = ask(Sites("x", (site("a", nvidia_h100_sxm=1000, nvidia_a100_sxm_80gb=8),)))
    assert len(few.run.sites[0].parts) == 1
    same(few.days, alone.days)
    assert any("stay idle" in text for text in few.warnings)


def test_sites_too_small_for_the_model_take_no_part() -> None:
    sites = Sites("x", (site("a", nvidia_h100_sxm=4096), site("b", nvidia_h100_sxm=8)))
    found = ask(sites, sites="all", parameters=exact(405e9))
    assert [one.site.id for one in found.run.sites] == ["a"]
    assert found.left_out["too small to hold the model (sites)"] == 1


def test_a_model_that_fits_nowhere_cannot_be_trained() -> None:
    found = ask(h100(8), parameters=exact(405e9), days=1e9)
    assert not found.fits
    assert not found.done
    assert found.probability == 0


def test_the_verdict_is_the_share_of_draws_in_time() -> None:
    found = ask(h100(5000), flop=exact(1e25))
    middle = found.days.p50
    assert ask(h100(5000), flop=exact(1e25), days=middle).probability == pytest.approx(0.5, abs=0.01)
    assert not ask(h100(5000), flop=exact(1e25), days=middle, confidence=0.6).done
    assert ask(h100(5000), flop=exact(1e25), days=middle, confidence=0.4).done


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"flop": exact(0.0)}, "--flop must be above 0"),
        ({"days": 0.0}, "--days must be above 0"),
        ({"share": 1.5}, "--share must be above 0 and at most 1"),
        ({"confidence": 1.0}, "--confidence must lie between 0 and 1"),
        ({"sites": 0}, "--sites must be above 0"),
        ({"draws": 1}, "--draws must lie between 2 and"),
    ],
)
def test_questions_without_an_answer(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(PLAIN, **changes)


def test_a_census_is_counted_as_pandas_counts_it() -> None:
    day = datetime.date(2026, 6, 30)
    ledger = load_census([], FACTS)
    found = of_census(ledger, FACTS, "bf16", day, frozenset({"DE"}))
    frame = ledger.to_frame()
    rows = frame[
        (frame.territory == "DE")
        & (frame.status == "operational")
        & frame.in_service.notna()
        & frame.accelerator.notna()
        & frame["count"].notna()
    ]
    rows = rows[(rows.in_service <= day) & rows.retired.isna()]
    peaks = {a: chip.peak_flop_per_s("bf16") for a, chip in FACTS.accelerators.items()}
    rows = rows[rows.accelerator.map(peaks).notna() & rows.power_w.isna() & rows.cost_usd.isna()]
    ours = {(one.id, batch.accelerator): batch.accelerators for one in found.sites for batch in one.batches}
    expected = rows.groupby(["facility", "accelerator"])["count"].sum()
    assert len(expected) > 10
    for (facility, accelerator), count in zip(expected.index.to_list(), expected, strict=True):
        # entries with other clues than a count join the same batch
        assert ours[facility, accelerator] >= count * (1 - 1e-9)
    assert sum(ours.values()) >= expected.sum() > 0.5 * sum(ours.values())


def test_what_began_later_is_not_there_yet() -> None:
    ledger = load_census([], FACTS)
    early = of_census(ledger, FACTS, "bf16", datetime.date(2024, 1, 1), frozenset({"GB"}))
    late = of_census(ledger, FACTS, "bf16", datetime.date(2026, 1, 1), frozenset({"GB"}))
    assert sum(s.accelerators for s in early.sites) < sum(s.accelerators for s in late.sites)


def test_a_country_without_any_is_refused() -> None:
    with pytest.raises(InputError, match="no accelerators with bf16 in operation"):
        of_census(load_census([], FACTS), FACTS, "bf16", datetime.date(1999, 1, 1), frozenset({"GB"}))


def test_phases_of_a_cluster_count_from_their_dates() -> None:
    cluster = load_cluster("uk-2030", FACTS)
    early = of_cluster(cluster, FACTS, "bf16", datetime.date(2026, 1, 1))
    assert [b.accelerator for b in early.sites[0].batches] == ["nvidia-gh200"]
    assert dict(early.left_out) == {"in service after 2026-01-01": 1}


def test_runs_side_by_side_by_hand() -> None:
    """Six sites of 1,000 with nothing lost: where two end a run in time and one does not, three at once."""
    sites = Sites("x", tuple(site(f"s{n}", nvidia_h100_sxm=1000) for n in range(6)))
    one = answer(Sites("x", sites.sites[:1]), plan(PLAIN, FREE)).days.p50
    two = plan(replace(PLAIN, days=one * 0.6), FREE)
    found = answer(sites, two)
    what = choices(found.candidates, two)
    assert what.side_by_side is not None
    assert (what.side_by_side.at_once, what.side_by_side.most_sites) == (3, 2)
    # three runs at once of half the time each are as many a year as one on all six
    assert what.side_by_side.per_year.p50 == pytest.approx(6 * 365.25 / one, rel=0.01)
    assert what.one_after_another.per_year.p50 == pytest.approx(6 * 365.25 / one, rel=0.01)
    assert what.giant_flop.p50 == pytest.approx(what.many_flop.p50, rel=1e-6)
    hopeless = plan(replace(PLAIN, days=one / 100), FREE)
    assert choices(answer(sites, hopeless).candidates, hopeless).side_by_side is None


def test_links_cost_a_giant_run_what_many_apart_keep() -> None:
    sites = Sites("x", tuple(site(f"s{n}", nvidia_h100_sxm=20_000) for n in range(6)))
    found = answer(sites, plan())
    what = choices(found.candidates, plan())
    assert what.largest_site_flop.p50 <= what.giant_flop.p50 < what.many_flop.p50


def test_published_hours_are_foretold_with_their_source_left_out(repository: Path, shared: Path) -> None:
    measure = runpy.run_path(str(repository / "benchmarks" / "training_run_hours.py"))["measure"]
    table = shared / "reference" / "training_runs.csv"
    found = measure(table)
    with table.open(encoding="utf-8") as stream:
        rows = [
            r for r in csv.DictReader(stream) if r["chip_hours"] and "CIRCULAR" not in r["chip_hours_source"]
        ]
    assert {run.name for run, _ in found} == {row["model"] for row in rows}
    for held in ([run for run, _ in found], [run for run, evidence in found if evidence]):
        assert sum(run.inside for run in held) >= 0.8 * len(held)
        score, constant = (sum(getattr(run, n) for run in held) for n in ("score", "constant_score"))
        assert score < constant


def test_facts_is_the_fixture_of_all(facts: Facts) -> None:
    assert facts is FACTS
