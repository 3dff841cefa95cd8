"""``bench`` of what several ranks do together: what it says of the others, and the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bench.launching.rank import Rank
    from bench.plan import Plan
    from bench.record import Record


def take_part_in_group(
    plan: Plan, rank: Rank | None, ranks: int | None, patience_seconds: float, out_dir: Path
) -> tuple[Record | None, bool]:
    """The node's record, where this process wrote it, and whether all went well on every rank in sight.

    Args:
        plan: What is measured.
        rank: Which process of a launch this is; None where no launcher started it.
        ranks: Processes to start on a CPU.
        patience_seconds: How long another rank may be silent or absent. Unit: s.
        out_dir: Folder of the records.

    Raises:
        FlopcensusError: See `bench.group.session.measure_group`.
        KeyboardInterrupt: Stopped; what was finished is in the folder.
    """
    from bench.group.members import GroupPlan
    from bench.group.session import measure_group
    from flopcensus.answering.bench import find_spec
    from flopcensus.answering.bench_launch import stopped_by_terminate
    from flopcensus.live import progress_on_stderr

    if rank is not None:
        click.echo(f"rank {rank.rank} of {rank.world_size}, as {rank.launcher} says", err=True)
    wanted = GroupPlan(plan, rank, ranks, patience_seconds)
    with stopped_by_terminate(), progress_on_stderr() as shown:
        outcome = measure_group(wanted, lookup=find_spec, out_dir=out_dir, progress=shown)
    if outcome.word is not None:
        click.echo(outcome.word, err=True)
    for fault in outcome.faults:
        click.echo(f"error: {fault}", err=True)
    wrong = outcome.record is not None and any(
        result.status in ("incorrect", "failed") for result in outcome.record.results
    )
    return outcome.record, not (outcome.faults or wrong)
