"""A rank's part in a run on many nodes: the first of each node measures it, the others wait for that one.

One process measures all devices of a node, for three reasons: `bench.session` gives each device a process of
its own already; two ranks that measured at once would slow each other through shared memory, links and
power; and a node's record is to hold what its devices do one by one *and* all at once. The other ranks do
nothing but wait in bounded time, and end with an error where devices of theirs are hidden from the rank that
measures.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.environment import node_name
from bench.errors import RecordNotWrittenError
from bench.files import cannot_write, lock
from bench.launching.attendance import Attendance, Report, launch_folder, node_folder, seen_devices
from bench.launching.rank import Rank
from bench.launching.roll import Patience, Roll
from bench.record import Record


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        record: The node's, where this rank measured it.
        faults: Ranks that failed, fell silent or never came, a line each.
        unseen: Whether other nodes' reports are not to be seen here, so that nothing is said of them.
        word: What a rank that only waited has to say.
    """

    record: Record | None = None
    faults: tuple[str, ...] = ()
    unseen: bool = False
    word: str | None = None


def take_part(
    rank: Rank,
    out_dir: Path,
    measure: Callable[[], Record],
    patience: Patience,
    *,
    gather: bool | None = None,
) -> Outcome:
    """Measure this node, or wait for the rank that does.

    Args:
        rank: Who this is.
        out_dir: Folder of the records, shared between nodes or not.
        measure: Measures all devices of the node, and writes its record.
        patience: How long others are waited for.
        gather: Whether rank 0 waits for all ranks at the end, which takes a folder that all nodes share;
            None to do so where all ranks are on this node, or another node is seen in the folder.

    Raises:
        InputError: The folder cannot be written to.
        FlopcensusError: Whatever measuring raises; the other ranks are told.
        KeyboardInterrupt: Stopped; the other ranks are told.
    """
    launch = launch_folder(out_dir, rank)
    folder = node_folder(launch, rank)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    claim = _claim(rank, folder)
    sees = seen_devices()
    report = Report(
        rank.rank, node_name(), "waits" if claim is None else "measures", sees, leads=claim is not None
    )
    with Attendance(folder, report, patience.beat_seconds) as mine:
        oldest = 0.0 if rank.once_only else mine.written_at - patience.absent_seconds
        if claim is None:
            return _wait(mine, Roll(lambda: [folder], patience, oldest))
        with claim:
            record = _measure(mine, measure)
        if rank.rank != 0:
            return Outcome(record)
        roll = Roll(lambda: launch.glob("node-*"), patience, oldest)
        if not (all_in_sight(rank, launch) if gather is None else gather):
            return Outcome(record, unseen=True)
        faults = gathered(roll, range(rank.world_size))
    # All is well and nobody writes or reads there any more: nothing is left but the records.
    if not faults:
        shutil.rmtree(launch, ignore_errors=True)
    return Outcome(record, faults)


def _claim(rank: Rank, folder: Path) -> IO[str] | None:
    """The right to measure the node, held until it is closed; None where it is another's."""
    file = (folder / "measures").open("a", encoding="utf-8")
    # Where nothing tells who is first of the node, it is whoever comes first; a lock ends with its process.
    of_node = rank.local_rank
    leads = lock(file.fileno()) is not False if of_node is None else of_node == 0
    if leads:
        return file
    file.close()
    return None


def _measure(mine: Attendance, measure: Callable[[], Record]) -> Record:
    try:
        record = measure()
    except RecordNotWrittenError as error:
        mine.say("failed", str(error))
        raise
    except BaseException as error:
        mine.say("failed", str(error) or ("stopped" if isinstance(error, KeyboardInterrupt) else repr(error)))
        raise
    mine.say("done")
    return record


def _wait(mine: Attendance, roll: Roll) -> Outcome:
    """Until the rank that measures this node has ended, or must be given up."""
    roll.wait(lambda: _fault_of_first(roll, mine.report) is not None or _first(roll, ended=True) is not None)
    fault, first = _fault_of_first(roll, mine.report), _first(roll, ended=True)
    if fault is not None or first is None:
        mine.say("failed", fault)
        return Outcome(faults=(f"rank {mine.report.rank}: {fault}",))
    mine.say("done")
    return Outcome(word=f"rank {mine.report.rank}: {first.node} was measured by rank {first.rank}")


def _first(roll: Roll, *, ended: bool = False) -> Report | None:
    """The rank that measures the node, once it is seen, or has ended."""
    return next((one for one in roll.reports.values() if one.leads and (one.ended or not ended)), None)


def _fault_of_first(roll: Roll, mine: Report) -> str | None:
    """Why the rank that measures this node will not have measured ours; None while it still may."""
    first = _first(roll)
    if first is None:
        # No rank has this number, so that the answer is for how long nobody at all has come.
        away = roll.lost(-1)
        return None if away is None else f"the first rank of {mine.node}, which is to measure it, {away}"
    if first.state == "failed":
        return f"rank {first.rank}, which measured {first.node}, failed: {first.reason}"
    if first.ended and first.sees != mine.sees:
        return (
            f"its devices ({mine.sees or 'all'}) were not measured: rank {first.rank}, which measured "
            f"{first.node}, saw {first.sees or 'all'}; start one process a node that sees all"
        )
    gone = roll.lost(first.rank)
    return None if gone is None else f"rank {first.rank}, which measures this node, {gone}"


def all_in_sight(rank: Rank, launch: Path) -> bool:
    """Whether every rank's report can be expected here: all on this node, or others that share the folder."""
    return rank.local_world_size == rank.world_size or len(list(launch.glob("node-*"))) > 1


def gathered(roll: Roll, ranks: Sequence[int]) -> tuple[str, ...]:
    """Wait for all ranks, and say which have not done their part, and why."""

    def settled() -> bool:
        reports = roll.reports
        return all((one in reports and reports[one].ended) or roll.lost(one) for one in ranks)

    roll.wait(settled)
    return tuple(fault for one in ranks if (fault := _fault(roll, one)))


def _fault(roll: Roll, rank: int) -> str | None:
    report = roll.reports.get(rank)
    if report is not None and report.ended:
        return f"rank {rank} on {report.node} failed: {report.reason}" if report.state == "failed" else None
    return f"rank {rank} {roll.lost(rank)}"
