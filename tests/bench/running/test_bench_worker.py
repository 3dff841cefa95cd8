"""Measuring processes: fresh ones for the rounds, and what each is to its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bench.plan import MIN_ROUNDS
from bench.record import Result
from bench.worker.process import SpawnedWorker, WorkerLostError, survey
from bench.worker.tasks import Introduce, Introduction
from tests.bench import scripted
from tests.bench.spawning import OPENER, ROOT, TO_THE_FIFTH_PROCESS, run, switched

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("switches")]


@pytest.fixture(scope="module")
def to_the_fifth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Result]]:
    """Results of one run long enough for a process each round, of two workloads."""
    folder = tmp_path_factory.mktemp("fresh")
    with switched(folder / "switches"):
        yield run(folder, "steady", "starved", plan=TO_THE_FIFTH_PROCESS)


def test_rounds_come_from_fresh_processes(to_the_fifth: dict[str, Result]) -> None:
    result = to_the_fifth["steady"]
    assert result.status == "ok"
    assert result.value == pytest.approx(1e11)
    processes = [detail.process for detail in result.round_details]
    assert len(set(processes)) >= MIN_ROUNDS
    assert processes == sorted(processes)


def test_out_of_memory_in_a_round_steps_down_and_says_so(to_the_fifth: dict[str, Result]) -> None:
    result = to_the_fifth["starved"]
    assert (result.status, result.shape) == ("ok", {"size": scripted.SMALL})
    assert any("memory ran out at size=1000000000" in note for note in result.notes)
    assert any("rounds were set aside" in note for note in result.notes)


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
