"""The real command under a real Slurm of eight nodes: late, slow, drained, killed, frozen and cut-off ones.

Their device sleeps (see ``sleeping.py``), as nobody can measure eight nodes on two cores; all else is real.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.record import Record, load_record
from tests.cli import in_process
from tests.slurm.emulated import Cluster, emulated, needs_slurm

pytestmark = [pytest.mark.system, *needs_slurm]
EVERY = [f"n{number}" for number in range(1, 9)]
# Two thirds of the time the process is stopped: this is the shell that is to become it.
SLOW = "(while kill -STOP $$; do sleep 0.06; kill -CONT $$; sleep 0.03; done) 2>/dev/null &"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Eight nodes that wait for jobs."""
    with emulated(tmp_path_factory.mktemp("slurm"), 8) as found:
        yield found


def log_of(work: Path, job: str) -> str:
    return (work / f"slurm-{job}.out").read_text(encoding="utf-8")


def records(work: Path) -> list[Record]:
    found = (load_record(path) for path in (work / "out").glob("record-*.json"))
    return sorted(found, key=lambda record: record.node)


def test_of_eight_nodes_a_late_one_leaves_a_record_too_and_the_slow_one_is_named(
    cluster: Cluster, tmp_path: Path
) -> None:
    cluster.first(3, "sleep 4")
    cluster.first(5, SLOW)
    job = cluster.submit(tmp_path, "--", "--time-budget", "3", "--patience", "60", program=cluster.sleeping)
    ended = cluster.wait(job)
    log = log_of(tmp_path, job)
    assert ended == "0:0", log
    found = records(tmp_path)
    assert [one.node for one in found] == EVERY
    assert [one.environment["rank"] for one in found] == list(range(8))
    assert [one.environment["world_size"] for one in found] == [8] * 8
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".json"}
    # Rank 0 has waited for the late one: its own record is not the last.
    assert found[2].created > found[0].created
    done = in_process("fleet", str(tmp_path / "out"), "--format", "json")
    assert done.returncode == 1
    slow = [one for one in json.loads(done.stdout)["outliers"] if one["kind"] == "slow"]
    # Where others load the machine another may be slower by some percent, and then is found, too.
    assert {one["node"] for one in slow if abs(one["effect"]) > 0.25} == {"n5"}, slow


def test_a_job_waits_for_a_drained_node_or_makes_do_without_it_as_asked(
    cluster: Cluster, tmp_path: Path
) -> None:
    cluster.clear()
    cluster.call("scontrol", "update", "nodename=n3", "state=drain", "reason=fan")
    waiting = cluster.submit(tmp_path, program=cluster.present)
    cluster.until(lambda: cluster.facts(waiting)["Reason"] not in ("None", "Priority"))
    assert cluster.facts(waiting)["JobState"] == "PENDING"
    less = cluster.submit(tmp_path, "--at-least", "7", "--gpus-per-node", "2", program=cluster.present)
    assert cluster.wait(less) == "0:0"
    said = sorted(
        line.partition("here is ")[2] for line in log_of(tmp_path, less).splitlines() if "here" in line
    )
    assert said == [f"{node}, sees 0,1" for node in EVERY if node != "n3"]
    assert cluster.facts(waiting)["JobState"] == "PENDING"
    # It joins late, and the job that has waited runs.
    cluster.call("scontrol", "update", "nodename=n3", "state=resume")
    assert cluster.wait(waiting) == "0:0"
    assert all(f"here is {node}," in log_of(tmp_path, waiting) for node in EVERY)


@pytest.fixture(scope="module")
def trouble(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Path]:
    """How a job ended in which n7 has no route, n2 hangs before it starts, n4 is killed and n6 freezes."""
    work = tmp_path_factory.mktemp("trouble")
    cluster.clear()
    cluster.script("link", "7", "down")
    cluster.first(2, "exec sleep 1000")
    for node in (3, 5):
        cluster.first(node, "")
    job = cluster.submit(work, "--", "--time-budget", "5", "--patience", "12", program=cluster.sleeping)
    cluster.until(lambda: all(list((work / "out").glob(f"journal-n{node}-*")) for node in (4, 6)))
    cluster.script("kill", "4")
    # Its processes hang as they would on a disk that does not answer.
    cluster.script("freeze", "6")
    cluster.script("link", "6", "down")
    ended = cluster.wait(job)
    return ended, log_of(work, job), work


def test_a_run_with_nodes_in_trouble_ends_with_1_and_keeps_all_other_records(
    trouble: tuple[str, str, Path],
) -> None:
    ended, log, work = trouble
    assert ended == "1:0", log
    assert [one.node for one in records(work)] == ["n1", "n3", "n5", "n8"]
    # What the lost ones had finished is there to be resumed.
    assert {path.name.split("-")[1] for path in (work / "out").glob("journal-*")} == {"n4", "n6"}


@pytest.mark.parametrize(
    "line",
    [
        "error: n7 cannot be reached: nothing is started there",
        "error: rank 1 never came, in",
        "error: rank 3 on n4 was heard of and then fell silent for",
        "error: rank 5 on n6 was heard of and then fell silent for",
    ],
)
def test_each_that_is_in_trouble_is_named_with_the_reason(trouble: tuple[str, str, Path], line: str) -> None:
    _, log, _ = trouble
    assert line in log
