"""``flopcensus convert`` as its users and their scripts meet it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from accounting.census.facilities import load_facilities
from accounting.reference.facts import load_facts
from accounting.reference.shipped import configs_root
from tests.accounting.test_epoch_clusters import BASE, write
from tests.cli import in_process as run

FACILITIES = configs_root() / "facilities"


@pytest.fixture
def clusters(tmp_path: Path) -> Path:
    rows = [
        BASE | {"Owner": "xAI", "Sector": "Private", "16-bit OP/s": "1e18"},
        BASE | {"Name": "=B()", "Owner": "xAI", "Sector": "Private", "Country": "", "16-bit OP/s": "2e18"},
    ]
    path = write(tmp_path / "clusters.csv", rows)
    text = path.read_text(encoding="utf-8").splitlines()
    extra = (",Chip type (primary),Chip quantity (primary)", ",NVIDIA H100 SXM5 80GB,1000", ",,")
    path.write_text(
        "".join(line + more + "\n" for line, more in zip(text, extra, strict=True)), encoding="utf-8"
    )
    return path


def test_to_yaml_and_what_was_left_out(clusters: Path, tmp_path: Path) -> None:
    out = tmp_path / "ours.yaml"
    command = ("convert", str(clusters), "--from", "epoch-clusters", "-o", str(out), "--date", "2025-06-07")
    result = run(*command, "--format", "json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["schema"], found["rows"], found["deployments"]) == ("flopcensus/convert/1", 2, 1)
    assert found["left_out"] == [{"id": "row-3", "name": "=B()", "reason": "no known country"}]
    (facility,) = load_facilities([out], load_facts())
    assert facility.deployments[0].sized_by.value.best == 1000
    assert str(facility.sources[0].date) == "2025-06-07"
    rows = list(csv.DictReader(io.StringIO(run(*command, "--format", "csv").stdout)))
    assert rows == [{"id": "row-3", "name": "'=B()", "reason": "no known country"}]
    table = run(*command)
    assert "1 deployments written" in table.stdout
    assert "no known country" in table.stdout


def test_to_csv_takes_every_row_and_estimate_takes_the_csv(clusters: Path, tmp_path: Path) -> None:
    out = tmp_path / "ledger.csv"
    assert run("convert", str(clusters), "-o", str(out)).returncode == 0
    assert '=B()"' in out.read_text(encoding="utf-8")
    arguments = ("--as-of", "2025-01-01", "--basis", "peak", "--draws", "5", "--format", "json")
    totals = [
        json.loads(run("estimate", source, *arguments).stdout)["estimates"][0]["total"]["mean"]
        for source in (str(clusters), str(out), f"ledger:{out}")
    ]
    assert totals == [3e18] * 3
    again = tmp_path / "again.csv"
    assert run("convert", str(out), "-o", str(again)).returncode == 0
    assert again.read_bytes() == out.read_bytes()


def test_our_yaml_to_yaml_and_to_csv_and_back(tmp_path: Path) -> None:
    out, table, back = tmp_path / "a.yaml", tmp_path / "a.csv", tmp_path / "b.yaml"
    facts = load_facts()
    assert run("convert", str(FACILITIES), "-o", str(out)).returncode == 0
    assert load_facilities([out], facts) == load_facilities([FACILITIES], facts)
    result = run("convert", str(FACILITIES), "--from", "facilities", "-o", str(table))
    assert "locations, power, access and notes stay in the YAML" in result.stderr
    assert run("convert", str(table), "-o", str(back)).returncode == 0
    arguments = ("--as-of", "2026-06-30", "--draws", "50", "--format", "json")
    totals = [
        json.loads(run("estimate", str(source), *arguments).stdout)["estimates"][1]["accounts"]
        for source in (FACILITIES, out, table, back)
    ]
    assert totals[0] == totals[1] == totals[2] == totals[3]


def test_nothing_is_written_where_the_input_is_bad(clusters: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.yaml"
    cases = {
        ("convert", str(clusters), "-o", str(tmp_path / "out.json")): "must end in .yaml or .csv",
        ("convert", str(clusters), "-o", str(clusters)): "is the file that is read",
        ("convert", str(clusters), "--from", "epoch-cluster", "-o", str(out)): "did you mean epoch-clusters?",
        ("convert", str(clusters), "--from", "top500", "-o", str(out)): "the column 'Rank' is missing",
        ("convert", str(tmp_path / "gone.csv"), "-o", str(out)): "no such file",
        ("convert", str(clusters), "-o", str(out), "--date", "soon"): "--date: not a date",
    }
    before = clusters.read_bytes()
    for arguments, words in cases.items():
        result = run(*arguments)
        assert (result.returncode, result.stdout) == (2, ""), arguments
        assert words in result.stderr
    assert not out.exists()
    assert clusters.read_bytes() == before


def test_a_file_of_which_no_row_fits_gives_no_yaml(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", [BASE | {"Owner": "", "16-bit OP/s": "1"}])
    result = run("convert", str(path), "-o", str(tmp_path / "out.yaml"))
    assert result.returncode == 2
    assert "no row can be a facility of ours (1 no known owner); a .csv takes them all" in result.stderr
    assert not (tmp_path / "out.yaml").exists()
