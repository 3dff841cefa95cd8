"""The real command, measuring for real, under a real Slurm of two nodes emulated on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.record import load_record
from tests.slurm.emulated import Cluster, emulated, needs_slurm

BENCH = ("--device", "cpu", "--workload", "launch", "--precision", "fp32")

pytestmark = [pytest.mark.system, *needs_slurm]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two nodes that wait for jobs."""
    with emulated(tmp_path_factory.mktemp("slurm"), 2) as found:
        yield found


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
    job = cluster.submit(tmp_path, "--", "--time-budget", "5", "--patience", "15", program=cluster.sleeping)
    cluster.until(lambda: list((tmp_path / "out").glob("journal-n2-*")))
    # All that runs on it, its daemon included, at once.
    cluster.script("kill", "2")
    ended = cluster.wait(job)
    log = (tmp_path / f"slurm-{job}.out").read_text(encoding="utf-8")
    assert ended == "1:0", log
    assert "error: rank 1 on n2 was heard of and then fell silent" in log
    (path,) = (tmp_path / "out").glob("record-*.json")
    assert load_record(path).node == "n1"
    # What the dead node had finished is still there to be resumed.
    assert list((tmp_path / "out").glob("journal-n2-*"))
