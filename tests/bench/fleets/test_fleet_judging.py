"""Devices judged by their peers: planted faults are found and named, sound fleets pass, order is nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.errors import InputError
from bench.fleets.comparability import IncomparableError
from bench.fleets.decoding import decode
from bench.fleets.gathering import Gathered
from bench.fleets.judging.baseline import Before, _order
from bench.fleets.judging.judge import judge
from bench.fleets.judging.robust import centre_of, critical, independent_worth, survival, tail
from bench.fleets.judging.tails import degrees_of
from bench.fleets.judging.verdicts import Judgement
from bench.fleets.reading import Read
from bench.fleets.synthetic import Fleet, Planted, make_fleet, record

SOUND = make_fleet("sound", 10, 2, 0, 5)
Change = Callable[[dict[str, Any]], None]


def gathered(documents: Iterable[dict[str, Any]]) -> Gathered:
    result = Gathered()
    for place, document in enumerate(documents):
        result.add(Read(f"{place}.json", decode(msgspec.json.encode(document)), place))
    return result


def documents(fleet: Fleet = SOUND, change: Change | None = None, node: int = 3) -> list[dict[str, Any]]:
    made = [record(fleet, one) for one in range(fleet.nodes)]
    if change is not None:
        change(made[node])
    return made


def kinds(judged: Judgement) -> dict[tuple[str, str | None], set[str]]:
    found: dict[tuple[str, str | None], set[str]] = {}
    for one in judged.outliers:
        found.setdefault((one.node, one.device), set()).add(one.kind)
    return found


def test_a_sound_fleet_has_no_outlier_and_says_how_often_it_would() -> None:
    judged = judge(gathered(documents()))
    assert not judged.outliers
    assert judged.rate == 0.05
    # 11 metrics; level, rounds and drift of three loads; clock, power, heat, per clock; some by node too
    by_device, by_node = 11 + 3 * 3 + 4, 3 + 4
    assert judged.tests == by_device * 20 + by_node * 10


# what is planted, and what it must be called; sizes that no luck of the draw hides
FAULTS = [
    (Planted("slow", 0.15), "slow"),
    (Planted("slow", 0.15, shown=True), "throttling"),
    (Planted("link", 0.4, shown=True), "link"),
    (Planted("link", 0.1), "link"),
    (Planted("flaky", 0.3, share=0.5), "flaky"),
    (Planted("drifting", 0.15), "drifting"),
    (Planted("wrong", 1.0), "wrong"),
    (Planted("ecc", 1.0, shown=True), "ecc"),
    (Planted("ecc", 1.0), "ecc"),
    (Planted("hot", 19.0), "throttling"),
]


@pytest.mark.parametrize(("fault", "kind"), FAULTS)
def test_a_planted_fault_is_found_and_called_what_it_is(fault: Planted, kind: str) -> None:
    fleet = replace(SOUND, nodes=16, planted={(6, 1): fault})
    found = kinds(judge(gathered(documents(fleet))))
    assert set(found) == {("r00n06", "cuda:1")}
    assert kind in found["r00n06", "cuda:1"]


def test_a_hot_enclosure_is_found_though_no_device_of_it_is_out_of_line() -> None:
    fault = Planted("hot", 10.0)
    fleet = replace(SOUND, seed=6, nodes=24, devices=4, planted={(6, device): fault for device in range(4)})
    found = kinds(judge(gathered(documents(fleet))))
    assert "hot" in found["r00n06", None]
    assert {node for node, _ in found} == {"r00n06"}


def test_what_a_device_says_of_itself_is_believed_without_peers() -> None:
    fleet = make_fleet("few", 2, 1, 0, 1)

    def ails(document: dict[str, Any]) -> None:
        document["devices"][0]["details"] |= {"remapped_rows_failed": True, "retired_pages_double_bit": 61}
        document["results"][0] |= {"throttled": True, "throttle_reasons": ["hw_thermal_slowdown"]}
        document["results"][1] |= {
            "fraction_of_peak": 0.11,
            "workload": "gemm",
            "precision": "bf16",
            "shape": {"m": 7},
        }

    judged = judge(gathered(documents(fleet, ails, node=1)))
    assert kinds(judged) == {("r00n01", "cuda:0"): {"ecc", "throttling", "slow"}}
    assert judged.tests == 0
    assert not judged.groups[0].learnt
    assert "fewer than 5 nodes" in judged.notes[0]


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_wrong_output_is_a_fault_whatever_else_the_record_says(interrupted: bool) -> None:
    def err(document: dict[str, Any]) -> None:
        wrong = {"correct": False} if not interrupted else {"status": "incorrect", "reason": "3 of 4 wrong"}
        document["results"][0] |= wrong
        document["interrupted"] = interrupted

    assert kinds(judge(gathered(documents(change=err)))) == {("r00n03", "cuda:0"): {"wrong"}}


def test_what_an_interrupted_run_did_not_finish_is_no_fault() -> None:
    def stop(document: dict[str, Any]) -> None:
        document["results"][0] |= {"status": "failed", "reason": "interrupted", "value": None, "ci95": None}
        document["interrupted"] = True

    assert not judge(gathered(documents(change=stop))).outliers


def test_a_rung_of_a_ladder_stays_beside_its_peers_where_the_others_failed() -> None:
    def ladder(document: dict[str, Any], fails: bool) -> dict[str, Any]:
        rungs = [document["results"][6] | {"shape": {"bytes": size}} for size in (4096, 65536)]
        if fails:
            rungs[1] |= {"status": "failed", "reason": "out of memory", "value": None, "ci95": None}
        return document | {"results": rungs}

    made = gathered(ladder(one, fails=place == 3) for place, one in enumerate(documents()))
    assert {one.size for one in made.metrics} == {"bytes=4096", "bytes=65536"}


@pytest.mark.parametrize(("nodes", "learnt"), [(4, False), (5, True)])
def test_no_baseline_is_learnt_from_fewer_than_five_nodes(nodes: int, learnt: bool) -> None:
    fleet = replace(SOUND, nodes=nodes, devices=8)
    assert judge(gathered(documents(fleet))).groups[0].learnt is learnt


def test_what_fails_everywhere_is_no_fault_of_a_device_but_what_fails_on_one_is() -> None:
    def fails(document: dict[str, Any]) -> None:
        document["results"][0] |= {"status": "failed", "reason": "out of memory", "value": None, "ci95": None}

    made = documents()
    fails(made[2])
    assert kinds(judge(gathered(made))) == {("r00n02", "cuda:0"): {"failing"}}
    for document in made:
        for result in document["results"]:
            if result["workload"] == "training_step":
                result |= {"status": "failed", "reason": "no kernel", "value": None, "ci95": None}
    assert kinds(judge(gathered(made))) == {("r00n02", "cuda:0"): {"failing"}}


def test_a_link_that_is_less_than_that_of_peers_is_found() -> None:
    def narrow(document: dict[str, Any]) -> None:
        document["devices"][1]["details"] |= {"nvlink_active": 12}

    judged = judge(gathered(documents(change=narrow)))
    assert [(one.device, one.kind) for one in judged.outliers] == [("cuda:1", "link")]
    assert "active NVLinks 12; most peers have 18" in judged.outliers[0].words


DIFFERENT: list[tuple[str, Change]] = [
    ("model", lambda d: d["devices"][0].update(name="NVIDIA A100-SXM4-80GB")),
    ("power limit", lambda d: d["devices"][0].update(power_limit_w=500.0)),
    ("variant", lambda d: d["devices"][0].update(variant="MIG 3g.40gb")),
    ("memory", lambda d: d["devices"][0].update(memory_bytes=40_000_000_000)),
    ("torch", lambda d: d["environment"].update(torch="2.6.1")),
    ("driver", lambda d: d["devices"][0].update(driver="550.1")),
    ("CUDA", lambda d: d["environment"].update(cuda="12.4")),
    ("tuning", lambda d: d["environment"].update(env_NCCL_ALGO="Ring")),
]


@pytest.mark.parametrize(("word", "change"), DIFFERENT)
def test_what_cannot_be_compared_is_refused_with_the_groups_and_judged_apart_with_force(
    word: str, change: Change
) -> None:
    made = gathered(documents(change=change))
    with pytest.raises(IncomparableError, match=word) as caught:
        judge(made)
    assert "--force" in str(caught.value)
    forced = judge(made, force=True)
    assert len(forced.groups) == 2
    assert sum(one.devices for one in forced.groups) == 20


SAME: list[Change] = [
    lambda d: d["environment"].update(torch="2.13.1"),
    lambda d: d["environment"].update(env_CUDA_VISIBLE_DEVICES="3", env_NCCL_SOCKET_IFNAME="eth7"),
    lambda d: d["devices"][0].update(driver="580.99", memory_bytes=85_017_000_000),
    lambda d: d["environment"].update(os="another", job="slurm 12"),
]


@pytest.mark.parametrize("change", SAME)
def test_what_makes_no_difference_to_speed_is_no_reason_to_refuse(change: Change) -> None:
    assert len(judge(gathered(documents(change=change))).groups) == 1


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(10)))
def test_the_order_of_records_does_not_matter(order: list[int]) -> None:
    made = documents(
        replace(SOUND, planted={(2, 0): Planted("slow", 0.12), (5, 1): Planted("flaky", 0.3, 0.5)})
    )
    first, second = judge(gathered(made)), judge(gathered([made[place] for place in order]))
    # sums in another order differ in their last bits
    for one, other in zip(first.outliers, second.outliers, strict=True):
        assert (one.node, one.device, one.kind, one.signal) == (
            other.node,
            other.device,
            other.kind,
            other.signal,
        )
        assert (one.distance, one.effect) == pytest.approx((other.distance, other.effect), rel=1e-9)


@settings(max_examples=10, deadline=None)
@given(node=st.integers(10, 400))
def test_a_sound_node_more_changes_no_verdict_on_a_grave_fault(node: int) -> None:
    fleet = replace(SOUND, planted={(2, 0): Planted("slow", 0.2)})
    made = documents(fleet)
    before = kinds(judge(gathered(made)))
    after = kinds(judge(gathered([*made, record(replace(fleet, nodes=401), node)])))
    assert set(before) == set(after) == {("r00n02", "cuda:0")}


@settings(max_examples=10, deadline=None)
@given(factor=st.floats(1e-3, 1e3))
def test_the_unit_of_rates_does_not_matter(factor: float) -> None:
    made = documents(replace(SOUND, planted={(2, 0): Planted("slow", 0.12)}))
    scaled = [msgspec.json.decode(msgspec.json.encode(one)) for one in made]
    for document in scaled:
        for one in document["results"]:
            one["rounds"] = [value * factor for value in one["rounds"]]
            if one["value"]:
                one["value"] *= factor
                one["ci95"] = [
                    min(one["value"], one["ci95"][0] * factor),
                    max(one["value"], one["ci95"][1] * factor),
                ]
    assert kinds(judge(gathered(made))) == kinds(judge(gathered(scaled)))


def test_a_faster_device_is_no_outlier() -> None:
    fleet = replace(SOUND, planted={(2, 0): Planted("slow", -0.3)})
    assert not judge(gathered(documents(fleet))).outliers


def test_records_withdrawn_do_not_count() -> None:
    made = documents(replace(SOUND, planted={(2, 0): Planted("slow", 0.2), (4, 0): Planted("wrong", 1.0)}))
    held = gathered([*made, record(SOUND, 2), record(SOUND, 4)])
    assert not judge(held, {2, 4}).outliers


@pytest.mark.parametrize("rate", [0.0, 1.0, -1.0, math.nan])
def test_a_rate_of_false_alarms_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        judge(gathered(documents()), rate=rate)


def later(change: Change | None = None, node: int = 3) -> list[dict[str, Any]]:
    made = documents(change=change, node=node)
    for document in made:
        document["created"] = document["created"].replace("2026-03", "2026-09")
    return made


def slower(factor: float) -> Change:
    def change(document: dict[str, Any]) -> None:
        for one in document["results"]:
            one["rounds"] = [value * factor for value in one["rounds"]]
            one["value"] *= factor
            one["ci95"] = [end * factor for end in one["ci95"]]

    return change


def test_a_node_that_lost_against_itself_is_found_where_its_level_is_within_the_fleet() -> None:
    before = Before(gathered(documents()))
    made = gathered(later(slower(0.985)))
    assert "regressed" not in {one.kind for one in judge(made).outliers}
    judged = judge(made, before=before)
    assert {one.node for one in judged.outliers if one.kind == "regressed"} == {"r00n03"}
    assert not any(one.slower for one in judged.shifts)


def test_a_fleet_that_lost_as_a_whole_is_said_to_be_slower() -> None:
    made = later()
    for document in made:
        slower(0.95)(document)
    judged = judge(gathered(made), before=Before(gathered(documents())))
    assert not judged.outliers
    assert all(one.slower and math.isclose(one.ratio, 0.95) for one in judged.shifts)


def test_few_nodes_are_compared_with_themselves_by_a_fixed_share() -> None:
    old = gathered(documents()[:2])
    judged = judge(gathered([later()[0], later(slower(0.9), 1)[1]]), before=Before(old))
    assert {(one.node, one.kind) for one in judged.outliers} == {("r00n01", "regressed")}


def test_other_hardware_under_an_old_name_is_not_compared() -> None:
    def swapped(document: dict[str, Any]) -> None:
        for one in document["devices"]:
            one["power_limit_w"] = 350.0

    old = documents()
    for document in old:
        swapped(document)
    judged = judge(gathered(later()), before=Before(gathered(old)))
    assert not judged.shifts
    assert "20 devices are not in the baseline, 20 of them because their hardware differs" in judged.notes


@settings(max_examples=100, deadline=None)
@given(t=st.floats(-40, 40), freedom=st.floats(1, 5000))
def test_the_t_distribution_is_scipys(t: float, freedom: float) -> None:
    assert survival(t, freedom) == pytest.approx(
        stats.t.sf(t, freedom), rel=1e-8, abs=1e-7 if abs(t) < 1 else 1e-14
    )


@pytest.mark.parametrize("chance", [0.1, 1e-3, 1e-6, 1e-10])
@pytest.mark.parametrize("freedom", [2.0, 5.5, 90.0, 1e6])
def test_critical_values_are_scipys(chance: float, freedom: float) -> None:
    assert critical(chance, freedom) == pytest.approx(stats.t.isf(chance, freedom), rel=1e-6)


def test_the_scale_is_a_standard_deviation_for_normal_values_and_hardly_moved_by_a_fifth_of_bad_ones() -> (
    None
):
    values = np.random.default_rng(1).normal(3, 2, 20_000)
    clean = centre_of(values)
    assert clean.scale == pytest.approx(2, rel=0.02)
    values[:4000] -= 1000
    # a bounded square is nine at most: 9 × 0.2 + 0.8, on a larger start
    assert centre_of(values).scale < 2.5 * clean.scale


@pytest.mark.parametrize("count", [6, 10, 20, 50, 200])
def test_a_healthy_value_is_beyond_the_tail_as_often_as_it_says(count: int) -> None:
    samples = np.random.default_rng(count).normal(size=(3000, count))
    beyond = sum(int((centre_of(sample).distances(sample) > tail(0.002, count)).sum()) for sample in samples)
    expected = 0.002 * samples.size
    assert beyond == pytest.approx(expected, abs=0.25 * expected + 4 * math.sqrt(expected))


@pytest.mark.parametrize("degrees", [5.0, 12.0])
def test_a_healthy_value_with_longer_tails_is_beyond_them_no_more_often_than_it_says(degrees: float) -> None:
    samples = np.random.default_rng(7).standard_t(degrees, size=(4000, 100))
    beyond = sum(int((centre_of(one).distances(one) > tail(5e-4, 100, degrees)).sum()) for one in samples)
    expected = 5e-4 * samples.size
    # the scale of a t is more than that of a normal, so that it is rather too few
    assert 0.3 * expected < beyond < expected + 4 * math.sqrt(expected)
    normal = sum(int((centre_of(one).distances(one) > tail(5e-4, 100)).sum()) for one in samples)
    assert normal > 1.3 * expected


@settings(max_examples=50, deadline=None)
@given(degrees=st.floats(4, 60), assumed=st.sampled_from([6.0, 12.0, math.inf]))
def test_a_large_sample_speaks_for_itself_and_a_small_one_says_nothing(
    degrees: float, assumed: float
) -> None:
    places = (np.arange(20_000) + 0.5) / 20_000
    values = stats.t.ppf(places, degrees)
    assert 1 / degrees_of(values, 1e6, assumed) == pytest.approx(1 / degrees, abs=0.01)
    assert degrees_of(values, 149, assumed) == assumed
    between = 1 / degrees_of(values, 1000, assumed)
    low, high = sorted((1 / degrees, 1 / assumed))
    assert low - 0.01 <= between <= high + 0.01


def test_the_best_side_says_nothing_of_the_tail_of_the_worst_and_no_spread_says_nothing_at_all() -> None:
    values = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    better = np.where(values < 0, 5 * values, values)
    assert degrees_of(better, 1e6, 12.0) == pytest.approx(degrees_of(values, 1e6, 12.0), rel=1e-6)
    assert degrees_of(values, 1e6, 12.0) > 100
    assert degrees_of(np.ones(500), 500, 12.0) == 12.0


def test_a_round_that_something_held_up_is_no_drift() -> None:
    def held(document: dict[str, Any]) -> None:
        for one in document["results"]:
            if one["device"] == "cuda:1":
                one["rounds"] = [*one["rounds"][:-1], 0.9 * one["rounds"][-1]]

    assert "drifting" not in {one.kind for one in judge(gathered(documents(change=held))).outliers}


def test_each_signal_by_node_has_the_share_of_the_rate_that_one_by_device_has() -> None:
    fault = {(6, device): Planted("hot", 10.0) for device in range(4)}
    judged = judge(gathered(documents(replace(SOUND, seed=6, nodes=24, devices=4, planted=fault))))
    (one,) = [one for one in judged.outliers if one.signal == "temperature" and one.device is None]
    # 24 signals by device, of which 7 by node too; temperature is assumed to be normal
    chance = 0.05 / (24 + 7) / 24
    assert judged.tests == 24 * 96 + 7 * 24
    assert one.limit is not None
    assert one.limit == pytest.approx(tail(chance, 24), rel=1e-9)


def test_devices_that_share_a_node_count_for_less_and_independent_ones_for_themselves() -> None:
    rng = np.random.default_rng(2)
    nodes = np.repeat(np.arange(50), 8)
    assert independent_worth(rng.normal(size=50)[nodes], nodes) == pytest.approx(50, rel=0.01)
    assert independent_worth(rng.normal(size=400), nodes) > 300
    assert independent_worth(rng.normal(size=50), np.arange(50)) == 50


@pytest.mark.parametrize("count", [1, 5, 6, 9, 20, 101, 998, 1001, 5000])
def test_order_statistics_of_the_sign_test_cover_the_median(count: int) -> None:
    place = _order(count)
    if place is None:
        assert stats.binom.cdf(0, count, 0.5) > 0.025
    else:
        assert stats.binom.cdf(place, count, 0.5) == pytest.approx(
            0.025, abs=0.025 if count < 1000 else 0.004
        )
        assert stats.binom.cdf(place, count, 0.5) <= 0.026
