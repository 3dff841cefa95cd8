"""Before anything is measured: which devices are here, what each says, and which cannot be opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from bench.devices.selection import select_devices
from bench.errors import DeviceError
from bench.plan import Plan
from bench.record import DeviceDescription
from bench.worker.process import SpawnedWorker, Worker, WorkerLostError, survey
from bench.worker.tasks import Case, Failure, Introduce, Introduction
from bench.workloads import is_short, names_for, select_precisions, select_workloads

if TYPE_CHECKING:
    from kernels.workload import Workload


def spawn_workers(selector: str, opener: str, folder: str | None = None) -> dict[str, Worker]:
    """A worker for each device that a selector names; the process that looked becomes the first one's.

    Args:
        selector: auto, all, cpu, cuda:0 and so on.
        opener: Module that opens devices, see `bench.worker.opening`.
        folder: Where a workload that reads files may put one.

    Raises:
        DeviceError: A device asked for is not here, or none can be listed.
        MissingExtraError: Torch is not installed.
    """
    try:
        present, process = survey(opener)
    except WorkerLostError as lost:
        raise DeviceError(f"{lost}; run python -c 'import torch' to see whether torch works") from lost
    try:
        first, *others = select_devices(selector, present)
    except DeviceError:
        process.end()
        raise
    workers: dict[str, Worker] = {first: SpawnedWorker(first, opener, process=process, folder=folder)}
    return workers | {name: SpawnedWorker(name, opener, folder=folder) for name in others}


def meet_all(
    workers: Mapping[str, Worker], plan: Plan, workloads: Mapping[str, Workload], warn: Callable[[str], None]
) -> dict[str, Introduction]:
    """Have each device introduce itself; one that cannot be opened is told of, and the others are measured.

    Raises:
        DeviceError: None can be opened.
    """
    names = names_for(workloads, plan.workloads, plan.budget_seconds)
    short = is_short(plan.workloads, plan.budget_seconds) and not plan.precisions
    task = Introduce(names, tuple(plan.precisions), short)
    met: dict[str, Introduction] = {}
    lost: dict[str, DeviceError] = {}
    for name, worker in workers.items():
        try:
            met[name] = _meet(name, worker, task, plan.patience_seconds)
        except DeviceError as error:
            lost[name] = error
    if not met:
        raise next(iter(lost.values()))
    for name, fault in lost.items():
        warn(str(fault))
        met[name] = _stand_in(name, str(fault), task, workloads)
    return met


def _meet(name: str, worker: Worker, task: Introduce, seconds: float) -> Introduction:
    try:
        answer = worker.do(task, seconds)
    except WorkerLostError as lost:
        raise DeviceError(f"{lost}; leave it out with --device") from lost
    if isinstance(answer, Introduction):
        return answer
    reason = answer.reason if isinstance(answer, Failure) else "it gave no description"
    raise DeviceError(f"{name}: {reason}; leave it out with --device")


def _stand_in(name: str, reason: str, task: Introduce, workloads: Mapping[str, Workload]) -> Introduction:
    """The introduction of a device that could not be opened, so that the record says of each case why."""
    cases = tuple(
        Case(one.name, precision)
        for one in select_workloads(workloads, task.workloads)
        for precision in select_precisions(one, task.precisions)
    )
    kind = name.partition(":")[0]
    description = DeviceDescription.model_validate({"id": name, "kind": kind, "name": "unknown"})
    return Introduction(description, {}, cases, failed=reason)
