"""Measuring processes that hang, crash and are stopped: nothing else is lost, and the record says so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.progress import ProgressEvent
from bench.record import Result, load_record
from bench.worker import process as process_module
from tests.bench.spawning import OPENER, ROOT, children, run, switched

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("switches")]


BREAKING = {
    "raises": "RuntimeError: device-side assert",
    "exits": "its process ended with exit code 3",
    "mumbles": "its process ended with exit code 3: the last job here ended with SIGKILL",
    "hangs": "no answer within",
} | ({} if sys.platform == "win32" else {"crashes": "its process ended with SIGSEGV"})


@pytest.fixture(scope="module")
def after_breaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Result]]:
    """Results of one run in which every kernel breaks its process that can, or hangs until it is killed."""
    folder = tmp_path_factory.mktemp("breaking")
    with switched(folder / "switches"), pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.plan.SHORTEST_PATIENCE_SECONDS", 2.0)
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


def test_a_process_that_cannot_be_killed_is_abandoned_with_its_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a driver holds it in the kernel: the signal changes nothing."""
    held: list[subprocess.Popen[bytes]] = []
    monkeypatch.setattr("bench.plan.SHORTEST_PATIENCE_SECONDS", 1.0)
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
