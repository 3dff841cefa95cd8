"""What a run tells as it goes: to the journal, so that nothing finished is lost, and to whoever watches."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bench.devices.device import Clock
from bench.errors import InputError
from bench.progress import Kind, Progress, ProgressEvent
from bench.record import DeviceDescription, Result
from bench.running.journal import Journal
from bench.running.resume import round_as_dict, settled_as_dict, state_as_dict
from bench.running.trial import Round, Trial
from bench.worker.tasks import Settled


class Log:
    """Journal and progress together, on one clock.

    Args:
        journal: Where finished parts go; a disk that fills up ends the journal, not the run.
        progress: Told of everything.
        clock: Tells the time. Unit: s.
        start: When the run began, on that clock. Unit: s.
        budget_seconds: Time it was given. Unit: s.
    """

    def __init__(
        self, journal: Journal, progress: Progress, clock: Clock, start: float, budget_seconds: float
    ) -> None:
        self._journal: Journal | None = journal
        self._progress, self._clock, self._start, self._budget = progress, clock, start, budget_seconds

    @property
    def spent_seconds(self) -> float:
        """Time since the run began. Unit: s."""
        return max(0.0, self._clock() - self._start)

    def device(self, description: DeviceDescription) -> None:
        """A device was opened."""
        self._write("device", {"device": description.model_dump(mode="json")})
        self._tell(ProgressEvent("device", f"{description.id}: {description.name}", *self._time()))

    def stack(self, versions: Mapping[str, Any]) -> None:
        """The versions that rounds are taken with."""
        self._write("stack", {"stack": dict(versions)})

    def working(self, trial: Trial, what: str) -> None:
        """Something began that gives no figure for a while."""
        self._tell_trial("working", trial, what)

    def settled(self, trial: Trial, settled: Settled) -> None:
        """A shape was chosen."""
        self._write("settled", {"trial": trial.label, "settled": settled_as_dict(settled)})
        self._tell_trial("probe", trial, settled.skipped or f"chose {_choice(settled)}")

    def round(self, trial: Trial, taken: Round) -> None:
        """A round was taken."""
        state = state_as_dict(trial)
        self._write("round", {"trial": trial.label, "round": round_as_dict(taken), "state": state})
        self._tell_trial("round", trial, f"round {len(trial.rounds)}")

    def result(self, trial: Trial, result: Result) -> None:
        """A trial is finished."""
        self._write("result", {"trial": trial.label, "result": result.model_dump(mode="json")})
        self._tell_trial("result", trial, result.reason or "done", result)

    def say(self, what: str) -> None:
        """Something began that concerns no single trial."""
        self._tell(ProgressEvent("working", what, *self._time()))

    def warn(self, message: str) -> None:
        """Something a user should know."""
        self._tell(ProgressEvent("warning", message, *self._time()))

    def written(self, path: object) -> None:
        """The record is on the disk."""
        self._tell(ProgressEvent("record", f"record written to {path}", *self._time()))

    def _write(self, kind: str, data: Mapping[str, Any]) -> None:
        if self._journal is None:
            return
        try:
            self._journal.append(kind, {"at": self.spent_seconds, **data})
        except InputError as error:
            self._journal = None
            self.warn(f"{error}; the run goes on, but could not be resumed if it were cut off")

    def _time(self) -> tuple[float, float]:
        """Share of the budget that is used, and seconds left of it."""
        return min(1.0, self.spent_seconds / self._budget), max(0.0, self._budget - self.spent_seconds)

    def _tell_trial(self, kind: Kind, trial: Trial, message: str, result: Result | None = None) -> None:
        summary = trial.summary()
        value = summary.median if summary else None
        ci95 = (summary.low, summary.high) if summary else None
        if result is not None:
            value, ci95 = result.value, result.ci95
        self._tell(
            ProgressEvent(
                kind,
                f"{trial.label}: {message}",
                *self._time(),
                device=trial.device,
                workload=trial.case.workload,
                precision=trial.case.precision,
                unit=trial.workload.unit,
                value=value,
                ci95=ci95,
                result=result,
            )
        )

    def _tell(self, event: ProgressEvent) -> None:
        # Whoever watched may have gone (a closed pipe); the run goes on without.
        with suppress(OSError):
            self._progress(event)


def _choice(settled: Settled) -> str:
    if settled.chosen is None:
        return "nothing"
    shape = " ".join(f"{key}={size}" for key, size in settled.chosen.shape.items())
    return f"{shape} with {settled.backend}"
