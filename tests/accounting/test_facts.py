"""The shipped facts: complete, sourced, and in agreement with independent tables."""

from __future__ import annotations

import csv
import datetime
from pathlib import Path

import pytest

from accounting.capacity.calibration import STEPS, load_calibration
from accounting.capacity.h100e import constant, load_h100e
from accounting.census.ledger import Ledger
from accounting.census.sources import load_census
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from bench.errors import InputError


@pytest.fixture(scope="module")
def census(facts: Facts) -> Ledger:
    return load_census([], facts)


def test_breadth(facts: Facts, census: Ledger) -> None:
    facilities = {e.facility: e.territory for e in census.entries}
    assert len(facts.countries) == 249
    assert len(facts.accelerators) >= 140
    assert len(facilities) >= 200
    assert len(set(facilities.values())) >= 45
    headline = {code for code, group in facts.groups.items() if group.headline}
    assert headline == {"EU", "G7", "OECD", "BRICS", "GCC", "ASEAN"} < set(facts.groups)


def test_the_census_shows_all_three_levels_apart(census: Ledger) -> None:
    foreign = [e for e in census.entries if any(o.nation != e.territory for o in e.owners)]
    assert {o.nation for e in foreign for o in e.owners} >= {"EU", "US"}
    assert {e.vendor_nation for e in census.entries} >= {"US", "CN"}


def test_every_entry_has_owner_nation_and_source(census: Ledger) -> None:
    for entry in census.entries:
        assert entry.source.startswith("http")
        assert sum(owner.share for owner in entry.owners) == pytest.approx(1)
        assert all(owner.nation for owner in entry.owners)
        # a batch may be known by its power alone, its maker not named
        assert entry.vendor_nation or entry.accelerator is None
        assert entry.count is not None or entry.power is not None
        assert entry.in_service or entry.status != "operational"


@pytest.mark.parametrize(
    ("day", "code", "members"),
    [
        ("2019-06-30", "EU", 28),
        ("2020-01-31", "EU", 28),
        ("2020-02-01", "EU", 27),
        ("2003-12-31", "EU", 15),
        ("2025-05-31", "G7", 7),
        ("2025-05-31", "OECD", 38),
        ("2023-12-31", "BRICS", 5),
        ("2025-05-31", "GCC", 6),
        ("2025-05-31", "ASEAN", 10),
        ("2025-12-31", "ASEAN", 11),
    ],
)
def test_groups_are_dated(facts: Facts, day: str, code: str, members: int) -> None:
    assert len(facts.groups_on(datetime.date.fromisoformat(day))[code]) == members


TPP_NAMES = {
    "NVIDIA V100 SXM2": "nvidia-v100-sxm2-16gb",
    "NVIDIA A100 SXM 80GB": "nvidia-a100-sxm-80gb",
    "NVIDIA H100 SXM": "nvidia-h100-sxm",
    "NVIDIA H800 SXM": "nvidia-h800-sxm",
    "NVIDIA H200 SXM": "nvidia-h200-sxm",
    "AMD MI300X": "amd-mi300x",
    "AMD MI250X": "amd-mi250x",
    "Intel Gaudi3": "intel-gaudi3",
}


def test_dense_peaks_agree_with_the_export_control_table(facts: Facts, shared: Path) -> None:
    """An independent table of dense rates, within 2 % (sheets round); sparse rates would be 100 % off."""
    with (shared / "reference" / "tpp.csv").open(encoding="utf-8") as stream:
        rates = {row["chip"]: row["bf16_dense_tf"] for row in csv.DictReader(stream)}
    compared = 0
    for chip, identifier in TPP_NAMES.items():
        if rates.get(chip):
            ours = facts.accelerators[identifier].peak_flop_per_s("bf16")
            expected = float(rates[chip]) * 1e12
            # one sheet of the Gaudi 3 says 1,835, a later one 1,678
            assert ours == pytest.approx(expected, rel=0.10 if "Gaudi" in chip else 0.02), chip
            compared += 1
    assert compared >= 5


def test_peaks_halve_or_hold_as_precision_widens(facts: Facts) -> None:
    """A wider format is never faster than a narrower one on the same units."""
    for accelerator in facts.accelerators.values():
        peaks = accelerator.peaks()
        for narrow, wide in (("fp8", "bf16"), ("bf16", "tf32"), ("tf32", "fp64")):
            if narrow in peaks and wide in peaks:
                assert peaks[narrow] >= peaks[wide], (accelerator.id, narrow, wide)


def test_facilities_agree_with_the_worked_table(census: Ledger, shared: Path) -> None:
    """Accelerator counts of machines that the worked table also holds, within 5 %."""
    with (shared / "reference" / "facilities.csv").open(encoding="utf-8") as stream:
        table = {row["facility"]: row for row in csv.DictReader(stream)}
    ours: dict[str, float] = {}
    for entry in census.entries:
        if entry.count is not None:
            ours[entry.facility] = ours.get(entry.facility, 0.0) + entry.count.best
    names = {
        "Isambard-AI": "isambard-ai",
        "JUPITER Booster": "jupiter",
        "Leonardo": "leonardo",
        "LUMI-G": "lumi",
    }
    for name, identifier in names.items():
        assert ours[identifier] == pytest.approx(float(table[name]["count"]), rel=0.05), name


def test_h100e_constants(facts: Facts) -> None:
    table = load_h100e(configs_root() / "h100e.yaml")
    values = [constant(table, basis, "bf16") for basis in ("peak", "achievable", "sustained", "delivered")]
    assert values == sorted(values, reverse=True)
    assert values[0] == facts.accelerators["nvidia-h100-sxm"].peak_flop_per_s("bf16")
    with pytest.raises(InputError, match="no H100e constant for fp4"):
        constant(table, "peak", "fp4")


@pytest.mark.parametrize("precision", ["bf16", "fp8"])
def test_one_h100_is_about_one_h100e_on_every_basis(facts: Facts, precision: str) -> None:
    """The constants are fixed; if measurements drift from them, re-basing is a decision to take."""
    table, calibration = load_h100e(configs_root() / "h100e.yaml"), load_calibration(facts)
    rate = facts.accelerators["nvidia-h100-sxm"].peak_flop_per_s(precision)
    assert rate is not None
    for step in STEPS:
        efficiency = calibration.efficiency(step, "nvidia-h100-sxm", precision)
        assert efficiency is not None
        rate *= efficiency.median
        assert rate == pytest.approx(constant(table, step, precision), rel=0.05)
