"""The compiled routines themselves: against NumPy for every operation, width and length, and their clock."""

from __future__ import annotations

import ctypes
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.devices.native import load_native
from bench.devices.system import processor
from kernels.native import library as native_library
from kernels.native.library import (
    KINDS,
    WIDTHS,
    Array,
    best_width,
    cpu_array,
    effective_clock_mhz,
    require_success,
)

ISA = frozenset(processor.isa())
USABLE = [name for name, (needed, _) in WIDTHS.items() if not needed or needed in ISA]
LENGTHS = (1, 15, 16, 17, 63, 64, 65, 1000, 4099)


@pytest.fixture(scope="module")
def library() -> ctypes.CDLL:
    found = load_native()
    if found.library is None:
        pytest.skip(f"no compiled routines here: {found.absent}")
    return found.library


@pytest.fixture(scope="module")
def cpus() -> tuple[int, ...]:
    return processor.usable_cpus()[:3]


def filled(library: ctypes.CDLL, elements: int, cpus: tuple[int, ...], seed: int) -> tuple[Array, np.ndarray]:
    array = Array(library, elements, cpus)
    view = np.frombuffer(memoryview(array.buffer()), dtype=np.float32)
    view[:] = np.random.default_rng(seed).standard_normal(elements, dtype=np.float32)
    return array, view


@pytest.mark.parametrize("streaming", [0, 1])
@pytest.mark.parametrize("width", USABLE)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "read"])
def test_operations_agree_with_numpy(
    library: ctypes.CDLL, cpus: tuple[int, ...], kind: str, width: str, streaming: int
) -> None:
    for elements in LENGTHS:
        (a, target), (b, first), (c, second) = (filled(library, elements, cpus, seed) for seed in range(3))
        result = library.fc_stream(
            *(KINDS[kind], WIDTHS[width][1], streaming, a.address, b.address, c.address, 3.0, elements, 1),
            *(cpu_array(cpus), len(cpus), None, None),
        )
        assert result == 0
        s = np.float32(3)
        expected = {"copy": first, "scale": s * first, "add": first + second, "triad": first + s * second}[
            kind
        ]
        np.testing.assert_allclose(target, expected, rtol=0, atol=4 * 2.0**-24 * 20)
        if kind != "triad":
            np.testing.assert_array_equal(target, expected)


@pytest.mark.parametrize("streaming", [0, 1])
@pytest.mark.parametrize("width", USABLE)
def test_a_read_sums_every_bit(
    library: ctypes.CDLL, cpus: tuple[int, ...], width: str, streaming: int
) -> None:
    for elements in LENGTHS:
        b, values = filled(library, elements, cpus, 5)
        sums = (ctypes.c_uint32 * len(cpus))()
        library.fc_stream(
            *(KINDS["read"], WIDTHS[width][1], streaming, None, b.address, None, 0.0, elements, 3),
            *(cpu_array(cpus), len(cpus), sums, None),
        )
        expected = 3 * int(values.view(np.uint32).sum(dtype=np.uint64)) % 2**32
        assert sum(sums) % 2**32 == expected


def test_what_makes_no_sense_is_refused(library: ctypes.CDLL, cpus: tuple[int, ...]) -> None:
    for kind, width, elements in ((9, 0, 8), (1, 7, 8), (1, 0, 0)):
        arguments = (
            kind,
            width,
            0,
            None,
            None,
            None,
            0.0,
            elements,
            1,
            cpu_array(cpus),
            len(cpus),
            None,
            None,
        )
        with pytest.raises(OSError, match="CPUs"):
            require_success(library.fc_stream(*arguments), "test", cpus)


def test_a_cpu_that_is_not_there_is_an_error(library: ctypes.CDLL, cpus: tuple[int, ...]) -> None:
    with pytest.raises(OSError, match="8191"):
        effective_clock_mhz(library, (cpus[0], 8191))
    assert effective_clock_mhz(library, cpus) > 0
    assert library.fc_ping_pong(cpus[0], 8191, 10, 1, (ctypes.c_double * 1)()) < 0
    assert library.fc_ping_pong(cpus[0], cpus[0], 10, 1, (ctypes.c_double * 1)()) < 0


def test_affinity_is_left_as_it_was(library: ctypes.CDLL, cpus: tuple[int, ...]) -> None:
    before = processor.usable_cpus()
    effective_clock_mhz(library, cpus[:1])
    assert processor.usable_cpus() == before


def test_the_clock_is_one(library: ctypes.CDLL, cpus: tuple[int, ...]) -> None:
    # From the slowest mobile part to the fastest overclock; a preempted chunk only lowers it.
    assert 50 < effective_clock_mhz(library, cpus) < 9000
    chunks = native_library.clock_chunks_mhz(library, cpus)
    assert len(chunks) == len(cpus)
    assert all(max(core) < 9000 for core in chunks)


def _clock_in_child(cpus: tuple[int, ...], found: multiprocessing.SimpleQueue[float]) -> None:
    library = load_native().library
    assert library is not None
    found.put(effective_clock_mhz(library, cpus))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_hires_its_own_crew(library: ctypes.CDLL, cpus: tuple[int, ...]) -> None:
    effective_clock_mhz(library, cpus)
    context = multiprocessing.get_context("fork")
    found = context.SimpleQueue()
    child = context.Process(target=_clock_in_child, args=(cpus, found))
    child.start()
    child.join(60)
    alive = child.is_alive()
    child.kill()
    assert not alive
    assert found.get() > 0


def test_widest_first() -> None:
    assert best_width(frozenset()) == "sse2"
    assert best_width(frozenset({"avx2", "fma"})) == "avx2"
    assert best_width(frozenset({"avx2", "avx512f"})) == "avx512"


@settings(max_examples=20)
@given(elements=st.integers(1, 1 << 20), offset=st.integers(0, 1 << 14).map(lambda lines: 64 * lines))
def test_arrays_are_zero_aligned_and_as_long_as_said(elements: int, offset: int) -> None:
    library = load_native().library
    if library is None:
        pytest.skip("no compiled routines here")
    array = Array(library, elements, processor.usable_cpus()[:1], offset)
    values = np.frombuffer(memoryview(array.buffer()), dtype=np.float32)
    assert len(values) == elements
    assert array.address % 64 == 0
    assert not values.any()
    assert "pages" in array.pages


def test_memory_lives_as_long_as_who_looks_into_it(library: ctypes.CDLL, cpus: tuple[int, ...]) -> None:
    values = np.frombuffer(memoryview(Array(library, 1 << 20, cpus).buffer()), dtype=np.float32)
    values[:] = 2
    assert values.sum() == 2 << 20


def test_memory_is_given_back(library: ctypes.CDLL, cpus: tuple[int, ...]) -> None:
    def resident_pages() -> int:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])

    before = resident_pages()
    for _ in range(8):
        Array(library, 16 << 20, cpus)
    assert resident_pages() - before < (16 << 20) * 4 // 4096 * 2


def test_too_much_memory_is_out_of_memory(library: ctypes.CDLL, cpus: tuple[int, ...]) -> None:
    with pytest.raises(MemoryError, match="out of memory"):
        Array(library, 1 << 55, cpus)
