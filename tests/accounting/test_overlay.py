"""Facts of the user's own over the shipped ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from accounting.census.sources import load_census
from accounting.errors import InputFaults
from accounting.reference.facts import Facts, load_facts
from tests.cli import in_process

SOURCE = '{url: "https://example.org/sheet", title: A sheet, date: 2026-01-01, covers: [peak, tdp]}'


def write(folder: Path, text: str, name: str = "overlay.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_correction_changes_what_it_names_and_nothing_else(tmp_path: Path, facts: Facts) -> None:
    path = write(
        tmp_path,
        "accelerators:\n"
        f"  - {{id: nvidia-h100-sxm, peak: {{bf16: 900 TFLOP/s}}, tdp: null, sources: [{SOURCE}]}}\n",
    )
    changed = load_facts(overlays=[path])
    before, after = facts.accelerators["nvidia-h100-sxm"], changed.accelerators["nvidia-h100-sxm"]
    assert after.peak == {**before.peak, "bf16": 900e12}
    assert (before.tdp, after.tdp) == (700.0, None)
    assert after.sources[:-1] == before.sources
    assert after.sources[-1].title == "A sheet"
    others = {name: one for name, one in facts.accelerators.items() if name != "nvidia-h100-sxm"}
    assert {**changed.accelerators, "nvidia-h100-sxm": before} == {**others, "nvidia-h100-sxm": before}
    assert [str(change) for change in changed.changes] == ["accelerators/nvidia-h100-sxm corrected"]
    assert load_facts().accelerators["nvidia-h100-sxm"] == before


ADDED = """\
organisations:
  - {id: example-lab, name: Ex, nation: FR, kind: research, source: "https://example.org/", date: 2026-01-01}
facilities:
  - id: example-site
    name: Example Site
    territory: FR
    owners: [{organisation: example-lab}]
    sector: public
    sources: [{url: "https://example.org/a", title: A page, date: 2026-01-01}]
    deployments:
      - id: example-batch
        accelerator: nvidia-h100-sxm
        count: {value: 1000, kind: reported, date: 2026-01-01, source: "https://example.org/c"}
        in_service: 2025-01
        status: operational
  - id: lumi
    deployments: [{id: lumi-g, retired: 2026-01-01}]
"""


def test_rows_are_added_and_rows_inside_are_corrected_by_id(tmp_path: Path, facts: Facts) -> None:
    path = write(tmp_path, ADDED)
    before, after = load_census([], facts), load_census([], load_facts(overlays=[path]))
    assert {e.id for e in after.entries} - {e.id for e in before.entries} == {"example-batch"}
    lumi = {e.id: e for e in after.entries}["lumi-g"]
    assert str(lumi.retired) == "2026-01-01"
    assert lumi.count == {e.id: e for e in before.entries}["lumi-g"].count
    assert after.warnings[-1].endswith(
        "organisations/example-lab added; facilities/example-site; facilities/lumi"
    )


def test_an_estimate_says_what_an_overlay_changed(tmp_path: Path) -> None:
    path = write(tmp_path, ADDED)
    options = (
        "--country",
        "FR",
        "--as-of",
        "2025-12-31",
        "--basis",
        "peak",
        "--draws",
        "20",
        "--format",
        "json",
    )
    totals = []
    for more in ((), ("--overlay", str(path))):
        result = in_process("estimate", *options, *more)
        assert result.returncode == 0, result.stderr
        (found,) = json.loads(result.stdout)["estimates"]
        totals.append(found["total"]["mean"])
    assert totals[1] - totals[0] == pytest.approx(1000 * 989.4e12, rel=1e-3)
    assert any("example-site" in warning for warning in found["warnings"])


def test_a_later_overlay_lies_over_an_earlier_one(tmp_path: Path) -> None:
    first = write(
        tmp_path, f"accelerators: [{{id: nvidia-h100-sxm, tdp: 650 W, sources: [{SOURCE}]}}]\n", "1.yaml"
    )
    second = write(
        tmp_path, f"accelerators: [{{id: nvidia-h100-sxm, tdp: 600 W, sources: [{SOURCE}]}}]\n", "2.yaml"
    )
    assert load_facts(overlays=[first, second]).accelerators["nvidia-h100-sxm"].tdp == 600
    assert load_facts(overlays=[second, first]).accelerators["nvidia-h100-sxm"].tdp == 650


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("acelerators: []", r"overlay.yaml:1:1: acelerators: unknown key.*did you mean accelerators"),
        ("accelerators: {a: 1}", r"overlay.yaml:1:15: accelerators: a list of rows is expected"),
        (
            "accelerators: [{name: x}]",
            r"overlay.yaml:1:16: accelerators\[0\]: a row with an 'id' is expected",
        ),
        (
            "accelerators:\n  - {id: nvidia-h100-sxm, tdp: 650 W}\n  - {id: nvidia-h100-sxm, note: x}",
            r"overlay.yaml:3:10: accelerators\[1\]\.id: duplicate id; it stands already in .*overlay.yaml:2",
        ),
        ("accelerators:\n  - {id: nvidia-h100-sxm, tdp: 700}", r"overlay.yaml:2:32: .*needs its unit"),
        ("accelerators:\n  - {id: new-one, name: New}", r"overlay.yaml:2:5: .*'designer' is missing"),
        (
            "accelerators:\n  - {id: nvidia-h100-sxm, aliases: [NVIDIA H200 SXM 141GB]}",
            r"accelerators/nvidia-h100-sxm: a name of it stands elsewhere",
        ),
    ],
)
def test_faults_point_into_the_overlay(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(InputFaults, match=expected):
        load_facts(overlays=[write(tmp_path, text)])
