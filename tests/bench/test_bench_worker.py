"""Measuring processes that hang, crash and vanish: nothing else is lost, and the record says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bench.errors import DeviceError
from bench.plan import MIN_ROUNDS, Plan
from bench.progress import ProgressEvent, silent
from bench.record import Result, load_record
from bench.session import measure
from bench.worker import process as process_module
from bench.worker.process import SpawnedWorker, WorkerLostError, survey
from bench.worker.tasks import Introduce, Introduction
from tests.bench import scripted
from tests.bench.spawning import (
    OPENER,
    PLAN,
    ROOT,
    TO_THE_FIFTH_PROCESS,
    children,
    run,
    run_record,
    switched,
)

pytestmark = pytest.mark.usefixtures("switches")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.plan.SHORTEST_PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr("bench.plan.LONGEST_PATIENCE_SECONDS", 1.0)


def test_rounds_come_from_fresh_processes(tmp_path: Path) -> None:
    result = run(tmp_path, "steady", plan=TO_THE_FIFTH_PROCESS)["steady"]
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
        f"measure(Plan('custom', 1.0, workloads=('steady',)), lookup=lambda _: None, opener={OPENER!r},\n"
        f"    out_dir=Path({str(tmp_path)!r}), progress=silent, workloads=scripted.workloads())\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, cwd=ROOT)


BREAKING = {
    "raises": "RuntimeError: device-side assert",
    "exits": "its process ended with exit code 3",
} | ({} if sys.platform == "win32" else {"crashes": "its process ended with SIGSEGV"})


@pytest.fixture(scope="module")
def after_breaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Result]]:
    """Results of one run in which every kernel breaks its process that can."""
    folder = tmp_path_factory.mktemp("breaking")
    with switched(folder / "switches"):
        yield run(folder, "steady", *BREAKING, "other")


@pytest.mark.parametrize("name", BREAKING)
def test_a_kernel_that_breaks_its_process_loses_only_itself(
    after_breaking: dict[str, Result], name: str
) -> None:
    assert after_breaking[name].status == "failed"
    assert (after_breaking[name].reason or "").startswith(BREAKING[name])
    assert after_breaking["steady"].status == after_breaking["other"].status == "ok"


@pytest.mark.usefixtures("after_breaking")
def test_no_process_is_left_behind() -> None:
    assert not children()


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
    assert not children()


def test_out_of_memory_in_a_round_steps_down_and_says_so(tmp_path: Path) -> None:
    result = run(tmp_path, "starved", plan=TO_THE_FIFTH_PROCESS)["starved"]
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
        f"    measure(Plan('custom', 2.0, workloads=('steady', 'other')), lookup=lambda _: None,\n"
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
