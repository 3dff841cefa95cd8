"""What a worker is asked, and what it answers. Everything here travels through `.wire`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.choosing.choice import Chosen
from bench.errors import FlopcensusError
from bench.record import DeviceDescription, Placement, Scalar, TracePoint
from bench.rungs import size_of

if TYPE_CHECKING:
    from kernels.workload import Shape, Verdict


@dataclass(frozen=True)
class Case:
    """What one row of the record is about.

    Attributes:
        workload: Its name.
        precision: In which precision.
        shape: The shape, where it is given and not chosen (a rung of a ladder that is shown whole).
    """

    workload: str
    precision: str
    shape: Shape | None = None

    @property
    def label(self) -> str:
        """For people, and as a key: ``gemm bf16``, ``memory_ladder fp32 bytes=65536``.

        The first size of a shape tells the rungs of a ladder apart; the others follow from it.
        """
        fixed = "" if self.shape is None else f" {size_of(self.shape)}"
        return f"{self.workload} {self.precision}{fixed}"


@dataclass(frozen=True)
class Survey:
    """Say which devices are here. ``opener`` is the module that knows, see `bench.worker.opening`."""

    opener: str


@dataclass(frozen=True)
class Surveyed:
    """Ids of the devices."""

    devices: tuple[str, ...]


@dataclass(frozen=True)
class Open:
    """Take charge of a device.

    Attributes:
        opener: Module that opens it, see `bench.worker.opening`.
        device: Its id.
        folder: Where a workload that reads files may put one.
    """

    opener: str
    device: str
    folder: str | None = None


@dataclass(frozen=True)
class Opened:
    """Done."""


@dataclass(frozen=True)
class Introduce:
    """Say what device you have, and lay out these workloads on it.

    Attributes:
        workloads: Names.
        precisions: Those asked for; empty for all.
        short: Whether precisions that merely stand in for another are left out.
    """

    workloads: tuple[str, ...]
    precisions: tuple[str, ...]
    short: bool = False


@dataclass(frozen=True)
class Introduction:
    """The device as it describes itself.

    Attributes:
        description: Without the spec sheet, which only the parent can look up.
        environment: Versions, limits and settings of the node.
        cases: A row of the record each, to be measured.
        lacking: Why the device or its software cannot run a case, by the case's label.
        busy: Who else uses the device, in words; None where nobody does or nothing tells.
        failed: Why it could not be opened, where the parent stands in for it.
        least_window_seconds: Shortest window over which its energy meter tells anything. Unit: s.
    """

    description: DeviceDescription
    environment: dict[str, Scalar]
    cases: tuple[Case, ...]
    lacking: dict[str, str] = field(default_factory=dict)
    busy: str | None = None
    failed: str | None = None
    least_window_seconds: float = 0.0


@dataclass(frozen=True)
class Choose:
    """Settle on a shape and a library, and verify an output.

    Attributes:
        case: For what.
        seed: Draws the operands.
        seconds: Time after which nothing further is tried. Unit: s.
        slot_seconds: Expected length of a round. Unit: s.
        below_bytes: Operands must take less than this: memory ran out there. Unit: B.
    """

    case: Case
    seed: int
    seconds: float
    slot_seconds: float
    below_bytes: int | None = None


@dataclass(frozen=True)
class Settled:
    """What to measure; or, with ``skipped``, why nothing is.

    Attributes:
        chosen: Shape and library.
        backend: The library in full, as it names itself.
        footprint_bytes: Memory its operands take. Unit: B.
        verdict: Of one output.
        check_seconds: How long that took. Unit: s.
        skipped: Why the device cannot run it.
    """

    chosen: Chosen | None = None
    backend: str | None = None
    footprint_bytes: int = 0
    verdict: Verdict | None = None
    check_seconds: float = 0.0
    skipped: str | None = None


@dataclass(frozen=True)
class TakeRound:
    """Time a fresh batch of calls.

    Attributes:
        case: Of what.
        chosen: In which shape, with which library.
        seed: Draws the operands.
        slot_seconds: Time to fill, operands and warming up included. Unit: s.
        window_seconds: Time that the calls must fill at least. Unit: s.
        warm_up_seconds: Time to keep the device busy before anything is read: a meter that is renewed now and
            then would else begin with what it said of an idle device. Unit: s.
        check: Whether to verify the output after it.
        repeat: Whether to compare two calls bit by bit.
    """

    case: Case
    chosen: Chosen
    seed: int
    slot_seconds: float
    window_seconds: float = 0.0
    warm_up_seconds: float = 0.0
    check: bool = True
    repeat: bool = False


@dataclass(frozen=True)
class Surroundings:
    """What was around a batch of calls; None where nothing tells.

    Attributes:
        clock_mhz: Unit: MHz.
        power_w: Mean over the window. Unit: W.
        energy_j: Over the energy window. Unit: J.
        energy_window_seconds: From the meter's first reading to its last. Unit: s.
        energy_source: What the energy was read from.
        temperature_c: Highest. Unit: °C.
        throttled: Whether heat, power or a fault held the clock down.
        throttle_reasons: All reasons the device gave for not running faster.
        core_to_core_ns: One way of a cache line between two cores. Unit: ns.
        placement: ``near`` or ``far``.
        steal_fraction: CPU time that the host gave to others.
        other_load_fraction: CPU time of other processes.
    """

    clock_mhz: float | None = None
    power_w: float | None = None
    energy_j: float | None = None
    energy_window_seconds: float = 0.0
    energy_source: str | None = None
    temperature_c: float | None = None
    throttled: bool | None = None
    throttle_reasons: tuple[str, ...] = ()
    core_to_core_ns: float | None = None
    placement: Placement | None = None
    steal_fraction: float | None = None
    other_load_fraction: float | None = None


@dataclass(frozen=True)
class RoundTaken:
    """One fresh batch of calls.

    Attributes:
        value: Work of a call ÷ median time of a call. Unit: the workload's.
        sample_count: Timed calls.
        sample_seconds: Time inside them. Unit: s.
        around: What surrounded it.
        verdict: Of the last output, where it was checked.
        repeatable: Whether two calls were bitwise equal, where it was tried and is promised.
        check_seconds: How long checking took. Unit: s.
        replayed: Whether calls were recorded once and replayed by the device, so that the host's launches are
            not in the time.
    """

    value: float
    sample_count: int
    sample_seconds: float
    around: Surroundings
    verdict: Verdict | None = None
    repeatable: bool | None = None
    check_seconds: float = 0.0
    replayed: bool = False


@dataclass(frozen=True)
class RunLong:
    """Call without a pause, to see the first second and the steady state.

    Attributes:
        case: Of what.
        chosen: In which shape, with which library.
        seed: Draws the operands.
        seconds: How long. Unit: s.
    """

    case: Case
    chosen: Chosen
    seed: int
    seconds: float


@dataclass(frozen=True)
class LongRunTaken:
    """The first second, the last half, and meters all along.

    Attributes:
        burst: Work ÷ time over the first second. Unit: the workload's.
        steady: Work ÷ time over the last half. Unit: the workload's.
        trace: Rate and meters over time.
        energy_j: Over the last half. Unit: J.
        energy_work: Work done meanwhile. Unit: FLOP or B.
        energy_source: What the energy was read from.
    """

    burst: float
    steady: float
    trace: tuple[TracePoint, ...]
    energy_j: float | None = None
    energy_work: float = 0.0
    energy_source: str | None = None


@dataclass(frozen=True)
class Failure:
    """A task that could not be done.

    Attributes:
        reason: In words.
        out_of_memory: Whether a smaller shape may do.
        error: The error itself, where it is one of ours and so meant for the user.
    """

    reason: str
    out_of_memory: bool = False
    error: FlopcensusError | None = None


Task = Introduce | Choose | TakeRound | RunLong
Answer = Introduction | Settled | RoundTaken | LongRunTaken | Failure
