"""The real command under launchers that this machine has; time budgets are as small as may be."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.launching.rank import Rank
from bench.record import load_record
from flopcensus.answering.bench_launch import unbound

ROOT = Path(__file__).parents[2]
TORCHRUN = Path(sys.executable).parent / "torchrun"
BENCH = (
    "bench", "--device", "cpu", "--workload", "launch", "--precision", "fp32", "--time-budget", "1",
    "--patience", "60",
)  # fmt: skip

pytestmark = pytest.mark.system


def launched(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a launcher that starts this checkout's flopcensus."""
    command = [*words, sys.executable, "-m", "flopcensus", *BENCH, "--out", str(cwd / "out")]
    env = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=280)


@pytest.mark.skipif(not TORCHRUN.exists(), reason="torchrun does not lie beside this Python")
def test_two_processes_of_torchrun_on_one_node_make_one_record(tmp_path: Path) -> None:
    done = launched(str(TORCHRUN), "--standalone", "--nproc-per-node=2", "--no-python", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "out").iterdir()
    facts = load_record(path).environment
    assert (facts["launcher"], facts["rank"], facts["world_size"]) == ("torchrun", 0, 2)
    assert (facts["local_world_size"], facts["node_index"]) == (2, 0)
    # One thread is what torchrun gives each of several processes; the one that measures takes all.
    assert "env_OMP_NUM_THREADS" not in facts or "OMP_NUM_THREADS" in os.environ
    assert "was measured by rank 0" in done.stderr


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="mpirun is not installed")
def test_two_processes_of_mpirun_on_one_node_make_one_record(tmp_path: Path) -> None:
    done = launched(
        "mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-np", "2", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "out").iterdir()
    facts = load_record(path).environment
    assert (facts["rank"], facts["world_size"], facts["local_world_size"]) == (0, 2, 2)


def test_heeding_no_launcher_a_leftover_rank_changes_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flopcensus", *BENCH, "--out", str(tmp_path / "out")]
    env = os.environ | {"PYTHONPATH": str(ROOT), "RANK": "7", "WORLD_SIZE": "2"}
    refused = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "--alone" in refused.stderr
    done = subprocess.run(
        [*command, "--alone"], env=env, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "out").iterdir()
    assert "launcher" not in load_record(path).environment


def test_a_launcher_that_ends_a_job_leaves_a_record_of_what_was_finished(tmp_path: Path) -> None:
    env = os.environ | {
        "PYTHONPATH": str(ROOT),
        "RANK": "0",
        "WORLD_SIZE": "1",
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "1",
    }
    command = [sys.executable, "-m", "flopcensus", *BENCH, "--time-budget", "300", "--out", str(tmp_path)]
    with subprocess.Popen(
        command, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stderr is not None
        end = time.monotonic() + 120
        while not any('"kind": "round"' in path.read_text() for path in tmp_path.glob("journal-*")):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(timeout=300) == 130
    (path,) = tmp_path.glob("record-*.json")
    assert load_record(path).interrupted


def rank(launcher: str = "torchrun", local_rank: int = 0, local_world_size: int = 2) -> Rank:
    return Rank(launcher, "1", local_rank, 4, local_rank, local_world_size)


@pytest.mark.parametrize(
    ("who", "threads", "left"),
    [
        (rank(), "1", None),
        (rank(), "8", "8"),
        (rank(local_world_size=1), "1", "1"),
        (rank("slurm"), "1", "1"),
    ],
)
def test_one_thread_is_undone_only_where_torchrun_set_it(who: Rank, threads: str, left: str | None) -> None:
    variables = {"OMP_NUM_THREADS": threads}
    said = [line for line in unbound(who, variables) if "OMP" in line]
    assert variables.get("OMP_NUM_THREADS") == left
    assert len(said) == (left is None)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system binds no process")
@pytest.mark.parametrize(("usable", "told"), [(1, True), (8, False)])
def test_a_process_bound_to_a_few_cores_says_so(
    monkeypatch: pytest.MonkeyPatch, usable: int, *, told: bool
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(usable)))
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    said = list(unbound(rank("slurm"), {}))
    assert any("1 of 8 cores" in line for line in said) is told
    assert not list(unbound(rank("slurm", local_world_size=1), {}))
