"""``flopcensus bench`` as its user meets it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click.testing
import pytest

from bench.errors import InputError, KernelsShadowedError, MissingExtraError, RecordNotWrittenError
from bench.extras import require_torch
from bench.plan import Plan
from bench.record import DeviceDescription, Record, Result, load_record, parse_record
from flopcensus.answering import bench as measuring
from flopcensus.commands import bench as bench_command
from flopcensus.commands.bench import command

ROOT = Path(__file__).parents[2]
GEMM: dict[str, Any] = {"workload": "gemm", "device": "cuda:0", "metric": "flop_rate", "unit": "FLOP/s"}
RESULTS = (
    Result(**GEMM, precision="bf16", shape={"m": 8, "n": 8, "k": 8}, value=7.9e14, ci95=(7.8e14, 8e14),
           settled=False, fraction_of_peak=0.798, status="ok", rounds=(7.8e14, 7.9e14, 8e14)),
    Result(**GEMM, precision="fp32", status="skipped", reason="=cmd|' /C calc'!A0 [red]"),
)  # fmt: skip
GPU = DeviceDescription(id="cuda:0", kind="cuda", name="ACME [bold] One", accelerator="acme-one")


def record(*results: Result) -> Record:
    return Record(
        schema="flopcensus/record/1",
        node="node",
        created=datetime(2026, 1, 1, tzinfo=UTC),
        flopcensus_version="0.1.0",
        mode="quick",
        budget_seconds=60,
        seed=0,
        devices=(GPU,),
        environment={},
        results=results,
    )


def invoke(*arguments: str) -> click.testing.Result:
    return click.testing.CliRunner().invoke(command, arguments)


def shown(monkeypatch: pytest.MonkeyPatch, found: Record, *arguments: str) -> click.testing.Result:
    monkeypatch.setattr(bench_command, "run_bench", lambda *_arguments: found)
    return invoke(*arguments)


@pytest.mark.system
def test_a_real_run_gives_json_on_stdout_and_progress_on_stderr(tmp_path: Path) -> None:
    """This machine is really measured, in processes that import torch: seconds, and so once for all."""
    done = invoke("--device", "cpu", "--workload", "gemm", "--workload", "memory_copy", "--precision", "fp32",
                  "--time-budget", "1", "--out", str(tmp_path), "--format", "json")  # fmt: skip
    assert done.exit_code == 0, done.output
    found = parse_record(done.stdout, source="stdout")
    (path,) = tmp_path.iterdir()
    assert load_record(path) == found
    assert "gemm fp32 on cpu: done" in done.stderr
    assert "record written to" in done.stderr
    assert found.seconds_spent < 60
    assert found.environment["torch"]
    by_name = {result.workload: result for result in found.results}
    assert set(by_name) == {"gemm", "memory_copy"}
    for result in by_name.values():
        assert (result.status, result.correct) == ("ok", True), result.reason
        assert 1e8 < (result.value or 0) < 1e15
        assert min(result.rounds) <= (result.value or 0) <= max(result.rounds)
        assert result.sample_seconds < found.seconds_spent
    assert by_name["memory_copy"].fraction_of_peak is None


def test_measure_here_takes_all_of_the_plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plans: list[Plan] = []

    def keep(plan: Plan, *_arguments: object) -> Record:
        plans.append(plan)
        return record()

    monkeypatch.setattr(measuring, "run_bench", keep)
    measuring.measure_here(60, tmp_path, 4)
    measuring.measure_here(7.5, tmp_path, 4)
    assert plans == [Plan("quick", 60, seed=4), Plan("custom", 7.5, seed=4)]


def test_the_table_shows_figures_with_intervals_and_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, record(*RESULTS)).stdout
    for part in (
        "790.0 TFLOP/s",
        "780.0 TFLOP/s to 800.0 TFLOP/s",
        "79.8 %",
        "8×8×8",
        "ACME [bold] One",
        "[red]",
    ):
        assert part in text
    assert "not settled: interval wider than ±1 %" in text


def test_explain_says_what_each_figure_of_the_record_means(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, explained = (shown(monkeypatch, record(*RESULTS), *extra).stdout for extra in ((), ("--explain",)))
    added = explained.removeprefix(plain).splitlines()
    topics = [line.partition(":")[0] for line in added]
    statuses = {result.status for result in RESULTS}
    assert {"gemm", "value", "95 % interval", "settled", "of peak"} | statuses <= set(topics)
    assert "interrupted" not in topics


@pytest.mark.parametrize(("share", "told"), [(0.059, True), (0.001, False), (None, False)])
def test_a_disturbed_run_says_so(monkeypatch: pytest.MonkeyPatch, share: float | None, told: bool) -> None:
    disturbed = record(*RESULTS).model_copy(update={"environment": {"steal_fraction": share}})
    text = shown(monkeypatch, disturbed).stdout
    assert ("host took 6% of CPU time" in text) is told


def test_csv_has_a_row_a_result_and_no_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, record(*RESULTS), "--format", "csv").stdout
    first, second = csv.DictReader(text.splitlines())
    assert (float(first["value"]), first["shape"], first["ci95_low"]) == (
        7.9e14,
        "m=8 n=8 k=8",
        "780000000000000.0",
    )
    assert second["value"] == ""
    assert second["reason"].startswith("'=")


def test_json_is_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, record(*RESULTS), "--format", "json").stdout
    assert json.loads(text)["results"][0]["value"] == 7.9e14


def test_a_record_without_results_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, record()).exit_code == 0


@pytest.mark.parametrize(("status", "code"), [("incorrect", 1), ("failed", 0), ("skipped", 0)])
def test_only_wrong_results_make_the_verdict_bad(
    monkeypatch: pytest.MonkeyPatch, status: str, code: int
) -> None:
    bad = Result.model_validate(GEMM | {"precision": "bf16", "status": status, "reason": "because"})
    assert shown(monkeypatch, record(bad)).exit_code == code


@pytest.mark.parametrize(
    ("arguments", "mode", "seconds"),
    [
        ((), "default", 300),
        (("--quick",), "quick", 60),
        (("--full",), "full", 1800),
        (("--quick", "--time-budget", "8"), "custom", 8),
    ],
)
def test_budgets(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], mode: str, seconds: float
) -> None:
    plans: list[Plan] = []

    def keep(plan: Plan, *_arguments: object) -> Record:
        plans.append(plan)
        return record()

    monkeypatch.setattr(bench_command, "run_bench", keep)
    assert invoke(*arguments).exit_code == 0
    assert [(plan.mode, plan.budget_seconds) for plan in plans] == [(mode, seconds)]


def test_a_resumed_run_has_its_plan_already(tmp_path: Path) -> None:
    done = invoke("--resume", str(tmp_path), "--quick", "--workload", "gemm")
    assert isinstance(done.exception, InputError)
    assert "leave out --quick or --full, --workload" in str(done.exception)


def test_resume_and_force_reach_the_session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[Path, bool]] = []

    def keep(folder: Path, *, force: bool) -> Record:
        asked.append((folder, force))
        return record(*RESULTS)

    monkeypatch.setattr(bench_command, "resume_bench", keep)
    assert invoke("--resume", str(tmp_path), "--force").exit_code == 0
    assert asked == [(tmp_path, True)]


def test_a_record_that_found_no_room_is_shown_before_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> Record:
        raise RecordNotWrittenError("results: cannot be written: No space left on device", record(*RESULTS))

    monkeypatch.setattr(bench_command, "run_bench", full)
    done = invoke("--format", "json")
    assert isinstance(done.exception, RecordNotWrittenError)
    assert done.exception.exit_code == 2
    assert json.loads(done.stdout)["results"][0]["value"] == 7.9e14


def test_bad_input_is_one_of_our_errors() -> None:
    done = invoke("--workload", "gem", "--time-budget", "1")
    assert isinstance(done.exception, InputError)
    assert "did you mean 'gemm'" in str(done.exception)


def test_loading_the_command_loads_nothing_heavy() -> None:
    heavy = "torch numpy pandas scipy pydantic rich psutil bench.record"
    code = f"import sys, flopcensus.commands.bench; print(set({heavy.split()}) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_without_torch_the_install_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'flopcensus\[bench\]'"):
        require_torch()


def test_a_package_that_hides_our_workloads_is_named(tmp_path: Path) -> None:
    theirs = tmp_path / "kernels" / "__init__.py"
    theirs.parent.mkdir()
    theirs.write_text("def get_kernel(): ...\n", encoding="utf-8")
    code = (
        "import bench.session\n"
        "from bench.workloads import load_workloads\n"
        "try:\n    load_workloads()\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    )
    assert done.stdout.startswith(KernelsShadowedError.__name__)
    assert str(theirs) in done.stdout
    assert "pip install ." in done.stdout
