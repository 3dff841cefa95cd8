"""What a run tells while it runs. Showing it is left to the floor above."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bench.record import Result

Kind = Literal["device", "working", "probe", "round", "result", "warning", "record"]


@dataclass(frozen=True)
class ProgressEvent:
    """One thing that happened.

    Attributes:
        kind: ``device`` (one was opened), ``working`` (something began that takes a while), ``probe`` (a
            shape was chosen),
            ``round`` (a value was taken), ``result`` (a trial is finished), ``warning``, ``record`` (it was
            written).
        message: The same in words.
        fraction_done: Share of the time budget that is used.
        seconds_left: Time left of the budget. Unit: s.
        value: Median so far, in ``unit``.
        ci95: Interval so far, in ``unit``.
        result: The finished result, for kind ``result``.
    """

    kind: Kind
    message: str
    fraction_done: float
    seconds_left: float
    device: str | None = None
    workload: str | None = None
    precision: str | None = None
    unit: str | None = None
    value: float | None = None
    ci95: tuple[float, float] | None = None
    result: Result | None = None


Progress = Callable[[ProgressEvent], None]


def silent(event: ProgressEvent) -> None:
    """Show nothing."""
