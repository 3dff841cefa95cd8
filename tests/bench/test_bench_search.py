"""The search for a shape and a backend, on a device whose rates are known."""

from __future__ import annotations

import math
import random
import statistics
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.choosing.choice import Bout, Chosen, NothingToChoose
from bench.choosing.race import KEPT_PREPARED, Race
from bench.choosing.search import search
from bench.choosing.surface import Point, distance, fit
from bench.devices.device import Batch
from bench.devices.fake import FakeClock, FakeDevice, FakeWorkload
from kernels.workload import Place, Prepared, Shape, Verdict

RIGHT = Verdict(correct=True, detail="right")
WRONG = Verdict(correct=False, detail="every element is off")
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


def bout(workload: ScriptedWorkload, seed: int = 0, *, sigma: float = 0.02, slow_share: float = 0.0) -> Bout:
    clock = FakeClock()
    noise = random.Random(seed)
    device = ScriptedDevice(clock, workload=workload, noise=noise, sigma=sigma, slow_share=slow_share)
    return Bout(workload, "fp32", device, device.place(), seed, clock)


def found(workload: ScriptedWorkload, seed: int = 0, *, seconds: float = 10.0, **noise: float) -> Chosen:
    return search(bout(workload, seed, **noise), seconds=seconds, slot_seconds=10.0)


def share_of_best(workload: ScriptedWorkload, chosen: Chosen) -> float:
    assert chosen.backend is not None
    best = max(workload.rate(shape, name) for shape in workload.shapes for name in workload.names)
    return workload.rate(chosen.shape, chosen.backend) / best


def test_winner_is_within_one_per_cent_of_the_best() -> None:
    shares = []
    for seed in range(12):
        workload = ScriptedWorkload(RIGHT, shapes=SMALLER, names=("torch", "slow", "packed"))
        shares.append(share_of_best(workload, found(workload, seed, sigma=0.01)))
    assert sum(share >= 0.99 for share in shares) >= 11, sorted(shares)[:5]


def test_a_busy_neighbour_costs_little() -> None:
    """One sample in ten takes 2.5 times as long."""
    shares = []
    for seed in range(6):
        workload = ScriptedWorkload(RIGHT, shapes=SMALLER)
        shares.append(share_of_best(workload, found(workload, seed, sigma=0.02, slow_share=0.1)))
    assert statistics.median(shares) >= 0.98, sorted(shares)


@pytest.mark.parametrize("seconds", [2.0, 10.0])
def test_it_keeps_to_its_time(seconds: float) -> None:
    race = bout(ScriptedWorkload(RIGHT))
    chosen = search(race, seconds=seconds, slot_seconds=10.0)
    assert chosen.search is not None
    assert chosen.search.seconds == race.clock() <= 1.1 * seconds


def test_the_default_value_is_not_the_luckiest() -> None:
    """Of candidates that are all alike, the value given for the default is not biased upwards."""

    def alike(shape: Shape, backend: str) -> float:
        return 5e11

    errors = []
    for seed in range(8):
        workload = ScriptedWorkload(RIGHT, rate=alike, shapes=SMALLER, names=("torch",))
        chosen = found(workload, seed, seconds=4.0, sigma=0.05)
        assert chosen.search is not None
        assert chosen.search.default_value is not None
        errors.append(math.log(chosen.search.default_value / 5e11))
    # the luckiest of over fifty samples would be two sigma, 0.1, too high
    assert abs(statistics.mean(errors)) < 0.03


def test_what_was_searched_is_told() -> None:
    workload = ScriptedWorkload(RIGHT)
    chosen = found(workload)
    assert chosen.backend == "packed"
    told = chosen.search
    assert told is not None
    assert told.backends == workload.names
    assert told.default_backend == "torch"
    assert told.candidates == len(GRID) * len(workload.names)
    assert 20 < told.shapes_tried < len(GRID)
    assert 4 <= told.finalists <= 8
    assert told.default_value == pytest.approx(ridge(told.default_shape, "torch"), rel=0.05)
    ideal = workload.flop(chosen.shape) / ridge(chosen.shape, "packed")
    assert chosen.call_seconds == pytest.approx(ideal, rel=0.2)


def test_no_call_is_longer_than_its_share_of_the_slot() -> None:
    longest = 0.0

    def watch(shape: Shape, backend: str) -> None:
        nonlocal longest
        longest = max(longest, 2.0 * math.prod(shape.values()) / ridge(shape, backend))

    search(bout(ScriptedWorkload(RIGHT, spoil=watch)), seconds=10.0, slot_seconds=0.5)
    assert 0 < longest < 1.5 * 0.05 * 0.5


def test_out_of_memory_drops_what_takes_more() -> None:
    released = []
    largest = 2 * 3 * 2048 * 2048

    def tight(shape: Shape, backend: str) -> None:
        if 2 * sum(shape[a] * shape[b] for a, b in ("mk", "kn", "mn")) > largest:
            raise MemoryError("out of memory")

    race = bout(ScriptedWorkload(RIGHT, spoil=tight))
    assert isinstance(race.device, ScriptedDevice)
    race.device.on_release = lambda: released.append(True)
    chosen = search(race, seconds=10.0, slot_seconds=10.0)
    assert race.workload.footprint_bytes(chosen.shape, "fp32") <= largest
    assert released
    assert any("memory ran out at" in note for note in chosen.notes)


def test_a_backend_that_raises_is_left_out() -> None:
    def break_packed(shape: Shape, backend: str) -> None:
        if backend == "packed" and shape["m"] > 1024:
            raise RuntimeError("no kernel image is available")

    chosen = found(ScriptedWorkload(RIGHT, spoil=break_packed))
    assert chosen.backend == "close"
    assert [note for note in chosen.notes if "packed" in note and "no kernel image" in note]


def test_a_backend_with_wrong_results_is_left_out() -> None:
    chosen = found(ScriptedWorkload(RIGHT, wrong=("packed",)))
    assert chosen.backend == "close"
    assert any("packed" in note and "wrong result" in note for note in chosen.notes)


def test_a_backend_that_is_wrong_at_large_shapes_only_does_not_win() -> None:
    chosen = found(ScriptedWorkload(RIGHT, wrong=("packed",), right_up_to=512))
    assert chosen.backend == "torch"
    assert any("packed" in note and "wrong result" in note for note in chosen.notes)


def test_where_all_is_wrong_one_is_chosen_all_the_same() -> None:
    """The measurement then says that it is incorrect."""
    chosen = found(ScriptedWorkload(RIGHT, names=("torch",), wrong=("torch",)), seconds=2.0)
    assert chosen.backend == "torch"


def test_where_everything_raises_so_does_the_search() -> None:
    def broken(shape: Shape, backend: str) -> None:
        raise RuntimeError(f"{backend} fell over")

    with pytest.raises(RuntimeError, match="fell over"):
        found(ScriptedWorkload(RIGHT, spoil=broken))


def test_one_candidate() -> None:
    shape = {"m": 1024, "n": 1024, "k": 1024}
    chosen = found(ScriptedWorkload(RIGHT, shapes=(shape,), names=("torch",)))
    assert chosen.shape == shape
    assert chosen.search is not None
    assert (chosen.search.shapes_tried, chosen.search.finalists) == (1, 1)


def test_no_candidate() -> None:
    with pytest.raises(NothingToChoose, match="too little memory"):
        found(ScriptedWorkload(RIGHT, shapes=()))


def test_a_result_that_was_never_computed_is_not_judged() -> None:
    """Operands let go of between the sample and the check are prepared anew, and hold no result."""
    workload = ScriptedWorkload(RIGHT, names=("torch", "packed"))
    contest = bout(workload)
    race = Race(contest, GRID, seconds=10.0, slot_seconds=10.0)
    with workload.sharing("fp32", contest.place):
        race.sample(GRID[0], "packed")
        for shape in GRID[1 : KEPT_PREPARED + 1]:
            race.sample(shape, "torch")
        verdict = race.check(GRID[0], "packed")
    assert verdict == RIGHT
    assert "packed" in race.backends


def test_a_check_that_runs_out_of_memory_drops_that_candidate_only() -> None:
    starved: set[tuple[int, ...]] = set()

    def starve(shape: Shape, backend: str) -> None:
        if backend == "packed" and shape["m"] >= 2048:
            starved.add(tuple(shape.values()))
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    chosen = found(ScriptedWorkload(RIGHT, on_check=starve))
    assert starved
    assert (tuple(chosen.shape.values()) not in starved) or chosen.backend != "packed"
    assert any("while packed was checked at m=" in note for note in chosen.notes)
    assert not any("only shapes that take less" in note for note in chosen.notes)
    assert not any("left out of the search" in note for note in chosen.notes)


def test_a_check_that_raises_drops_the_backend() -> None:
    def break_packed(shape: Shape, backend: str) -> None:
        if backend == "packed":
            raise RuntimeError("an illegal memory access was encountered")

    chosen = found(ScriptedWorkload(RIGHT, on_check=break_packed))
    assert chosen.backend == "close"
    assert any("packed" in note and "illegal memory access" in note for note in chosen.notes)


def test_a_shape_whose_memory_ran_out_later_does_not_win() -> None:
    """Memory that others take meanwhile: what was sampled before is out, with all that takes as much."""
    contest = bout(ScriptedWorkload(RIGHT))
    race = Race(contest, GRID, seconds=10.0, slot_seconds=10.0)
    assert isinstance(contest.workload, ScriptedWorkload)
    with contest.workload.sharing("fp32", contest.place):
        race.sample(GRID[-1], "packed")
        race.sample(GRID[0], "torch")
        contest.workload.on_run = _starve
        race.sample(GRID[-1], "packed")
    assert [entrant.shape for entrant in race.still_in()] == [GRID[0]]


def _starve() -> None:
    raise MemoryError


def test_the_winner_is_compared_with_the_default_in_the_same_rounds() -> None:
    chosen = found(ScriptedWorkload(RIGHT), sigma=0.005)
    told = chosen.search
    assert told is not None
    assert told.value is not None
    assert told.default_value is not None
    assert chosen.backend == "packed"
    assert told.value == pytest.approx(ridge(chosen.shape, "packed"), rel=0.02)
    assert told.value > told.default_value


def test_operands_of_what_failed_are_let_go() -> None:
    held: list[weakref.ref[ScriptedPrepared]] = []

    def broken() -> None:
        raise RuntimeError("no kernel image is available")

    workload = ScriptedWorkload(RIGHT, on_run=broken, held=held)
    contest = bout(workload)
    race = Race(contest, GRID, seconds=10.0, slot_seconds=10.0)
    with workload.sharing("fp32", contest.place):
        assert race.sample(GRID[0], "packed") is None
    assert race.error is not None
    assert [ref() for ref in held] == [None]


@given(
    effects=st.lists(st.floats(-0.5, 0.5), min_size=4, max_size=4),
    merit=st.floats(-1, 1),
    centre=st.floats(-5, 30),
)
def test_the_model_finds_a_sum_of_effects(effects: list[float], merit: float, centre: float) -> None:
    """A row and a column are enough to rank what was never sampled."""
    by_side = dict(zip((512, 1024, 2048, 4096), effects, strict=True))
    truth = {
        (m, n, name): centre + by_side[m] - 0.5 * by_side[n] + (merit if name == "b" else 0.0)
        for m in by_side
        for n in by_side
        for name in "ab"
    }
    sampled = {key: value for key, value in truth.items() if (key[0], key[1]) != (4096, 4096)}
    surface = fit([Point({"m": m, "n": n}, name, value) for (m, n, name), value in sampled.items()])
    for (m, n, name), value in truth.items():
        assert surface.expected({"m": m, "n": n}, name) == pytest.approx(value, abs=0.35)


@given(st.integers(1, 1 << 14), st.integers(1, 1 << 14))
def test_distance_is_that_of_logs(one: int, other: int) -> None:
    apart = distance({"m": one}, {"m": other})
    assert apart == pytest.approx(abs(math.log(one / other)))
    assert apart == distance({"m": other}, {"m": one})
