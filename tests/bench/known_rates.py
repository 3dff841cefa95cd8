"""Matrix products whose true rates are known, on devices that are noisy in known ways."""

from __future__ import annotations

import math
import random
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import product

from bench.choosing.choice import Bout, Chosen
from bench.choosing.search import search
from bench.devices.device import Batch
from bench.devices.fake import FakeClock, FakeDevice, FakeWorkload
from kernels.workload import Place, Prepared, Shape, Verdict

RIGHT = Verdict(correct=True, detail="right")
WRONG = Verdict(correct=False, detail="every element is off")
# What calling and preparing take beside the calls.
HOST_SECONDS = 0.003
SIDES = range(512, 4097, 512)
GRID = tuple({"m": m, "n": n, "k": k} for m, n, k in product(SIDES, SIDES, SIDES))
SMALLER = tuple(shape for shape in GRID if max(shape.values()) <= 3072)
Rate = Callable[[Shape, str], float]


def ridge(shape: Shape, backend: str) -> float:
    """A known surface in FLOP/s: grows with the work, has best sides, and backends of different merit."""
    merit = {"torch": 1.0, "packed": 1.12, "slow": 0.5, "close": 1.05}[backend]
    best = {"m": 2048, "n": 3072, "k": 1536}
    off = sum(0.06 * math.log2(shape[side] / best[side]) ** 2 for side in best)
    bump = 0.02 * math.cos(shape["m"] / 700 + shape["n"] / 900) * math.sin(shape["k"] / 500)
    return 8e11 * merit * math.exp(bump - off)


def plateau(shape: Shape, backend: str) -> float:
    """As on two cores of a CPU, in FLOP/s: small shapes fall behind by up to a quarter, others by little."""
    merit = {"torch": 1.0, "packed": 1.04, "slow": 0.8, "close": 1.01}[backend]
    small = 0.25 * math.exp(-math.prod(shape.values()) / 600**3)
    bump = 0.02 * math.cos(shape["m"] / 300 + shape["n"] / 400) * math.sin(shape["k"] / 250)
    return 1.85e11 * merit * math.exp(bump - small)


@dataclass
class ScriptedWorkload(FakeWorkload):
    """Matrix products at known rates; ``spoil`` is told each preparation and may raise."""

    rate: Rate = ridge
    shapes: tuple[Shape, ...] = GRID
    names: tuple[str, ...] = ("torch", "slow", "packed", "close")
    spoil: Callable[[Shape, str], None] = lambda shape, backend: None
    wrong: tuple[str, ...] = ()
    right_up_to: int = 0
    on_check: Callable[[Shape, str], None] = lambda shape, backend: None
    on_run: Callable[[], None] = lambda: None
    held: list[weakref.ref[ScriptedPrepared]] = field(default_factory=list)
    running: tuple[Shape, str] | None = None
    prepared: int = 0
    sharers: int = 0

    def flop(self, shape: Shape) -> float:
        return 2.0 * shape["m"] * shape["n"] * shape["k"]

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        return 2 * (shape["m"] * shape["k"] + shape["k"] * shape["n"] + shape["m"] * shape["n"])

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        return self.names

    def grid(self, precision: str, place: Place) -> tuple[Shape, ...]:
        return tuple(sorted(self.shapes, key=self.flop))

    @contextmanager
    def sharing(self, precision: str, place: Place) -> Iterator[None]:
        self.sharers += 1
        yield
        self.sharers -= 1

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        assert backend is not None
        assert self.sharers == 1
        self.spoil(shape, backend)
        self.prepared += 1
        prepared = ScriptedPrepared(self, shape, backend)
        self.held.append(weakref.ref(prepared))
        return prepared


@dataclass
class ScriptedPrepared:
    workload: ScriptedWorkload
    shape: Shape
    backend: str
    has_run: bool = False

    def setting(self) -> AbstractContextManager[None]:
        return nullcontext()

    def poison(self) -> None:
        pass

    def run(self) -> None:
        self.workload.on_run()
        self.workload.running = self.shape, self.backend
        self.has_run = True

    def check(self) -> Verdict:
        self.workload.on_check(self.shape, self.backend)
        if not self.has_run:
            return WRONG
        small = max(self.shape.values()) <= self.workload.right_up_to
        return WRONG if self.backend in self.workload.wrong and not small else RIGHT

    def digest(self) -> str | None:
        return None


@dataclass
class ScriptedDevice(FakeDevice):
    """Calls take their work ÷ rate, times lognormal noise, and at times the machine is busy elsewhere."""

    workload: ScriptedWorkload = field(default_factory=lambda: ScriptedWorkload(RIGHT))
    noise: random.Random = field(default_factory=lambda: random.Random(0))
    sigma: float = 0.02
    slow_share: float = 0.0

    def time_calls(self, call: Callable[[], None], count: int, during: Callable[[], None]) -> Batch:
        # a batch shares most of its noise: calls that follow each other meet the same machine
        factor = self.noise.lognormvariate(0, self.sigma)
        factor *= 2.5 if self.noise.random() < self.slow_share else 1.0
        seconds = []
        for _ in range(count):
            call()
            assert self.workload.running is not None
            shape, backend = self.workload.running
            ideal = self.workload.flop(shape) / self.workload.rate(shape, backend)
            seconds.append(ideal * factor * self.noise.lognormvariate(0, self.sigma / 2))
            self.clock.advance(seconds[-1])
        return Batch(tuple(seconds))


@dataclass
class DriftingDevice(ScriptedDevice):
    """A host shared with others, as measured on one: the pace changes within a call, and for all calls alike.

    It is slow by 40 % for a second and a half of every three or four, with short moments of the other pace in
    between; it wavers by 3 % every 20 ms, and now and then the host takes a core away for that long.
    """

    pace: float = 1.0
    changes: float = 0.0
    slow: bool = False
    moment_ends: float = 0.0
    wavering: float = 0.0

    def time_calls(self, call: Callable[[], None], count: int, during: Callable[[], None]) -> Batch:
        self.clock.advance(HOST_SECONDS)
        own = self.noise.lognormvariate(0, 0.012)
        seconds = []
        for _ in range(count):
            call()
            assert self.workload.running is not None
            shape, backend = self.workload.running
            start = self.clock()
            self._work(own * self.workload.flop(shape) / self.workload.rate(shape, backend))
            seconds.append(self.clock() - start)
        return Batch(tuple(seconds))

    def _work(self, seconds: float) -> None:
        """Let pass what so many seconds take at the usual pace."""
        while True:
            if self.changes <= self.clock():
                self._change()
            possible = (self.changes - self.clock()) * self.pace
            if seconds < possible:
                self.clock.advance(seconds / self.pace)
                return
            seconds -= possible
            self.clock.seconds = self.changes

    def _change(self) -> None:
        noise, length = self.noise, self.noise.expovariate(1 / 0.02)
        if noise.random() < length / (1.5 if self.slow else 2.0):
            self.slow = not self.slow
        if noise.random() < length:
            self.moment_ends = self.clock() + noise.expovariate(1 / 0.08)
        self.wavering = 0.8 * self.wavering + 0.6 * noise.gauss(0, 0.03)
        lost = 0.4 if self.slow != (self.clock() < self.moment_ends) else 0.0
        lost += 0.7 if noise.random() < 0.01 else 0.0
        self.pace, self.changes = math.exp(self.wavering - lost), self.clock() + length


def bout(workload: ScriptedWorkload, seed: int = 0, *, sigma: float = 0.02, slow_share: float = 0.0) -> Bout:
    """On a device whose samples are off by ``sigma``, and some by much more."""
    clock = FakeClock()
    noise = random.Random(seed)
    device = ScriptedDevice(clock, workload=workload, noise=noise, sigma=sigma, slow_share=slow_share)
    return Bout(workload, "fp32", device, device.place(), seed, clock)


def drifting(workload: ScriptedWorkload, seed: int) -> Bout:
    """On a device whose pace drifts."""
    clock = FakeClock()
    device = DriftingDevice(clock, workload=workload, noise=random.Random(seed))
    return Bout(workload, "fp32", device, device.place(), seed, clock)


def found(workload: ScriptedWorkload, seed: int = 0, *, seconds: float = 10.0, **noise: float) -> Chosen:
    """What the search finds."""
    return search(bout(workload, seed, **noise), seconds=seconds, slot_seconds=10.0)


def share_of_best(workload: ScriptedWorkload, chosen: Chosen) -> float:
    """True rate of what was chosen ÷ the best there is."""
    assert chosen.backend is not None
    best = max(workload.rate(shape, name) for shape in workload.shapes for name in workload.names)
    return workload.rate(chosen.shape, chosen.backend) / best
