"""Memory: what counts as bytes, how large the arrays are, and a check that can fail."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kernels.memory import BLOCK_ELEMENTS, TRIAD_SCALAR, Memory, PreparedMemory
from kernels.workload import Place

COPY, TRIAD = Memory("copy"), Memory("triad")
ELEMENTS = 2 * BLOCK_ELEMENTS + 3  # not a multiple of any block
BOTH = pytest.mark.parametrize("memory", [COPY, TRIAD], ids=lambda memory: memory.name)


def prepared(memory: Memory) -> PreparedMemory:
    operation = memory.prepare("fp32", {"elements": ELEMENTS}, Place(), seed=11)
    assert isinstance(operation, PreparedMemory)
    return operation


def run(memory: Memory) -> PreparedMemory:
    operation = prepared(memory)
    operation.poison()
    with operation.setting():
        operation.run()
    return operation


@given(elements=st.integers(1, 1 << 34))
def test_bytes_are_those_read_plus_written(elements: int) -> None:
    shape = {"elements": elements}
    assert COPY.bytes_moved(shape, "fp32") == 2 * 4 * elements
    assert TRIAD.bytes_moved(shape, "fp32") == 3 * 4 * elements
    assert (COPY.flop(shape), TRIAD.flop(shape)) == (0, 2 * elements)


@BOTH
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


@BOTH
def test_right_result_passes(memory: Memory) -> None:
    verdict = run(memory).check()
    assert verdict.correct, verdict.detail


def test_operation_is_what_it_says() -> None:
    copy, triad = run(COPY), run(TRIAD)
    assert triad.second is not None
    assert torch.equal(copy.target, copy.first)
    torch.testing.assert_close(triad.target, triad.first + TRIAD_SCALAR * triad.second)


@BOTH
@pytest.mark.parametrize("place", [0, ELEMENTS // 2, ELEMENTS - 1])
@pytest.mark.parametrize("factor", [1.001, math.nan, math.inf, 0.0])
def test_one_wrong_element_fails(memory: Memory, place: int, factor: float) -> None:
    operation = run(memory)
    operation.target[place] *= factor
    verdict = operation.check()
    assert not verdict.correct, verdict.detail


@BOTH
def test_output_never_written_fails(memory: Memory) -> None:
    operation = prepared(memory)
    operation.poison()
    assert not operation.check().correct


def test_another_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="bf16"):
        COPY.prepare("bf16", {"elements": 8}, Place(), seed=0)
