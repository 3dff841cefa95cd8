"""``flopcensus training-run`` as its users and their scripts meet it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli import in_process as run

LLAMA = ("--flop", "3.8e25", "--accelerator", "NVIDIA H100 SXM", "--count", "16,384", "--parameters", "405e9")


def document(*arguments: str, code: int = 0) -> Any:
    result = run("training-run", *arguments, "--format", "json", "--draws", "500")
    assert result.returncode == code, result.stderr
    return json.loads(result.stdout)


def test_the_fields_that_scripts_rely_on() -> None:
    found = document(*LLAMA, "--days", "120")
    assert found["schema"] == "flopcensus/training-run/1"
    for name in ("flop", "days", "chip_hours", "energy_j", "cost_usd"):
        assert list(found[name]) == ["p5", "p50", "p95", "mean"]
        assert 0 < found[name]["p5"] <= found[name]["p50"] <= found[name]["p95"]
    # the run itself took 30.84 million hours
    assert found["chip_hours"]["p5"] < 30.84e6 < found["chip_hours"]["p95"]
    assert found["chip_hours"]["p50"] == pytest.approx(16384 * 24 * found["days"]["p50"])
    assert found["verdict"]["done"] is True
    assert found["sites"][0]["accelerators"][0]["accelerator"] == "nvidia-h100-sxm"
    assert all(row["source"] for row in found["provenance"].values())
    assert all(row["sources"] for row in found["shares"])


def test_what_cannot_be_done_ends_with_1_and_says_so() -> None:
    result = run("training-run", *LLAMA, "--days", "20", "--draws", "500", "--format", "json")
    assert result.returncode == 1
    assert "cannot be done within 20 days: probability 0.0 %" in result.stderr
    assert json.loads(result.stdout)["verdict"]["done"] is False
    table = run("training-run", *LLAMA, "--days", "20", "--draws", "500")
    assert table.returncode == 1
    assert "cannot be done within 20 days" in table.stdout
    assert not table.stderr


def test_a_nation_and_its_sites() -> None:
    found = document("--flop", "1e25", "--country", "France", "--as-of", "2026-06-30", "--sites", "3")
    assert {site["territory"] for site in found["sites"]} == {"FR"}
    assert len(found["sites"]) == 3
    assert [way["sites"] for way in found["ways"]][:3] == [1, 2, 3]
    assert found["left_out"]["in another territory"] > 100
    assert "links: learning" in [share["name"] for share in found["shares"]]


def test_a_cluster() -> None:
    found = document("--flop", "1e25", "--on", "nordic-alliance")
    assert {a["accelerator"] for a in found["sites"][0]["accelerators"]} == {
        "amd-mi355x",
        "nvidia-gb300",
        "huawei-ascend-910c",
    }


def test_options_override_what_is_assumed(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "assumptions:\n  restart_minutes:\n"
        "    {value: 30, kind: assumed, source: 'https://example.org/', date: 2026}\n",
        encoding="utf-8",
    )
    plain, slow = (
        document(*LLAMA, "--days", "999"),
        document(*LLAMA, "--days", "999", "--assumptions", str(own)),
    )
    assert slow["days"]["p50"] > plain["days"]["p50"] * 1.05
    assert slow["provenance"]["restart_minutes"] == {
        "value": 30.0,
        "kind": "assumed",
        "source": "https://example.org/",
    }
    given = document(
        *LLAMA,
        "--days",
        "999",
        "--utilisation",
        "40 %",
        "--usd-per-hour",
        "2",
        "--usd-per-kwh",
        "0.1",
        "--pue",
        "1.2",
    )
    assert given["utilisation"]["p5"] == pytest.approx(0.4) == pytest.approx(given["utilisation"]["p95"])
    assert given["cost_parts_usd"]["accelerators"]["p50"] == pytest.approx(2 * given["chip_hours"]["p50"])
    assert given["provenance"]["usd_per_kwh"]["source"] == "given"
    replica = document(*LLAMA, "--days", "999", "--restart", "replica")
    assert replica["interruptions"]["share_lost"]["p50"] < plain["interruptions"]["share_lost"]["p50"]


def test_csv_names_units() -> None:
    result = run("training-run", *LLAMA, "--format", "csv", "--draws", "500", "--days", "999")
    rows = {row["quantity"]: row for row in csv.DictReader(io.StringIO(result.stdout))}
    assert rows["energy_j"]["unit"] == "J"
    assert float(rows["flop"]["p50"]) == 3.8e25


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--flop", "many", "--accelerator", "nvidia-h100-sxm", "--count", "8"), "--flop: not a count"),
        (("--flop", "1e25 FLOP"), "--flop: unknown unit 'FLOP'"),
        (("--flop", "0", "--on", "hedged"), "--flop: must be above 0"),
        (("--flop", "1e25", "--accelerator", "nvidia-h100-sxm"), "--accelerator and --count belong together"),
        (
            ("--flop", "1e25", "--accelerator", "nvidia-h100-smx", "--count", "8"),
            "did you mean nvidia-h100-sxm?",
        ),
        (("--flop", "1e25", "--on", "hedged", "--country", "GB"), "the cluster hedged stands in"),
        (("--flop", "1e25", "--on", "no-such-thing"), "no such file or folder"),
        (("--flop", "1e25", "--on", "hedged", "--sites", "few"), "--sites: write a number, 'best' or 'all'"),
        (("--flop", "1e25", "--on", "hedged", "--precision", "bf61"), "did you mean bf16?"),
        (("--flop", "1e25", "--on", "hedged", "--link", "400 GW"), "--link: 'GW' is a unit of power"),
        (("--flop", "1e25", "--on", "hedged", "--share", "0"), "--share must be above 0 and at most 1"),
        (
            ("--flop", "1e25", "--on", "all-nvidia", "--precision", "fp64", "--days", "9999999"),
            "no training step",
        ),
    ],
)
def test_bad_input_is_one_message(arguments: tuple[str, ...], message: str) -> None:
    result = run("training-run", *arguments, "--draws", "100")
    assert result.returncode == 2
    assert message in result.stderr
    assert not result.stdout


def test_a_wrong_key_of_an_own_file_is_named(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("assumptions:\n  restart_minute: {value: 30}\n", encoding="utf-8")
    result = run("training-run", *LLAMA, "--assumptions", str(own))
    assert result.returncode == 2
    assert "own.yaml:2:3" in result.stderr
    assert "did you mean restart_minutes?" in result.stderr
