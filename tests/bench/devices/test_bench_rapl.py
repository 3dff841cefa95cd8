"""RAPL's counters on file trees that we make up."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.devices.meters.rapl import PackageEnergy

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a colon may not stand in a file name there")


def zones(root: Path, **files: dict[str, str]) -> Path:
    """Zones of powercap: ``rapl_0`` stands for intel-rapl:0."""
    for zone, contents in files.items():
        folder = root / zone.replace("rapl", "intel-rapl").replace("_", ":")
        folder.mkdir(exist_ok=True)
        for name, text in contents.items():
            (folder / name).write_text(text + "\n", encoding="utf-8")
    return root


def package(energy_uj: int, number: int = 0) -> dict[str, str]:
    return {
        "name": f"package-{number}",
        "energy_uj": str(energy_uj),
        "max_energy_range_uj": "5000000",
    }


def test_packages_add_up_and_wraps_are_unrolled(tmp_path: Path) -> None:
    zones(tmp_path, rapl_0=package(1_000_000), rapl_1=package(1_000_000, 1))
    meter = PackageEnergy(tmp_path)
    assert meter.read_j() == 0
    zones(tmp_path, rapl_0=package(3_000_000), rapl_1=package(4_000_000, 1))
    assert meter.read_j() == pytest.approx(5)
    zones(tmp_path, rapl_0=package(500_000))
    assert meter.read_j() == pytest.approx(5 + 2.5)


def test_parts_of_a_package_memory_and_the_platform_are_not_added(tmp_path: Path) -> None:
    dram, platform = {"name": "dram", "energy_uj": "0"}, {"name": "psys", "energy_uj": "0"}
    zones(tmp_path, rapl_0=package(0), rapl_0_0=dram, rapl_1=platform)
    (tmp_path / "intel-rapl-mmio:0").mkdir()
    (tmp_path / "intel-rapl-mmio:0" / "energy_uj").write_text("0", encoding="utf-8")
    meter = PackageEnergy(tmp_path)
    meter.read_j()
    grown = {"energy_uj": "4000000"}
    zones(tmp_path, rapl_0=grown, rapl_0_0=grown, rapl_1=grown)
    assert meter.read_j() == 4


def test_counters_that_may_not_be_read_say_nothing(tmp_path: Path) -> None:
    meter = PackageEnergy(tmp_path)
    assert meter.read_j() is None
    zones(tmp_path, rapl_0=package(7), rapl_1={"name": "package-1"})
    # One package's energy would pass for that of both.
    assert meter.read_j() is None
    zones(tmp_path, rapl_1=package(9, 1))
    assert meter.read_j() == 0
