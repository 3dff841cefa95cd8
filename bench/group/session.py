"""A run of several ranks, as the process sees it that starts this node's members and writes its record.

It imports no torch and never waits for ever: a member that hangs is killed, and what it had told is kept.
Rank 0 tells the results of all ranks together, and the first rank of each node those of its node. So what all
did stands in the record of rank 0's node, and what one node did in the record of that node.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.devices.spec import SpecLookup, with_spec
from bench.environment import Environment, Load, node_name
from bench.errors import DeviceError, FlopcensusError
from bench.files import cannot_write
from bench.group.crew import Crew
from bench.group.members import GroupPlan, devices_of, specs_of
from bench.group.spec import Spec
from bench.launching.attendance import Attendance, Report, launch_folder, node_folder
from bench.launching.part import all_in_sight, gathered
from bench.launching.roll import Patience, Roll
from bench.progress import Progress, ProgressEvent
from bench.record import DeviceDescription, Record, Result
from bench.running.writing import own_version, write_record
from bench.worker.process import OPENER
from bench.workloads import load_grouped, select_workloads

GROUP_FOLDER = "group"


@dataclass(frozen=True)
class GroupOutcome:
    """What came of it.

    Attributes:
        record: Of this node, where this process is the one to write it.
        faults: What went wrong, a line each.
        word: What a process that wrote no record has to say.
    """

    record: Record | None
    faults: tuple[str, ...] = ()
    word: str | None = None


def measure_group(
    wanted: GroupPlan, *, lookup: SpecLookup, out_dir: Path, progress: Progress, opener: str = OPENER
) -> GroupOutcome:
    """Start this process's members, let them measure with all others, and write the node's record.

    Args:
        wanted: What is measured.
        lookup: Finds the spec sheet of a device.
        out_dir: Folder of the records; where no launcher says where to meet, one that all ranks share.
        progress: Told of what happens.
        opener: Module that opens devices in the members.

    Raises:
        DeviceError: A device asked for is not here, or none could be opened.
        InputError: A workload is unknown, or the folder cannot be written to.
        MissingExtraError: Torch is not installed.
        KeyboardInterrupt: Stopped; the record holds what was finished.
    """
    names = tuple(one.name for one in select_workloads(load_grouped(), wanted.plan.workloads))
    with _attending(wanted, out_dir) as (folder, mine, roll, launch):
        run = _Run(wanted, names, lookup, progress, out_dir)
        try:
            devices = devices_of(wanted, opener)
            outcome = run.complete(specs_of(wanted, names, devices, folder, opener))
        except (FlopcensusError, KeyboardInterrupt) as error:
            if mine is not None:
                mine.say("failed", str(error) or "stopped")
            raise
        if mine is None or roll is None or wanted.rank is None:
            return outcome
        failed = outcome.faults or run.interrupted
        mine.say("failed" if failed else "done", "; ".join(outcome.faults) or None)
        if run.interrupted:
            raise KeyboardInterrupt
        if wanted.rank.rank != 0 or not all_in_sight(wanted.rank, launch):
            return outcome
        others = [rank for rank in range(wanted.rank.world_size) if rank != 0]
        told = gathered(roll, others)
    if not told and not outcome.faults:
        shutil.rmtree(launch.parent, ignore_errors=True)
    return GroupOutcome(outcome.record, (*outcome.faults, *told), outcome.word)


@contextmanager
def _attending(
    wanted: GroupPlan, out_dir: Path
) -> Iterator[tuple[Path, Attendance | None, Roll | None, Path]]:
    """The folder to meet in, and under a launcher this process's word to the others."""
    rank = wanted.rank
    if rank is None:
        with tempfile.TemporaryDirectory(prefix="flopcensus-") as made:
            yield Path(made), None, None, Path(made)
        return
    launch = launch_folder(out_dir, rank) / GROUP_FOLDER
    folder = node_folder(launch, rank)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    patience = Patience.for_plan(wanted.plan, wanted.patience_seconds)
    report = Report(rank.rank, node_name(), "measures", leads=True)
    with Attendance(folder, report, patience.beat_seconds) as mine:
        oldest = 0.0 if rank.once_only else mine.written_at - patience.absent_seconds
        yield launch, mine, Roll(lambda: launch.glob("node-*"), patience, oldest), launch


@dataclass
class _Run:
    """What this process's members have told so far."""

    wanted: GroupPlan
    names: tuple[str, ...]
    lookup: SpecLookup
    progress: Progress
    out_dir: Path
    interrupted: bool = False
    _devices: dict[str, DeviceDescription] = field(default_factory=dict)
    _environment: Environment = field(default_factory=dict)
    _roll: dict[str, Any] = field(default_factory=dict)
    _results: dict[int, list[Result]] = field(default_factory=dict)
    _faults: dict[int, str] = field(default_factory=dict)

    def complete(self, specs: list[Spec]) -> GroupOutcome:
        """Hear all members to their end, and write the record where it is this process's to write."""
        self._created, self._start = datetime.now(UTC), time.monotonic()
        crew = Crew(specs)
        self._load = Load(lambda: crew.pids)
        try:
            for number, said in crew.heard():
                self._hear(number, said)
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            crew.kill()
        faults = self._named_faults(specs)
        if not self._devices and self.interrupted:
            raise KeyboardInterrupt
        if not self._devices:
            raise DeviceError(faults[0] if faults else "no member could open its device")
        if not self._writes():
            return GroupOutcome(None, faults, f"rank {specs[0].process}: measured with the other ranks")
        record = self.record(faults)
        path = write_record(self.out_dir, record)
        self._tell("record", f"record written to {path}")
        if self.interrupted and self.wanted.rank is None:
            raise KeyboardInterrupt
        return GroupOutcome(record, faults)

    def _hear(self, number: int, said: dict[str, Any]) -> None:
        kind = said["kind"]
        if kind == "device":
            found = with_spec(DeviceDescription.model_validate(said["device"]), self.lookup)
            if found.id not in self._devices:
                self._tell("device", f"{found.id}: {found.name}")
            self._devices[found.id] = found
            self._environment = said["environment"] | self._environment
        elif kind == "roll":
            if number == 0:
                self._tell("working", f"{said['ranks']} ranks on {said['nodes']} nodes have met")
            if said["first_of_node"] or not self._roll:
                self._roll = said
        elif kind == "results":
            self._results[number] = [Result.model_validate(one) for one in said["results"]]
        elif kind == "fault":
            self._faults.setdefault(number, said["reason"])

    def _named_faults(self, specs: Sequence[Spec]) -> tuple[str, ...]:
        """Each reason once, after the rank that gives it."""
        lines: dict[str, str] = {}
        for number, reason in sorted(self._faults.items()):
            member = f", member {number}" if specs[number].members > 1 else ""
            lines.setdefault(
                reason, f"rank {specs[number].process}{member} on {specs[number].node}: {reason}"
            )
        return tuple(lines.values())

    def _writes(self) -> bool:
        """Whether the node's record is this process's to write: that of the node's first rank."""
        rank = self.wanted.rank
        if self._roll:
            return bool(self._roll["first_of_node"])
        return rank is None or rank.local_rank in (0, None)

    def record(self, faults: Sequence[str]) -> Record:
        """The record of what was told."""
        rank = self.wanted.rank
        results = [result for number in sorted(self._results) for result in self._results[number]]
        results = [self._explained(result, faults) for result in results]
        first = next(iter(self._devices))
        if faults:
            told = {result.workload for result in results}
            results += [_failed(name, first, faults[0]) for name in self.names if name not in told]
        facts: Environment = {} if rank is None else dict(rank.facts)
        load = self._load.since()
        if rank is not None and rank.local_world_size != 1:
            # The other ranks of the node are other processes, and no disturbance.
            load["other_load_fraction"] = None
        for result in results:
            self._tell("result", f"{_label(result)}: {result.reason or 'done'}", result)
        plan = self.wanted.plan
        return Record(
            schema="flopcensus/record/1",
            node=node_name(),
            created=self._created,
            flopcensus_version=own_version(),
            mode=plan.mode,
            budget_seconds=plan.budget_seconds,
            seconds_spent=max(0.0, time.monotonic() - self._start),
            seed=plan.seed,
            interrupted=self.interrupted,
            devices=tuple(self._devices.values()),
            environment=self._environment | facts | _group_facts(self._roll) | load,
            results=tuple(results),
        )

    def _explained(self, result: Result, faults: Sequence[str]) -> Result:
        """A result that has too few rounds, with what ended them."""
        if result.status != "failed" or not faults or not (result.reason or "").startswith("too few"):
            return result
        return result.model_copy(update={"reason": f"{result.reason}: {faults[0]}"})

    def _tell(self, kind: Any, message: str, result: Result | None = None) -> None:
        spent, budget = time.monotonic() - self._start, self.wanted.plan.budget_seconds
        event = ProgressEvent(
            kind,
            message,
            min(1.0, spent / budget),
            max(0.0, budget - spent),
            unit=result.unit if result else None,
            value=result.value if result else None,
            ci95=result.ci95 if result else None,
            result=result,
        )
        with suppress(OSError):
            self.progress(event)


def _group_facts(roll: dict[str, Any]) -> Environment:
    """Which ranks of how many this node has."""
    if not roll:
        return {}
    return {
        "group_ranks": roll["ranks"],
        "group_nodes": roll["nodes"],
        "group_ranks_here": " ".join(str(rank) for rank in roll["ranks_here"]),
        "group_interface": roll["interface"],
    }


def _failed(name: str, device: str, reason: str) -> Result:
    workload = load_grouped()[name]
    return Result(
        workload=name,
        device=device,
        precision=workload.precisions[0],
        metric=workload.metric,
        unit=workload.unit,
        status="failed",
        reason=reason,
    )


def _label(result: Result) -> str:
    size = f" {result.shape['bytes']} B" if "bytes" in result.shape else ""
    reach = f" ({result.exchange.reach})" if result.exchange and result.exchange.reach != "all" else ""
    return f"{result.workload}{size}{reach}"
