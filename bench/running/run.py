"""One run from its plan to its record: devices are met, take their turns, and a journal keeps each step."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.assessing.results import with_ceilings
from bench.assessing.roofline import with_rooflines
from bench.assessing.scores import scores_of
from bench.devices.device import Clock
from bench.devices.spec import SpecLookup, with_spec
from bench.environment import Environment, Load, node_name
from bench.errors import DeviceError, InputError
from bench.launching.rank import Rank
from bench.plan import Plan
from bench.progress import Progress
from bench.record import Record, Result, safe_name, timestamp
from bench.running.journal import Journal
from bench.running.log import Log
from bench.running.meeting import meet_all, spawn_workers
from bench.running.resume import Progressed, plan_as_dict, restore
from bench.running.together import shared_cases, take_together
from bench.running.trial import Trial
from bench.running.turn import Turn
from bench.running.writing import own_version, write_record
from bench.worker.process import Worker
from bench.worker.tasks import Introduction
from bench.workloads import require_known_precisions, select_workloads

if TYPE_CHECKING:
    from kernels.workload import Workload

# Of the budget, what the run aims to fill: a slow last call and the record take the rest.
AIM_SHARE = 0.98
# Of the budget, what all devices at once get where there are several.
TOGETHER_SHARE = 0.1


class Run:
    """One run: a turn for each device.

    Args:
        plan: What to measure, and for how long.
        lookup: Finds the spec sheet of a device.
        progress: Told of everything that happens.
        clock: Tells the time. Unit: s.
        workloads: All workloads by name.
        before: How far an earlier run had come that this one goes on with.
        rank: Which process of a launch this is, where a launcher started it.

    Raises:
        InputError: A workload or precision of the plan is unknown.
    """

    def __init__(
        self,
        plan: Plan,
        lookup: SpecLookup,
        progress: Progress,
        clock: Clock,
        workloads: Mapping[str, Workload],
        before: Progressed | None = None,
        rank: Rank | None = None,
    ) -> None:
        require_known_precisions(workloads, plan.precisions)
        select_workloads(workloads, plan.workloads)
        self.plan, self.node = plan, node_name()
        self.created = before.created if before else datetime.now(UTC)
        self.workloads, self.clock = workloads, clock
        self._lookup, self._progress, self._before = lookup, progress, before
        self._start = clock() - (before.seconds_spent if before else 0.0)
        self._rank = rank
        self._environment: Environment = {} if rank is None else rank.facts
        self._turns: list[Turn] = []
        self._workers: list[Worker] = []
        self._load = Load(self._own_pids)
        self._interrupted = False

    def complete(self, out_dir: Path, workers: Mapping[str, Worker] | None, opener: str) -> Record:
        """Measure, write the record, and let the journal go. For what it raises see `bench.session.measure`.

        Args:
            out_dir: Folder of the record and the journal.
            workers: What measures each device, by its id; None to start a process for each.
            opener: Module that opens devices in these processes.
        """
        path = self._journal_path(out_dir)
        with Journal(path) as journal:
            if self._before is None:
                journal.append("start", self._header())
            log = Log(journal, self._progress, self.clock, self._start, self.plan.budget_seconds)
            try:
                folder = self.plan.storage_dir or str(out_dir.resolve())
                self._open(
                    spawn_workers(self.plan.device, opener, folder) if workers is None else workers, log
                )
                self._take_all(log)
            except KeyboardInterrupt:
                self._kill()
                if not self._turns:
                    self._forget_unless_begun(path)
                    raise
                self._finish_interrupted()
            except BaseException:
                self._kill()
                self._forget_unless_begun(path)
                raise
            self._close()
            record = self._write_record(out_dir, log)
        # The record now holds all that the journals held.
        path.unlink(missing_ok=True)
        if self._interrupted:
            raise KeyboardInterrupt
        return record

    def _header(self) -> dict[str, Any]:
        """The journal's first line."""
        created = self.created.isoformat()
        return {"node": self.node, "created": created, "plan": plan_as_dict(self.plan)}

    def _journal_path(self, out_dir: Path) -> Path:
        if self._before is not None:
            return self._before.path
        # Nodes that share a folder may share a name too, in containers.
        ranked = "" if self._rank is None else f"-rank{self._rank.rank}"
        return out_dir / f"journal-{safe_name(self.node)}-{timestamp(self.created)}{ranked}.jsonl"

    def _forget_unless_begun(self, path: Path) -> None:
        """Delete the journal of a run that never met its devices: there is nothing to resume."""
        if self._before is None and not self._turns:
            path.unlink(missing_ok=True)

    def _own_pids(self) -> list[int]:
        return [pid for worker in self._workers for pid in worker.pids]

    def _open(self, workers: Mapping[str, Worker], log: Log) -> None:
        """Meet all devices before measuring any, so that a busy one is refused at once."""
        self._workers = list(workers.values())
        met = meet_all(workers, self.plan, self.workloads, log.warn)
        for name, introduction in met.items():
            if introduction.busy and not self.plan.force:
                raise DeviceError(
                    f"{name} is in use: {introduction.busy}; wait, or measure it all the same with --force"
                )
        if not any(introduction.cases for introduction in met.values()):
            raise InputError("nothing to measure: no chosen workload runs in a chosen precision")
        for name, introduction in met.items():
            self._environment = introduction.environment | self._environment
            self._turns.append(self._turn(name, introduction, workers[name], log))
            if introduction.busy:
                log.warn(f"{name} is in use: {introduction.busy}")
        log.stack(self._stack())

    def _stack(self) -> dict[str, Any]:
        """Versions that the rounds are taken with.

        Raises:
            InputError: They have changed since the run that is resumed: rounds of both would make no figure.
        """
        known = {name: self._environment.get(name) for name in ("torch", "cuda", "rocm")}
        drivers = {turn.description.id: turn.description.driver for turn in self._turns}
        stack = {"flopcensus": own_version(), **known, **drivers}
        if self._before is not None and self._before.stack not in ({}, stack):
            then = self._before.stack
            what = ", ".join(
                f"{name} {then.get(name)} then, {now} now"
                for name, now in stack.items()
                if then.get(name) != now
            )
            raise InputError(f"{self._before.path}: {what}; rounds of both make no figure: run bench anew")
        return stack

    def _turn(self, name: str, introduction: Introduction, worker: Worker, log: Log) -> Turn:
        description = with_spec(introduction.description, self._lookup)
        trials = [
            Trial(case, self.workloads[case.workload], name, skipped=introduction.lacking.get(case.label))
            for case in introduction.cases
        ]
        turn = Turn(
            description, worker, trials, self.plan, self.clock, log, introduction.least_window_seconds
        )
        if self._before is not None:
            _restore(turn, self._before)
        log.device(description)
        if introduction.failed:
            turn.fail_all(introduction.failed)
        return turn

    def _take_all(self, log: Log) -> None:
        """Measure device after device, each with an equal share of the time left; then all at once."""
        several = bool(shared_cases(self._turns))
        end = self._start + self.plan.budget_seconds * (AIM_SHARE - several * TOGETHER_SHARE)
        order = random.Random(self.plan.seed)  # noqa: S311 - an order, not a secret
        for number, turn in enumerate(self._turns):
            now = self.clock()
            turn.take(now + max(0.0, end - now) / (len(self._turns) - number), order)
            turn.worker.renew()
        if several:
            log.say("all devices at once")
            take_together(self._turns, self.plan, TOGETHER_SHARE * self.plan.budget_seconds)
        if log.spent_seconds > 1.1 * self.plan.budget_seconds:
            log.warn(
                "took longer than the time budget: calls were slower than they were when shapes were chosen"
            )

    def _finish_interrupted(self) -> None:
        self._interrupted = True
        for turn in self._turns:
            turn.finish_interrupted()

    def _kill(self) -> None:
        for worker in self._workers:
            worker.kill()

    def _close(self) -> None:
        for worker in self._workers:
            worker.close()

    def _write_record(self, folder: Path, log: Log) -> Record:
        """Write the record whole, and say where."""
        record = self.record()
        log.written(write_record(folder, record))
        return record

    def record(self) -> Record:
        """The record of all results so far."""
        results = [*(result for turn in self._turns for result in turn.results), *self._left_over()]
        devices = {turn.description.id: turn.description for turn in self._turns}
        if self._before is not None:
            devices = self._before.devices | devices
        judged = with_rooflines(with_ceilings(results))
        return Record(
            schema="flopcensus/record/1",
            node=self.node,
            created=self.created,
            flopcensus_version=own_version(),
            mode=self.plan.mode,
            budget_seconds=self.plan.budget_seconds,
            seconds_spent=max(0.0, self.clock() - self._start),
            seed=self.plan.seed,
            interrupted=self._interrupted,
            devices=tuple(devices.values()),
            environment=self._environment | self._load.since() | {"resumed": self._before is not None},
            results=judged,
            scores=scores_of(tuple(devices.values()), judged),
        )

    def _left_over(self) -> list[Result]:
        """Finished results of an earlier run that no trial is about: of a device that is gone, say."""
        if self._before is None:
            return []
        labels = {trial.label for turn in self._turns for trial in turn.trials}
        return [result for label, result in self._before.results.items() if label not in labels]


def _restore(turn: Turn, before: Progressed) -> None:
    """Give the trials what an earlier run had found out about the same device."""
    then = before.devices.get(turn.description.id)
    if then is None:
        return
    if (then.name, then.uuid) != (turn.description.name, turn.description.uuid):
        raise InputError(
            f"{before.path}: {then.id} was {then.name} and is now {turn.description.name}; run bench anew"
        )
    turn.resume_after(before.processes)
    for trial in turn.trials:
        if result := before.results.get(trial.label):
            turn.adopt(trial.label, result)
        else:
            restore(trial, before)
