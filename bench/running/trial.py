"""A trial: one row of the record on one device, from the choice of its shape to its last round.

This is the parent's side: it holds what workers answered, and imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.plan import MIN_ROUNDS
from bench.record import RoundDetail
from bench.statistics import Summary, summarise
from bench.worker.tasks import Case, LongRunTaken, RoundTaken, Settled

if TYPE_CHECKING:
    from kernels.workload import Verdict, Workload


REPLAYED = "calls were recorded once and replayed by the device: the host's launches are not in the time"


@dataclass(frozen=True)
class Round:
    """One fresh batch of calls, and when it was taken.

    Attributes:
        value: Work of a call ÷ median time of a call. Unit: the workload's.
        window_seconds: Time that the energy was taken over. Unit: s.
        energy_j: Over that window. Unit: J.
        energy_source: What the energy was read from.
        throttled: Whether heat, power or a fault held the clock down.
        detail: What surrounded it.
    """

    value: float
    window_seconds: float
    energy_j: float | None
    energy_source: str | None
    throttled: bool | None
    detail: RoundDetail

    @classmethod
    def of(cls, taken: RoundTaken, *, started_seconds: float, process: int) -> Round:
        """What the record keeps of a worker's answer."""
        around = taken.around
        detail = RoundDetail(
            started_seconds=max(0.0, started_seconds),
            process=max(0, process),
            sample_count=taken.sample_count,
            sample_seconds=taken.sample_seconds,
            clock_mhz=around.clock_mhz,
            power_w=around.power_w,
            temperature_c=around.temperature_c,
            throttle_reasons=around.throttle_reasons,
            core_to_core_ns=around.core_to_core_ns,
            placement=around.placement,
            steal_fraction=around.steal_fraction,
            other_load_fraction=around.other_load_fraction,
        )
        return cls(
            taken.value,
            around.energy_window_seconds,
            around.energy_j,
            around.energy_source,
            around.throttled,
            detail,
        )


@dataclass
class Trial:
    """State of one measurement.

    Attributes:
        case: What is measured.
        workload: Its workload.
        device: Id of the device.
        settled: Shape and library, once they are chosen.
        call_seconds: How long a call takes, by the last round. Unit: s.
        check_seconds: How long checking an output takes. Unit: s.
        seconds_spent: Time taken in all. Unit: s.
        rounds: Rounds so far.
        verdict: Of the outputs checked so far; one that was bad stays.
        repeatable: Whether repeated calls were bitwise equal; None where nothing promises it.
        long_run: What the run without a pause gave.
        together: Rate while all devices ran at once, in the workload's unit.
        notes: What a reader of the result should know.
        skipped: Why the device cannot run it, which ends it without a value.
        error: What went wrong, which ends it without a value.
        interrupted: Whether the user stopped the run before it was done.
        enough: Whether no further round is needed, or none can be taken.
        narrow: How many times in a row the interval was narrow.
        faults: Rounds that failed and were taken again.
    """

    case: Case
    workload: Workload
    device: str
    settled: Settled | None = None
    call_seconds: float = 0.0
    check_seconds: float = 0.0
    seconds_spent: float = 0.0
    rounds: list[Round] = field(default_factory=list)
    verdict: Verdict | None = None
    repeatable: bool | None = None
    long_run: LongRunTaken | None = None
    together: float | None = None
    notes: list[str] = field(default_factory=list)
    skipped: str | None = None
    error: str | None = None
    interrupted: bool = False
    enough: bool = False
    narrow: int = 0
    faults: int = 0

    @property
    def active(self) -> bool:
        """Whether further rounds can and should be taken."""
        return self.sound and not self.enough

    @property
    def sound(self) -> bool:
        """Whether nothing has ended it without a value."""
        return self.settled is not None and self.error is None and self.skipped is None

    @property
    def values(self) -> tuple[float, ...]:
        """Value of each round, in the workload's unit."""
        return tuple(taken.value for taken in self.rounds)

    @property
    def label(self) -> str:
        """For people, and as a key: ``gemm bf16 on cpu``."""
        return f"{self.case.label} on {self.device}"

    def settle(self, settled: Settled) -> None:
        """Take over what was chosen, or the reason why nothing was."""
        self.skipped = settled.skipped
        if settled.chosen is None:
            return
        self.settled = settled
        self.call_seconds = settled.chosen.call_seconds
        self.check_seconds = settled.check_seconds
        self.notes += settled.chosen.notes
        self.judge(settled.verdict)

    def judge(self, verdict: Verdict | None) -> None:
        """Take over a verdict; after a bad one no good one counts."""
        if verdict is not None and (self.verdict is None or self.verdict.correct):
            self.verdict = verdict

    def take(self, taken: RoundTaken, *, started_seconds: float, process: int) -> None:
        """Add a round, and see whether it is enough of them."""
        self.add(Round.of(taken, started_seconds=started_seconds, process=process))
        self.judge(taken.verdict)
        self.call_seconds = taken.sample_seconds / taken.sample_count
        self.check_seconds = taken.check_seconds or self.check_seconds
        if taken.replayed and REPLAYED not in self.notes:
            self.notes.append(REPLAYED)
        if taken.repeatable is not None:
            self.repeatable = taken.repeatable and self.repeatable is not False

    def add(self, taken: Round) -> None:
        """Add a round, and note whether rounds are enough: when the interval is narrow twice in a row.

        An interval is narrow by luck one time in twenty, and it is looked at after each round.
        """
        self.rounds.append(taken)
        narrow = len(self.rounds) >= MIN_ROUNDS and summarise(self.values).settled
        self.narrow = self.narrow + 1 if narrow else 0
        self.enough = self.enough or self.narrow > 1

    def set_rounds_aside(self, why: str) -> None:
        """Drop all rounds to start over; a note keeps their values and the reason."""
        if self.rounds:
            values = ", ".join(f"{value:.4g}" for value in self.values)
            self.notes.append(f"{len(self.rounds)} rounds were set aside ({values}): {why}")
        self.rounds, self.narrow, self.enough = [], 0, False

    def summary(self) -> Summary | None:
        """Median and interval of the rounds so far; None before the second."""
        return summarise(self.values) if len(self.rounds) > 1 else None

    def end(self, reason: str) -> None:
        """End it because no further round can be taken: five rounds or more stand, fewer are an error."""
        if len(self.rounds) >= MIN_ROUNDS:
            self.notes.append(f"ended after {len(self.rounds)} rounds: {reason}")
            self.enough = True
        else:
            self.error = self.error or reason


def sound_trials(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that nothing has ended without a value."""
    return [trial for trial in trials if trial.sound]


def tokens_of(trial: Trial) -> float | None:
    """Tokens of a call; None where it is not about tokens."""
    settled = trial.settled
    # By name, since another package may hide ours until that was checked.
    count = getattr(trial.workload, "count", None)
    if count is None or trial.workload.metric == "call_rate" or settled is None or settled.chosen is None:
        return None
    return float(count(settled.chosen.shape))
