"""The command line as its users and their scripts meet it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flopcensus import __version__
from flopcensus.output import escape_cell, percent, printable, si
from tests.cli import as_process
from tests.cli import in_process as run

AS_OF = "2026-06-30"


def document(*arguments: str) -> Any:
    result = run(*arguments, "--format", "json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_help_names_every_command() -> None:
    result = as_process("--help")
    assert result.returncode == 0
    for name in (
        "bench",
        "bridge",
        "brief",
        "calibrate",
        "catalogue",
        "compare",
        "convert",
        "decode",
        "estimate",
        "lint",
        "report",
        "run",
    ):
        assert f"  {name}" in result.stdout


@pytest.mark.parametrize(
    "name",
    [
        "bench",
        "bridge",
        "brief",
        "calibrate",
        "catalogue",
        "compare",
        "convert",
        "decode",
        "estimate",
        "lint",
        "report",
        "run",
    ],
)
def test_every_command_has_help_with_an_example(name: str) -> None:
    result = run(name, "--help")
    assert result.returncode == 0
    assert "Example" in result.stdout


def test_version() -> None:
    assert as_process("--version").stdout.strip().endswith(__version__)


def test_a_mistyped_command_is_answered_with_the_nearest() -> None:
    result = as_process("estimat")
    assert result.returncode == 2
    assert "did you mean 'estimate'?" in result.stderr


ENTRY_FIELDS = {
    "as_of",
    "basis",
    "precision",
    "unit",
    "status",
    "recipe",
    "seed",
    "draws",
    "deployments",
    "skipped",
    "total",
    "accounts",
    "groups",
    "concentration",
    "provenance",
    "warnings",
}


def test_estimate_json_has_the_fields_that_scripts_rely_on() -> None:
    found = document(
        "estimate", "--as-of", AS_OF, "--by", "territory", "--by", "territory,vendor", "--draws", "200"
    )
    assert found["schema"] == "flopcensus/estimate/1"
    assert [e["basis"] for e in found["estimates"]] == ["peak", "delivered"]
    for entry in found["estimates"]:
        assert set(entry) >= ENTRY_FIELDS
        assert set(entry["total"]) == {"p5", "p50", "p95", "mean"}
        for rows in entry["accounts"].values():
            assert sum(row["share"] for row in rows) == pytest.approx(1)
            assert sum(row["mean"] for row in rows) == pytest.approx(entry["total"]["mean"])
            for row in rows:
                assert row["p5"] <= row["p50"] <= row["p95"]
        crossed = entry["accounts"]["territory,vendor"]
        assert set(crossed[0]["codes"]) == {"territory", "vendor"}
        assert {g["code"] for g in entry["groups"]} >= {"EU", "G7", "OECD", "BRICS", "GCC", "ASEAN"}
        assert set(entry["concentration"]) == {"territory", "territory,vendor"}


def test_the_same_seed_gives_the_same_figures_and_another_does_not() -> None:
    arguments = ("estimate", "--as-of", AS_OF, "--basis", "delivered", "--draws", "500")
    assert document(*arguments) == document(*arguments)
    other = document(*arguments, "--seed", "1")
    assert other["estimates"][0]["total"] != document(*arguments)["estimates"][0]["total"]


def test_a_country_and_its_complement_add_up() -> None:
    base = ("estimate", "--as-of", AS_OF, "--basis", "peak", "--draws", "200")
    world = document(*base)["estimates"][0]
    finland = document(*base, "--country", "Finland")["estimates"][0]
    row = next(r for r in world["accounts"]["territory"] if r["code"] == "FI")
    assert finland["total"]["mean"] == pytest.approx(row["mean"])
    assert finland["deployments"] + sum(finland["skipped"].values()) == finland["rows"] == world["rows"]


def test_a_group_is_its_members() -> None:
    base = ("estimate", "--as-of", AS_OF, "--basis", "peak", "--draws", "200")
    world = document(*base)["estimates"][0]
    union = document(*base, "--group", "EU")["estimates"][0]
    group = next(g for g in world["groups"] if g["code"] == "EU" and g["level"] == "territory")
    assert union["total"]["mean"] == pytest.approx(group["mean"])


def test_h100e_names_its_basis_and_is_the_flops_over_the_constant() -> None:
    base = ("estimate", "--as-of", AS_OF, "--basis", "peak", "--draws", "200")
    flops = document(*base)["estimates"][0]
    h100e = document(*base, "--unit", "h100e")["estimates"][0]
    assert h100e["unit"] == "H100e"
    assert "peak" in h100e["denomination"]
    assert h100e["total"]["mean"] == pytest.approx(flops["total"]["mean"] / 989.4e12)


def test_bytes_per_s_stand_on_peak_and_achievable_and_take_no_precision() -> None:
    estimates = document("estimate", "--unit", "bytes_per_s", "--draws", "200")["estimates"]
    assert [(e["basis"], e["unit"], e["precision"]) for e in estimates] == [
        ("peak", "B/s", "memory"),
        ("achievable", "B/s", "memory"),
    ]
    assert "its accelerator's memory bandwidth is not published" in estimates[0]["skipped"]
    assert all(e["total"]["p5"] < e["total"]["p50"] < e["total"]["p95"] for e in estimates)
    for options in (["--precision", "bf16"], ["--column", "max"], ["--basis", "delivered"]):
        refused = run("estimate", "--unit", "bytes_per_s", *options)
        assert refused.returncode == 2
        assert not refused.stdout


def test_csv_is_one_table_and_every_row_is_whole() -> None:
    result = run("estimate", "--as-of", AS_OF, "--draws", "200", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {row["level"] for row in rows} >= {"total", "territory", "provider", "vendor"}
    assert all(float(row["p5"]) <= float(row["p95"]) for row in rows)


def test_results_go_to_stdout_and_warnings_to_stderr() -> None:
    result = as_process("estimate", "--as-of", AS_OF, "--draws", "200", "--format", "json")
    json.loads(result.stdout)
    assert "warning: the shipped census holds" in result.stderr


def test_compare_json() -> None:
    found = document("compare", "all-nvidia", "hedged", "--draws", "200")
    assert [c["id"] for c in found["clusters"]] == ["all-nvidia", "hedged"]
    assert set(found["clusters"][0]["capacity"]) == {"peak", "achievable", "sustained", "delivered"}
    assert [d["basis"] for d in found["differences"] if d["metric"] == "capacity"] == [
        "peak",
        "achievable",
        "sustained",
        "delivered",
    ]
    assert {"facility_power_w", "capital_usd", "carbon_kg_per_year"} <= {
        d["metric"] for d in found["differences"]
    }
    assert all(0 <= d["probability_a_more"] <= 1 for d in found["differences"])


@pytest.mark.parametrize(
    "table",
    [
        "accelerators",
        "organisations",
        "countries",
        "groups",
        "facilities",
        "sites",
        "clusters",
        "clouds",
        "programmes",
        "unrecorded",
        "export-rules",
        "measurements",
        "workloads",
        "freshness",
    ],
)
def test_every_table_of_the_catalogue_is_printed_in_every_format(table: str) -> None:
    rows = document("catalogue", table)["rows"]
    assert rows
    assert len(list(csv.DictReader(io.StringIO(run("catalogue", table, "--format", "csv").stdout)))) == len(
        rows
    )
    assert run("catalogue", table).returncode == 0


def test_an_epoch_file_is_recognised_and_counted_whole(shared: Path) -> None:
    path = shared / "data" / "epoch" / "ai_supercomputers_2025-06-07.csv"
    arguments = ("--recipe", "epoch-2025", "--as-of", "2025-05-31", "--basis", "peak", "--draws", "10")
    named = document("estimate", f"epoch-clusters:{path}", *arguments)
    assert named == document("estimate", str(path), *arguments)
    entry = named["estimates"][0]
    assert entry["deployments"] == 336
    assert entry["deployments"] + sum(entry["skipped"].values()) == 747
    assert entry["recipe"] == "epoch-2025"


def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless() -> None:
    assert escape_cell("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert escape_cell("@x") == "'@x"
    assert escape_cell(-1.5) == -1.5
    assert escape_cell(None) == ""


def test_control_characters_of_names_do_not_reach_the_terminal() -> None:
    assert printable("a\x1b[31mb\n") == "a\\x1b[31mb\\x0a"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2.345e19, "FLOP/s", "23.4 EFLOP/s"),
        (989.4e12, "FLOP/s", "989 TFLOP/s"),
        (9.894e14, "FLOP/s", "989 TFLOP/s"),
        (1.5, "W", "1.50 W"),
        (None, "W", "not available"),
        (5448.2, "H100e", "5,448 H100e"),
    ],
)
def test_si(value: float | None, unit: str, text: str) -> None:
    assert si(value, unit) == text


def test_percent() -> None:
    assert percent(0.14310) == "14.3 %"


def test_the_last_bit_does_not_depend_on_the_order_of_sets(plain_environment: dict[str, str]) -> None:
    """Texts hash otherwise in every process; nothing may be summed in that order."""
    found = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "flopcensus", "estimate", "--format", "json", "--draws", "200"],
            env=plain_environment | {"PYTHONHASHSEED": seed}, check=True, capture_output=True, timeout=300,
        )  # fmt: skip
        found.add(done.stdout)
    assert len(found) == 1
