"""Sovereignty profiles against a group-by, and the published categories of cloud regions."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.accounts.crosstabs import Crosstab
from accounting.accounts.nations.categories import TrainingRule, cloud_presence, own_categories
from accounting.accounts.nations.profile import dependence, largest_site, profile
from accounting.reference.clouds import Cloud, CloudRegion, load_clouds
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from bench.errors import InputError
from tests.accounting.crossings import crossings, frame

LEVELS = ("territory", "provider", "vendor_nation", "foundry_nation")
# territory, provider, designer, foundry
SMALL: Crosstab = {
    ("GB", "GB", "US", "TW"): np.array([2.0, 2.0]),
    ("GB", "US", "US", "TW"): np.array([5.0, 5.0]),
    ("GB", "US", "GB", "GB"): np.array([1.0, 1.0]),
    ("GB", "GB", "GB", "GB"): np.array([0.5, 0.5]),
    ("GB", "unknown", "CN", "unknown"): np.array([1.5, 1.5]),
    ("FR", "GB", "GB", "GB"): np.array([90.0, 90.0]),
}


def test_the_profile_of_a_small_country() -> None:
    found = profile(SMALL, LEVELS, "GB")
    assert found.capacity.mean == pytest.approx(10)
    by_level = {level.level: level for level in found.levels}
    assert by_level["provider"].domestic.share == pytest.approx(0.25)
    assert by_level["provider"].domestic_high.share == pytest.approx(0.40)
    assert by_level["provider"].unknown.share == pytest.approx(0.15)
    assert by_level["vendor_nation"].domestic.share == pytest.approx(0.15)
    assert list(by_level["vendor_nation"].nations) == ["US", "CN"]
    # jointly 0.05, where the product of the levels would be 0.25 × 0.15 × 0.15
    assert found.joint.share == pytest.approx(0.05)
    assert found.weakest == "vendor_nation"
    america = next(e for e in found.exposures if e.nation == "US")
    assert america.stop_now.share == pytest.approx(0.6)
    assert america.stop_growth.share == pytest.approx(0.7)
    taiwan = next(e for e in found.exposures if e.nation == "TW")
    assert (taiwan.stop_now.share, taiwan.stop_growth.share) == pytest.approx((0, 0.7))
    assert "unknown" not in {e.nation for e in found.exposures}


@given(crossings(levels=4), st.sampled_from(["FR", "DE", "US"]))
def test_shares_against_a_group_by(sums: Crosstab, code: str) -> None:
    found = profile(sums, LEVELS, code)
    table = frame(sums, *LEVELS)
    soil = table[table.territory == code]
    whole = soil.value.sum()

    def share(rows: object) -> float:
        return soil.value[rows].sum() / whole if whole else 0.0  # type: ignore[call-overload]

    for level in found.levels:
        assert level.domestic.share == pytest.approx(share(soil[level.level] == code))
        for nation, part in level.nations.items():
            assert part.share == pytest.approx(share(soil[level.level] == nation))
        parts = level.domestic.share + level.unknown.share + sum(s.share for s in level.nations.values())
        assert parts == pytest.approx(1 if whole else 0)
        assert found.joint.share <= level.domestic.share + 1e-12
    joint = (soil[list(LEVELS[1:])] == code).all(axis=1)
    assert found.joint.share == pytest.approx(share(joint))
    assert found.joint.share <= found.joint_high.share + 1e-12
    for exposure in found.exposures:
        grows = (soil[["vendor_nation", "foundry_nation"]] == exposure.nation).any(axis=1)
        assert exposure.stop_now.share == pytest.approx(share(soil.provider == exposure.nation))
        assert exposure.stop_growth.share == pytest.approx(share(grows))
    assert sum(level.probability_weakest for level in found.levels) == pytest.approx(1)


def test_levels_that_are_none_are_refused() -> None:
    for levels in (("provider", "territory"), ("territory",), ("territory", "sector")):
        with pytest.raises(InputError, match="a profile"):
            profile(SMALL, levels, "GB")


def test_firms_and_sites() -> None:
    firms: Crosstab = {
        ("GB", "nscale"): np.array([1.0, 3.0]),
        ("GB", "google"): np.array([6.0, 6.0]),
        ("US", "google"): np.array([99.0, 99.0]),
    }
    shares = {code: share.share for code, share in dependence(firms, "GB").items()}
    assert shares == pytest.approx({"google": 0.75, "nscale": 0.25})
    site = largest_site({("GB", "a"): np.array([3.0, 1.0]), ("GB", "b"): np.array([2.0, 1.5])}, "GB")
    assert site is not None
    assert (site.code, site.probability_largest) == ("a", 0.5)
    assert site.share.share == pytest.approx(4 / 7.5)
    assert largest_site(firms, "FR") is None


def cloud(provider: str, *regions: CloudRegion) -> Cloud:
    return Cloud(provider=provider, date=datetime.date(2026, 1, 1), sources=(), regions=regions)


def region(territory: str, *accelerators: str, **more: object) -> CloudRegion:
    row = {"code": territory.lower(), "territory": territory, "accelerators": accelerators} | more
    return CloudRegion.model_validate(row)


def test_published_categories(facts: Facts) -> None:
    clouds = [
        cloud(
            "amazon", region("SG", "nvidia-h100-sxm"), region("BR", "nvidia-t4"), region("EG", unknown=True)
        ),
        cloud("alibaba", region("SG", "nvidia-v100-sxm2-16gb"), region("TH", designers=("nvidia",))),
        cloud("hetzner", region("FI")),
    ]

    def seen(code: str) -> tuple[str, str, str]:
        one = cloud_presence(code, clouds, facts)
        return one.category, one.at_most, one.alignment

    assert seen("SG") == ("Compute North", "Compute North", "hedging")
    assert seen("BR") == ("Compute South", "Compute South", "US only")
    assert seen("TH") == ("Compute South", "Compute North", "China only")
    assert seen("EG") == ("Compute Desert", "Compute North", "none")
    assert seen("FI") == ("Compute Desert", "Compute Desert", "none")
    assert seen("AQ") == ("Compute Desert", "Compute Desert", "none")


def test_what_counts_as_training_is_a_parameter(facts: Facts) -> None:
    rule = TrainingRule()
    assert rule.covers("nvidia-a100-sxm-40gb", facts)
    assert rule.covers("google-tpu-v4", facts)
    assert not rule.covers("nvidia-v100-sxm2-32gb", facts)
    assert not rule.covers("nvidia-l40s", facts)
    assert TrainingRule(high_bandwidth_memory=False).covers("nvidia-l40s", facts)
    assert not TrainingRule(above="nvidia-h100-sxm").covers("nvidia-a100-sxm-40gb", facts)
    assert "assumed" in rule.words(facts)


def test_the_shipped_regions_by_an_independent_count(facts: Facts) -> None:
    clouds = load_clouds(configs_root() / "clouds", facts)
    offers = [(c.provider, r) for c in clouds for r in c.regions if r.accelerators or r.designers]
    american = {r.territory for p, r in offers if facts.organisations[p].nation == "US"}
    chinese = {r.territory for p, r in offers if facts.organisations[p].nation == "CN"}
    everywhere = sorted({r.territory for c in clouds for r in c.regions})
    found = {code: cloud_presence(code, clouds, facts) for code in everywhere}
    assert {c for c, one in found.items() if one.alignment == "hedging"} == american & chinese
    hosts = {c for c, one in found.items() if one.category != "Compute Desert"}
    assert hosts == {r.territory for _, r in offers}
    assert found["GB"].category == "Compute North"
    assert found["US"].training > found["GB"].training > 0


def test_our_own_categories_are_probabilities() -> None:
    # 1e25 FLOP in 90 days ask for 1.286e18 FLOP/s
    found = own_categories(np.array([1.2e18, 1.3e18]), np.array([1.0, 6.0]), np.array([10.0, 10.0]))
    assert (found.trains, found.home_grown) == (0.5, 0.5)
    assert own_categories(np.zeros(2), np.zeros(2), np.zeros(2)).home_grown == 0.0
