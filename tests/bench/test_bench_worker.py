"""Measuring processes that hang, crash and vanish: nothing else is lost, and the record says so."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bench.errors import DeviceError, InputError
from bench.journal import Journal
from bench.plan import MIN_ROUNDS, Plan
from bench.progress import ProgressEvent, silent
from bench.record import Record, Result, load_record
from bench.session import measure, resume
from bench.worker import process as process_module
from bench.worker.process import SpawnedWorker, WorkerLostError, survey
from bench.worker.tasks import Introduce, Introduction
from tests.bench import scripted

OPENER = "tests.bench.scripted"
ROOT = Path(__file__).parents[2]
PLAN = Plan("custom", 5.0)


@pytest.fixture(autouse=True)
def switches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of switches, and this checkout on the path of measuring processes."""
    folder = tmp_path / "switches"
    folder.mkdir()
    monkeypatch.setenv("SCRIPTED", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return folder


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.plan.SHORTEST_PATIENCE_SECONDS", 2.0)
    monkeypatch.setattr("bench.plan.LONGEST_PATIENCE_SECONDS", 2.0)


def run(
    out_dir: Path,
    *names: str,
    progress: Callable[[ProgressEvent], None] = silent,
    plan: Plan = PLAN,
) -> dict[str, Result]:
    return by_name(run_record(out_dir, *names, progress=progress, plan=plan))


def run_record(
    out_dir: Path,
    *names: str,
    progress: Callable[[ProgressEvent], None] = silent,
    plan: Plan = PLAN,
) -> Record:
    return measure(
        replace(plan, workloads=names),
        lookup=lambda _description: None,
        out_dir=out_dir,
        progress=progress,
        workloads=scripted.workloads(),
        opener=OPENER,
    )


def by_name(record: Record) -> dict[str, Result]:
    return {result.workload: result for result in record.results}


def test_rounds_come_from_fresh_processes(tmp_path: Path) -> None:
    result = run(tmp_path, "steady", plan=Plan("custom", 60.0))["steady"]
    assert result.status == "ok"
    assert result.value == pytest.approx(1e11)
    processes = [detail.process for detail in result.round_details]
    assert len(set(processes)) >= MIN_ROUNDS
    assert processes == sorted(processes)


def test_the_parent_imports_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from bench.plan import Plan\n"
        "from bench.session import measure; from bench.progress import silent\n"
        "from tests.bench import scripted\n"
        f"measure(Plan('custom', 2.0, workloads=('steady',)), lookup=lambda _: None, opener={OPENER!r},\n"
        f"    out_dir=Path({str(tmp_path)!r}), progress=silent, workloads=scripted.workloads())\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, cwd=ROOT)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("raises", "RuntimeError: device-side assert"),
        ("exits", "its process ended with exit code 3"),
        pytest.param(
            "crashes",
            "its process ended with SIGSEGV",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
        ),
    ],
)
def test_a_kernel_that_breaks_its_process_loses_only_itself(tmp_path: Path, name: str, reason: str) -> None:
    found = run(tmp_path, "steady", name, "other")
    assert found[name].status == "failed"
    assert (found[name].reason or "").startswith(reason)
    assert found["steady"].status == found["other"].status == "ok"


@pytest.mark.usefixtures("impatient")
def test_a_kernel_that_hangs_is_killed_at_its_deadline(tmp_path: Path) -> None:
    found = run(tmp_path, "steady", "hangs", "other")
    assert found["hangs"].status == "failed"
    assert "no answer within" in (found["hangs"].reason or "")
    assert found["steady"].status == found["other"].status == "ok"


@pytest.mark.usefixtures("impatient")
def test_a_process_that_cannot_be_killed_is_abandoned_with_its_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a driver holds it in the kernel: the signal changes nothing."""
    held: list[subprocess.Popen[bytes]] = []
    monkeypatch.setattr(process_module, "KILL_SECONDS", 0.2)
    kill = subprocess.Popen.kill
    # A function, so that it is called with the process as a method is.
    monkeypatch.setattr(subprocess.Popen, "kill", lambda popen: held.append(popen))  # noqa: PLW0108
    found = run(tmp_path, "hangs", "steady")
    for popen in held:
        kill(popen)
        popen.wait()
    assert held
    assert {result.status for result in found.values()} == {"failed"}
    assert all("could not be killed and was abandoned" in (one.reason or "") for one in found.values())


def test_a_device_that_disappears_ends_what_is_left_of_it(tmp_path: Path) -> None:
    found = run(tmp_path, "vanishes", "steady")
    assert found["vanishes"].reason == "RuntimeError: the GPU has fallen off the bus"
    assert found["steady"].status == "failed"
    assert "cpu cannot be opened: RuntimeError: no device cpu on the bus" in (found["steady"].reason or "")


def test_a_device_lost_after_five_rounds_leaves_what_was_measured(tmp_path: Path, switches: Path) -> None:
    """In the long run, when all rounds are done."""
    headline = {name: replace(one, headline=True) for name, one in scripted.workloads().items()}

    def lose(event: ProgressEvent) -> None:
        if "without a pause" in event.message:
            (switches / "cpu-is-gone").touch()
            for child in psutil.Process().children():
                child.kill()

    record = measure(
        Plan("custom", 300.0, workloads=("steady", "other")),
        lookup=lambda _description: None,
        out_dir=tmp_path,
        progress=lose,
        workloads=headline,
        opener=OPENER,
    )
    assert [one.status for one in record.results] == ["ok", "ok"]
    assert all(one.burst is None for one in record.results)
    assert any("no long run" in note for one in record.results for note in one.notes)


def test_one_sick_device_among_several_is_marked_and_the_others_measured(
    tmp_path: Path, switches: Path
) -> None:
    (switches / "devices").write_text("cuda:0 cuda:1", encoding="utf-8")
    (switches / "cuda-1-is-gone").touch()
    record = run_record(tmp_path, "steady", plan=replace(PLAN, device="all"))
    found = {one.device: one for one in record.results}
    assert found["cuda:0"].status == "ok"
    assert found["cuda:1"].status == "failed"
    assert "no device cuda:1 on the bus" in (found["cuda:1"].reason or "")


def test_an_interrupt_writes_what_there_is_and_leaves_no_process(tmp_path: Path) -> None:
    def stop(event: ProgressEvent) -> None:
        if event.kind == "round":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, "steady", progress=stop)
    record = load_record(next(tmp_path.glob("record-*.json")))
    assert record.interrupted
    assert not list(tmp_path.glob("journal-*"))
    assert not [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]


def test_out_of_memory_in_a_round_steps_down_and_says_so(tmp_path: Path) -> None:
    result = run(tmp_path, "starved", plan=Plan("custom", 60.0))["starved"]
    assert (result.status, result.shape) == ("ok", {"size": scripted.SMALL})
    assert any("memory ran out at size=1000000000" in note for note in result.notes)
    assert any("rounds were set aside" in note for note in result.notes)


def test_a_device_that_cannot_be_opened_is_refused_at_once(tmp_path: Path, switches: Path) -> None:
    (switches / "cpu-is-gone").touch()
    with pytest.raises(
        DeviceError, match="cpu cannot be opened: RuntimeError: no device cpu on the bus; leave"
    ):
        run(tmp_path / "out", "steady")
    assert not list((tmp_path / "out").iterdir())


def test_a_busy_device_is_refused_unless_forced(tmp_path: Path, switches: Path) -> None:
    (switches / "in-use").touch()
    with pytest.raises(
        DeviceError, match="cpu is in use: a file; wait, or measure it all the same with --force"
    ):
        run(tmp_path / "out", "steady")
    assert not list((tmp_path / "out").iterdir())
    events: list[ProgressEvent] = []
    found = run(tmp_path / "out", "steady", plan=replace(PLAN, force=True), progress=events.append)
    assert found["steady"].status == "ok"
    assert any(event.kind == "warning" and "in use" in event.message for event in events)


def test_all_devices_are_measured_alone_and_then_together(tmp_path: Path, switches: Path) -> None:
    (switches / "devices").write_text("cuda:0 cuda:1", encoding="utf-8")
    all_workloads = {name: replace(one, headline=True) for name, one in scripted.workloads().items()}
    record = measure(
        replace(PLAN, workloads=("steady",), device="all"),
        lookup=lambda _description: None,
        out_dir=tmp_path,
        progress=silent,
        workloads=all_workloads,
        opener=OPENER,
    )
    assert [(one.device, one.status) for one in record.results] == [("cuda:0", "ok"), ("cuda:1", "ok")]
    assert [one.together for one in record.results] == [pytest.approx(1e11)] * 2


def test_no_process_is_left_behind(tmp_path: Path) -> None:
    run(tmp_path, "steady", "raises", "exits")
    assert not [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_worker_ends_with_its_parent() -> None:
    code = (
        "import time; from bench.worker.process import SpawnedWorker\n"
        "from bench.worker.tasks import Introduce\n"
        f"worker = SpawnedWorker('cpu', {OPENER!r}); worker.do(Introduce((), ()), 60)\n"
        "print(worker.pids[0], flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None
    worker = psutil.Process(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    psutil.wait_procs([worker], timeout=10)
    assert not worker.is_running()


def test_a_survey_leaves_its_process_to_the_first_worker() -> None:
    names, process = survey(OPENER)
    assert names == ("cpu",)
    worker = SpawnedWorker("cpu", OPENER, process=process)
    assert isinstance(worker.do(Introduce((), ()), 30), Introduction)
    assert (worker.pids, worker.process_number) == ((process.pid,), 0)
    worker.renew()
    assert worker.do(Introduce((), ()), 30)
    assert worker.process_number == 1
    worker.close()
    assert worker.pids == ()


def test_a_worker_whose_process_was_killed_says_by_what() -> None:
    worker = SpawnedWorker("cpu", OPENER)
    worker.do(Introduce((), ()), 30)
    os.kill(worker.pids[0], signal.SIGKILL)
    time.sleep(0.1)
    with pytest.raises(WorkerLostError, match="ended with SIGKILL"):
        worker.do(Introduce((), ()), 30)
    assert isinstance(worker.do(Introduce((), ()), 30), Introduction)
    worker.close()


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_ends_the_journal_and_not_the_run(tmp_path: Path) -> None:
    """A limit on file sizes stands for the disk: writing fails in the same way, in the middle of a line."""
    code = (
        "import resource; from pathlib import Path; from bench.plan import Plan\n"
        "from bench.errors import RecordNotWrittenError; from bench.session import measure\n"
        "from tests.bench import scripted\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500))\n"
        "said = []\n"
        "try:\n"
        f"    measure(Plan('custom', 5.0, workloads=('steady', 'other')), lookup=lambda _: None,\n"
        f"        progress=said.append, out_dir=Path({str(tmp_path)!r}), workloads=scripted.workloads(),\n"
        f"        opener={OPENER!r})\n"
        "except RecordNotWrittenError as error:\n"
        "    print([one.status for one in error.record.results], error)\n"
        "print([event.message for event in said if event.kind == 'warning'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=120, cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    record, warnings = done.stdout.splitlines()
    assert record.startswith("['ok', 'ok'] ")
    assert "cannot be written: File too large; choose a folder that is writable and has room" in record
    assert "the run goes on, but could not be resumed if it were cut off" in warnings
    assert not list(tmp_path.glob("record-*"))


class TestResume:
    """A run cut off by ``kill -9`` goes on where it was."""

    @staticmethod
    def cut_off(out_dir: Path, rounds: int, *names: str) -> None:
        code = (
            "import os, sys; from dataclasses import replace; from pathlib import Path\n"
            "from bench.plan import Plan; from bench.session import measure\n"
            "from tests.bench import scripted\n"
            "seen = []\n"
            "def die(event):\n"
            "    seen.append(event.kind)\n"
            f"    if seen.count('round') == {rounds}: os.kill(os.getpid(), 9)\n"
            f"measure(Plan('custom', 20.0, workloads={names!r}), lookup=lambda _: None, progress=die,\n"
            f"    out_dir=Path({str(out_dir)!r}), workloads=scripted.workloads(), opener={OPENER!r})\n"
        )
        done = subprocess.run([sys.executable, "-c", code], check=False, timeout=120, cwd=ROOT)
        assert done.returncode == -signal.SIGKILL

    @pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
    @pytest.mark.parametrize("rounds", [1, 7])
    def test_what_was_finished_stays_and_rounds_count(
        self, tmp_path: Path, rounds: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bench.session.load_workloads", scripted.workloads)
        self.cut_off(tmp_path, rounds, "steady", "other")
        (journal,) = tmp_path.glob("journal-*.jsonl")
        lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
        events: list[ProgressEvent] = []
        record = resume(tmp_path, lookup=lambda _: None, progress=events.append, opener=OPENER)
        assert {one.status for one in record.results} == {"ok"}
        assert not any(event.kind == "probe" for event in events), "shapes were chosen before"
        before = [line for line in lines if line["kind"] == "round"]
        assert len(before) == rounds
        assert sum(len(one.rounds) for one in record.results) == rounds + sum(
            event.kind == "round" for event in events
        )
        assert record.environment["resumed"] is True
        assert not list(tmp_path.glob("journal-*"))
        assert load_record(next(tmp_path.glob("record-*.json"))) == record

    @pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
    def test_a_torn_line_is_cut_and_a_second_resume_goes_well(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bench.session.load_workloads", scripted.workloads)
        self.cut_off(tmp_path, 2, "steady")
        (journal,) = tmp_path.glob("journal-*.jsonl")
        with journal.open("a", encoding="utf-8") as file:
            file.write('{"kind": "round", "at": 3')
        stopped = iter([False, True])

        def stop(event: ProgressEvent) -> None:
            if event.kind == "round" and next(stopped, False):
                raise MemoryError("the machine was switched off")

        with pytest.raises(MemoryError):
            resume(tmp_path, lookup=lambda _: None, progress=stop, opener=OPENER)
        record = resume(tmp_path, lookup=lambda _: None, progress=silent, opener=OPENER)
        (result,) = record.results
        assert result.status == "ok"
        processes = [detail.process for detail in result.round_details]
        assert processes == sorted(processes)
        assert len(set(processes)) > 1

    @pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
    def test_a_wrong_output_stays_wrong(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bench.session.load_workloads", scripted.workloads)
        self.cut_off(tmp_path, 2, "steady")
        (journal,) = tmp_path.glob("journal-*.jsonl")
        wrong = '"verdict": {"correct": false, "detail": "3 of 4 wrong"}, "repeatable"'
        text = journal.read_text(encoding="utf-8")
        changed = re.sub(r'"verdict": \{[^}]*\}, "repeatable"', wrong, text)
        assert changed != text
        journal.write_text(changed, encoding="utf-8")
        (result,) = resume(tmp_path, lookup=lambda _: None, progress=silent, opener=OPENER).results
        assert (result.status, result.value) == ("incorrect", None)

    @pytest.mark.skipif(sys.platform == "win32", reason="signals and locks of POSIX")
    def test_a_run_that_is_still_going_on_is_not_resumed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bench.session.load_workloads", scripted.workloads)
        self.cut_off(tmp_path, 1, "steady")
        (path,) = tmp_path.glob("journal-*.jsonl")
        with Journal(path), pytest.raises(InputError, match="this run is still going on; wait for it"):
            resume(tmp_path, lookup=lambda _: None, progress=silent, opener=OPENER)
        assert path.exists()

    @pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
    def test_rounds_of_other_versions_are_not_added_to(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bench.session.load_workloads", scripted.workloads)
        self.cut_off(tmp_path, 1, "steady")
        monkeypatch.setattr("bench.session._own_version", lambda: "99.0")
        with pytest.raises(InputError, match=r"flopcensus .* then, 99\.0 now; rounds of both make no figure"):
            resume(tmp_path, lookup=lambda _: None, progress=silent, opener=OPENER)
        assert list(tmp_path.glob("journal-*"))

    def test_a_folder_without_an_unfinished_run_is_refused(self, tmp_path: Path) -> None:
        run(tmp_path, "steady")
        with pytest.raises(
            InputError, match=r"no journal of an unfinished run on .*; the runs there are finished"
        ):
            resume(tmp_path, lookup=lambda _: None, progress=silent)

    @pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
    def test_a_run_of_another_node_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cut_off(tmp_path, 1, "steady")
        monkeypatch.setattr("bench.resume.node_name", lambda: "elsewhere")
        with pytest.raises(InputError, match="no journal of an unfinished run on elsewhere"):
            resume(tmp_path, lookup=lambda _: None, progress=silent)
        assert list(tmp_path.glob("journal-*"))
