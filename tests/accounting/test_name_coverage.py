"""Every name of a chip or a country in the public data sets is resolved, or a table says why not."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounting.errors import InputFaults
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from accounting.reference.unresolved import Unresolved, load_unresolved

# file (or pattern of files) → columns that name chips, the separator of several in one cell
CHIPS: dict[str, tuple[tuple[str, ...], str]] = {
    "epoch/ai_supercomputers_2025-06-07.csv": (("Chip type (primary)", "Chip type (secondary)"), ""),
    "epoch/gpu_clusters_2026-04-24.csv": (("Chip type (primary)", "Chip type (secondary)"), ""),
    "epoch/data_centers_2026-07-18.csv": (("Current chip types", "All chip types"), ","),
    "epoch/data_center_chip_quantities_2026-07-18.csv": (("Chip type",), ""),
    "epoch/ml_hardware_2026-04-22.csv": (("Hardware name",), ""),
    "epoch/ai_chip_sales_excerpt_2026-09-30.csv": (("chip",), ""),
    "epoch/chip_counts_2026-04-22/**/*.csv": (("Chip type",), ""),
    "top500/TOP500_202506.csv": (("Accelerator/Co-Processor",), ""),
    "cloud/cloud_regions_2026-01-21.csv": (("gpu_types",), "|"),
    "mlperf/mlperf_summary.csv": (("accel",), ""),
    "mlperf/mlperf_llm_tflops.csv": (("accel",), ""),
}
COUNTRIES: dict[str, tuple[str, ...]] = {
    "epoch/ai_supercomputers_2025-06-07.csv": ("Country",),
    "epoch/gpu_clusters_2026-04-24.csv": ("Country",),
    "epoch/data_centers_2026-07-18.csv": ("Country",),
    "top500/TOP500_202506.csv": ("Country",),
    "cloud/cloud_regions_2026-01-21.csv": ("country", "cc"),
}


def names(folder: Path, pattern: str, columns: tuple[str, ...], separator: str = "") -> Iterator[str]:
    paths = sorted(folder.glob(pattern))
    assert paths, pattern
    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream, delimiter=";" if "TOP500" in path.name else ","):
                for column in columns:
                    cell = row.get(column) or ""
                    parts = cell.split(separator) if separator else [cell]
                    yield from (part.strip() for part in parts if part.strip())


@pytest.fixture(scope="module")
def data(shared: Path) -> Path:
    return shared / "data"


@pytest.fixture(scope="module")
def unresolved(facts: Facts) -> Unresolved:
    return load_unresolved(facts)


@pytest.fixture(scope="module")
def chips(data: Path) -> set[str]:
    return {name for pattern, (columns, sep) in CHIPS.items() for name in names(data, pattern, columns, sep)}


def test_every_chip_is_resolved_or_its_reason_is_stated(
    chips: set[str], facts: Facts, unresolved: Unresolved
) -> None:
    assert facts.names.accelerators is not None
    assert len(chips) > 200
    unknown = {
        name for name in chips if not facts.names.accelerators.find(name) and not unresolved.find(name)
    }
    assert not unknown, (
        f"give each an alias in configs/accelerators or a reason in unresolved.yaml: {unknown}"
    )


def test_every_country_is_resolved(data: Path, facts: Facts) -> None:
    assert facts.names.countries is not None
    for pattern, columns in COUNTRIES.items():
        found = set(names(data, pattern, columns))
        assert found
        assert {name for name in found if not facts.names.countries.find(name)} == set(), pattern


def test_every_file_names_chips(data: Path) -> None:
    """A column renamed would let names pass unseen."""
    for pattern, (columns, separator) in CHIPS.items():
        assert len(set(names(data, pattern, columns, separator))) >= 7, pattern


def test_no_reason_is_left_standing_for_a_name_that_resolves_or_never_occurs(
    chips: set[str], facts: Facts, unresolved: Unresolved
) -> None:
    assert facts.names.accelerators is not None
    assert {name for name in unresolved.chips if facts.names.accelerators.find(name)} == set()
    occurring = {unresolved.table.find(name) for name in chips}
    assert set(unresolved.chips) - occurring == set()


def test_a_designer_is_stated_where_the_name_tells_it(facts: Facts, unresolved: Unresolved) -> None:
    assert facts.names.organisations is not None
    for name, chip in unresolved.chips.items():
        first = facts.names.organisations.find(name.split()[0])
        if chip.reason != "several chips in one cell" and first:
            assert chip.designer == first, name
    assert unresolved.designer("nvidia h100/h200") == "nvidia"
    assert unresolved.designer("TPU v5") == "google"
    assert unresolved.designer("NVIDIA Tesla K40/Intel Xeon Phi 7120P") is None


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("names: [None]", "names: [None, none]", "duplicate name"),
        ("reason: no accelerator\n", "reason: no idea\n", "reason"),
        ("designer: huawei", "designer: huawai", "unknown organisation .found 'huawai'.; did you mean"),
    ],
)
def test_faults_of_the_table_are_named(tmp_path: Path, facts: Facts, old: str, new: str, fault: str) -> None:
    text = (configs_root() / "unresolved.yaml").read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = tmp_path / "unresolved.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputFaults, match=fault):
        load_unresolved(facts, path)
