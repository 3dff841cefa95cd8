"""This machine measured with the shipped spec sheets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.devices.spec import SpecMatch
    from bench.launching.rank import Rank
    from bench.plan import Plan
    from bench.progress import Progress
    from bench.record import DeviceDescription, Record


def run_bench(
    plan: Plan, out_dir: Path, progress: Progress | None = None, *, rank: Rank | None = None
) -> Record:
    """Measure a plan with the shipped spec sheets; progress goes to stderr unless told elsewhere.

    Raises:
        FlopcensusError: See `bench.session.measure`.
        KeyboardInterrupt: Stopped by the user; what was finished is in the folder.
    """
    from bench.session import measure

    if progress is not None:
        return measure(plan, lookup=find_spec, out_dir=out_dir, progress=progress, rank=rank)
    from flopcensus.live import progress_on_stderr

    with progress_on_stderr() as shown:
        return measure(plan, lookup=find_spec, out_dir=out_dir, progress=shown, rank=rank)


def resume_bench(
    folder: Path, progress: Progress | None = None, *, force: bool = False, rank: Rank | None = None
) -> Record:
    """Continue the unfinished run in a folder, with its own plan; progress as for `run_bench`.

    Raises:
        FlopcensusError: See `bench.session.resume`.
        KeyboardInterrupt: Stopped by the user; what was finished is in the folder.
    """
    from bench.session import resume

    if progress is not None:
        return resume(folder, lookup=find_spec, progress=progress, force=force, rank=rank)
    from flopcensus.live import progress_on_stderr

    with progress_on_stderr() as shown:
        return resume(folder, lookup=find_spec, progress=shown, force=force, rank=rank)


def measure_here(budget_seconds: float, out_dir: Path, seed: int, progress: Progress | None = None) -> Record:
    """Measure this node's GPUs, or its CPU, with all workloads; what ``flopcensus run`` calls.

    Args:
        budget_seconds: Time the whole takes; 60 is the quick mode. Unit: s.
        out_dir: Folder for the record.
        seed: Draws the operands and the order of rounds.
        progress: Told of everything that happens; stderr where left out.

    Raises:
        FlopcensusError: See `bench.session.measure`.
        KeyboardInterrupt: Stopped by the user; what was finished is in the folder.
    """
    from bench.plan import BUDGET_SECONDS, Mode, Plan

    names: dict[float, Mode] = {seconds: mode for mode, seconds in BUDGET_SECONDS.items()}
    return run_bench(Plan(names.get(budget_seconds, "custom"), budget_seconds, seed=seed), out_dir, progress)


def find_spec(description: DeviceDescription) -> SpecMatch | None:
    """Return what the spec sheet says of a device."""
    from accounting.reference.devices import match_device

    match: SpecMatch | None = match_device(description)
    return match
