"""Where measuring begins: `measure` a plan, or `resume` a run that was cut off."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.devices.device import Clock, Device
from bench.devices.spec import SpecLookup
from bench.launching.rank import Rank
from bench.plan import Plan
from bench.progress import Progress
from bench.record import Record
from bench.running.resume import find_progress
from bench.running.run import Run
from bench.worker.process import OPENER, Worker
from bench.workloads import load_workloads

if TYPE_CHECKING:
    from kernels.workload import Workload


def measure(  # noqa: PLR0913 - all but the plan are seams
    plan: Plan,
    *,
    lookup: SpecLookup,
    out_dir: Path,
    progress: Progress,
    devices: Sequence[Device] | None = None,
    workloads: Mapping[str, Workload] | None = None,
    clock: Clock = time.perf_counter,
    opener: str = OPENER,
    rank: Rank | None = None,
) -> Record:
    """Run a plan within its budget and write ``record-<node>-<time>.json`` into a folder.

    Each device is measured by a process of its own, so that one that hangs or crashes loses nothing.

    Args:
        plan: What to measure, and for how long.
        lookup: Finds the spec sheet of a device.
        out_dir: Folder of the record, and of the journal while the run lasts.
        progress: Told of everything that happens.
        devices: Devices to use in place of those that the plan selects, in this process.
        workloads: Workloads to choose from in place of all.
        clock: Tells the time. Unit: s.
        opener: Module that opens devices in the measuring processes.
        rank: Which process of a launch this is, where a launcher started it.

    Raises:
        DeviceError: A device asked for is not here, is busy, or cannot be opened.
        InputError: A workload or precision is unknown, or the folder cannot be written to.
        KernelsShadowedError: Another package named ``kernels`` hides ours.
        MissingExtraError: Torch is not installed.
        RecordNotWrittenError: The disk took the journal but not the record, which the error carries.
        KeyboardInterrupt: The user stopped the run; the record holds what was finished.
    """
    known = load_workloads() if workloads is None else workloads
    run = Run(plan, lookup, progress, clock, known, rank=rank)
    return run.complete(out_dir, _local(devices, run) if devices is not None else None, opener)


def resume(
    folder: Path,
    *,
    lookup: SpecLookup,
    progress: Progress,
    force: bool = False,
    opener: str = OPENER,
    rank: Rank | None = None,
) -> Record:
    """Continue the newest unfinished run in a folder: what was finished stays, rounds taken count.

    Args:
        folder: Where its journal lies; the record goes there too.
        lookup: Finds the spec sheet of a device.
        progress: Told of everything that happens.
        force: Measure a device even though others use it.
        opener: Module that opens devices in the measuring processes.
        rank: Which process of a launch this is, where a launcher started it.

    Raises:
        InputError: No run of this node is unfinished there, it is still going on, or hardware or software
            have changed since.
        RecordError: Its journal cannot be read.
        FlopcensusError: See `measure`.
        KeyboardInterrupt: Stopped once more.
    """
    before = find_progress(folder)
    plan = before.plan.with_force() if force else before.plan
    run = Run(plan, lookup, progress, time.perf_counter, load_workloads(), before, rank)
    return run.complete(folder, None, opener)


def _local(devices: Sequence[Device], run: Run) -> dict[str, Worker]:
    """Workers in this process, for devices that only exist as objects."""
    from bench.worker.local import LocalWorker  # noqa: PLC0415 - what measures imports torch
    from bench.worker.station import Station  # noqa: PLC0415

    return {one.description.id: LocalWorker(Station(one, run.workloads, run.clock)) for one in devices}
