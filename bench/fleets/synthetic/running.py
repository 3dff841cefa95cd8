"""How the devices of a synthetic node run: the rate of every round, and what their meters say.

Rates are drawn as logs about that of a usual device. Rounds scatter by 0.2 to 0.8 %, and one in fifty is held
up by 1 to 4 % (assumed), so that a slow round is no fault by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from bench.fleets.synthetic.planting import LOADS, Fleet, Load, Planted

# A usual H100 SXM at full load (assumed).
USUAL_TEMPERATURE_C = 62.0
USUAL_POWER_W = 690.0
USUAL_CLOCK_MHZ = 1755.0
# Arithmetic slows by this share for each degree of chip temperature: leakage takes from the power limit
# (assumed).
SLOWER_PER_DEGREE = 0.0004
# A device that is hotter than usual by more than this throttles (assumed). Unit: °C.
THROTTLING_ABOVE_C = 15.0
# Of the differences between chips and between slow chips, what shows in their clock (assumed).
CLOCK_SHARE, SLOW_CLOCK_SHARE = 0.8, 0.9
HELD_UP_SHARE, HELD_UP_LOSS = 0.02, (0.01, 0.04)


@dataclass(frozen=True)
class Work:
    """A workload of the synthetic node, and the rate that a usual device gives, in ``unit``."""

    workload: str
    precision: str
    metric: str
    unit: str
    rate: float
    load: Load


# Rates of the order of an H100 SXM's; nothing is judged by their absolute size.
WORKS = (
    Work("gemm", "bf16", "flop_rate", "FLOP/s", 7.2e14, "compute"),
    Work("gemm", "fp8", "flop_rate", "FLOP/s", 1.35e15, "compute"),
    Work("gemm", "fp32", "flop_rate", "FLOP/s", 5.1e13, "compute"),
    Work("gemm_typical", "bf16", "flop_rate", "FLOP/s", 6.1e14, "compute"),
    Work("attention_forward", "bf16", "flop_rate", "FLOP/s", 4.4e14, "compute"),
    Work("training_step", "bf16", "flop_rate", "FLOP/s", 3.9e14, "compute"),
    Work("memory_copy", "fp32", "bandwidth", "B/s", 2.95e12, "memory"),
    Work("memory_triad", "fp32", "bandwidth", "B/s", 3.02e12, "memory"),
    Work("decode_step", "bf16", "token_rate", "token/s", 1.9e3, "memory"),
    Work("transfer_to_device", "fp32", "bandwidth", "B/s", 5.4e10, "link"),
    Work("transfer_from_device", "fp32", "bandwidth", "B/s", 5.3e10, "link"),
)


@dataclass(frozen=True)
class Enclosure:
    """What the devices of one node share.

    Attributes:
        levels: Log rate by what is loaded, against a usual node.
        warmth_c: Temperature of the air, against a usual node. Unit: °C.
    """

    levels: Mapping[Load, float]
    warmth_c: float

    @classmethod
    def drawn(cls, fleet: Fleet, rng: np.random.Generator) -> Enclosure:
        """That of a node."""
        compute = rng.normal(0, 0.25 * fleet.sound["compute"])
        link = rng.normal(0, 0.25 * fleet.sound["link"])
        return cls({"compute": compute, "memory": 0.0, "link": link}, rng.normal(0, 1.5))


@dataclass(frozen=True)
class Run:
    """One workload on one device: rates of its rounds in the workload's unit, and its meters."""

    work: Work
    rates: list[float]
    wrong: bool
    throttled: bool
    clock_mhz: float
    power_w: float
    temperature_c: float


@dataclass(frozen=True)
class Chip:
    """How one device runs: its log rate by what is loaded, and its meters at full load."""

    levels: Mapping[Load, float]
    temperature_c: float
    power_w: float
    clock_mhz: float

    @classmethod
    def drawn(cls, fleet: Fleet, fault: Planted | None, around: Enclosure, rng: np.random.Generator) -> Chip:
        """A device in a node, with the fault that is planted in it."""
        levels = {load: around.levels[load] + rng.normal(0, fleet.sound[load]) for load in LOADS}
        temperature_c = USUAL_TEMPERATURE_C + around.warmth_c + rng.normal(0, 2.0)
        if fault is not None and fault.name == "hot":
            temperature_c += fault.size
        levels["compute"] -= SLOWER_PER_DEGREE * (temperature_c - USUAL_TEMPERATURE_C)
        power_w = USUAL_POWER_W * math.exp(rng.normal(0, 0.008))
        clock_mhz = USUAL_CLOCK_MHZ * math.exp(CLOCK_SHARE * levels["compute"])
        if fault is not None and fault.name == "slow" and fault.shown:
            clock_mhz *= 1 - SLOW_CLOCK_SHARE * fault.size
        return cls(levels, temperature_c, power_w, clock_mhz)


def runs_of(
    fleet: Fleet, fault: Planted | None, around: Enclosure, rng: np.random.Generator
) -> Iterator[Run]:
    """Yield how each workload runs on one device of a node."""
    chip = Chip.drawn(fleet, fault, around, rng)
    name, size = (fault.name, fault.size) if fault is not None else ("", 0.0)
    wrong = int(rng.integers(6)) if name == "wrong" else -1
    for number, work in enumerate(WORKS):
        yield Run(
            work,
            _rates(fleet, fault, work, chip.levels[work.load], rng),
            wrong=number == wrong,
            throttled=name == "hot" and work.load == "compute" and size > THROTTLING_ABOVE_C,
            clock_mhz=chip.clock_mhz * math.exp(rng.normal(0, 0.001)),
            power_w=chip.power_w * math.exp(rng.normal(0, 0.004)),
            temperature_c=float(round(chip.temperature_c + rng.normal(0, 0.7))),
        )


def _rates(
    fleet: Fleet, fault: Planted | None, work: Work, level: float, rng: np.random.Generator
) -> list[float]:
    """The rate of each round of a workload, in its unit."""
    level += rng.normal(0, 0.3 * fleet.sound[work.load])
    level += fault.log_loss(work.load) if fault is not None else 0.0
    scatter = fleet.sound["rounds"] * math.exp(rng.normal(0, 0.2))
    logs = level + rng.normal(0, scatter, fleet.rounds)
    held_up = rng.random(fleet.rounds) < HELD_UP_SHARE
    logs -= held_up * rng.uniform(*HELD_UP_LOSS, fleet.rounds)
    if fault is not None and work.load == "compute":
        if fault.name == "flaky":
            logs += (rng.random(fleet.rounds) < fault.share) * math.log1p(-fault.size)
        elif fault.name == "drifting":
            logs += math.log1p(-fault.size) * np.linspace(0, 1, fleet.rounds)
    return [float(one) for one in work.rate * np.exp(logs)]
