"""``flopcensus bridge`` as its users and their scripts meet it."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pytest

from tests.accounting.test_bridge import ROWS
from tests.accounting.test_epoch_clusters import write
from tests.cli import in_process as run

ARGUMENTS = ("bridge", "epoch-2025", "--to", "ours", "--as-of", "2026-06-30", "--draws", "100")
IDS = ["published", "precision", "repairs", "duplicates", "status", "date", "coverage", "measurement"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "clusters.csv", ROWS)


@pytest.mark.parametrize("unit", ["h100e", "flops"])
def test_json_adds_up(file: Path, unit: str) -> None:
    result = run(*ARGUMENTS, "--file", f"epoch-clusters:{file}", "--unit", unit, "--format", "json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["schema"] == "flopcensus/bridge/1"
    assert [stage["id"] for stage in found["stages"]] == IDS
    assert [step["id"] for step in found["steps"]] == IDS[1:]
    first, last = found["stages"][0], found["stages"][-1]
    assert "8-bit" in first["denomination"]
    assert "bf16 dense delivered" in last["denomination"]
    size = max(stage["total"]["mean"] for stage in found["stages"])
    total = math.fsum(step["effect_on_total"] for step in found["steps"])
    assert total == pytest.approx(found["difference"]["total"], abs=1e-13 * size)
    assert total == pytest.approx(last["total"]["mean"] - first["total"]["mean"], abs=1e-13 * size)
    for place, row in enumerate(found["difference"]["rows"]):
        effects = [step["rows"][place] for step in found["steps"]]
        assert {effect["code"] for effect in effects} == {row["code"]}
        assert math.fsum(e["effect"] for e in effects) == pytest.approx(row["difference"], abs=1e-13 * size)
    for stage in found["stages"]:
        assert math.fsum(row["share"] for row in stage["rows"]) == pytest.approx(1)


def test_csv_has_a_row_for_each_holder_and_stage(file: Path) -> None:
    result = run(*ARGUMENTS, "--file", str(file), "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    codes = {row["code"] for row in rows if row["code"]}
    assert len(rows) == len(IDS) * (len(codes) + 1)
    france = [row for row in rows if row["code"] == "FR"]
    assert [row["step"] for row in france] == IDS
    assert france[0]["effect"] == ""
    moved = sum(float(row["effect"]) for row in france[1:])
    assert moved == pytest.approx(float(france[-1]["amount"]) - float(france[0]["amount"]))


def test_the_table_names_every_step_and_both_ends(file: Path) -> None:
    result = run(*ARGUMENTS, "--file", str(file), "--by", "vendor", "--basis", "peak")
    assert result.returncode == 0, result.stderr
    for word in (*IDS, "the walk", "shares after each step", "effect of each step", "989.4 TFLOP/s"):
        assert word in result.stdout
    assert "warning: the shipped census holds" in result.stderr


def test_the_file_must_be_named(tmp_path: Path) -> None:
    result = run(*ARGUMENTS)
    assert result.returncode == 2
    assert "is not shipped" in result.stderr
    assert "--file epoch-clusters:PATH" in result.stderr
    gone = run(*ARGUMENTS, "--file", f"epoch-clusters:{tmp_path / 'gone.csv'}")
    assert (gone.returncode, gone.stdout) == (2, "")
    assert "no such file" in gone.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("bridge", "epoch-2024", "--file", "x.csv"), "did you mean epoch-2025?"),
        ((*ARGUMENTS, "--file", "top500:x.csv"), "rests on Epoch AI's clusters file"),
        ((*ARGUMENTS, "--as-of", "soon", "--file", "x.csv"), "--as-of: not a date"),
        ((*ARGUMENTS, "--by", "teritory", "--file", "x.csv"), "did you mean territory?"),
    ],
)
def test_bad_input_is_answered_in_one_line(arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr
