"""The linter on public files: each known fault that a rule can find is found, with its rows and figures."""

from __future__ import annotations

import csv
import datetime
import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from accounting.lint.linting import lint
from accounting.lint.rule import Finding
from accounting.reference.facts import Facts

TODAY = datetime.date(2026, 6, 30)

# known faults, by the words of the list, with the test below that finds them
FOUND = {
    "Reported power is modelled": "power",
    "GB300 INT8 used as 8-bit basis": "gb300",
    "Intel Max 1550 FP32 used": "max 1550",
    "Gefion sparse claim over dense base": "gefion",
    "Mixed chip entry drops the older chip": "mixed",
    "Trainium2 weighted differently by file": "trainium2",
    "MI250X halved": "mi250x",
    "Status mixing": "status",
    "Precision basis shifts shares": "shares",
    "Territory conflict": "territory",
    "Epoch TPP copy errors": "tpp",
}
# and those that it cannot find, with the reason
NOT_FOUND = {"Trap totals": "the file of that project is not among those read here"}


@pytest.fixture(scope="module")
def epoch(shared: Path) -> Path:
    return shared / "data" / "epoch"


@pytest.fixture(scope="module")
def clusters(epoch: Path) -> Path:
    return epoch / "gpu_clusters_2026-04-24.csv"


@pytest.fixture(scope="module")
def alone(clusters: Path, facts: Facts) -> tuple[Finding, ...]:
    return lint([str(clusters)], facts, TODAY)


@pytest.fixture(scope="module")
def listed(clusters: Path, shared: Path, facts: Facts) -> tuple[Finding, ...]:
    return lint([str(clusters), str(shared / "data" / "top500" / "TOP500_202506.csv")], facts, TODAY)


@pytest.fixture(scope="module")
def table(clusters: Path) -> pd.DataFrame:
    """The file by pandas alone, with the line that each row begins at."""
    frame = pd.read_csv(clusters, dtype=str, keep_default_na=False)
    lines = [2]
    with clusters.open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream)
        next(reader)
        for _ in reader:
            lines.append(reader.line_num + 1)
    return frame.assign(line=lines[:-1])


def of(found: Sequence[Finding], rule: str, words: str = "") -> Finding:
    return next(item for item in found if item.rule.id == rule and words in item.evidence.message)


def names(found: Finding, table: pd.DataFrame) -> list[str]:
    lines = [int(row.rpartition(":")[2]) for row in found.evidence.rows if "gpu_clusters" in row]
    return [str(table.loc[table["line"] == line, "Name"].item()) for line in lines]


def test_every_known_fault_is_found_or_said_not_to_be(shared: Path) -> None:
    with (shared / "reference" / "dataset_lint.csv").open(encoding="utf-8", newline="") as stream:
        assert {row["issue"] for row in csv.DictReader(stream)} == set(FOUND) | set(NOT_FOUND)


def test_power(listed: tuple[Finding, ...], table: pd.DataFrame) -> None:
    groups = [item for item in listed if item.rule.id == "power-multiple"]
    by_constant = {round(item.evidence.ratio or 0, 3): set(names(item, table)) for item in groups}
    assert {
        "Los Alamos NL Venado",
        "Novo Nordisk Gefion",
        "Lawrence Livermore NL Tuolumne",
        "TSUBAME4.0",
    } <= by_constant[1.672]
    assert {"EuroHPC LUMI", "Nebius ISEG"} <= by_constant[1.702]
    assert "ExxonMobil Discovery 5" in by_constant[1.746]
    assert "NVIDIA Selene Phase 2" in by_constant[1.791]
    # Setonix and Narval are named by the known faults too, and not by the clusters' or the list's names
    assert set(by_constant) == {1.672, 1.702, 1.746, 1.761, 1.791}


def test_gb300(alone: tuple[Finding, ...], table: pd.DataFrame) -> None:
    rate, h100e = of(alone, "per-chip-rate", "GB300").evidence, of(alone, "h100e-count", "GB300")
    assert [rate.found.value, rate.expected.value] == pytest.approx([165e12, 5e15])
    assert names(h100e, table) == ["Stargate UAE Phase 1", "HUMAIN Saudi Arabia/NVIDIA Phase 1"]
    assert h100e.evidence.found.value == pytest.approx(9838, abs=1)
    assert h100e.evidence.expected.value == pytest.approx(298_000, rel=1e-3)
    assert 1 / (h100e.evidence.ratio or 0) == pytest.approx(30, abs=0.5)
    planned = table[table["Status"] == "Planned"]["H100 equivalents"].replace("", "0").astype(float).sum()
    assert h100e.evidence.factor == pytest.approx(planned / (planned + 298_130 - 9838), rel=1e-6)


def test_max_1550(alone: tuple[Finding, ...], table: pd.DataFrame) -> None:
    rate, h100e = of(alone, "per-chip-rate", "Max 1550"), of(alone, "h100e-count", "Max 1550").evidence
    assert names(rate, table) == ["Argonne NL Aurora"]
    assert "fp32 vector rate" in rate.evidence.message
    assert h100e.found.value == pytest.approx(1689, abs=1)
    assert h100e.expected.value == pytest.approx(54_000, rel=2e-3)


def test_gefion(alone: tuple[Finding, ...], table: pd.DataFrame) -> None:
    found = of(alone, "h100e-count", "fp8 sparse")
    assert names(found, table) == ["Novo Nordisk Gefion"]
    assert found.evidence.found.value == pytest.approx(3032, abs=1)
    assert found.evidence.ratio == pytest.approx(1.98, abs=0.01)
    assert names(of(alone, "per-chip-rate", "sparse for dense"), table) == ["Novo Nordisk Gefion"]


def test_mixed(alone: tuple[Finding, ...], table: pd.DataFrame) -> None:
    found = of(alone, "mixed-chips", "Jean Zay")
    assert names(found, table) == ["Jean Zay Supercomputer Phase 3", "Jean Zay Supercomputer Phase 2"]
    assert "less than the 170 before they were added" in found.evidence.message
    assert found.evidence.found.value == pytest.approx(131, abs=0.5)
    by_hand = (416 * 624e12 + 2696 * 125e12) / 1.979e15
    assert found.evidence.expected.value == pytest.approx(by_hand, rel=1e-3)
    assert names(of(alone, "mixed-chips", "ABCI 2.0"), table) == ["AIST ABCI 2.0"]


def test_trainium2(clusters: Path, epoch: Path, facts: Facts, table: pd.DataFrame) -> None:
    sold = epoch / "chip_counts_2026-04-22" / "csv_export" / "trainium_cumulative_by_chip.csv"
    found = of(lint([str(clusters), str(sold)], facts, TODAY), "one-chip-one-weight", "Trainium2")
    assert names(found, table) == ["Project Rainier"]
    assert found.evidence.found.value == pytest.approx(0.337, abs=5e-4)
    assert found.evidence.expected.value == pytest.approx(0.656, abs=5e-4)
    assert 1 / (found.evidence.ratio or 0) == pytest.approx(1.95, abs=0.005)


def test_mi250x(alone: tuple[Finding, ...], table: pd.DataFrame) -> None:
    found = of(alone, "eight-bit-basis", "MI250X")
    assert {"Oak Ridge NL Frontier", "EuroHPC LUMI", "Eni HPC6"} <= set(names(found, table))
    assert "0.1935 H100e on an 8-bit basis and 0.387" in found.evidence.message
    assert found.evidence.ratio == pytest.approx(0.5, abs=1e-3)


def test_status(alone: tuple[Finding, ...], table: pd.DataFrame) -> None:
    h100e = table["H100 equivalents"].replace("", "0").astype(float)
    published = {"United States": 39.6, "United Arab Emirates": 22.9, "Saudi Arabia": 7.16, "France": 2.44}
    for country, millions in (published | {"South Korea": 5.27, "India": 1.18}).items():
        evidence = of(alone, "status-mixing", f"{country}: ").evidence
        assert isinstance(evidence.found.value, float)
        assert evidence.found.value / 1e6 == pytest.approx(millions, abs=0.06)
    emirates = table["Country"] == "United Arab Emirates"
    both = h100e[emirates & table["Status"].isin(["Existing", "Planned"])].sum()
    existing = h100e[emirates & (table["Status"] == "Existing")].sum()
    assert of(alone, "status-mixing", "Emirates").evidence.factor == pytest.approx(both / existing)
    assert both / existing == pytest.approx(13_000, rel=0.01)


def test_shares(alone: tuple[Finding, ...]) -> None:
    for country, eight, sixteen in (("China", 14.0, 19.9), ("United States", 71.4, 66.4)):
        evidence = of(alone, "basis-shifts-shares", country).evidence
        assert isinstance(evidence.found.value, float) and isinstance(evidence.expected.value, float)
        assert 100 * evidence.found.value == pytest.approx(eight, abs=0.06)
        assert 100 * evidence.expected.value == pytest.approx(sixteen, abs=0.06)


def test_territory(listed: tuple[Finding, ...], table: pd.DataFrame) -> None:
    found = of(listed, "owner-seat", "ISEG2: the TOP500 says Netherlands, the seat of its owner")
    assert (found.evidence.found.value, found.evidence.expected.value) == ("NL", "IS")
    assert names(found, table) == ["Nebius ISEG2"]
    assert sum(item.rule.id == "owner-seat" and "TOP500" in item.evidence.message for item in listed) == 2


def test_tpp(epoch: Path, facts: Facts) -> None:
    found = lint([str(epoch / "ml_hardware_2026-04-22.csv")], facts, TODAY)
    wanted = {"MI355X": (37_440, 40_266), "MTIA 300": (2832, 9600), "Max 1550": (1678, 13_424)}
    for name, (stated, computed) in wanted.items():
        evidence = of(found, "tpp-copy", name).evidence
        assert evidence.found.value == pytest.approx(stated, abs=1)
        assert evidence.expected.value == pytest.approx(computed, abs=1)


def test_sites_in_both_files_of_epoch_are_found(clusters: Path, epoch: Path, facts: Facts) -> None:
    found = lint([str(clusters), str(epoch / "data_centers_2026-07-18.csv")], facts, TODAY)
    overlaps = [item.evidence.message for item in found if item.rule.id == "overlap"]
    for site, cluster in (
        ("Meta Prometheus", "Meta Prometheus New Albany"),
        ("Anthropic-Amazon New Carlisle", "Project Rainier"),
        ("CoreWeave Denton TX", "CoreWeave Denton GB200s"),
        ("Microsoft Goodyear", "OpenAI/Microsoft Goodyear Arizona"),
    ):
        assert any(text.startswith(f"{site} stands") and cluster in text for text in overlaps), site


def test_superseded_and_flagged_rows_are_those_of_pandas(
    alone: tuple[Finding, ...], table: pd.DataFrame
) -> None:
    existing = table[table["Status"] == "Existing"]
    h100e = existing["H100 equivalents"].replace("", "0").astype(float)
    flagged = existing["Possible Duplicate"] == "True"
    evidence = of(alone, "duplicate-flagged").evidence
    assert len(evidence.rows) == flagged.sum()
    assert evidence.factor == pytest.approx(math.fsum(h100e) / math.fsum(h100e[~flagged]))
