"""A whole study, run as a user runs it: what is written, what moves a total, what an interruption leaves."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench.errors import KernelsShadowedError
from tests.cli import as_process as run
from tests.cli import in_process

pytestmark = pytest.mark.system

TIMEOUT_S = 120


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "flopcensus", *arguments]


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


SMALL = """\
study:
  id: small
  title: A few facilities
  as_of: 2026-06-30
  precision: bf16
  bases: [peak]
  levels: [territory]
  census: [facilities.yaml]
  seed: 7
  draws: 100
  drivers: false
  countries: [FR]
  supply_cuts: []
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> str:
    """A study of a few draws, facilities and views, for what does not depend on its figures."""
    folder = tmp_path_factory.mktemp("small")
    shutil.copy(repository / "tests" / "long_life" / "golden" / "0.1" / "facilities.yaml", folder)
    (folder / "small.yaml").write_text(SMALL, encoding="utf-8")
    return str(folder / "small.yaml")


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped study without measuring this machine."""
    folder = tmp_path_factory.mktemp("paper")
    result = run("run", "world", "--without-bench", "-o", "out", cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "Next, try:" in result.stdout
    return folder / "out"


def test_the_study_writes_results_tables_and_page(paper: Path) -> None:
    names = {str(path.relative_to(paper)) for path in paper.rglob("*") if path.is_file()}
    assert {
        "results.json",
        "report.html",
        "tables/total.csv",
        "tables/ledger.csv",
        "tables/clusters.csv",
    } <= names
    assert {"tables/territory.csv", "tables/provider.csv", "tables/vendor.csv"} <= names
    assert not [name for name in names if name.endswith((".tmp", ".part"))]


def test_results_hold_four_bases_two_clusters_and_no_record(paper: Path) -> None:
    results = read(paper / "results.json")
    assert results["schema"] == "flopcensus/results/1"
    assert results["record"] is None
    means = [entry["total"]["mean"] for entry in results["estimates"]]
    assert [entry["basis"] for entry in results["estimates"]] == [
        "peak",
        "achievable",
        "sustained",
        "delivered",
    ]
    assert means == sorted(means, reverse=True)
    assert len(results["comparison"]["clusters"]) == 2


def test_tables_agree_with_the_results(paper: Path) -> None:
    results = read(paper / "results.json")
    with (paper / "tables" / "territory.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for entry in results["estimates"]:
        mine = {r["code"]: float(r["mean"]) for r in rows if r["basis"] == entry["basis"]}
        assert mine == {r["code"]: r["mean"] for r in entry["accounts"]["territory"]}


def test_a_local_record_stands_beside_the_estimate_and_never_moves_it(tmp_path: Path, small: str) -> None:
    pytest.importorskip("torch")
    measured = run("run", small, "--bench-seconds", "5", "-o", "measured", cwd=tmp_path)
    assert measured.returncode == 0, measured.stderr
    assert "measured here" in measured.stdout
    assert run("run", small, "--without-bench", "-o", "paper", cwd=tmp_path).returncode == 0
    with_record, without = (read(tmp_path / name / "results.json") for name in ("measured", "paper"))
    assert with_record["record"]["schema"] == "flopcensus/record/1"
    assert {r["workload"] for r in with_record["record"]["results"]} == {
        "gemm",
        "memory_copy",
        "ceiling_vector",
        "ceiling_matrix",
    }
    for key in ("estimates", "comparison", "facilities", "measurements"):
        assert with_record[key] == without[key]
    assert [path.name for path in (tmp_path / "measured" / "bench").glob("record-*.json")]


def test_an_interruption_keeps_what_was_finished(tmp_path: Path, small: str) -> None:
    pytest.importorskip("torch")
    process = subprocess.Popen(
        command("run", small, "--bench-seconds", "60", "-o", "out"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        # A shell that starts the tests in the background has interrupts ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    assert process.stderr is not None
    deadline = time.monotonic() + TIMEOUT_S
    for line in process.stderr:
        if (line.startswith("gemm") and ": chose " in line) or time.monotonic() > deadline:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    out = tmp_path / "out"
    assert len(read(out / "results.json")["estimates"]) == 1
    assert (out / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    for record in (out / "bench").glob("record-*.json"):
        assert read(record)["interrupted"] is True
    assert not list(out.rglob("*.tmp"))


def test_the_accounts_are_written_though_this_machine_cannot_be_measured(
    tmp_path: Path, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hidden(*_arguments: object) -> None:
        raise KernelsShadowedError("another package named kernels hides ours")

    monkeypatch.setattr("flopcensus.answering.bench.measure_here", hidden)
    outcome = in_process("run", small, "--bench-seconds", "5", "-o", "out", cwd=tmp_path)
    assert outcome.returncode == 0
    assert "warning: this machine is not measured: another package" in outcome.stderr
    assert read(tmp_path / "out" / "results.json")["record"] is None


def test_a_folder_that_is_a_file_is_refused_in_one_line(tmp_path: Path, small: str) -> None:
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    result = run("run", small, "--without-bench", "-o", "out", cwd=tmp_path)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert (tmp_path / "out").read_text(encoding="utf-8") == "mine"


def test_measuring_and_not_measuring_exclude_each_other(tmp_path: Path, small: str) -> None:
    result = in_process("run", small, "--without-bench", "--bench-seconds", "5", cwd=tmp_path)
    assert result.returncode == 2
    assert "exclude each other" in result.stderr
    assert not list(tmp_path.iterdir())
