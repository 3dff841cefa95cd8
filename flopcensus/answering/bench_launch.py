"""``bench`` as one process of many: what it does before it takes part, and what it says of the others."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from bench.launching.rank import Rank
    from bench.plan import Plan
    from bench.record import Record


def take_part_in_launch(
    rank: Rank,
    out_dir: Path,
    plan: Plan | None,
    measure: Callable[[], Record],
    patience_seconds: float,
    *,
    gather: bool | None,
) -> tuple[Record | None, bool]:
    """The node's record, where this rank measured it, and whether all ranks in sight did their part.

    Args:
        rank: Who this is.
        out_dir: Folder of the records.
        plan: What is measured; None for that of the unfinished run in the folder.
        measure: Measures the node.
        patience_seconds: How long another rank may be silent or absent. Unit: s.
        gather: See `bench.launching.part.take_part`.

    Raises:
        FlopcensusError: See `bench.launching.part.take_part`.
    """
    from bench.launching.part import take_part
    from bench.launching.roll import Patience
    from bench.running.resume import find_progress

    patience = Patience.for_plan(plan or find_progress(out_dir).plan, patience_seconds)
    _say(f"rank {rank.rank} of {rank.world_size}, as {rank.launcher} says")
    for line in unbound(rank, os.environ):
        _say(f"warning: {line}")
    with stopped_by_terminate():
        outcome = take_part(rank, out_dir, measure, patience, gather=gather)
    if outcome.word is not None:
        _say(outcome.word)
    if outcome.unseen:
        _say(
            f"warning: {out_dir} shows no other node: collect their records, or give a folder that all share"
        )
    for fault in outcome.faults:
        _say(f"error: {fault}")
    return outcome.record, not outcome.faults


def unbound(rank: Rank, variables: MutableMapping[str, str]) -> Iterator[str]:
    """Undo what a launcher does to share a node between its processes, and say what cannot be undone.

    Args:
        rank: Who this is.
        variables: The environment, of which torchrun's OMP_NUM_THREADS=1 is taken away.
    """
    if (rank.local_world_size or 1) < 2:
        return
    if rank.launcher == "torchrun" and variables.get("OMP_NUM_THREADS") == "1":
        del variables["OMP_NUM_THREADS"]
        yield "OMP_NUM_THREADS=1, which torchrun sets for several processes a node, is not heeded"
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    present = os.cpu_count()
    if rank.local_rank in (0, None) and usable and present and usable < present:
        yield (
            f"this process may use {usable} of {present} cores; start one process a node, or bind none "
            "(srun --cpu-bind=none, mpirun --bind-to none)"
        )


@contextmanager
def stopped_by_terminate() -> Iterator[None]:
    """A launcher that ends a job sends SIGTERM: what is finished becomes a record, as at Ctrl-C."""

    def stop(_signal: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(line: str) -> None:
    click.echo(line, err=True)
