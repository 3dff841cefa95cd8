"""TPP, performance density and classes: by hand, at every threshold, and against published values."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.errors import InputFaults
from accounting.reference.export_control import (
    BIT_LENGTH,
    Performance,
    classify,
    load_export_rules,
    performance,
)
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from tests.cli import in_process

RULES = load_export_rules(configs_root() / "export_rules.yaml")
KNOWN = Performance(10.0, "fp8", 0.1, 10.0, 10.0, True, True)


def classes(found: Performance) -> dict[str, str]:
    return {verdict.rule.id: verdict.text for verdict in classify(found, RULES)}


def test_the_examples_of_the_rule_itself(facts: Facts) -> None:
    # 88 FR 73458: 600 tera integer operations at 8 bits, or 300 teraFLOPS at 16 bits, meet 4800
    base = facts.accelerators["nvidia-h100-sxm"]
    for peak in ({"int8": 600e12}, {"bf16": 300e12}):
        assert performance(base.model_copy(update={"peak": peak})).tpp == pytest.approx(4800)


@pytest.mark.parametrize(
    ("tpp", "density", "expected"),
    [
        (4800, 0.1, "3A090.a"),
        (4799, 5.92, "3A090.a"),
        (4799, 5.91, "3A090.b"),
        (2400, 1.6, "3A090.b"),
        (2399, 1.6, "not 3A090"),
        (2399, 3.2, "3A090.b"),
        (1600, 5.92, "3A090.a"),
        (1600, 3.19, "not 3A090"),
        (1599, 50.0, "not 3A090"),
    ],
)
def test_the_thresholds_of_2023(tpp: float, density: float, expected: str) -> None:
    assert classes(replace(KNOWN, tpp=tpp, performance_density=density))["us-2023-10"] == expected


def test_what_is_not_for_data_centres() -> None:
    card = replace(KNOWN, data_center=False, performance_density=9.0)
    assert classes(replace(card, tpp=4799))["us-2023-10"] == "not 3A090"
    assert classes(replace(card, tpp=5285))["us-2023-10"] == "3A090.a, exception NAC"


def test_the_rule_of_2022_asks_for_both() -> None:
    for tpp, link, expected in ((4800, 600, "3A090"), (4800, 599, "not 3A090"), (4799, 900, "not 3A090")):
        assert classes(replace(KNOWN, tpp=tpp, interconnect_gb_per_s=link))["us-2022-10"] == expected


def test_the_ceiling_of_2026() -> None:
    for tpp, bandwidth, expected in (
        (20_999, 6_499, "case by case"),
        (21_000, 6_499, "presumption of denial"),
        (20_999, 6_500, "presumption of denial"),
        (100, 6_500, "not 3A090"),
    ):
        found = replace(KNOWN, tpp=tpp, memory_bandwidth_gb_per_s=bandwidth)
        assert classes(found)["us-2026-01"] == expected


def test_a_cap_is_counted_in_units() -> None:
    verdict = {v.rule.id: v for v in classify(replace(KNOWN, tpp=15_832), RULES)}["us-2025-01"]
    # 790,000,000 and 26,900,000 TPP (90 FR 4544) of an H100 are 49,901 and 1,699
    assert verdict.units_under_cap == pytest.approx(49_899, abs=5)
    assert verdict.units_of_low_volume == pytest.approx(1_699, abs=1)


def test_what_is_not_known_leaves_a_class_open() -> None:
    found = classes(replace(KNOWN, tpp=2_500, performance_density=None))
    assert found["us-2023-10"] == "3A090.a or 3A090.b or not 3A090 (depends on die area, not known)"
    # but nothing is open where the class does not depend on it
    assert classes(replace(KNOWN, tpp=4_800, performance_density=None))["us-2023-10"] == "3A090.a"


measures = st.builds(
    Performance,
    tpp=st.floats(0, 1e5),
    tpp_precision=st.just("fp8"),
    performance_density=st.floats(0, 100),
    interconnect_gb_per_s=st.floats(0, 4000),
    memory_bandwidth_gb_per_s=st.floats(0, 20_000),
    data_center=st.booleans(),
    high_bandwidth_memory=st.booleans(),
)


@given(found=measures, names=st.sets(st.sampled_from(["performance_density", "interconnect_gb_per_s"])))
def test_knowing_less_never_rules_out_the_truth(found: Performance, names: set[str]) -> None:
    truth = classify(found, RULES)
    missing: dict[str, Any] = dict.fromkeys(names)
    less = classify(replace(found, **missing), RULES)
    for whole, part in zip(truth, less, strict=True):
        assert len(whole.classes) == 1
        assert whole.classes[0] in part.classes


def test_a_rule_refers_only_to_those_above_it(tmp_path: Path) -> None:
    text = (configs_root() / "export_rules.yaml").read_text(encoding="utf-8")
    path = tmp_path / "rules.yaml"
    path.write_text(text.replace("rule: us-2023-10,", "rule: us-2026-01,"), encoding="utf-8")
    with pytest.raises(InputFaults, match="does not stand above it"):
        load_export_rules(path)


def test_rules_by_date() -> None:
    found = in_process("export-control", "nvidia-h100-sxm", "--on", "2025-05-14", "--format", "json")
    document = json.loads(found.stdout)
    assert [rule["rule"] for rule in document["rules"]] == ["us-2023-10", "us-2024-12", "us-2025-04"]
    assert document["tpp"] == pytest.approx(15_832, rel=0.001)
    assert document["performance_density"] == pytest.approx(19.45, rel=0.001)
    assert in_process("export-control", "nvidia-h999").returncode == 2


# the names of the table that are not ours
NAMES = {
    "NVIDIA GH200 (GPU part)": "nvidia-gh200",
    "NVIDIA GB200 (per GPU)": "nvidia-gb200",
    "NVIDIA GB300 (per GPU)": "nvidia-gb300",
    "NVIDIA B30A (rumoured)": "nvidia-b30a",
    "NVIDIA Rubin (estimate)": "nvidia-vr200",
    "NVIDIA V100 SXM2": "nvidia-v100-sxm2-32gb",
    "NVIDIA RTX 4090": "nvidia-rtx-4090",
}
# why ours differs from the published value
DIFFERS = {
    "NVIDIA B300": "13.5 PFLOP/s in FP4 an eighth of the system's 108; the brief rounds to 14",
    "NVIDIA GB300 (per GPU)": "15 PFLOP/s in FP4 are 60,000; the published value is of another rate",
    "Intel Gaudi 2": "865 TFLOP/s in FP8; the published value takes 450 in 16 bits",
    "Intel Max 1550": "the published value takes the vector rate",
    "Amazon Trainium2": "TF32 at the 16-bit rate has 19 bits; the published value leaves it out",
    "Meta MTIA 300": "the published value is that of MTIA v2",
}


def test_tpp_of_published_tables(shared: Path, facts: Facts) -> None:
    table = facts.names.accelerators
    assert table is not None
    with (shared / "reference" / "tpp.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    unknown, far = [], {}
    for row in rows:
        identifier = NAMES.get(row["chip"], table.find(row["chip"]))
        if not identifier or identifier not in facts.accelerators:
            unknown.append(row["chip"])
            continue
        assert facts.accelerators[identifier].note or row["chip"] not in DIFFERS, "a difference is explained"
        ours = performance(facts.accelerators[identifier]).tpp
        published = [float(text) for text in row["tpp_published"].split(";")]
        if min(abs(ours / value - 1) for value in published) > 0.01 and row["chip"] not in DIFFERS:
            far[row["chip"]] = (round(ours), published)
    assert not far
    assert not unknown


def test_bit_lengths_cover_all_precisions(facts: Facts) -> None:
    assert {name for one in facts.accelerators.values() for name in one.peak} <= set(BIT_LENGTH)
