"""Runs in measuring processes whose devices and workloads are scripted: the parent's side of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bench.plan import Plan
from bench.progress import ProgressEvent, silent
from bench.record import Record, Result
from bench.session import measure
from tests.bench import scripted

OPENER = "tests.bench.scripted"
ROOT = Path(__file__).parents[2]
PLAN = Plan("custom", 2.0)
TO_THE_FIFTH_PROCESS = Plan("custom", 150.0)
"""Long enough for a process each round; steady figures have settled after five."""


@contextmanager
def switched(folder: Path) -> Iterator[Path]:
    """The folder of switches, and this checkout on the path of measuring processes, while it lasts."""
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCRIPTED", str(folder))
        patch.setenv("PYTHONPATH", str(ROOT))
        yield folder


def run(
    out_dir: Path,
    *names: str,
    progress: Callable[[ProgressEvent], None] = silent,
    plan: Plan = PLAN,
) -> dict[str, Result]:
    """Results by the name of the workload."""
    return by_name(run_record(out_dir, *names, progress=progress, plan=plan))


def run_record(
    out_dir: Path,
    *names: str,
    progress: Callable[[ProgressEvent], None] = silent,
    plan: Plan = PLAN,
) -> Record:
    """The record of scripted workloads."""
    return measure(
        replace(plan, workloads=names),
        lookup=lambda _description: None,
        out_dir=out_dir,
        progress=progress,
        workloads=scripted.workloads(),
        opener=OPENER,
    )


def by_name(record: Record) -> dict[str, Result]:
    """Results by the name of the workload."""
    return {result.workload: result for result in record.results}


def children() -> list[psutil.Process]:
    """Processes that were started and are still there."""
    return [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
