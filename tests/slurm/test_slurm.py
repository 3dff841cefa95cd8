"""The real command under a real Slurm of two nodes, emulated on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.record import load_record

SCRIPT = Path(__file__).parent / "cluster.sh"
ROOT = Path(__file__).parents[2]
NEEDED = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "ip", "nsenter", "unshare")
MISSING = [name for name in NEEDED if shutil.which(name) is None]
# A machine that others load too starts two processes with torch in many seconds.
LONGEST_S = 240
BENCH = ("--device", "cpu", "--workload", "launch", "--precision", "fp32")

pytestmark = [
    pytest.mark.skipif(
        bool(MISSING), reason=f"slurm-wlm and munge are not installed: no {', '.join(MISSING)}"
    ),
    pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="namespaces need root"),
]


class Cluster:
    """Slurm, and the folder that all its nodes share.

    Args:
        folder: Where its files lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def call(self, *words: str, check: bool = True) -> str:
        """Run a command on the node that submits, and return what it prints."""
        done = subprocess.run(
            [SCRIPT, "run", self.folder, *words], capture_output=True, text=True, check=False, timeout=300
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def submit(self, work: Path, *options: str) -> str:
        """Submit what ``launch slurm`` prints, and return the number of the job."""
        said = self.call(
            "env", f"--chdir={work}", str(self.program), "launch", "slurm", "--nodes", "2", "--command",
            str(self.program), "--out", str(work / "out"), "--submit", *options,
        )  # fmt: skip
        assert said.startswith("Submitted batch job")
        return said.split()[-1]

    @property
    def program(self) -> Path:
        """This checkout's flopcensus."""
        return self.folder / "flopcensus"

    def until(self, what: Callable[[], object]) -> None:
        """Wait, but not for ever."""
        end = time.monotonic() + LONGEST_S
        while not what():
            assert time.monotonic() < end, "".join(
                path.read_text(errors="replace")[-2000:] for path in self.folder.glob("log/*")
            )
            time.sleep(0.5)

    def wait(self, job: str) -> str:
        """Wait until a job has ended, and return how: ``0:0`` for well."""
        self.until(lambda: not self.call("squeue", "--noheader", "--jobs", job, check=False).strip())
        shown = self.call("scontrol", "--oneliner", "show", "job", job)
        return next(word.partition("=")[2] for word in shown.split() if word.startswith("ExitCode="))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two nodes that wait for jobs."""
    folder = tmp_path_factory.mktemp("slurm")
    # A Slurm that runs as another user than root must reach it.
    program = folder / "flopcensus"
    program.write_text(f"#!/bin/sh\nPYTHONPATH='{ROOT}' exec '{sys.executable}' -m flopcensus \"$@\"\n")
    program.chmod(0o755)
    up = subprocess.run([SCRIPT, "up", folder, "2"], capture_output=True, text=True, check=False, timeout=300)
    try:
        if up.returncode:
            pytest.skip(f"no cluster can be emulated here: {' '.join(up.stderr.split())[-300:]}")
        found = Cluster(folder)
        found.until(
            lambda: found.call("sinfo", "-h", "-N", "-o", "%t", check=False).split() == ["idle", "idle"]
        )
        yield found
    finally:
        subprocess.run([SCRIPT, "down", folder], check=False, capture_output=True, timeout=300)


@pytest.mark.parametrize("through", ["srun", "torchrun"])
def test_a_job_of_two_nodes_leaves_two_records(
    cluster: Cluster, tmp_path: Path, through: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = Path(sys.executable).parent
    if through == "torchrun" and not (tools / "torchrun").exists():
        pytest.skip("torchrun does not lie beside this Python")
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    job = cluster.submit(tmp_path, "--through", through, "--", *BENCH, "--time-budget", "2")
    ended = cluster.wait(job)
    log = (tmp_path / f"slurm-{job}.out").read_text(encoding="utf-8")
    assert ended == "0:0", log
    found = [load_record(path) for path in (tmp_path / "out").glob("record-*.json")]
    assert sorted(one.node for one in found) == ["n1", "n2"], log
    for one in found:
        facts = one.environment
        assert facts["launcher"] == ("slurm" if through == "srun" else "torchrun")
        assert (facts["job"], facts["world_size"], facts["local_world_size"]) == (f"slurm {job}", 2, 1)
        assert facts["rank"] == facts["node_index"] == int(one.node[1]) - 1
        assert [result.status for result in one.results] == ["ok"]
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".json"}


def test_a_node_that_is_killed_mid_run_is_named_and_the_other_record_stays(
    cluster: Cluster, tmp_path: Path
) -> None:
    job = cluster.submit(tmp_path, "--", *BENCH, "--time-budget", "5", "--patience", "20")
    cluster.until(lambda: list((tmp_path / "out").glob("journal-n2-*")))
    # All that runs on it, its daemon included, at once.
    subprocess.run([SCRIPT, "kill", cluster.folder, "2"], check=True, timeout=300)
    ended = cluster.wait(job)
    log = (tmp_path / f"slurm-{job}.out").read_text(encoding="utf-8")
    assert ended != "0:0", log
    assert "error: rank 1 on n2 was heard of and then fell silent" in log
    (path,) = (tmp_path / "out").glob("record-*.json")
    assert load_record(path).node == "n1"
    # What the dead node had finished is still there to be resumed.
    assert list((tmp_path / "out").glob("journal-n2-*"))
