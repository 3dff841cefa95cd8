"""Whole runs on a fake device whose clock moves only inside calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.devices.fake import FakeClock, FakeDevice, FakeWorkload
from bench.plan import Plan
from bench.progress import ProgressEvent, silent
from bench.record import Record, Result
from bench.session import measure
from kernels.workload import Verdict

RIGHT, WRONG = Verdict(correct=True, detail="as it should be"), Verdict(correct=False, detail="3 of 4 wrong")


def workload(name: str = "fake", **changes: Any) -> FakeWorkload:
    """One that is right, with changes."""
    return replace(FakeWorkload(RIGHT, name, name), **changes)


def run(
    out_dir: Path,
    *workloads: FakeWorkload,
    devices: list[FakeDevice] | None = None,
    clock: FakeClock | None = None,
    lookup: Callable[..., Any] = lambda _description: None,
    progress: Callable[[ProgressEvent], None] = silent,
    **plan: Any,
) -> Record:
    """The record of a quick run, with changes to its plan."""
    clock = clock or FakeClock()
    return measure(
        replace(Plan("quick", 60.0), **plan),
        lookup=lookup,
        out_dir=out_dir,
        progress=progress,
        devices=devices or [FakeDevice(clock)],
        workloads={one.name: one for one in workloads or (workload(),)},
        clock=clock,
    )


def only(record: Record) -> Result:
    """The one result."""
    (result,) = record.results
    return result
