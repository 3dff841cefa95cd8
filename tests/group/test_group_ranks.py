"""Ranks that are processes, joined by real Gloo: the command under launchers, and ranks that fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.record import Record, load_record

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]
TORCHRUN = Path(sys.executable).parent / "torchrun"
BENCH = ("bench", "--device", "cpu", "--time-budget", "1", "--patience", "90")
FAULTY = """
import sys
from pathlib import Path
from bench.group.members import GroupPlan
from bench.group.session import measure_group
from bench.launching.rank import read_rank
from bench.plan import Plan
plan = Plan("custom", 600.0, "cpu", ("all_reduce",))
wanted = GroupPlan(plan, read_rank(), None, float(sys.argv[2]))
outcome = measure_group(wanted, lookup=lambda _: None, out_dir=Path(sys.argv[1]), progress=lambda _: None,
                        opener="tests.group.faulty")
print("\\n".join(outcome.faults))
"""


def environment(rank: int | None = None, **more: str) -> dict[str, str]:
    """Of a process that is one of two, each on a node of its own, met over a folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MASTER_", "SLURM_"))}
    env["PYTHONPATH"] = str(ROOT)
    if rank is not None:
        env |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
        env |= {"FLOPCENSUS_NODE": f"n{rank}"}
    return env | more


def started(code: list[str], env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *code], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def records(folder: Path) -> list[Record]:
    return [load_record(path) for path in sorted(folder.glob("record-*.json"))]


def require_all_reduced(record: Record) -> None:
    results = [one for one in record.results if one.workload == "all_reduce"]
    assert [one.status for one in results] == ["ok"] * len(results)
    assert results[0].shape["bytes"] == 8
    for one in results:
        assert one.correct
        assert one.backend == "torch/gloo"
        assert one.exchange is not None
        # On two ranks the factor 2·(n − 1)/n is 1.
        assert one.value == pytest.approx(one.shape["bytes"] / one.exchange.seconds)
        assert one.exchange.algorithm_bytes_per_s == pytest.approx(one.value)
        assert one.exchange.seconds_ci95[0] <= one.exchange.seconds <= one.exchange.seconds_ci95[1]


@pytest.mark.skipif(not TORCHRUN.exists(), reason="torchrun does not lie beside this Python")
def test_under_torchrun_two_ranks_meet_where_it_says(tmp_path: Path) -> None:
    command = [str(TORCHRUN), "--standalone", "--nproc-per-node=2", "--no-python", sys.executable, "-m"]
    command += ["flopcensus", *BENCH, "--workload", "all_reduce", "--out", str(tmp_path)]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr
    (record,) = records(tmp_path)
    require_all_reduced(record)
    facts = record.environment
    assert (facts["group_ranks"], facts["group_nodes"], facts["group_ranks_here"]) == (2, 1, "0 1")
    assert not list(tmp_path.glob(".launch-*"))


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="mpirun is not installed")
def test_under_mpirun_two_ranks_meet_over_the_folder(tmp_path: Path) -> None:
    command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-np", "2"]
    command += [
        sys.executable,
        "-m",
        "flopcensus",
        *BENCH,
        "--workload",
        "all_reduce",
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr
    (record,) = records(tmp_path)
    require_all_reduced(record)
    assert record.environment["launcher"] in ("openmpi", "mpich", "pmi", "pmix")


def test_a_rank_that_comes_late_is_waited_for_and_each_node_has_its_record(tmp_path: Path) -> None:
    code = ["-m", "flopcensus", *BENCH, "--workload", "all_reduce", "--workload", "links"]
    code += ["--out", str(tmp_path)]
    first = started(code, environment(0))
    time.sleep(2)
    second = started(code, environment(1))
    ends = [process.communicate(timeout=280) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), ends
    mine, other = records(tmp_path)
    require_all_reduced(mine)
    assert (mine.node, other.node) == ("n0", "n1")
    assert [one.environment["group_ranks_here"] for one in (mine, other)] == ["0", "1"]
    assert other.results == ()
    (links,) = [one for one in mine.results if one.workload == "links"]
    assert links.exchange is not None
    assert {link.ranks for link in links.exchange.links} == {(0, 1), (1, 0)}


def test_a_training_step_on_two_ranks_learns_as_on_one_and_tells_what_is_left(tmp_path: Path) -> None:
    code = ["-m", "flopcensus", *BENCH, "--ranks", "2", "--workload", "data_parallel", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *code], env=environment(), capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr
    (record,) = records(tmp_path)
    steps = [(one.status, one.shape["strong"], one.reason) for one in record.results]
    assert steps == [("ok", 0, None), ("ok", 1, None)]
    for one in record.results:
        assert [point.ranks for point in one.scaling] == [1, 2]
        assert one.scaling[0].efficiency == 1
        low, high = one.scaling[1].efficiency_ci95
        assert low <= one.scaling[1].efficiency <= high


def test_a_rank_that_never_comes_is_named_in_bounded_time(tmp_path: Path) -> None:
    code = ["-m", "flopcensus", *BENCH, "--patience", "2", "--workload", "all_reduce", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *code], env=environment(0), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1
    assert "rank 1 of the launch never came within 2 s (1 of 2 did)" in done.stderr
    (record,) = records(tmp_path)
    (result,) = record.results
    assert (result.workload, result.status) == ("all_reduce", "failed")
    assert "rank 1 of the launch never came" in str(result.reason)


@pytest.mark.parametrize("kind", ["killed", "stopped"])
def test_a_rank_that_falls_silent_is_named_and_the_others_end(tmp_path: Path, kind: str) -> None:
    code = ["-c", FAULTY, str(tmp_path), "12"]
    first, second = started(code, environment(0)), started(code, environment(1, FAULTY=kind))
    said, errors = first.communicate(timeout=280)
    assert first.returncode == 0, errors
    assert "rank 1 on n1" in said
    assert "fell silent at" in said
    assert "rank 0 on n0 (node 0) fell silent" not in said
    mine = next(one for one in records(tmp_path) if one.node == "n0")
    assert {one.status for one in mine.results} == {"failed"}
    assert all("rank 1 on n1" in str(one.reason) for one in mine.results)
    other, errors = second.communicate(timeout=280)
    assert second.returncode == 0, errors
    assert ("SIGKILL" if kind == "killed" else "fell silent") in other


def test_what_ranks_do_and_what_devices_do_are_two_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flopcensus", "bench", "--workload", "all_reduce", "--workload", "gemm"],
        env=environment(), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert "two runs" in done.stderr
