"""A run cut off by ``kill -9`` goes on where it was."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import InputError
from bench.progress import ProgressEvent, silent
from bench.record import load_record
from bench.running.journal import Journal
from bench.session import resume
from tests.bench import scripted
from tests.bench.spawning import OPENER, ROOT, run, switched

pytestmark = pytest.mark.usefixtures("switches")
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture(scope="module")
def after_one_round(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run of one workload that was killed after a round."""
    folder = tmp_path_factory.mktemp("cut-off")
    with switched(folder / "switches"):
        cut_off(folder / "out", 1, "steady")
    return folder / "out"


@pytest.fixture
def unfinished(after_one_round: Path, tmp_path: Path) -> Path:
    """A copy of it, for one test."""
    return shutil.copytree(after_one_round, tmp_path / "out")


def cut_off(out_dir: Path, rounds: int, *names: str) -> None:
    """A run that is killed after so many rounds, leaving its journal."""
    code = (
        "import os, sys; from dataclasses import replace; from pathlib import Path\n"
        "from bench.plan import Plan; from bench.session import measure\n"
        "from tests.bench import scripted\n"
        "seen = []\n"
        "def die(event):\n"
        "    seen.append(event.kind)\n"
        f"    if seen.count('round') == {rounds}: os.kill(os.getpid(), 9)\n"
        f"measure(Plan('custom', 3.0, workloads={names!r}), lookup=lambda _: None, progress=die,\n"
        f"    out_dir=Path({str(out_dir)!r}), workloads=scripted.workloads(), opener={OPENER!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=120, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL


@needs_signals
@pytest.mark.parametrize("rounds", [1, 7])
def test_what_was_finished_stays_and_rounds_count(
    tmp_path: Path, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.session.load_workloads", scripted.workloads)
    cut_off(tmp_path, rounds, "steady", "other")
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


@needs_signals
def test_a_torn_line_is_cut_and_a_second_resume_goes_well(
    unfinished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.session.load_workloads", scripted.workloads)
    (journal,) = unfinished.glob("journal-*.jsonl")
    with journal.open("a", encoding="utf-8") as file:
        file.write('{"kind": "round", "at": 3')
    stopped = iter([False, True])

    def stop(event: ProgressEvent) -> None:
        if event.kind == "round" and next(stopped, False):
            raise MemoryError("the machine was switched off")

    with pytest.raises(MemoryError):
        resume(unfinished, lookup=lambda _: None, progress=stop, opener=OPENER)
    record = resume(unfinished, lookup=lambda _: None, progress=silent, opener=OPENER)
    (result,) = record.results
    assert result.status == "ok"
    processes = [detail.process for detail in result.round_details]
    assert processes == sorted(processes)
    assert len(set(processes)) > 1


@needs_signals
def test_a_wrong_output_stays_wrong(unfinished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.session.load_workloads", scripted.workloads)
    (journal,) = unfinished.glob("journal-*.jsonl")
    wrong = '"verdict": {"correct": false, "detail": "3 of 4 wrong"}, "repeatable"'
    text = journal.read_text(encoding="utf-8")
    changed = re.sub(r'"verdict": \{[^}]*\}, "repeatable"', wrong, text)
    assert changed != text
    journal.write_text(changed, encoding="utf-8")
    (result,) = resume(unfinished, lookup=lambda _: None, progress=silent, opener=OPENER).results
    assert (result.status, result.value) == ("incorrect", None)


@needs_signals
def test_a_run_that_is_still_going_on_is_not_resumed(
    unfinished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.session.load_workloads", scripted.workloads)
    (path,) = unfinished.glob("journal-*.jsonl")
    with Journal(path), pytest.raises(InputError, match="this run is still going on; wait for it"):
        resume(unfinished, lookup=lambda _: None, progress=silent, opener=OPENER)
    assert path.exists()


@needs_signals
def test_rounds_of_other_versions_are_not_added_to(unfinished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.session.load_workloads", scripted.workloads)
    monkeypatch.setattr("bench.running.run.own_version", lambda: "99.0")
    with pytest.raises(InputError, match=r"flopcensus .* then, 99\.0 now; rounds of both make no figure"):
        resume(unfinished, lookup=lambda _: None, progress=silent, opener=OPENER)
    assert list(unfinished.glob("journal-*"))


def test_a_folder_without_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    run(tmp_path, "steady")
    with pytest.raises(
        InputError, match=r"no journal of an unfinished run on .*; the runs there are finished"
    ):
        resume(tmp_path, lookup=lambda _: None, progress=silent)


@needs_signals
def test_a_run_of_another_node_is_refused(unfinished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.running.resume.node_name", lambda: "elsewhere")
    with pytest.raises(InputError, match="no journal of an unfinished run on elsewhere"):
        resume(unfinished, lookup=lambda _: None, progress=silent)
    assert list(unfinished.glob("journal-*"))


@needs_signals
def test_a_run_killed_before_it_began_does_not_stand_in_the_way(
    unfinished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.session.load_workloads", scripted.workloads)
    (journal,) = unfinished.glob("journal-*.jsonl")
    node = journal.name.split("-2")[0]
    empty = [unfinished / f"{node}-29990101T00000{number}Z.jsonl" for number in range(2)]
    empty[0].touch()
    empty[1].write_text('{"kind": "start", "no', encoding="utf-8")
    record = resume(unfinished, lookup=lambda _: None, progress=silent, opener=OPENER)
    assert record.environment["resumed"] is True
    assert [path.name.split("-")[0] for path in unfinished.iterdir()] == ["record"]


@needs_signals
def test_a_run_whose_record_is_there_is_not_measured_again(
    unfinished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the record was written, before the journal was deleted."""
    monkeypatch.setattr("bench.session.load_workloads", scripted.workloads)
    (journal,) = unfinished.glob("journal-*.jsonl")
    kept = journal.read_bytes()
    resume(unfinished, lookup=lambda _: None, progress=silent, opener=OPENER)
    journal.write_bytes(kept)
    with pytest.raises(InputError, match="the runs there are finished"):
        resume(unfinished, lookup=lambda _: None, progress=silent, opener=OPENER)
    assert not journal.exists()
    assert len(list(unfinished.glob("record-*.json"))) == 1
