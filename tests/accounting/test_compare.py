"""Two hypothetical clusters: power and capacity by hand, and differences that are the hardware's."""

from __future__ import annotations

from pathlib import Path

import pytest

from accounting.capacity.bases import BASES
from accounting.capacity.calibration import Calibration, load_calibration
from accounting.planning.clusters import Cluster, load_cluster, shipped_clusters
from accounting.planning.compare import compare
from accounting.planning.comparison import Comparison
from accounting.planning.outlook import planner
from accounting.reference.facts import Facts
from bench.errors import InputError

TEXT = """\
cluster:
  id: {id}
  name: Mine
  hypothetical: true
  territory: BR
  owner: mcti-brazil
  operator: lncc
  pue: {{value: 1.25, kind: assumed, source: "https://example.org", date: 2025-01-01}}
  host_overhead: {{value: 1.5, kind: derived, source: "https://example.org", date: 2025-01-01}}
  deployments:
    - {{id: a, accelerator: nvidia-h100-sxm, count: {count}}}
"""


@pytest.fixture(scope="module")
def calibration(facts: Facts) -> Calibration:
    return load_calibration(facts)


def made(folder: Path, facts: Facts, name: str, count: object) -> Cluster:
    path = folder / f"{name}.yaml"
    path.write_text(TEXT.format(id=name, count=count), encoding="utf-8")
    return load_cluster(path, facts)


def test_exact_inputs_by_hand(tmp_path: Path, facts: Facts, calibration: Calibration) -> None:
    result = compare([made(tmp_path, facts, "one", 1000)], planner(facts, calibration, size=100))
    value = result.clusters[0]
    assert value.accounts["peak"].total.p50 == pytest.approx(1000 * 989.4e12, rel=1e-3)
    full, site = value.quantiles("it_full_load_w"), value.quantiles("facility_full_load_w")
    assert full is not None
    assert site is not None
    assert full.p50 == pytest.approx(1000 * 700 * 1.5)
    assert site.p50 == pytest.approx(1000 * 700 * 1.5 * 1.25)


def test_twice_the_same_chips_is_twice_the_capacity_for_sure(
    tmp_path: Path, facts: Facts, calibration: Calibration
) -> None:
    """With common draws the ratio of two sizes of one mix has no spread, though each has."""
    clusters = [made(tmp_path, facts, "big", 2000), made(tmp_path, facts, "small", 1000)]
    result = compare(clusters, planner(facts, calibration, size=500))
    assert {d.metric for d in result.differences} > {"capacity", "capital_usd", "carbon_kg_per_year"}
    for difference in result.differences:
        if difference.metric == "levelised_usd_per_1e21_flop":
            # twice the cost for twice the work
            assert (difference.ratio.p5, difference.ratio.p95) == pytest.approx((1, 1))
            continue
        assert (difference.ratio.p5, difference.ratio.p95) == pytest.approx((2, 2))
        assert difference.probability_a_more == 1.0
    total = result.clusters[0].accounts["delivered"].total
    assert total.p95 > 1.2 * total.p5


@pytest.fixture(scope="module")
def shipped(facts: Facts, calibration: Calibration) -> Comparison:
    clusters = [load_cluster(shipped_clusters()[name], facts) for name in ("all-nvidia", "hedged")]
    return compare(clusters, planner(facts, calibration, seed=1, size=2_000))


def test_the_shipped_clusters_differ_in_origin_not_in_size(shipped: Comparison) -> None:
    by_id = {value.cluster.id: value for value in shipped.clusters}
    nations = {
        name: {
            row.code
            for a in value.accounts["delivered"].accounts
            if a.key == "vendor_nation"
            for row in a.rows
        }
        for name, value in by_id.items()
    }
    assert nations == {"all-nvidia": {"US"}, "hedged": {"US", "CN"}}
    powers = [value.facility_power_w.p50 for value in by_id.values() if value.facility_power_w]
    assert len(powers) == 2
    assert max(powers) / min(powers) < 1.2


def test_every_basis_is_compared_and_falls(shipped: Comparison) -> None:
    for value in shipped.clusters:
        means = [value.accounts[basis].total.mean for basis in BASES]
        assert means == sorted(means, reverse=True)
    assert [d.basis for d in shipped.differences if d.metric == "capacity"] == list(BASES)


def test_one_id_twice_is_refused(tmp_path: Path, facts: Facts, calibration: Calibration) -> None:
    one = made(tmp_path, facts, "one", 10)
    with pytest.raises(InputError, match="one id"):
        compare([one, one], planner(facts, calibration, size=10))


def test_every_shipped_cluster_can_be_valued(facts: Facts, calibration: Calibration) -> None:
    names = shipped_clusters()
    assert len(names) >= 12
    clusters = [load_cluster(path, facts) for path in names.values()]
    result = compare(clusters, planner(facts, calibration, size=50))
    for value in result.clusters:
        assert value.accounts["peak"].total.mean > 0
        assert value.facility_power_w is not None
