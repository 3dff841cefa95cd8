"""Cluster files: what may be left out, what shows as a default, sizes by share, faults with their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from accounting.capacity.calibration import Calibration, load_calibration
from accounting.errors import InputFaults
from accounting.planning.clusters import Cluster, load_cluster, shipped_clusters
from accounting.planning.compare import compare
from accounting.planning.facts import PlanningFacts, load_planning
from accounting.planning.outlook import planner
from accounting.planning.parameters import parameters, price_each, with_counts
from accounting.reference.facts import Facts
from bench.errors import InputError

BARE = """\
cluster:
  id: bare
  name: Bare
  hypothetical: true
  territory: {territory}
  owner: mcti-brazil
  operator: lncc
{more}  deployments:
    - {{id: a, accelerator: {accelerator}{size}}}
"""


@pytest.fixture(scope="module")
def planning(facts: Facts) -> PlanningFacts:
    return load_planning(facts)


@pytest.fixture(scope="module")
def calibration(facts: Facts) -> Calibration:
    return load_calibration(facts)


def made(folder: Path, facts: Facts, **parts: str) -> Cluster:
    known = {"territory": "BR", "more": "", "accelerator": "nvidia-h100-sxm", "size": ", count: 100"} | parts
    path = folder / "bare.yaml"
    path.write_text(BARE.format(**known), encoding="utf-8")
    return load_cluster(path, facts)


def test_whatever_is_left_out_shows_as_a_default_with_its_source(
    tmp_path: Path, facts: Facts, planning: PlanningFacts
) -> None:
    known = parameters(made(tmp_path, facts), facts, planning)
    assert [one.name for one in known.given if not one.default] == ["count of a"]
    assert all(one.source.startswith("https://") for one in known.given if one.default)
    # Brazil's own price and carbon, widened for the site
    assert known.site["electricity_price"].value.best == pytest.approx(
        planning.figures["BR", "industrial_electricity_price_usd_per_kwh"].value * (0.65 * 1.35) ** 0.5
    )
    assert known.site["water_of_grid"].value.best == pytest.approx(18.58 * (0.6 * 1.6) ** 0.5)


def test_every_default_can_be_overridden_and_is_then_stated(
    tmp_path: Path, facts: Facts, planning: PlanningFacts
) -> None:
    values = {
        "pue": "1.1",
        "host_overhead": "1.5",
        "load": "0.8",
        "it_lifetime": "4 years",
        "building_lifetime": "20 years",
        "building_cost": "8 $/W",
        "discount_rate": "5%",
        "operations": "2%",
        "electricity_price": "0.05 $/kWh",
        "carbon_intensity": "20 g/kWh",
        "water_on_site": "0.1 L/kWh",
        "water_of_grid": "1 L/kWh",
    }
    source = 'kind: assumed, source: "https://example.org", date: 2026-01-01'
    more = "".join(f"  {name}: {{value: {value}, {source}}}\n" for name, value in values.items())
    batch = ", ".join(
        f"{name}: {{value: {value}, {source}}}"
        for name, value in {"power": "800 W", "price": "30 k$", "embodied_carbon": "400 kg"}.items()
    )
    known = parameters(made(tmp_path, facts, more=more, size=f", count: 100, {batch}"), facts, planning)
    # a TDP is the catalogue's: an overlay changes it
    assert [one.name for one in known.given if one.default] == ["TDP of nvidia-h100-sxm"]


def test_climate_sets_pue_and_water(tmp_path: Path, facts: Facts, planning: PlanningFacts) -> None:
    found = {
        climate: parameters(made(tmp_path, facts, more=f"  climate: {climate}\n"), facts, planning).site
        for climate in ("cold", "temperate", "hot")
    }
    for name in ("pue", "water_on_site"):
        medians = [found[climate][name].value.best for climate in ("cold", "temperate", "hot")]
        assert medians == sorted(medians)


def test_a_country_without_figures_takes_what_stands_in_for_it(
    tmp_path: Path, facts: Facts, planning: PlanningFacts
) -> None:
    site = parameters(made(tmp_path, facts, territory="AE"), facts, planning).site
    price = site["electricity_price"].value
    assert (price.low, price.high) == pytest.approx((0.04, 0.2))
    assert site["electricity_price"].kind == "assumed"


def test_a_share_of_the_power_cap_becomes_a_count(
    tmp_path: Path, facts: Facts, planning: PlanningFacts
) -> None:
    source = 'kind: assumed, source: "https://example.org", date: 2026-01-01'
    more = (
        f"  power_cap: 10 MW\n  pue: {{value: 1.25, {source}}}\n  host_overhead: {{value: 1.6, {source}}}\n"
    )
    cluster = made(tmp_path, facts, more=more, size=", share: 0.5")
    (batch,) = with_counts(cluster, facts, planning).deployments
    # 5 MW ÷ 1.25 ÷ (700 W × 1.6) = 3,571.4
    assert batch.count is not None
    assert batch.count.best == 3571


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"size": ", share: 0.5"}, "'power_cap'"),
        ({"size": ", share: 0.5, count: 10", "more": "  power_cap: 1 MW\n"}, "not both"),
        ({"size": ", count: 1, in_service: 2027-01, retired: 2026-01"}, "retired after"),
        ({"more": "  electricity_price: {value: 80 $/MW, kind: assumed}\n"}, "energy price"),
        ({"more": "  climat: hot\n"}, "climate"),
    ],
)
def test_faults_are_named_with_their_mend(
    parts: dict[str, Any], words: str, tmp_path: Path, facts: Facts
) -> None:
    with pytest.raises(InputFaults) as caught:
        made(tmp_path, facts, **parts)
    assert words in str(caught.value)
    assert "bare.yaml:" in str(caught.value)


def test_a_count_to_be_solved_for_is_refused_by_compare(
    tmp_path: Path, facts: Facts, calibration: Calibration
) -> None:
    cluster = made(tmp_path, facts, size="")
    with pytest.raises(InputError, match="to be solved for"):
        compare([cluster], planner(facts, calibration, size=10))


def test_prices_come_from_sizing_first(facts: Facts, planning: PlanningFacts) -> None:
    h100 = price_each("nvidia-h100-sxm", None, facts, planning)
    row = next(r for r in planning.sizing.prices if "nvidia-h100-sxm" in r.of)
    assert h100 is not None
    assert h100.value == row.value
    twice = {a for r in planning.sizing.prices for a in r.of} & {
        a for r in planning.defaults.prices for a in r.of
    }
    assert not twice


def test_an_accelerator_without_a_price_is_priced_by_its_watts(facts: Facts, planning: PlanningFacts) -> None:
    found = price_each("nvidia-gh200", None, facts, planning)
    each = planning.defaults.price_per_watt.value
    tdp = facts.accelerators["nvidia-gh200"].tdp
    assert found is not None
    assert tdp is not None
    assert (found.value.low, found.value.high) == pytest.approx((tdp * each.low, tdp * each.high))


def test_shipped_clusters_keep_their_power_cap_more_or_less(facts: Facts, calibration: Calibration) -> None:
    clusters = [load_cluster(path, facts) for path in shipped_clusters().values()]
    capped = [cluster for cluster in clusters if cluster.power_cap]
    assert len(capped) >= 5
    for value in compare(capped, planner(facts, calibration, size=2_000)).clusters:
        (limit,) = value.limits
        assert 0.05 < limit.probability_kept < 0.95, value.cluster.id
