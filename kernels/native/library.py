"""The compiled routines as Python calls them: signatures, memory, and the clock that cores really run at."""

from __future__ import annotations

import ctypes
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# Numbers of the units in units.h.
UNIT_NUMBERS = {
    "fp64/avx2": 0,
    "fp32/avx2": 1,
    "fp64/avx512": 2,
    "fp32/avx512": 3,
    "fp16/avx512": 4,
    "bf16/avx512": 5,
    "int8/avx_vnni": 6,
    "int8/avx512": 7,
    "bf16/amx": 8,
    "int8/amx": 9,
    "fp16/amx": 10,
}
# The widest that a processor has comes first.
WIDTHS = {"avx512": ("avx512f", 2), "avx2": ("avx2", 1), "sse2": ("", 0)}
KINDS = {"read": 0, "copy": 1, "scale": 2, "add": 3, "triad": 4}
PAGES = {2: "huge pages (reserved)", 1: "huge pages", 0: "ordinary pages"}
# A few stragglers do not make the whole ordinary.
HUGE_SHARE = 0.9
CLOCK_CHUNKS = 11

_INT, _LONG, _DOUBLE, _ADDRESS = ctypes.c_int, ctypes.c_long, ctypes.c_double, ctypes.c_void_p
_INTS, _DOUBLES = ctypes.POINTER(_INT), ctypes.POINTER(_DOUBLE)
_LONG_LONGS, _WORDS = ctypes.POINTER(ctypes.c_longlong), ctypes.POINTER(ctypes.c_uint32)
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "fc_exert": (_INT, [_INT, _LONG, _INTS, _INT, _LONG_LONGS, _DOUBLES]),
    "fc_has_unit": (_INT, [_INT]),
    "fc_ask_for_tiles": (_INT, []),
    "fc_clock": (_INT, [_INT, _LONG, _INT, _INTS, _INT, _DOUBLES]),
    "fc_ping_pong": (_INT, [_INT, _INT, _LONG, _INT, _DOUBLES]),
    "fc_stream": (
        _INT,
        [
            *(_INT, _INT, _INT, _ADDRESS, _ADDRESS, _ADDRESS, ctypes.c_float, _LONG, _LONG),
            *(_INTS, _INT, _WORDS, _DOUBLES),
        ],
    ),
    "fc_touch": (_INT, [_ADDRESS, _LONG, _INTS, _INT]),
    "fc_map": (_ADDRESS, [ctypes.POINTER(ctypes.c_size_t), _INTS]),
    "fc_unmap": (_INT, [_ADDRESS, ctypes.c_size_t]),
    "fc_huge_share": (_DOUBLE, [_ADDRESS]),
}


def declare(library: ctypes.CDLL) -> ctypes.CDLL:
    """Tell ctypes what each routine takes and returns.

    Raises:
        AttributeError: The library lacks one of them.
    """
    for name, (result, arguments) in _SIGNATURES.items():
        routine = getattr(library, name)
        routine.restype, routine.argtypes = result, arguments
    return library


def cpu_array(cpus: Sequence[int]) -> ctypes.Array[ctypes.c_int]:
    """Logical CPUs as the routines take them."""
    return (_INT * len(cpus))(*cpus)


def require_success(result: int, what: str, cpus: Sequence[int]) -> None:
    """Turn a routine's negated errno into an error.

    Raises:
        OSError: It is one; EINVAL mostly means that a CPU has been taken away.
    """
    if result:
        listed = ", ".join(map(str, cpus[:8])) + (", …" if len(cpus) > 8 else "")
        raise OSError(-result, f"{what} on CPUs {listed}: {os.strerror(-result)}")


def best_width(isa: frozenset[str]) -> str:
    """The widest vectors that the processor has: ``avx512``, ``avx2`` or ``sse2``, which all x86-64 have."""
    return next(name for name, (needed, _) in WIDTHS.items() if not needed or needed in isa)


def effective_clock_mhz(
    library: ctypes.CDLL, cpus: Sequence[int], *, unit: str | None = None, iterations: int = 0
) -> float:
    """Clock that the cores run at while all of them are busy. Unit: MHz.

    Timed over chains of 64-bit products of 3 cycles each, on every core at once. The median chunk of some
    60 µs stands for a core, so that one that was preempted does not make the clock look low; the mean over
    cores is returned.

    Args:
        library: The compiled routines.
        cpus: Logical CPUs, one a thread.
        unit: Keep this unit busy before each chunk, so that the clock is the one under its load.
        iterations: Of the unit, before each chunk.

    Raises:
        OSError: A CPU cannot be used, or the library lacks the unit.
    """
    chunks = clock_chunks_mhz(library, cpus, unit=unit, iterations=iterations)
    return statistics.fmean(statistics.median(core) for core in chunks)


def clock_chunks_mhz(
    library: ctypes.CDLL, cpus: Sequence[int], *, unit: str | None = None, iterations: int = 0
) -> list[list[float]]:
    """Every chunk of every core, see `effective_clock_mhz`. Unit: MHz."""
    found = (_DOUBLE * (len(cpus) * CLOCK_CHUNKS))()
    number = -1 if unit is None else UNIT_NUMBERS[unit]
    result = library.fc_clock(number, iterations, CLOCK_CHUNKS, cpu_array(cpus), len(cpus), found)
    require_success(result, "the clock", cpus)
    return [list(found[core * CLOCK_CHUNKS : (core + 1) * CLOCK_CHUNKS]) for core in range(len(cpus))]


@dataclass(frozen=True)
class _Mapping:
    library: ctypes.CDLL
    address: int
    size_bytes: int


class Array:
    """A float32 array in the largest pages to be had, each part first touched on the CPU that uses it.

    Attributes:
        address: Of the first element, on a line of the cache.
        elements: Float32 values.
        pages: ``huge pages``, ``huge pages (reserved)`` or ``ordinary pages``, as the kernel confirms.
    """

    def __init__(
        self, library: ctypes.CDLL, elements: int, cpus: Sequence[int], offset_bytes: int = 0
    ) -> None:
        size, how = ctypes.c_size_t(4 * elements + offset_bytes), ctypes.c_int()
        start = library.fc_map(ctypes.byref(size), ctypes.byref(how))
        if start is None:
            raise MemoryError(f"out of memory: {size.value} bytes cannot be mapped")
        self._mapping = _Mapping(library, start, size.value)
        self.elements, self.address = elements, start + offset_bytes
        require_success(
            library.fc_touch(self.address, elements, cpu_array(cpus), len(cpus)), "first touch", cpus
        )
        self.pages = self._pages(how.value)

    def buffer(self) -> ctypes.Array[ctypes.c_float]:
        """The elements, for NumPy or torch to look into; valid while this object lives."""
        buffer = (ctypes.c_float * self.elements).from_address(self.address)
        buffer.owner = self  # type: ignore[attr-defined]  # the memory lives as long as who looks into it
        return buffer

    def __del__(self) -> None:
        mapping = getattr(self, "_mapping", None)
        if mapping is not None:
            mapping.library.fc_unmap(mapping.address, mapping.size_bytes)

    def _pages(self, how: int) -> str:
        if how == 2:
            return PAGES[how]
        share: float = self._mapping.library.fc_huge_share(self.address)
        return PAGES[1] if share >= HUGE_SHARE else PAGES[0]
