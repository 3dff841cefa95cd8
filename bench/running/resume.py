"""What a journal holds of a run that was cut off, and how its parts are written into one and read back."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bench.choosing.choice import Chosen
from bench.environment import node_name
from bench.errors import InputError, RecordError
from bench.plan import Plan
from bench.record import (
    DeviceDescription,
    Result,
    RoundDetail,
    Search,
    describe_faults,
    load_record,
    safe_name,
    timestamp,
)
from bench.running.journal import is_held, read_journal
from bench.running.trial import Round, Trial
from bench.worker.tasks import Settled

if TYPE_CHECKING:
    from kernels.workload import Verdict


@dataclass
class Progressed:
    """How far a run had come; parts are kept by the label of their trial.

    Attributes:
        path: The journal.
        node: Host that it ran on.
        created: When it began.
        plan: What it was to measure.
        seconds_spent: Time it had taken. Unit: s.
        devices: Those it had met, by id.
        settled: Shapes and libraries that were chosen.
        rounds: Rounds that were taken since.
        states: What else each trial had come to when it took its last round.
        results: Trials that were finished.
        stack: Versions that the rounds were taken with.
    """

    path: Path
    node: str
    created: datetime
    plan: Plan
    seconds_spent: float = 0.0
    devices: dict[str, DeviceDescription] = field(default_factory=dict)
    settled: dict[str, Settled] = field(default_factory=dict)
    rounds: dict[str, list[Round]] = field(default_factory=dict)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    stack: dict[str, Any] = field(default_factory=dict)

    @property
    def processes(self) -> int:
        """Fresh processes that rounds were taken in."""
        numbers = (taken.detail.process for taken in itertools.chain.from_iterable(self.rounds.values()))
        return max(numbers, default=-1) + 1


def find_progress(folder: Path) -> Progressed:
    """The newest unfinished run of this node in a folder.

    Journals that no run needs any more are deleted: those of runs that were killed before they had begun, or
    just after their record was written. A run that is still going on is returned only where there is no
    other, so that it can be named when it is refused.

    Raises:
        InputError: There is none.
        RecordError: Its journal cannot be read.
    """
    mine = f"journal-{safe_name(node_name())}-*.jsonl"
    journals = sorted(folder.glob(mine), key=lambda path: path.stat().st_mtime, reverse=True)
    going_on = [path for path in journals if is_held(path)]
    for path in journals:
        if path in going_on:
            continue
        if not read_journal(path):
            path.unlink(missing_ok=True)
            continue
        found = read_progress(path)
        if not _is_recorded(found, folder):
            return found
        path.unlink(missing_ok=True)
    if going_on:
        return read_progress(going_on[0])
    finished = "; the runs there are finished" if any(folder.glob("record-*.json")) else ""
    raise InputError(
        f"{folder}: no journal of an unfinished run on {node_name()}{finished}; give the folder that "
        "--out named when it was cut off"
    )


def _is_recorded(progressed: Progressed, folder: Path) -> bool:
    """Whether the record is there that the run's journal was kept for."""
    names = f"record-{safe_name(progressed.node)}-{timestamp(progressed.created)}*.json"
    for path in folder.glob(names):
        with suppress(RecordError):
            if load_record(path).created == progressed.created:
                return True
    return False


def read_progress(path: Path) -> Progressed:
    """How far the run of a journal had come.

    Raises:
        RecordError: The file cannot be read, or is not a journal of this version.
    """
    lines = read_journal(path)
    if not lines or lines[0]["kind"] != "start":
        raise RecordError(f"{path}: no journal of a run (its first line does not say start); run bench again")
    try:
        return _progressed(path, lines)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        what = (
            describe_faults(error) if isinstance(error, ValidationError) else f"{error!r} is missing or wrong"
        )
        raise RecordError(f"{path}: {what}; run flopcensus bench again") from error


def plan_as_dict(plan: Plan) -> dict[str, Any]:
    """A plan for the journal's first line."""
    return asdict(plan)


def settled_as_dict(settled: Settled) -> dict[str, Any]:
    """What was chosen, for the journal."""
    chosen, verdict = settled.chosen, settled.verdict
    return {
        "skipped": settled.skipped,
        "backend": settled.backend,
        "footprint_bytes": settled.footprint_bytes,
        "check_seconds": settled.check_seconds,
        "verdict": None if verdict is None else {"correct": verdict.correct, "detail": verdict.detail},
        "chosen": None if chosen is None else _chosen_as_dict(chosen),
    }


def round_as_dict(taken: Round) -> dict[str, Any]:
    """A round, for the journal."""
    return {
        "value": taken.value,
        "window_seconds": taken.window_seconds,
        "energy_j": taken.energy_j,
        "energy_source": taken.energy_source,
        "throttled": taken.throttled,
        "detail": taken.detail.model_dump(mode="json"),
    }


def state_as_dict(trial: Trial) -> dict[str, Any]:
    """What else a trial had come to when it took a round, for the journal."""
    verdict = trial.verdict
    return {
        "verdict": None if verdict is None else {"correct": verdict.correct, "detail": verdict.detail},
        "repeatable": trial.repeatable,
        "notes": trial.notes,
        "seconds_spent": trial.seconds_spent,
    }


def restore(trial: Trial, before: Progressed) -> None:
    """Give a trial what an earlier run had found out for it."""
    settled = before.settled.get(trial.label)
    if settled is None:
        return
    trial.settle(settled)
    for taken in before.rounds.get(trial.label, ()):
        trial.add(taken)
    if state := before.states.get(trial.label):
        trial.judge(_verdict(state["verdict"]))
        trial.repeatable = state["repeatable"]
        trial.notes = list(state["notes"])
        trial.seconds_spent = float(state["seconds_spent"])


def _progressed(path: Path, lines: Iterable[Mapping[str, Any]]) -> Progressed:
    start, *others = lines
    created = datetime.fromisoformat(start["created"])
    progressed = Progressed(path, start["node"], created, plan_from_dict(start["plan"]))
    for line in others:
        progressed.seconds_spent = max(progressed.seconds_spent, float(line.get("at", 0.0)))
        _read_line(progressed, line)
    return progressed


def plan_from_dict(data: Mapping[str, Any]) -> Plan:
    """The plan of a journal's first line; journals of earlier versions name no folder for storage."""
    return Plan(
        data["mode"],
        float(data["budget_seconds"]),
        data["device"],
        tuple(data["workloads"]),
        tuple(data["precisions"]),
        int(data["seed"]),
        bool(data["force"]),
        data.get("storage_dir"),
    )


def _read_line(progressed: Progressed, line: Mapping[str, Any]) -> None:
    match line["kind"]:
        case "device":
            description = DeviceDescription.model_validate(line["device"])
            progressed.devices[description.id] = description
        case "settled":
            # Choosing anew (memory ran out) sets earlier rounds aside.
            progressed.settled[line["trial"]] = _settled(line["settled"])
            progressed.rounds[line["trial"]] = []
            progressed.states.pop(line["trial"], None)
        case "stack":
            progressed.stack = dict(line["stack"])
        case "round":
            progressed.states[line["trial"]] = dict(line["state"])
            progressed.rounds.setdefault(line["trial"], []).append(_round(line["round"]))
        case "result":
            progressed.results[line["trial"]] = Result.model_validate(line["result"])


def _chosen_as_dict(chosen: Chosen) -> dict[str, Any]:
    return {
        "shape": dict(chosen.shape),
        "backend": chosen.backend,
        "call_seconds": chosen.call_seconds,
        "search": None if chosen.search is None else chosen.search.model_dump(mode="json"),
        "notes": list(chosen.notes),
    }


def _chosen(data: Mapping[str, Any]) -> Chosen:
    return Chosen(
        {str(key): int(size) for key, size in data["shape"].items()},
        data["backend"],
        float(data["call_seconds"]),
        None if data["search"] is None else Search.model_validate(data["search"]),
        tuple(data["notes"]),
    )


def _verdict(data: Mapping[str, Any] | None) -> Verdict | None:
    from kernels.workload import Verdict  # noqa: PLC0415 - another package may hide ours until checked

    return None if data is None else Verdict(**data)


def _settled(data: Mapping[str, Any]) -> Settled:
    return Settled(
        chosen=None if data["chosen"] is None else _chosen(data["chosen"]),
        backend=data["backend"],
        footprint_bytes=int(data["footprint_bytes"]),
        verdict=_verdict(data["verdict"]),
        check_seconds=float(data["check_seconds"]),
        skipped=data["skipped"],
    )


def _round(data: Mapping[str, Any]) -> Round:
    return Round(
        float(data["value"]),
        float(data["window_seconds"]),
        data["energy_j"],
        data["energy_source"],
        data["throttled"],
        RoundDetail.model_validate(data["detail"]),
    )
