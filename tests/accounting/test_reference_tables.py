"""Cloud regions, programmes, figures of countries and unrecorded accelerators: read, checked, sourced."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from accounting.census.unrecorded import load_unrecorded
from accounting.errors import InputFaults
from accounting.reference.clouds import load_clouds
from accounting.reference.country_figures import UNITS, load_country_figures
from accounting.reference.facts import Facts
from accounting.reference.programmes import load_programmes
from accounting.reference.shipped import configs_root
from tests.cli import in_process

ROOT = configs_root()


def test_the_nine_clouds_of_the_survey(facts: Facts) -> None:
    clouds = load_clouds(ROOT / "clouds", facts)
    names = {
        "amazon",
        "microsoft",
        "google",
        "alibaba",
        "huawei",
        "tencent",
        "exoscale",
        "hetzner",
        "ovhcloud",
    }
    assert {cloud.provider for cloud in clouds} == names
    regions = [region for cloud in clouds for region in cloud.regions]
    assert len(regions) > 200
    for cloud in clouds:
        assert cloud.sources
    # what is offered is presence: no region carries a count or a rate
    assert not {"count", "rate", "flop_per_s"} & set(type(regions[0]).model_fields)


def test_regions_stand_where_another_list_has_them(facts: Facts, shared: Path) -> None:
    """Territories agree with an independent list wherever both know a region's code."""
    codes = {"amazon": "aws", "microsoft": "azure", "google": "gcp"}
    ours = {
        (codes.get(cloud.provider, cloud.provider), region.code): region.territory
        for cloud in load_clouds(ROOT / "clouds", facts)
        for region in cloud.regions
    }
    with (shared / "data" / "cloud" / "cloud_regions_2026-01-21.csv").open(
        encoding="utf-8-sig", newline=""
    ) as stream:
        rows = list(csv.DictReader(stream))
    code_column = next(name for name in rows[0] if name in {"region_code", "code", "region", "region_id"})
    country = next(name for name in rows[0] if name in {"country_code", "country"})
    provider = next(name for name in rows[0] if name in {"provider", "provider_id", "cloud"})
    table = facts.names.countries
    assert table is not None
    both = [
        (ours[key], table.find(row[country]))
        for row in rows
        if (key := (row[provider].casefold(), row[code_column])) in ours
    ]
    assert len(both) > 60
    assert all(mine == theirs for mine, theirs in both)


def test_programmes_and_what_their_claims_decode_to(facts: Facts) -> None:
    programmes = load_programmes(ROOT / "programmes", facts)
    assert len(programmes) >= 25
    assert len({programme.nation for programme in programmes.values()}) >= 20
    rates = [aim.rate for programme in programmes.values() for aim in programme.aims if aim.rate]
    assert rates
    for rate in rates:
        assert rate.flop_per_s.best > 1e15
        assert rate.why


def test_estimates_of_the_unrecorded_are_ranges_and_off_by_default(facts: Facts) -> None:
    found = load_unrecorded(ROOT / "unrecorded", facts)
    assert found
    for one in found:
        assert not one.count.value.exact
        assert one.count.kind in {"assumed", "derived"}
    options = (
        "--country",
        "CN",
        "--as-of",
        "2026-01-01",
        "--basis",
        "peak",
        "--draws",
        "50",
        "--format",
        "json",
    )
    first = next(one for one in found if one.territory == "CN")
    documents = [
        json.loads(in_process("estimate", *options, *more).stdout)["estimates"][0]
        for more in ((), ("--unrecorded", first.id))
    ]
    assert documents[1]["deployments"] == documents[0]["deployments"] + 1
    assert documents[1]["total"]["mean"] > documents[0]["total"]["mean"]
    assert any(first.id in warning for warning in documents[1]["warnings"])
    assert in_process("estimate", *options, "--unrecorded", "cnas-2042").returncode == 2


def test_figures_of_countries_agree_with_their_publishers(facts: Facts, shared: Path) -> None:
    figures = load_country_figures(ROOT / "country_figures.csv", facts.countries)
    assert {name for _, name in figures} == set(UNITS)
    checked = 0
    for name, file in (("population", "wb_population.csv"), ("gdp_usd", "wb_gdp.csv")):
        with (shared / "data" / "countries" / file).open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
        by = {(row["Country Code"], row["Year"]): float(row["Value"]) for row in rows if row["Value"]}
        for (alpha2, figure), found in figures.items():
            key = (facts.countries[alpha2].alpha3, str(found.year))
            if figure == name and key in by:
                assert found.value == pytest.approx(by[key], rel=1e-6), alpha2
                checked += 1
    assert checked > 300
    carbon = {
        alpha2: f.value for (alpha2, name), f in figures.items() if name == "carbon_intensity_g_per_kwh"
    }
    assert len(carbon) > 150
    assert carbon["NO"] < carbon["FR"] < carbon["US"] < carbon["PL"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("XX,population,1,2024,reported,https://example.org/", "alpha2: unknown country code"),
        ("FR,people,1,2024,reported,https://example.org/", "figure: unknown figure"),
        ("FR,population,-1,2024,reported,https://example.org/", "value: must be a number above 0"),
        ("FR,population,1,24,reported,https://example.org/", "year: must be a year"),
        ("FR,population,1,2024,heard,https://example.org/", "kind: must be one of"),
        ("FR,population,1,2024,reported,somewhere", "source: must be a web address"),
    ],
)
def test_faults_of_the_table_are_named(tmp_path: Path, facts: Facts, line: str, said: str) -> None:
    path = tmp_path / "figures.csv"
    path.write_text(f"alpha2,figure,value,year,kind,source\n{line}\n", encoding="utf-8")
    with pytest.raises(InputFaults, match=f"figures.csv:2:1: {said}"):
        load_country_figures(path, facts.countries)
