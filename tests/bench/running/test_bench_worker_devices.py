"""Devices that are gone, busy or several, as their measuring processes find them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bench.errors import DeviceError
from bench.plan import Plan
from bench.progress import ProgressEvent, silent
from bench.session import measure
from tests.bench import scripted
from tests.bench.spawning import OPENER, PLAN, run, run_record

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("switches")]


def test_a_device_that_disappears_ends_what_is_left_of_it(tmp_path: Path) -> None:
    found = run(tmp_path, "vanishes", "steady")
    assert found["vanishes"].reason == "RuntimeError: the GPU has fallen off the bus"
    assert found["steady"].status == "failed"
    assert "cpu cannot be opened: RuntimeError: no device cpu on the bus" in (found["steady"].reason or "")


def test_a_device_lost_after_five_rounds_leaves_what_was_measured(
    tmp_path: Path, switches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the long run, when all rounds are done. Here it takes all of the budget, so that these are few."""
    monkeypatch.setattr("bench.plan.BUDGETS_PER_LONG_RUN", 1.0)
    headline = {name: replace(one, headline=True) for name, one in scripted.workloads().items()}

    def lose(event: ProgressEvent) -> None:
        if "without a pause" in event.message:
            (switches / "cpu-is-gone").touch()
            for child in psutil.Process().children():
                child.kill()

    record = measure(
        Plan("custom", 5.0, workloads=("steady", "other")),
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
