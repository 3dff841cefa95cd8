"""What a run is to measure, and how long it may take."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from bench.errors import InputError

Mode = Literal["quick", "default", "full", "custom"]
BUDGET_SECONDS: dict[Mode, float] = {"quick": 60.0, "default": 300.0, "full": 1800.0}
SHORTEST_BUDGET_SECONDS = 1.0
LONGEST_BUDGET_SECONDS = 7 * 86400.0
MIN_ROUNDS = 5
LONGEST_LONG_RUN_SECONDS = 30.0
SHORTEST_LONG_RUN_SECONDS = 4.0
BUDGETS_PER_LONG_RUN = 60.0
SHORTEST_PATIENCE_SECONDS = 30.0
LONGEST_PATIENCE_SECONDS = 180.0


@dataclass(frozen=True)
class Plan:
    """One run.

    Attributes:
        mode: Name of the budget; ``custom`` where the user gave one.
        budget_seconds: Time from start to record. Unit: s.
        device: Selector: auto, all, cpu, cuda, cuda:0, joined by commas.
        workloads: Names or families; empty for all.
        precisions: Precisions of arithmetic; empty for all.
        seed: Draws operands and the order of rounds.
        force: Measure a device even though others use it.
        storage_dir: Folder whose storage is measured; that of the record where left out.

    Raises:
        InputError: The budget is none, too short or too long, or the seed is negative.
    """

    mode: Mode
    budget_seconds: float
    device: str = "auto"
    workloads: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    seed: int = 0
    force: bool = False
    storage_dir: str | None = None

    def __post_init__(self) -> None:
        budget = self.budget_seconds
        if not (math.isfinite(budget) and SHORTEST_BUDGET_SECONDS <= budget <= LONGEST_BUDGET_SECONDS):
            raise InputError(
                f"time budget must lie between {SHORTEST_BUDGET_SECONDS:g} s and "
                f"{LONGEST_BUDGET_SECONDS:g} s; found {budget:g}"
            )
        if self.seed < 0:
            raise InputError(f"seed must be 0 or more; found {self.seed}")

    @property
    def long_run_seconds(self) -> float:
        """How long each headline figure runs without a pause: 1/60 of the budget, 30 s at most. Unit: s.

        0 where that is less than 4 s, too short to tell a steady state from the first second.
        """
        seconds = min(LONGEST_LONG_RUN_SECONDS, self.budget_seconds / BUDGETS_PER_LONG_RUN)
        return seconds if seconds >= SHORTEST_LONG_RUN_SECONDS else 0.0

    @property
    def patience_seconds(self) -> float:
        """How long beyond what it should take a task may take before its process is given up. Unit: s."""
        return min(LONGEST_PATIENCE_SECONDS, max(SHORTEST_PATIENCE_SECONDS, self.budget_seconds / 4))

    def with_force(self) -> Plan:
        """The same, on devices that others use too."""
        return replace(self, force=True)


def budget_of(mode: Mode, time_budget_seconds: float | None) -> tuple[Mode, float]:
    """Mode and budget of a run: a time given by the user makes the mode ``custom``. Unit: s.

    >>> budget_of("quick", None), budget_of("quick", 90.0)
    (('quick', 60.0), ('custom', 90.0))
    """
    if time_budget_seconds is not None:
        return "custom", time_budget_seconds
    return mode, BUDGET_SECONDS[mode]
