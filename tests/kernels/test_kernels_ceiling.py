"""Ceilings: what they count, what they lack, and sums that betray a step left out."""

from __future__ import annotations

import ctypes
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kernels.on_triton
from bench.devices.native import load_native
from bench.devices.system import processor
from kernels.ceiling import ROUTINES, Execution, PreparedUnit, Routine, UnitCeiling
from kernels.memory_ceiling import BACKENDS, MemoryCeiling
from kernels.workload import Place

VECTOR, MATRIX, MEMORY = UnitCeiling("vector"), UnitCeiling("matrix"), MemoryCeiling()
ALL = [(execution, one) for execution, table in ROUTINES.items() for ones in table.values() for one in ones]
EVERY = pytest.mark.parametrize(("execution", "routine"), ALL, ids=[one.unit for _, one in ALL])


def place(**fields: object) -> Place:
    native = load_native()
    known: dict[str, object] = {
        "native": native.library,
        "native_absent": native.absent,
        "isa": frozenset(processor.isa()),
        "cpus": processor.usable_cpus()[:2],
    }
    return Place(**{**known, **fields})  # type: ignore[arg-type]


def library() -> ctypes.CDLL:
    found = load_native()
    if found.library is None:
        pytest.skip(f"no compiled routines here: {found.absent}")
    return found.library


def prepared(execution: Execution, routine: Routine, iterations: int = 3) -> PreparedUnit:
    """On this machine, in exactly this routine; skipped where it cannot run."""
    precision = routine.unit.partition("/")[0]
    here = place(isa=routine.needs & frozenset(processor.isa()), native=library())
    workload = UnitCeiling(execution)
    lacking = workload.lacks(precision, here)
    if lacking:
        pytest.skip(lacking)
    shape = {**workload.ladder(precision, here)[0], "iterations": iterations}
    operation = workload.prepare(precision, shape, here, seed=0)
    assert isinstance(operation, PreparedUnit)
    return operation


@EVERY
@pytest.mark.parametrize("iterations", [1, 2, 255, 256, 257])
def test_right_sums_pass(execution: Execution, routine: Routine, iterations: int) -> None:
    operation = prepared(execution, routine, iterations)
    operation.poison()
    assert not operation.check().correct
    operation.run()
    verdict = operation.check()
    assert verdict.correct, verdict.detail


@EVERY
def test_an_iteration_left_out_fails(execution: Execution, routine: Routine) -> None:
    operation = prepared(execution, routine, 8)
    operation.run()
    short = prepared(execution, routine, 7)
    short.run()
    assert operation.totals != short.totals
    for thread, total in enumerate(short.totals):
        operation._totals[thread] = total
    assert not operation.check().correct


@EVERY
def test_one_thread_that_is_wrong_fails(execution: Execution, routine: Routine) -> None:
    operation = prepared(execution, routine)
    operation.run()
    operation._totals[-1] += 1
    verdict = operation.check()
    assert not verdict.correct
    assert "1 of" in verdict.detail


@EVERY
@given(iterations=st.integers(0, 4000))
def test_every_iteration_changes_the_sum(execution: Execution, routine: Routine, iterations: int) -> None:
    assert routine.total(iterations) != routine.total(iterations + 1)


def test_operations_are_those_of_the_instructions() -> None:
    by_unit = {one.unit: one.operations // (2 * 511 * one.accumulators) for _, one in ALL}
    assert by_unit["fp64/avx2"] == 8
    assert by_unit["fp32/avx512"] == 32
    assert by_unit["bf16/avx512"] == by_unit["fp16/avx512"] == 64
    assert by_unit["int8/avx512"] == 128
    assert by_unit["bf16/amx"] == by_unit["fp16/amx"] == 16 * 16 * 32 * 2
    assert by_unit["int8/amx"] == 16 * 16 * 64 * 2


@settings(max_examples=20)
@given(iterations=st.integers(1, 1 << 20), threads=st.integers(1, 512))
def test_flop_is_linear(iterations: int, threads: int) -> None:
    shape = {"iterations": iterations, "threads": threads, "operations": 1000}
    assert VECTOR.flop(shape) == 1000.0 * iterations * threads
    assert VECTOR.bytes_moved(shape, "fp32") == 0


@EVERY
def test_the_sums_are_the_digest(execution: Execution, routine: Routine) -> None:
    operation = prepared(execution, routine)
    operation.run()
    first = operation.digest()
    operation.run()
    assert operation.digest() == first
    assert operation.wall_seconds > 0


def test_the_clock_under_load_is_read() -> None:
    here = place(native=library())
    if VECTOR.lacks("fp32", here):
        pytest.skip(str(VECTOR.lacks("fp32", here)))
    operation = VECTOR.prepare("fp32", VECTOR.ladder("fp32", here)[0], here, seed=0)
    assert isinstance(operation, PreparedUnit)
    clock = operation.clock_mhz()
    assert clock is not None
    assert 50 < clock < 9000


@pytest.mark.parametrize("workload", [VECTOR, MATRIX, MEMORY])
def test_without_compiled_routines_the_reason_is_told(workload: UnitCeiling | MemoryCeiling) -> None:
    absent, precision = Place(native_absent="no C compiler"), workload.precisions[0]
    assert workload.lacks(precision, absent) == "no C compiler"
    with pytest.raises(ValueError, match="no C compiler"):
        workload.prepare(precision, {"bytes": 384, "passes": 1}, absent, seed=0)


def test_a_unit_that_is_not_there_is_named() -> None:
    bare = place(native=library(), isa=frozenset())
    assert "avx512f" in str(VECTOR.lacks("fp32", bare))
    assert "avx2" in str(VECTOR.lacks("fp32", bare))
    assert "amx_bf16" in str(MATRIX.lacks("bf16", bare))
    assert "tf32" in str(MATRIX.lacks("tf32", bare))
    assert VECTOR.ladder("fp32", bare) == ()


def test_refused_tiles_are_told() -> None:
    class Refusing:
        def fc_has_unit(self, unit: int) -> int:
            return 1

        def fc_ask_for_tiles(self) -> int:
            return -1

    there = place(native=Refusing(), isa=frozenset({"amx_tile", "amx_bf16"}))
    assert "AMX tiles" in str(MATRIX.lacks("bf16", there))


def test_other_devices_are_told() -> None:
    assert "mps" in str(VECTOR.lacks("fp32", Place(device="mps", kind="mps")))
    assert MEMORY.lacks("fp32", Place(device="cuda:0", kind="cuda"))


def test_a_gpu_without_its_routine_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kernels.on_triton.ceiling", None)
    # Another test may have imported it, and left it as an attribute of the package.
    monkeypatch.delattr(kernels.on_triton, "ceiling", raising=False)
    assert "imported" in str(MATRIX.lacks("bf16", Place(device="cuda:0", kind="cuda")))


def test_a_shape_of_another_machine_is_refused() -> None:
    here = place(native=library())
    if VECTOR.lacks("fp32", here):
        pytest.skip(str(VECTOR.lacks("fp32", here)))
    foreign = {"iterations": 1, "threads": 4096, "operations": 1}
    with pytest.raises(ValueError, match="ladder"):
        VECTOR.prepare("fp32", foreign, here, seed=0)


@given(cache_bytes=st.integers(0, 1 << 31), memory_bytes=st.integers(0, 1 << 40))
def test_memory_ceiling_moves_what_it_says(cache_bytes: int, memory_bytes: int) -> None:
    here = Place(cache_bytes=cache_bytes, memory_bytes=memory_bytes)
    for shape in MEMORY.ladder("fp32", here):
        assert shape["bytes"] % (6 * 64) == 0
        assert MEMORY.footprint_bytes(shape, "fp32") == shape["bytes"] <= memory_bytes
        assert MEMORY.bytes_moved(shape, "fp32") == shape["bytes"] * shape["passes"]
        assert shape["bytes"] > 12 * cache_bytes - 384


@pytest.mark.parametrize("backend", [None, *BACKENDS])
def test_memory_ceiling_is_checked(backend: str | None) -> None:
    here = place(native=library())
    operation = MEMORY.prepare("fp32", {"bytes": 384 << 10, "passes": 3}, here, seed=1, backend=backend)
    operation.poison()
    assert not operation.check().correct
    operation.run()
    assert operation.check().correct
    assert ("prefetched" if backend == "read" else " nt") in operation.backend


def test_memory_ceiling_knows_its_backends() -> None:
    with pytest.raises(ValueError, match="triad nt"):
        MEMORY.prepare("fp32", {"bytes": 384, "passes": 1}, place(native=library()), seed=0, backend="torch")
