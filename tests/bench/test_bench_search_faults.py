"""What fails in a search, is wrong or does not fit is left out, and that is said."""

from __future__ import annotations

import weakref

import pytest

from bench.choosing.race import KEPT_PREPARED, Race
from bench.choosing.search import search
from kernels.workload import Shape
from tests.bench.known_rates import (
    GRID,
    RIGHT,
    ScriptedDevice,
    ScriptedPrepared,
    ScriptedWorkload,
    bout,
    found,
)


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
