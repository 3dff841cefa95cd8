"""From a record to an estimate: only where asked, and only where the device is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.record import Record
from tests.cli import in_process as run

BF16 = 600e12


def record(accelerator: str | None) -> Record:
    result = {
        "workload": "gemm",
        "device": "cuda:0",
        "precision": "bf16",
        "metric": "flop_rate",
        "unit": "FLOP/s",
        "value": BF16,
        "ci95": (BF16 * 0.99, BF16 * 1.01),
        "rounds": (BF16,) * 5,
        "status": "ok",
    }
    device = {"id": "cuda:0", "kind": "cuda", "name": "A GPU", "accelerator": accelerator}
    return Record.model_validate(
        {
            "schema": "flopcensus/record/1",
            "node": "node",
            "created": "2026-01-01T00:00:00Z",
            "flopcensus_version": "0.1.0",
            "mode": "quick",
            "budget_seconds": 60,
            "seed": 0,
            "devices": [device],
            "environment": {},
            "results": [result],
        }
    )


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A folder with the record of an H100 node that is slower than those published."""
    (tmp_path / "r.json").write_text(record("nvidia-h100-sxm").to_json(), encoding="utf-8")
    return tmp_path


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    """A folder with a record that holds scores, and a product in fp16 beside the one in bf16."""
    data = json.loads(record("nvidia-h100-sxm").to_json())
    data["results"].append(data["results"][0] | {"precision": "fp16"})
    inference = {"batch": 1, "tokens_per_s": 150.0, "bytes_per_s": 2.5e12}
    bf16 = {"device": "cuda:0", "precision": "bf16", "achievable": BF16, "sustained": 4e14, "regime": "bf16"}
    data["scores"] = [
        bf16 | {"inference": [inference], "order": "incomplete", "reason": "no spec peak is known"},
        {"device": "cuda:0", "precision": "fp16", "achievable": BF16, "order": "incomplete"},
    ]
    (tmp_path / "r.json").write_text(json.dumps(data), encoding="utf-8")
    return tmp_path


def achievable(folder: Path, *arguments: str) -> Any:
    base = (
        "estimate",
        "--as-of",
        "2026-06-30",
        "--basis",
        "achievable",
        "--by",
        "accelerator",
        "--format",
        "json",
    )
    result = run(*base, "--draws", "500", *arguments, cwd=folder)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["estimates"][0]


def medians(estimate: Any) -> dict[str, float]:
    return {row["code"]: row["p50"] for row in estimate["accounts"]["accelerator"]}


def test_a_record_moves_its_own_accelerator_and_only_when_named(node: Path) -> None:
    before, after = medians(achievable(node)), medians(achievable(node, "--calibration", "r.json"))
    assert after["nvidia-h100-sxm"] < 0.98 * before["nvidia-h100-sxm"]
    assert after["amd-mi250x"] == pytest.approx(before["amd-mi250x"], rel=0.05)


def test_calibrate_writes_a_file_that_estimate_takes_like_the_record(node: Path) -> None:
    result = run("calibrate", "r.json", "-o", "mine.yaml", cwd=node)
    assert result.returncode == 0, result.stderr
    assert "--calibration mine.yaml" in result.stderr
    by_file = achievable(node, "--calibration", "mine.yaml")
    assert by_file["total"] == achievable(node, "--calibration", "r.json")["total"]


def test_calibrate_prints_where_no_file_is_named(node: Path) -> None:
    result = run("calibrate", "r.json", cwd=node)
    assert "accelerator: nvidia-h100-sxm" in result.stdout
    assert "kind: measured" in result.stdout


def test_scores_are_read_and_written_and_one_accelerator_is_no_scale(scored: Path) -> None:
    result = run("calibrate", "r.json", "-o", "mine.yaml", cwd=scored)
    assert result.returncode == 0, result.stderr
    assert "sustained is at scale and does not take them" in result.stderr
    rows = yaml.safe_load((scored / "mine.yaml").read_text(encoding="utf-8"))["measurements"]
    assert [(row["basis"], row.get("precision") or row.get("regime")) for row in rows] == [
        ("achievable", "bf16"),
        ("sustained", "bf16"),
        ("inference", "bf16"),
    ]
    assert rows[1]["achieved"] == "400000000000000.0 FLOP/s"
    assert rows[2]["achieved_bandwidth"] == "2500000000000.0 B/s"
    sustained = ("--basis", "sustained", "--calibration", "mine.yaml")
    with_training = achievable(scored, *sustained)
    without = [row for row in rows if row["basis"] != "sustained"]
    (scored / "mine.yaml").write_text(yaml.safe_dump({"measurements": without}), encoding="utf-8")
    assert achievable(scored, *sustained)["total"] == with_training["total"]


def test_a_record_of_an_unknown_device_cannot_calibrate(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(record(None).to_json(), encoding="utf-8")
    for arguments in (["calibrate", "r.json"], ["estimate", "--calibration", "r.json"]):
        result = run(*arguments, cwd=tmp_path)
        assert result.returncode == 2
        assert result.stdout == ""
        assert "no device of this record is an accelerator of the catalogue (found A GPU)" in result.stderr


@pytest.mark.parametrize("content", [b"", b"{", b'{"schema": "flopcensus/record/99"}', b"\x00\xff"])
def test_what_is_no_record_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.json").write_bytes(content)
    result = run("calibrate", "r.json", cwd=tmp_path)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error: ")
    assert "r.json" in result.stderr


def test_records_of_several_nodes_are_one_measurement_with_two_spreads(tmp_path: Path) -> None:
    base = json.loads(record("nvidia-h100-sxm").to_json())
    names = []
    for node, run_number, factor in (("a", 1, 1.0), ("a", 2, 1.1), ("b", 1, 1.2), ("b", 2, 1.3)):
        value = BF16 * factor
        result = base["results"][0] | {"value": value, "ci95": [value, value], "rounds": [value] * 5}
        names.append(f"r-{node}-{run_number}.json")
        text = json.dumps(base | {"node": node, "results": [result]})
        (tmp_path / names[-1]).write_text(text, encoding="utf-8")
    assert run("calibrate", *names, "-o", "mine.yaml", cwd=tmp_path).returncode == 0
    (row,) = yaml.safe_load((tmp_path / "mine.yaml").read_text(encoding="utf-8"))["measurements"]
    assert float(row["achieved"].split(" ")[0]) == pytest.approx(BF16 * 1.15)
    assert (row["nodes"], row["figures"]) == (2, 4)
    assert row["spread"]["between_nodes"] > row["spread"]["within_node"] > 0
    assert row["source"] == "4 records of 2 nodes (a, b)"
    by_file = achievable(tmp_path, "--calibration", "mine.yaml")
    records = [word for name in names for word in ("--calibration", name)]
    assert by_file["total"] == achievable(tmp_path, *records)["total"]


def test_calibrate_without_anything_says_what_it_takes(tmp_path: Path) -> None:
    result = run("calibrate", cwd=tmp_path)
    assert result.returncode == 2
    assert "--table" in result.stderr


def test_the_table_sets_paper_against_measured(node: Path) -> None:
    result = run("calibrate", "--table", "--draws", "200", "--format", "json", cwd=node)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    h100 = next(row for row in document["accelerators"] if row["accelerator"] == "nvidia-h100-sxm")
    assert h100["h100e"]["peak"]["p50"] == pytest.approx(1.0)
    assert set(h100["h100e"]) == {"peak", "achievable", "sustained", "delivered"}
    shares = [row for row in document["shares"] if row["level"] == "vendor"]
    assert sum(row["peak"] for row in shares) == pytest.approx(1.0)
    slower = run("calibrate", "--table", "r.json", "--draws", "200", "--format", "json", cwd=node)
    again = json.loads(slower.stdout)["accelerators"]
    achieved = next(row for row in again if row["accelerator"] == "nvidia-h100-sxm")["h100e"]["achievable"]
    assert achieved["p50"] < h100["h100e"]["achievable"]["p50"]


@pytest.mark.parametrize("output", ["table", "csv"])
def test_the_table_is_printed_for_people_and_for_spreadsheets(node: Path, output: str) -> None:
    result = run("calibrate", "--table", "--draws", "50", "--format", output, cwd=node)
    assert result.returncode == 0, result.stderr
    assert "MI300X" in result.stdout or "amd-mi300x" in result.stdout
