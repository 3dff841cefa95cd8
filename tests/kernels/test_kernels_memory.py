"""Memory: what counts as bytes, how large the arrays are, and a check that can fail."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.devices.native import load_native
from bench.devices.system import processor
from kernels.memory import FORMULAS, Memory
from kernels.memory_ladder import MemoryLadder, PreparedSum
from kernels.native.stream import PreparedNative
from kernels.shared.streams import BLOCK_ELEMENTS, SCALAR, WRITES, PreparedMemory
from kernels.workload import Place

MEMORIES = [Memory(kind) for kind in FORMULAS]
READ, COPY, SCALE, ADD, TRIAD = MEMORIES
WRITERS = [memory for memory in MEMORIES if WRITES[memory.kind]]
LADDER = MemoryLadder()
ELEMENTS = 2 * BLOCK_ELEMENTS + 3  # not a multiple of any block
EVERY = pytest.mark.parametrize("memory", MEMORIES, ids=lambda memory: memory.name)
EVERY_WRITER = pytest.mark.parametrize("memory", WRITERS, ids=lambda memory: memory.name)
BACKENDS = pytest.mark.parametrize("backend", ["torch", "native", "native nt"])


def native_place(cache_bytes: int = 64 << 20) -> Place:
    native = load_native()
    if native.library is None:
        pytest.skip(f"no compiled routines here: {native.absent}")
    isa, cpus = frozenset(processor.isa()), processor.usable_cpus()[:2]
    return Place(native=native.library, isa=isa, cpus=cpus, cache_bytes=cache_bytes)


def prepared(memory: Memory, backend: str = "torch") -> PreparedMemory:
    place = Place() if backend == "torch" else native_place()
    operation = memory.prepare("fp32", {"elements": ELEMENTS}, place, seed=11, backend=backend)
    assert isinstance(operation, PreparedMemory)
    return operation


def run(memory: Memory, backend: str = "torch") -> PreparedMemory:
    operation = prepared(memory, backend)
    operation.poison()
    with operation.setting():
        operation.run()
    return operation


@given(elements=st.integers(1, 1 << 34))
def test_bytes_are_those_read_plus_written(elements: int) -> None:
    shape = {"elements": elements}
    moved = [memory.bytes_moved(shape, "fp32") / (4 * elements) for memory in MEMORIES]
    assert moved == [1, 2, 2, 3, 3]
    assert [memory.flop(shape) / elements for memory in MEMORIES] == [1, 0, 1, 1, 2]


@EVERY
@given(cache_bytes=st.integers(0, 1 << 31), memory_bytes=st.integers(0, 1 << 40))
def test_each_array_exceeds_the_cache_fourfold_and_fits(
    memory: Memory, cache_bytes: int, memory_bytes: int
) -> None:
    ladder = memory.ladder("fp32", Place(cache_bytes=cache_bytes, memory_bytes=memory_bytes))
    for shape in ladder:
        assert 4 * shape["elements"] > 4 * cache_bytes - 4
        assert memory.footprint_bytes(shape, "fp32") <= memory_bytes


def test_too_little_memory_leaves_nothing_to_try() -> None:
    assert COPY.ladder("fp32", Place(cache_bytes=1 << 30, memory_bytes=1 << 31)) == ()


@BACKENDS
@EVERY
def test_right_result_passes(memory: Memory, backend: str) -> None:
    verdict = run(memory, backend).check()
    assert verdict.correct, verdict.detail


@BACKENDS
def test_operation_is_what_it_says(backend: str) -> None:
    copy, scale, add, triad = (run(memory, backend) for memory in WRITERS)
    assert add.second is not None
    assert triad.second is not None
    assert torch.equal(copy.target, copy.first)
    assert torch.equal(scale.target, SCALAR * scale.first)
    assert torch.equal(add.target, add.first + add.second)
    torch.testing.assert_close(triad.target, triad.first + SCALAR * triad.second)


def test_read_is_a_sum() -> None:
    operation = run(READ)
    torch.testing.assert_close(
        float(operation.target), float(operation.first.double().sum()), rtol=1e-3, atol=1
    )


@BACKENDS
@EVERY_WRITER
@pytest.mark.parametrize("place", [0, ELEMENTS // 2, ELEMENTS - 1])
@pytest.mark.parametrize("factor", [1.001, math.nan, math.inf, 0.0])
def test_one_wrong_element_fails(memory: Memory, backend: str, place: int, factor: float) -> None:
    operation = finished(memory, backend)
    before = operation.target[place].clone()
    operation.target[place] *= factor
    verdict = operation.check()
    operation.target[place] = before
    assert not verdict.correct, verdict.detail


FINISHED: dict[tuple[str, str], PreparedMemory] = {}


def finished(memory: Memory, backend: str) -> PreparedMemory:
    """Once run, for tests that put back what they spoil."""
    key = memory.name, backend
    if key not in FINISHED:
        FINISHED[key] = run(memory, backend)
    return FINISHED[key]


@pytest.mark.parametrize("factor", [1.1, math.nan, math.inf, 0.0])
def test_a_wrong_sum_fails(factor: float) -> None:
    operation = run(READ)
    operation.first.abs_()
    operation.run()
    assert operation.check().correct
    operation.target *= factor
    assert not operation.check().correct


@pytest.mark.parametrize("backend", ["native", "native nt"])
@pytest.mark.parametrize("place", [0, ELEMENTS - 1])
def test_one_element_not_read_fails(backend: str, place: int) -> None:
    operation = run(READ, backend)
    operation.first[place] = 77.0
    assert not operation.check().correct


@BACKENDS
@EVERY
def test_output_never_written_fails(memory: Memory, backend: str) -> None:
    operation = prepared(memory, backend)
    operation.poison()
    assert not operation.check().correct


def test_the_best_backend_is_taken_unless_named() -> None:
    assert COPY.backends("fp32", Place()) == ("torch",)
    place = native_place()
    assert COPY.backends("fp32", place) == ("torch", "native", "native nt")
    named = {
        name: COPY.prepare("fp32", {"elements": 4096}, place, seed=1, backend=name).backend
        for name in (None, "torch", "native")
    }
    assert named["torch"] == "torch/native"
    assert named["native"].startswith("native/")
    assert " nt, " in named[None]
    assert " nt" not in named["native"]


def test_another_precision_or_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="bf16"):
        COPY.prepare("bf16", {"elements": 8}, Place(), seed=0)
    with pytest.raises(ValueError, match=r"'native'.*known: torch"):
        COPY.prepare("fp32", {"elements": 8}, Place(), seed=0, backend="native")


@given(
    caches=st.tuples(st.integers(15, 18), st.integers(19, 23), st.integers(18, 30)),
    cores=st.integers(1, 1024),
)
def test_ladder_shows_every_cache(caches: tuple[int, int, int], cores: int) -> None:
    first, second, last = (1 << size for size in caches)
    place = Place(cache_bytes=last, caches_bytes=(first, second, last), cpus=tuple(range(cores)))
    sizes = [shape["bytes"] for shape in LADDER.ladder("fp32", place)]
    assert sizes == sorted(set(sizes))
    assert len(sizes) <= 18
    assert sizes[0] == 16 << 10
    if 4 * last // cores > 16 << 10:
        assert sizes[-1] * cores > 4 * last * 0.7
    for shape in LADDER.ladder("fp32", place):
        moved = LADDER.bytes_moved(shape, "fp32")
        assert moved == shape["bytes"] * cores * shape["passes"]
        assert LADDER.flop(shape) == moved / 4


def test_ladder_fits_the_memory() -> None:
    place = Place(cache_bytes=64 << 20, memory_bytes=1 << 20, cpus=(0, 1))
    assert all(LADDER.footprint_bytes(shape, "fp32") <= 1 << 20 for shape in LADDER.ladder("fp32", place))


def test_ladder_counts_every_pass() -> None:
    place = native_place(cache_bytes=1 << 20)
    shape = {"bytes": 64 << 10, "threads": len(place.cpus), "passes": 5}
    operation = LADDER.prepare("fp32", shape, place, seed=3)
    operation.poison()
    assert not operation.check().correct
    operation.run()
    assert operation.check().correct
    assert isinstance(operation, PreparedNative)
    operation.stream.passes = 6  # as if one had been left out
    assert not operation.check().correct


def test_ladder_without_compiled_routines() -> None:
    assert LADDER.lacks("fp32", Place(native_absent="no C compiler")) == "no C compiler"
    assert LADDER.lacks("fp32", Place(kind="cuda", device="cuda:0")) is None
    with pytest.raises(ValueError, match="known"):
        LADDER.prepare("fp32", {"bytes": 64, "threads": 1, "passes": 1}, Place(), seed=0, backend="torch")


def test_ladder_in_torch() -> None:
    operation = PreparedSum(torch.randn(1000), 3)
    operation.poison()
    assert not operation.check().correct
    operation.run()
    assert operation.check().correct
