"""Ranks that meet over files: who measures, who waits, and what is said of those that fail or never come."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.errors import DeviceError, InputError
from bench.launching.attendance import Attendance, Report, launch_folder, node_folder, read_reports
from bench.launching.part import take_part
from bench.launching.rank import Rank
from bench.launching.roll import Patience, Roll
from bench.record import Record, load_record

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]
QUICKLY = Patience(absent_seconds=1.0, longest_seconds=60.0)
LONG = 20.0
"""Longer than a loaded machine takes to start a process."""

# A rank as a process of its own: the whole of bench, on a device whose clock moves only inside calls.
RANK = """
import os, sys, time
from dataclasses import replace
from pathlib import Path
from bench.devices.fake import FakeClock, FakeDevice, FakeWorkload
from bench.launching.part import take_part
from bench.launching.rank import read_rank
from bench.launching.roll import Patience
from bench.plan import Plan
from bench.progress import silent
from bench.session import measure
from kernels.workload import Verdict

out, absent, act = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
rank = read_rank()
clock = FakeClock()

def run():
    if act == "dies":
        os._exit(9)
    if act == "fails":
        raise RuntimeError("the GPU has fallen off the bus")
    return measure(
        Plan("quick", 60.0), lookup=lambda _: None, out_dir=out, progress=silent, devices=[FakeDevice(clock)],
        workloads={"fake": FakeWorkload(Verdict(correct=True, detail=""))}, clock=clock, rank=rank,
    )

outcome = take_part(rank, out, run, Patience(absent, 60.0))
print(*outcome.faults, outcome.word, outcome.unseen, sep="\\n")
sys.exit(1 if outcome.faults else 0)
"""


def slurm(rank: int, world: int, node: int, local: int = 0, per_node: str = "1(x9)") -> dict[str, str]:
    """What srun sets."""
    return {
        "SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_PROCID": str(rank), "SLURM_NTASKS": str(world),
        "SLURM_STEP_NUM_TASKS": str(world), "SLURM_LOCALID": str(local), "SLURM_NODEID": str(node),
        "SLURM_STEP_TASKS_PER_NODE": per_node,
    }  # fmt: skip


def start(
    out: Path, variables: dict[str, str], act: str = "measures", absent: float = LONG
) -> subprocess.Popen[str]:
    """Start a rank."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    return subprocess.Popen(
        [sys.executable, "-c", RANK, str(out), str(absent), act],
        env=env | variables | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(processes: Sequence[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """Exit code and output of each."""
    spoken = [process.communicate(timeout=300) for process in processes]
    return [(process.returncode, out + err) for process, (out, err) in zip(processes, spoken, strict=True)]


def records(folder: Path) -> list[Record]:
    return sorted(
        (load_record(path) for path in folder.glob("record-*.json")), key=lambda one: str(one.environment)
    )


def test_two_nodes_of_one_name_that_share_a_folder_get_a_record_each(tmp_path: Path) -> None:
    (code, said), (other, _) = ended([start(tmp_path, slurm(rank, 2, node=rank)) for rank in (0, 1)])
    assert (code, other) == (0, 0), said
    found = records(tmp_path)
    assert sorted(one.environment["rank"] for one in found) == [0, 1]  # type: ignore[type-var]
    assert sorted(one.environment["node_index"] for one in found) == [0, 1]  # type: ignore[type-var]
    assert {one.environment["launcher"] for one in found} == {"slurm"}
    assert {one.environment["launch_id"] for one in found} == {"7.0"}
    # Nothing else is left: no journal, no part of a file, no word of the ranks.
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        path.name for path in tmp_path.glob("record-*.json")
    )


def test_the_first_of_a_nodes_ranks_measures_it_and_the_others_wait(tmp_path: Path) -> None:
    ranks = [start(tmp_path, slurm(rank, 3, 0, local=rank, per_node="3")) for rank in (2, 1, 0)]
    done = ended(ranks)
    assert [code for code, _ in done] == [0, 0, 0], done
    (record,) = records(tmp_path)
    assert (record.environment["rank"], record.environment["local_world_size"]) == (0, 3)
    assert "was measured by rank 0" in done[0][1]


def test_a_rank_whose_devices_are_hidden_from_the_first_says_that_they_were_not_measured(
    tmp_path: Path,
) -> None:
    ranks = [
        start(tmp_path, slurm(rank, 2, 0, local=rank, per_node="2") | {"CUDA_VISIBLE_DEVICES": str(rank)})
        for rank in (0, 1)
    ]
    (first, by_first), (second, by_second) = ended(ranks)
    assert (first, second) == (1, 1)
    for said in (by_first, by_second):
        assert "(CUDA_VISIBLE_DEVICES=1) were not measured" in said
        assert "start one process a node" in said
    assert len(records(tmp_path)) == 1


@pytest.mark.parametrize(
    ("act", "reason"), [("dies", "fell silent"), ("fails", "fallen off the bus")]
)  # fmt: skip
def test_a_rank_that_fails_or_dies_is_named_and_the_other_record_stays(
    tmp_path: Path, act: str, reason: str
) -> None:
    broken = start(tmp_path, slurm(1, 2, 1), act)
    broken.wait(timeout=300)
    ((code, said),) = ended([start(tmp_path, slurm(0, 2, 0), absent=1.5)])
    assert code == 1
    assert "rank 1 on" in said
    assert reason in said
    assert [one.environment["rank"] for one in records(tmp_path)] == [0]
    ended([broken])


def test_a_rank_that_never_comes_is_named(tmp_path: Path) -> None:
    ((code, said), (other, _)) = ended(
        [start(tmp_path, slurm(rank, 3, rank), absent=LONG) for rank in (0, 2)]
    )
    assert (code, other) == (1, 0)
    assert "rank 1 never came" in said
    assert len(records(tmp_path)) == 2


def test_ranks_whose_first_never_comes_end_and_say_so(tmp_path: Path) -> None:
    ((code, said),) = ended([start(tmp_path, slurm(1, 2, 0, local=1, per_node="2"), absent=1.0)])
    assert code == 1
    assert "rank 1: the first rank of" in said
    assert "never came" in said


def test_alone_in_a_folder_of_its_own_a_node_says_that_it_sees_no_other(tmp_path: Path) -> None:
    ((code, said),) = ended([start(tmp_path, slurm(0, 2, 0))])
    assert code == 0
    assert said.strip().endswith("True")


def one_node(number: int = 0) -> Rank:
    """One process a node, of two."""
    return Rank("slurm", "7.0", number, 2, 0, 1, number)


def test_what_an_asked_for_gathering_does_not_find_is_a_fault(tmp_path: Path, known: Record) -> None:
    outcome = take_part(one_node(), tmp_path, lambda: known, QUICKLY, gather=True)
    assert outcome.record is known
    assert [fault.split(",")[0] for fault in outcome.faults] == ["rank 1 never came"]


def test_a_gathering_that_is_not_wanted_waits_for_nobody(tmp_path: Path, known: Record) -> None:
    outcome = take_part(one_node(), tmp_path, lambda: known, Patience(1e9, 1e9), gather=False)
    assert (outcome.faults, outcome.unseen) == ((), True)


def test_an_error_of_the_run_reaches_the_user_and_the_others(tmp_path: Path) -> None:
    def fail() -> Record:
        raise DeviceError("cuda:0 is in use: 7 python")

    rank = one_node()
    with pytest.raises(DeviceError):
        take_part(rank, tmp_path, fail, QUICKLY)
    ((report, _),) = read_reports(node_folder(launch_folder(tmp_path, rank), rank)).values()
    assert (report.state, report.reason) == ("failed", "cuda:0 is in use: 7 python")


def test_where_nothing_tells_the_local_rank_whoever_comes_first_measures(
    tmp_path: Path, known: Record
) -> None:
    rank = Rank("variables", "here.29500", 1, 2)
    assert take_part(rank, tmp_path, lambda: known, QUICKLY).record is known


def test_a_folder_that_cannot_be_written_to_is_bad_input(tmp_path: Path, known: Record) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(InputError, match="cannot be written"):
        take_part(one_node(), tmp_path / "taken", lambda: known, QUICKLY)


def test_launches_that_are_not_the_same_never_meet(tmp_path: Path) -> None:
    ids = ["7.0", "7.1", "7-0", "7 0", None]
    folders = {launch_folder(tmp_path, Rank("slurm", launch, 0, 2)) for launch in ids}
    folders |= {
        launch_folder(tmp_path, Rank("slurm", "7.0", 0, 3)),
        launch_folder(tmp_path, Rank("pmi", "7.0", 0, 2)),
    }
    assert len(folders) == len(ids) + 2
    hostile = launch_folder(tmp_path, Rank("slurm", "../../etc/passwd\n" * 40, 0, 2))
    assert hostile.parent == tmp_path
    assert len(hostile.name) < 100


class Hands:
    """A clock that moves only while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def write(folder: Path, report: Report) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"rank-{report.rank:05d}.json"
    path.write_text(json.dumps(report.__dict__), encoding="utf-8")
    return path


def test_a_rank_at_work_is_waited_for_as_long_as_it_beats_but_not_for_ever(tmp_path: Path) -> None:
    hands, beats = Hands(), iter(range(10**6))

    def look_again(seconds: float) -> None:
        hands.pause(seconds)
        write(tmp_path / "node-1", Report(1, "n1", "measures", leads=True, beat=next(beats)))

    write(tmp_path / "node-1", Report(1, "n1", "measures", leads=True))
    roll = Roll(lambda: tmp_path.glob("node-*"), Patience(3.0, 50.0), clock=hands.clock, pause=look_again)
    roll.wait(lambda: roll.lost(1) is not None)
    assert 50.0 <= hands.now < 51.0
    assert "longer than it may" in (roll.lost(1) or "")


def test_a_rank_that_falls_silent_is_given_up_after_that_long(tmp_path: Path) -> None:
    hands = Hands()
    write(tmp_path / "node-1", Report(1, "n1", "measures", leads=True))
    roll = Roll(lambda: tmp_path.glob("node-*"), Patience(3.0, 50.0), clock=hands.clock, pause=hands.pause)
    roll.wait(lambda: roll.lost(1) is not None)
    assert 3.0 <= hands.now < 4.0
    assert "n1" in (roll.lost(1) or "")


def test_what_an_earlier_launch_of_the_same_name_left_counts_for_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "node-0", Report(0, "n0", "done", leads=True))
    os.utime(path, (1000.0, 1000.0))
    roll = Roll(lambda: tmp_path.glob("node-*"), QUICKLY, oldest=2000.0)
    roll.look()
    assert not roll.reports


@pytest.mark.parametrize("text", ["", "{", "[]", '{"rank": 0}', '{"rank": 0, "other": 1}', "\x00"])
def test_a_report_that_is_half_there_is_read_the_next_time(tmp_path: Path, text: str) -> None:
    (tmp_path / "rank-00000.json").write_text(text, encoding="utf-8")
    assert read_reports(tmp_path) == {}


def test_a_beat_never_takes_back_what_a_rank_has_said(tmp_path: Path) -> None:
    """The rank says that it is done just as its thread is about to say once more that it is there."""
    attendance = Attendance(tmp_path, Report(0, "n0", "measures"), beat_seconds=1e9)

    class Late:
        """A lock that the beating thread gets only after the rank has had it."""

        def __enter__(self) -> None:
            attendance._lock = threading.Lock()
            attendance.say("done")

        def __exit__(self, *_: object) -> None:
            pass

    class Once:
        """Lets one beat pass."""

        def __init__(self) -> None:
            self.waits = iter((False, True))

        def wait(self, seconds: float) -> bool:
            return next(self.waits)

    attendance._lock, attendance._over = Late(), Once()  # type: ignore[assignment]
    attendance._keep_beating()
    ((report, _),) = read_reports(tmp_path).values()
    assert report.state == "done"


def test_a_report_beats_by_itself_and_ends_with_its_block(tmp_path: Path) -> None:
    def beat() -> int:
        ((report, _),) = read_reports(tmp_path).values()
        return report.beat

    with Attendance(tmp_path, Report(0, "n0", "measures"), beat_seconds=0.01):
        seen = beat()
        while beat() == seen:
            time.sleep(0.01)
    seen = beat()
    time.sleep(0.1)
    assert beat() == seen
