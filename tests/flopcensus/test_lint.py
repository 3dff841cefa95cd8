"""``flopcensus lint`` as its users and their scripts meet it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from accounting.lint.linting import RULES
from tests.cli import as_process
from tests.cli import in_process as run
from tests.lint_census import clusters, h100

FIELDS = {"rule", "severity", "rows", "found", "expected", "ratio", "factor", "message"}


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A row counted sparse beside one that is right, and a plan."""
    sparse = h100("Sparse", 1000) | {"8-bit OP/s": 3957.8e15, "Max OP/s": 3957.8e15, "H100 equivalents": 2000}
    plan = h100("Plan", 10) | {"Status": "Planned", "First Operational Date": ""}
    return clusters(tmp_path / "c.csv", h100("Good", 1000), sparse, plan)


def document(*arguments: str, code: int = 1) -> Any:
    result = run("lint", *arguments)
    assert result.returncode == code, result.stderr
    return json.loads(result.stdout)


def test_json_has_the_fields_that_scripts_rely_on(bad: Path) -> None:
    found = document(str(bad), "--format", "json")
    assert found["schema"] == "flopcensus/lint/1"
    assert [item["rule"] for item in found["findings"]] == [
        "per-chip-rate",
        "h100e-count",
        "one-chip-one-weight",
        "status-mixing",
        "status-mixing",
    ]
    for item in found["findings"]:
        assert set(item) == FIELDS
        assert set(item["found"]) == set(item["expected"]) == {"value", "unit", "basis"}
    rate = found["findings"][0]
    assert rate["rows"] == [f"{bad}:3"]
    assert (rate["found"]["value"], rate["expected"]["value"]) == (3957.8e12, 1978.9e12)
    assert (rate["ratio"], rate["factor"]) == (pytest.approx(2), pytest.approx(1.5))


def test_the_table_says_rule_row_figures_and_factor(bad: Path) -> None:
    result = as_process("lint", str(bad))
    assert result.returncode == 1
    assert (
        "error: per-chip-rate: '8-bit OP/s' gives NVIDIA H100 SXM5 80GB 3,958 TFLOP/s each" in result.stdout
    )
    assert f"  at {bad}:3\n" in result.stdout
    assert "found 3.958 PFLOP/s per chip (fp8 sparse peak), expected 1.979 PFLOP/s per chip" in result.stdout
    assert "the total stands at 1.5 times what it should be" in result.stdout


def test_csv_has_a_line_for_each_finding(bad: Path) -> None:
    result = run("lint", str(bad), "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["rule"] for row in rows].count("status-mixing") == 2
    assert rows[0]["factor"] and float(rows[0]["factor"]) == pytest.approx(1.5)


def test_sarif_has_what_its_readers_need(bad: Path) -> None:
    log = document(str(bad), "--format", "sarif")
    assert log["version"] == "2.1.0"
    (whole,) = log["runs"]
    rules = whole["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.id for rule in RULES]
    assert all(rule["shortDescription"]["text"] and rule["fullDescription"]["text"] for rule in rules)
    for result in whole["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        assert result["message"]["text"]
        for location in result["locations"]:
            place = location["physicalLocation"]
            assert place["region"]["startLine"] >= 1
            assert place["artifactLocation"]["uri"].endswith("c.csv")


def test_a_clean_file_ends_with_0(tmp_path: Path) -> None:
    path = clusters(tmp_path / "c.csv", h100("Good", 1000))
    result = run("lint", str(path))
    assert (result.returncode, result.stdout) == (0, "no findings\n")
    assert document(str(path), "--format", "json", code=0)["findings"] == []


def test_warnings_and_notes_alone_end_with_0(tmp_path: Path) -> None:
    path = clusters(tmp_path / "c.csv", h100("Good", 10), h100("Again", 5) | {"Possible Duplicate": "True"})
    assert len(document(str(path), "--format", "json", code=0)["findings"]) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Missing argument"),
        (("nowhere.csv",), "no such file or folder"),
        (("{bad}", "--fix"), "--fix and --output go together"),
        (("{bad}", "-o", "x.csv"), "--fix and --output go together"),
        (("{bad}", "{bad}", "--fix", "-o", "x.csv"), "one file at a time"),
        (("{bad}", "--fix", "-o", "{bad}"), "must not be the file itself"),
        (("epoch-clusters:{bad}", "--fix", "-o", "{bad}"), "must not be the file itself"),
    ],
)
def test_bad_input_ends_with_2_and_writes_nothing(
    bad: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    before = bad.read_bytes()
    result = run("lint", *(text.format(bad=bad) for text in arguments), cwd=tmp_path)
    assert result.returncode == 2
    assert words in result.stderr
    assert list(tmp_path.iterdir()) == [bad]
    assert bad.read_bytes() == before


def test_a_repaired_copy_is_clean_and_every_change_is_listed(bad: Path, tmp_path: Path) -> None:
    before, copy = bad.read_bytes(), tmp_path / "out" / "copy.csv"
    result = run("lint", str(bad), "--fix", "-o", str(copy))
    assert result.returncode == 1
    assert bad.read_bytes() == before
    again = document(str(copy), "--format", "json", code=0)["findings"]
    assert {item["severity"] for item in again} == {"note"}
    with copy.with_name("copy.csv.changes.csv").open(encoding="utf-8", newline="") as stream:
        changes = list(csv.DictReader(stream))
    assert set(changes[0]) == {"line", "column", "old", "new", "rule"}
    old, new = (list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))) for path in (bad, copy))
    assert list(old[0]) == list(new[0])
    changed = {
        (str(place), column, cells[column], others[column])
        for place, (cells, others) in enumerate(zip(old, new, strict=True), 2)
        for column in cells
        if cells[column] != others[column]
    }
    assert changed == {(row["line"], row["column"], row["old"], row["new"]) for row in changes}
    assert {row["column"] for row in changes} >= {"8-bit OP/s", "Max OP/s", "H100 equivalents"}


def test_a_european_copy_is_repaired_as_it_is_written(bad: Path, tmp_path: Path) -> None:
    rows = list(csv.reader(io.StringIO(bad.read_text(encoding="utf-8"))))
    path, copy = tmp_path / "e.csv", tmp_path / "copy.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        decimal = [
            [cell.replace(".", ",") if place else cell for cell in row] for place, row in enumerate(rows)
        ]
        csv.writer(stream, delimiter=";").writerows(decimal)
    assert run("lint", str(path), "--fix", "-o", str(copy)).returncode == 1
    assert copy.read_bytes().startswith(b"\xef\xbb\xbfName;Status")
    assert run("lint", str(copy)).returncode == 0


def test_a_workbook_is_checked_but_not_repaired(bad: Path, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in csv.reader(io.StringIO(bad.read_text(encoding="utf-8"))):
        book.active.append(row)
    path = tmp_path / "c.xlsx"
    book.save(path)
    expected = [item["rule"] for item in document(str(bad), "--format", "json")["findings"]]
    assert [item["rule"] for item in document(str(path), "--format", "json")["findings"]] == expected
    result = run("lint", str(path), "--fix", "-o", str(tmp_path / "copy.csv"))
    assert result.returncode == 2
    assert "only CSV files are repaired" in result.stderr
    assert not list(tmp_path.glob("copy*"))


def test_the_public_file_is_repaired_whole(shared: Path, tmp_path: Path) -> None:
    path, copy = shared / "data" / "epoch" / "gpu_clusters_2026-04-24.csv", tmp_path / "copy.csv"
    before = document(str(path), "--format", "json", "--fix", "-o", str(copy))["findings"]
    after = document(str(copy), "--format", "json", code=0)["findings"]
    fixed = {item["rule"] for item in before if item["severity"] == "error"}
    assert fixed >= {"per-chip-rate", "h100e-count", "mixed-chips"}
    assert not fixed & {item["rule"] for item in after}
    with path.open(encoding="utf-8", newline="") as one, copy.open(encoding="utf-8", newline="") as other:
        rows, others = list(csv.reader(one)), list(csv.reader(other))
    differing = sum(
        a != b for row, new in zip(rows, others, strict=True) for a, b in zip(row, new, strict=True)
    )
    with (tmp_path / "copy.csv.changes.csv").open(encoding="utf-8", newline="") as stream:
        assert differing == len(list(csv.DictReader(stream)))


def test_every_rule_stands_in_the_manual(repository: Path) -> None:
    manual = (repository / "docs" / "method.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert f"| `{rule.id}` | {rule.severity} | {rule.explains} |" in manual
