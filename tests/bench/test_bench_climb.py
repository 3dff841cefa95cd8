"""Climbing the ladder: how far, past what fails, and what is told of it."""

from __future__ import annotations

import weakref
from collections.abc import Callable

import pytest

from bench.choosing.choice import Bout
from bench.choosing.climb import climb
from bench.choosing.faults import is_out_of_memory
from bench.devices.fake import FakeClock, FakeDevice, FakeWorkload
from kernels.workload import Verdict

RIGHT = Verdict(correct=True, detail="as it should be")
SIZES = (10**6, 10**7, 10**8, 10**9)
OUT_OF_RESOURCES = "out of resource: shared memory, Required: 131072, Hardware limit: 101376"


def bout(on_prepare: Callable[[int], None] = lambda size: None, *, call_seconds: float = 1e-3) -> Bout:
    workload = FakeWorkload(RIGHT, sizes=SIZES, on_prepare=on_prepare)
    clock = FakeClock()
    device = FakeDevice(clock, call_seconds=lambda number: call_seconds)
    return Bout(workload, "fp32", device, device.place(), 0, clock)


def failing(*sizes: int, error: Exception) -> Callable[[int], None]:
    def fail(size: int) -> None:
        if size in sizes:
            raise error

    return fail


def test_the_fastest_rung_is_chosen() -> None:
    assert climb(bout(), seconds=1.0, slot_seconds=1.0).shape == {"size": SIZES[-1]}


@pytest.mark.parametrize(("compile_seconds", "tried"), [(5.0, 4), (25.0, 3), (100.0, 1)])
def test_compiling_does_not_end_a_climb_unless_it_takes_a_minute(compile_seconds: float, tried: int) -> None:
    prepared: list[int] = []

    def compile_it(size: int) -> None:
        prepared.append(size)
        assert isinstance(contest.clock, FakeClock)
        contest.clock.advance(compile_seconds)

    contest = bout(compile_it)
    assert climb(contest, seconds=0.5, slot_seconds=1.0).shape == {"size": SIZES[tried - 1]}
    assert len(prepared) == tried


def test_time_in_calls_ends_a_climb() -> None:
    """Two rungs of three calls of 40 ms are over 0.2 s; a third is not begun."""
    assert climb(bout(call_seconds=0.04), seconds=0.2, slot_seconds=10.0).shape == {"size": SIZES[1]}


def test_a_rung_that_fails_is_passed_over() -> None:
    fail = failing(SIZES[0], SIZES[2], error=RuntimeError(OUT_OF_RESOURCES))
    chosen = climb(bout(fail), seconds=1.0, slot_seconds=1.0)
    assert chosen.shape == {"size": SIZES[3]}
    (note,) = chosen.notes
    assert note.startswith(f"size={SIZES[0]} was passed over: RuntimeError: out of resource")
    assert note.endswith("and 1 more shapes failed")


def test_memory_that_runs_out_ends_the_climb() -> None:
    chosen = climb(bout(failing(SIZES[2], error=MemoryError())), seconds=1.0, slot_seconds=1.0)
    assert chosen.shape == {"size": SIZES[1]}
    assert chosen.notes == (f"memory ran out at size={SIZES[2]}: a smaller shape was measured",)


def test_where_no_rung_works_the_first_fault_is_raised() -> None:
    def fail(size: int) -> None:
        raise RuntimeError(f"no kernel for {size}")

    with pytest.raises(RuntimeError, match=f"no kernel for {SIZES[0]}"):
        climb(bout(fail), seconds=1.0, slot_seconds=1.0)


def test_a_rung_that_failed_holds_no_memory() -> None:
    class Operand:
        pass

    held: list[weakref.ref[Operand]] = []

    def fail(size: int) -> None:
        assert all(ref() is None for ref in held), "the operands of a rung that failed are still there"
        operand = Operand()
        held.append(weakref.ref(operand))
        raise RuntimeError("too many resources requested for launch")

    with pytest.raises(RuntimeError, match="too many"):
        climb(bout(fail), seconds=1.0, slot_seconds=1.0)
    assert len(held) == len(SIZES)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB"), True),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory"),
            True,
        ),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("HIP error: HIPBLAS_STATUS_ALLOC_FAILED when calling `hipblasCreate(&handle)`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx`"), False),
        (RuntimeError(OUT_OF_RESOURCES), False),
    ],
)
def test_signs_of_memory_that_ran_out(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) == expected
