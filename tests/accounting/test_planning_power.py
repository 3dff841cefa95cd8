"""Power: measured nodes foretell a run that was left out, and four sites that are no inputs."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from accounting.capacity.draws import draw, standard_normal
from accounting.planning.facts import PlanningFacts, load_planning
from accounting.planning.power import facility_overhead, full_load_ratio, node_load, node_ratio, watts
from accounting.reference.facts import Facts

_DRAWS = 20_000


@pytest.fixture(scope="module")
def planning(facts: Facts) -> PlanningFacts:
    return load_planning(facts)


def test_the_run_of_gpt_3_is_foretold_without_it(facts: Facts, planning: PlanningFacts) -> None:
    """6.85 kW a node on 64 nodes, from the six runs of single nodes: within 10 %, and inside the interval."""
    found = node_ratio("nvidia-h100-sxm", planning.nodes, facts, without=["h100-gpt3-64"])
    assert found is not None
    assert found.runs == 6
    sum_of_tdp = 8 * 700
    assert abs(found.value.best * sum_of_tdp / 6845 - 1) < 0.10
    assert found.value.low * sum_of_tdp < 6845 < found.value.high * sum_of_tdp


def test_the_ratio_is_the_geometric_mean_of_the_saturated_runs(facts: Facts, planning: PlanningFacts) -> None:
    powers = [9705, 9570, 9563, 10044]
    by_hand = math.exp(sum(map(math.log, powers)) / 4) / 8000
    found = node_ratio("nvidia-b200-sxm", planning.nodes, facts)
    assert found is not None
    assert found.value.best == pytest.approx(by_hand)


def test_the_spread_is_that_of_one_more_run(facts: Facts, planning: PlanningFacts) -> None:
    """By numpy: the deviations of all saturated runs from their accelerator's mean log, then √(1 + 1 ÷ n)."""
    groups: dict[str, list[float]] = {}
    for run in planning.nodes.runs:
        if run.saturated:
            groups.setdefault(run.accelerator, []).append(np.log(run.node_power))
    deviations = np.concatenate([np.array(logs) - np.mean(logs) for logs in groups.values()])
    sd = np.sqrt(np.sum(deviations**2) / (len(deviations) - len(groups)))
    found = node_ratio("nvidia-h100-sxm", planning.nodes, facts)
    assert found is not None
    expected = 2 * 1.6448536 * sd * np.sqrt(1 + 1 / 7)
    assert math.log(found.value.high / found.value.low) == pytest.approx(expected)


def test_nodes_of_other_sizes_do_not_widen_the_spread(facts: Facts, planning: PlanningFacts) -> None:
    """A node of four accelerators that takes half as much says nothing new of one accelerator."""
    whole = node_ratio("nvidia-h100-sxm", planning.nodes, facts)
    runs = tuple(
        run.model_copy(update={"per_node": 4, "node_power": run.node_power / 2}) if place % 2 else run
        for place, run in enumerate(planning.nodes.runs)
    )
    halves = node_ratio("nvidia-h100-sxm", planning.nodes.model_copy(update={"runs": runs}), facts)
    assert whole is not None
    assert halves is not None
    assert halves.value.high == pytest.approx(whole.value.high)


def test_runs_that_starve_their_accelerators_draw_less_and_are_not_fitted(
    facts: Facts, planning: PlanningFacts
) -> None:
    found = node_ratio("nvidia-h100-sxm", planning.nodes, facts)
    assert found is not None
    starved = [r.node_power for r in planning.nodes.runs if not r.saturated and "dell" not in r.id]
    assert max(starved) < found.value.best * 5600


def test_no_measured_node_means_none_and_the_load_of_others(facts: Facts, planning: PlanningFacts) -> None:
    assert node_ratio("amd-mi355x", planning.nodes, facts) is None
    load = node_load(planning.nodes)
    assert load.runs == 11
    # H100 nodes took 0.56 to 0.70 of 10.2 kW, B200 nodes 0.67 to 0.70 of 14.3
    assert 0.56 < load.value.best < 0.70


def test_the_table_is_that_of_mlperf(planning: PlanningFacts, shared: Path) -> None:
    """Every measured node power stands, to the watt, in the parsed results of MLCommons."""
    with (shared / "data/mlperf/mlperf_node_power.csv").open(encoding="utf-8", newline="") as stream:
        rows = [r for r in csv.DictReader(stream) if "dc-power" not in r["submitter"]]
    published = {(r["benchmark"], float(r["median_of_mean_w"])) for r in rows}
    for run in planning.nodes.runs:
        assert any(b == run.benchmark and abs(w - run.node_power) < 1 for b, w in published), run.id


# Stated by operators or the press, and no input of any model here: power that the site is built to feed.
SITES = [
    # (accelerators and counts, territory, sector, watts)
    ("Colossus, phase 1", {"nvidia-h100-sxm": 100_000}, "US", "private", 150e6),
    ("Frontier", {"amd-mi250x": 37_632}, "US", "public", 40e6),
    # its H100 have 64 GB, and no sheet states their watts: those of the H100 stand in
    ("MareNostrum 5 ACC", {"nvidia-h100-sxm": 4_480}, "ES", "public", 6e6),
    ("Perlmutter", {"nvidia-a100-sxm-40gb": 6_144, "nvidia-a100-sxm-80gb": 1_024}, "US", "public", 6.9e6),
]


@pytest.mark.parametrize(("name", "chips", "where", "sector", "stated"), SITES, ids=[s[0] for s in SITES])
def test_independent_sites_lie_within_the_interval_at_full_load(
    name: str,
    chips: dict[str, int],
    where: str,
    sector: str,
    stated: float,
    facts: Facts,
    planning: PlanningFacts,
) -> None:
    it = np.zeros(_DRAWS)
    for accelerator, count in chips.items():
        tdp = watts(accelerator, planning, facts)
        assert tdp is not None
        family = facts.accelerators[accelerator].family
        overhead = full_load_ratio(accelerator, planning, facts).value
        it += count * tdp.value.best * draw(overhead, standard_normal(1, f"overhead/{family}", _DRAWS))
    site = facility_overhead(where, sector, planning).value
    facility = it * draw(site, standard_normal(1, f"site/{name}", _DRAWS))
    low, high = np.quantile(facility, [0.05, 0.95])
    assert low < stated < high
    # an interval that holds everything says nothing
    assert high / low < 2.2
