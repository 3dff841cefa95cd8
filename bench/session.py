"""A whole run: devices, trials, journal and record."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from bench.devices.device import Clock, Device
from bench.devices.selection import open_devices
from bench.devices.spec import SpecLookup, with_spec
from bench.environment import Environment, Load, describe_environment, node_name
from bench.errors import InputError
from bench.files import write_text_atomic
from bench.journal import Journal
from bench.plan import Plan
from bench.probe import probe
from bench.progress import Kind, Progress, ProgressEvent
from bench.record import DeviceDescription, Record, Result, safe_name, timestamp
from bench.results import result_of, running_summary
from bench.sampling import round_count, sample
from bench.trial import Trial
from bench.workloads import load_workloads, require_known_precisions, select_precisions, select_workloads

if TYPE_CHECKING:
    from kernels.workload import Workload

# Of a device's time, what its probes may take; most of it goes to filling large arrays.
PROBE_SHARE = 0.25
# Of the budget, what the run aims to fill: start-up, a slow last call and the record take the rest.
AIM_SHARE = 0.98


def measure(
    plan: Plan,
    *,
    lookup: SpecLookup,
    out_dir: Path,
    progress: Progress,
    devices: Sequence[Device] | None = None,
    workloads: Mapping[str, Workload] | None = None,
    clock: Clock = time.perf_counter,
) -> Record:
    """Run a plan within its budget and write ``record-<node>-<time>.json`` into a folder.

    Args:
        plan: What to measure, and for how long.
        lookup: Finds the spec sheet of a device.
        out_dir: Folder of the record, and of the journal while the run lasts.
        progress: Told of everything that happens.
        devices: Devices to use in place of those that the plan selects.
        workloads: Workloads to choose from in place of all.
        clock: Tells the time. Unit: s.

    Raises:
        DeviceError: A device asked for is not here.
        InputError: A workload or precision is unknown, or the folder cannot be written to.
        KernelsShadowedError: Another package named ``kernels`` hides ours.
        MissingExtraError: Torch is not installed.
        KeyboardInterrupt: The user stopped the run; the record holds what was finished.
    """
    run = Run(plan, lookup, progress, clock)
    run.add_trials(devices, workloads)
    path = out_dir / f"journal-{safe_name(run.node)}-{timestamp(run.created)}.jsonl"
    with Journal(path) as journal:
        journal.append("start", run.header())
        stopped = False
        try:
            run.take_all(journal)
        except KeyboardInterrupt:
            run.finish_interrupted(journal)
            stopped = True
    record = run.write_record(out_dir)
    # The record now holds all that the journal held.
    path.unlink(missing_ok=True)
    if stopped:
        raise KeyboardInterrupt
    return record


class Run:
    """State of one run: its trials by device, and the results so far."""

    def __init__(self, plan: Plan, lookup: SpecLookup, progress: Progress, clock: Clock) -> None:
        self.plan, self.node, self.created = plan, node_name(), datetime.now(UTC)
        self._lookup, self._progress, self._clock = lookup, progress, clock
        self._start = clock()
        self._load: Load | None = None
        self._environment: Environment = {}
        self._descriptions: dict[str, DeviceDescription] = {}
        self._trials: dict[str, list[Trial]] = {}
        self._results: dict[str, Result] = {}
        self._interrupted = False

    def add_trials(self, devices: Sequence[Device] | None, workloads: Mapping[str, Workload] | None) -> None:
        """Open the devices and lay out one trial per workload, device and precision."""
        available = load_workloads() if workloads is None else workloads
        require_known_precisions(available, self.plan.precisions)
        chosen = select_workloads(available, self.plan.workloads)
        opened = open_devices(self.plan.device) if devices is None else devices
        for device in opened:
            self._descriptions[device.description.id] = with_spec(device.description, self._lookup)
            self._trials[device.description.id] = [
                Trial(workload, device, precision, self.plan.seed, self._clock)
                for workload in chosen
                for precision in select_precisions(workload, self.plan.precisions)
            ]
        if not any(self._trials.values()):
            raise InputError("nothing to measure: no chosen workload runs in a chosen precision")
        # With the first device active, so that the threads are those that will be used.
        with opened[0].activated():
            self._environment = describe_environment()
        self._load = Load()

    def header(self) -> Environment:
        """What the journal's first line says of the run."""
        plan = self.plan
        created = self.created.isoformat()
        return {
            "node": self.node,
            "created": created,
            "mode": plan.mode,
            "budget_seconds": plan.budget_seconds,
        }

    def take_all(self, journal: Journal) -> None:
        """Measure device after device, each with an equal share of the time that is left."""
        end = self._start + AIM_SHARE * self.plan.budget_seconds
        order = random.Random(self.plan.seed)  # noqa: S311 - an order, not a secret
        for number, trials in enumerate(self._trials.values()):
            now = self._clock()
            deadline = now + max(0.0, end - now) / (len(self._trials) - number)
            self._take_device(trials, deadline, order, journal)

    def _take_device(
        self, trials: list[Trial], deadline: float, order: random.Random, journal: Journal
    ) -> None:
        description = trials[0].device.description
        self._tell(ProgressEvent("device", f"{description.id}: {description.name}", *self._time()))
        self._probe(trials, deadline)
        sample(
            trials,
            deadline=deadline,
            clock=self._clock,
            order=order,
            on_round=lambda trial: self._on_round(trial, journal),
        )
        for trial in trials:
            self._finish(trial, journal)
        if self._clock() > deadline + 0.1 * self.plan.budget_seconds:
            self._warn(
                f"{description.id}: took longer than the time budget; calls were slower than the probe saw"
            )

    def _probe(self, trials: Sequence[Trial], deadline: float) -> None:
        seconds = max(0.0, deadline - self._clock())
        share = PROBE_SHARE * seconds / len(trials)
        slot = (1 - PROBE_SHARE) * seconds / (len(trials) * round_count(seconds, len(trials)))
        for trial in trials:
            probe(trial, slot_seconds=slot, allowed_seconds=share)
            shape = " ".join(f"{key}={size}" for key, size in trial.shape.items())
            self._tell_trial("probe", trial, trial.skipped or trial.error or f"chose {shape}")

    def _on_round(self, trial: Trial, journal: Journal) -> None:
        if not trial.active:
            self._finish(trial, journal)
            return
        taken = trial.rounds[-1]
        key = {"workload": trial.workload.name, "device": trial.device.description.id}
        value = {"precision": trial.precision, "value": taken.value, "sample_seconds": taken.sample_seconds}
        journal.append("round", {**key, **value})
        self._tell_trial("round", trial, f"round {len(trial.rounds)}")

    def _finish(self, trial: Trial, journal: Journal) -> None:
        """Turn a trial into its result once, journal it, and free its memory."""
        if trial.label in self._results:
            return
        result = result_of(trial, self._descriptions[trial.device.description.id])
        self._results[trial.label] = result
        trial.release()
        journal.append_result(result)
        self._tell_trial("result", trial, result.reason or "done", result)

    def finish_interrupted(self, journal: Journal) -> None:
        """Keep every trial with rounds enough; the others end as interrupted."""
        self._interrupted = True
        for trial in (trial for trials in self._trials.values() for trial in trials):
            trial.interrupted = True
            self._finish(trial, journal)

    def write_record(self, folder: Path) -> Record:
        """Write the record whole, and say where."""
        record = self.record()
        path = _free_path(folder, record)
        write_text_atomic(path, record.to_json())
        self._tell(ProgressEvent("record", f"record written to {path}", *self._time()))
        return record

    def record(self) -> Record:
        """The record of all results so far."""
        load = self._load.since() if self._load else {}
        return Record(
            schema="flopcensus/record/1",
            node=self.node,
            created=self.created,
            flopcensus_version=_own_version(),
            mode=self.plan.mode,
            budget_seconds=self.plan.budget_seconds,
            seconds_spent=max(0.0, self._clock() - self._start),
            seed=self.plan.seed,
            interrupted=self._interrupted,
            devices=tuple(self._descriptions.values()),
            environment=self._environment | load,
            results=tuple(self._results.values()),
        )

    def _time(self) -> tuple[float, float]:
        """Share of the budget that is used, and seconds left of it."""
        spent, budget = self._clock() - self._start, self.plan.budget_seconds
        return min(1.0, max(0.0, spent / budget)), max(0.0, budget - spent)

    def _tell_trial(self, kind: Kind, trial: Trial, message: str, result: Result | None = None) -> None:
        summary = running_summary(trial)
        self._tell(
            ProgressEvent(
                kind,
                f"{trial.label}: {message}",
                *self._time(),
                device=trial.device.description.id,
                workload=trial.workload.name,
                precision=trial.precision,
                unit=trial.workload.unit,
                value=summary.median if summary else None,
                ci95=(summary.low, summary.high) if summary else None,
                result=result,
            )
        )

    def _warn(self, message: str) -> None:
        self._tell(ProgressEvent("warning", message, *self._time()))

    def _tell(self, event: ProgressEvent) -> None:
        self._progress(event)


def _own_version() -> str:
    try:
        return version("flopcensus")
    except PackageNotFoundError:
        return "unknown"


def _free_path(folder: Path, record: Record) -> Path:
    """The record's path; numbered where a run of the same second was there before."""
    path = folder / record.file_name
    number = 1
    while path.exists():
        number += 1
        path = folder / f"{Path(record.file_name).stem}-{number}.json"
    return path
