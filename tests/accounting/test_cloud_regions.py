"""Cloud regions: presence on three levels against pandas, and never a FLOP."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.census.readers import cloud_regions
from accounting.errors import InputFaults
from accounting.reference.facts import Facts

# nations of the fourteen providers, written down by hand
NATION = {"ovh": "FR", "scaleway": "FR", "hetzner": "DE"}
ROW = {
    "provider": "aws",
    "region": "r-1",
    "country": "France",
    "cc": "FR",
    "gpu": "True",
    "gpu_types": "NVIDIA H100",
}


@pytest.fixture(scope="module")
def path(shared: Path) -> Path:
    return shared / "data" / "cloud" / "cloud_regions_2026-01-21.csv"


@pytest.fixture(scope="module")
def found(path: Path, facts: Facts) -> cloud_regions.CloudRegions:
    return cloud_regions.read(path, facts)


def pandas_levels(path: Path) -> pd.DataFrame:
    """The regions with their three nations, by pandas alone: every chip that is named is of a US designer."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table["provider_nation"] = table["provider"].map(NATION).fillna("US")
    table["vendor_nation"] = "none"
    table.loc[table["gpu"] == "True", "vendor_nation"] = "unknown"
    table.loc[table["gpu_types"] != "", "vendor_nation"] = "US"
    return table


def test_three_levels_equal_the_pandas_group_by(path: Path, found: cloud_regions.CloudRegions) -> None:
    table = pandas_levels(path)
    keys = ["cc", "provider_nation", "vendor_nation"]
    expected = table.groupby(keys)["region"].count().to_dict()
    providers = table.groupby(keys)["provider"].nunique()
    rows = cloud_regions.three_levels(found.regions)
    assert {(r.territory, r.provider_nation, r.vendor_nation): r.regions for r in rows} == expected
    assert sum(r.regions for r in rows) == len(table) == 267
    for row in rows:
        # Paperspace and DigitalOcean are one
        assert row.providers <= providers[row.territory, row.provider_nation, row.vendor_nation]


def test_territories_equal_the_pandas_group_by(path: Path, found: cloud_regions.CloudRegions) -> None:
    table = pandas_levels(path)
    rows = {row.territory: row for row in cloud_regions.by_territory(found.regions)}
    assert {k: r.regions for k, r in rows.items()} == table["cc"].value_counts().to_dict()
    accelerated = table[table["gpu"] == "True"]
    assert {k: r.accelerated for k, r in rows.items() if r.accelerated} == accelerated[
        "cc"
    ].value_counts().to_dict()
    for code, group in table.groupby("cc"):
        assert rows[str(code)].by_provider_nation == group["provider_nation"].value_counts().to_dict()
    for code, group in accelerated.groupby("cc"):
        assert rows[str(code)].accelerated_by_vendor_nation == group["vendor_nation"].value_counts().to_dict()


def test_every_row_is_kept_and_resolved(path: Path, found: cloud_regions.CloudRegions) -> None:
    assert found.readout.rows == found.readout.kept == len(pd.read_csv(path)) == 267
    assert all(region.territory and region.provider_nation for region in found.regions)
    assert sum(region.accelerated for region in found.regions) == 83
    assert {vendor for region in found.regions for vendor in region.vendors} == {"nvidia", "google"}


def test_a_region_has_no_capacity() -> None:
    names = {
        field.name for kind in (cloud_regions.CloudRegion, cloud_regions.Presence) for field in fields(kind)
    }
    assert not {name for name in names if "flop" in name or "count" in name or "value" in name}


def write(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_one(tmp_path: Path, facts: Facts, **change: str) -> cloud_regions.CloudRegions:
    return cloud_regions.read(write(tmp_path / "c.csv", [ROW | change]), facts)


@pytest.mark.parametrize(
    ("chips", "nations"),
    [
        ("NVIDIA H100", ("US",)),
        ("NVIDIA H100|TPU v5", ("US",)),
        ("Huawei Ascend 910B", ("CN",)),
        ("Huawei Ascend 910B|NVIDIA A10G", ("CN", "US")),
        ("Abacus", ("unknown",)),
        ("", ()),
    ],
)
def test_nations_of_vendors(tmp_path: Path, facts: Facts, chips: str, nations: tuple[str, ...]) -> None:
    (region,) = read_one(tmp_path, facts, gpu_types=chips).regions
    assert region.vendor_nations == nations
    levels = cloud_regions.three_levels([region])
    assert {row.vendor_nation for row in levels} == set(nations or ("unknown",))
    assert all(row.regions == 1 for row in levels)


@pytest.mark.parametrize(
    ("change", "territory", "why"),
    [
        ({"cc": "DE"}, None, cloud_regions.OTHER_CODE),
        ({"country": "Frankreich am Rhein"}, "FR", cloud_regions.FROM_CODE),
        ({"cc": ""}, "FR", None),
        ({"country": "Namibia", "cc": "NA"}, "NA", None),
    ],
)
def test_country_and_code_check_each_other(
    tmp_path: Path, facts: Facts, change: dict[str, str], territory: str | None, why: str | None
) -> None:
    found = read_one(tmp_path, facts, **change)
    assert found.regions[0].territory == territory
    assert list(found.readout.repairs) == ([f"country: {why}"] if why else [])


def test_named_chips_outweigh_a_blank_tick(tmp_path: Path, facts: Facts) -> None:
    found = read_one(tmp_path, facts, gpu="")
    assert found.regions[0].accelerated
    assert list(found.readout.repairs) == [f"gpu: {cloud_regions.CHIPS_NAMED}"]


def test_rows_that_say_nothing_or_twice_the_same_are_left_out(tmp_path: Path, facts: Facts) -> None:
    rows = [ROW, ROW | {"provider": "AWS"}, ROW | {"region": ""}]
    found = cloud_regions.read(write(tmp_path / "c.csv", rows), facts)
    assert found.readout.reasons() == {cloud_regions.LISTED_TWICE: 1, cloud_regions.NO_REGION: 1}


cells = st.sampled_from(
    ["", "aws", "ovh", "NVIDIA H100|TPU v5", "True", "FR", "Norway", "x|y|", "=1", "perhaps"]
)


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(ROW, cells)), min_size=1, max_size=8), st.data())
@settings(max_examples=40)
def test_counts_add_up_in_any_order(facts: Facts, rows: list[dict[str, str]], data: st.DataObject) -> None:
    rows = [row | {"region": str(place)} for place, row in enumerate(rows)]
    mixed = data.draw(st.permutations(rows))
    with tempfile.TemporaryDirectory() as folder:
        one = cloud_regions.read(write(Path(folder) / "a.csv", rows), facts)
        other = cloud_regions.read(write(Path(folder) / "b.csv", mixed), facts)
    assert one.readout.kept + sum(one.readout.reasons().values()) == len(rows)
    assert cloud_regions.three_levels(one.regions) == cloud_regions.three_levels(other.regions)
    by_territory = cloud_regions.by_territory(one.regions)
    assert by_territory == cloud_regions.by_territory(other.regions)
    assert sum(row.regions for row in by_territory) == len(one.regions)
    for row in by_territory:
        assert sum(row.by_provider_nation.values()) == row.regions
        assert sum(row.accelerated_by_provider_nation.values()) == row.accelerated <= row.regions


def test_another_file_is_refused(tmp_path: Path, facts: Facts) -> None:
    with pytest.raises(InputFaults, match="the column 'provider' is missing"):
        cloud_regions.read(write(tmp_path / "c.csv", [{"a": "1", "b": "2"}]), facts)
