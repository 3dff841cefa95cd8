"""The command line with scripted devices: ``python -m tests.reliability.faked_cli bench …``.

All is as in ``flopcensus`` but for the devices and workloads (`tests.bench.scripted`), which are done in no
time and give the same values in every run.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import bench.session
from bench.devices.fake import FakeWorkload
from flopcensus.cli import main
from tests.bench import scripted

OPENER = "tests.bench.scripted"


def _steady_workloads() -> Mapping[str, FakeWorkload]:
    """Those that neither hang nor crash."""
    return {name: one for name, one in scripted.workloads().items() if name in ("steady", "other")}


def _choose_scripted() -> None:
    bench.session.load_workloads = _steady_workloads  # type: ignore[attr-defined]
    bench.session.measure = partial(bench.session.measure, opener=OPENER)
    bench.session.resume = partial(bench.session.resume, opener=OPENER)


if __name__ == "__main__":
    _choose_scripted()
    main()
