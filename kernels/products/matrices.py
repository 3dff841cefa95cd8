"""Operands of a matrix product: drawn once for many shapes where asked, and read back as float64.

Imports torch: load it only to run something.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from kernels.shared import tensors
from kernels.workload import Place

# Values are drawn in blocks of a fixed size, so that a longer buffer begins with what a shorter one holds.
CPU_BLOCK_ELEMENTS = 1 << 18
GPU_BLOCK_ELEMENTS = 1 << 24
# The magnitudes that E2M1 can hold, by code (OCP Microscaling Formats specification 1.0, section 5.3.3).
E2M1 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
E2M1_BOUNDS = (0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0)
# Every block of 16 carries this scale, so that 6, the largest magnitude, stands for three sigma.
FP4_SCALE = 0.5
FP4_SCALE_BLOCK = 16
ROLE_A, ROLE_B = 0, 1


@dataclass(frozen=True)
class Operands:
    """A and B on the device.

    Attributes:
        precision: What they are multiplied in.
        a: M×K; fp4 as M×K/2 bytes of two.
        stored_b: B as it lies in memory: K×N, or N×K where transposed; fp4 as N×K/2 bytes of two.
        transposed: Whether B lies transposed.
        c: Room for the result, M×N.
    """

    precision: str
    a: torch.Tensor
    stored_b: torch.Tensor
    transposed: bool
    c: torch.Tensor

    @property
    def b(self) -> torch.Tensor:
        """K×N (fp4: K/2×N), a view where B lies transposed."""
        return self.stored_b.t() if self.transposed else self.stored_b

    @property
    def inner(self) -> int:
        """K."""
        return self.a.shape[1] * (2 if self.precision == "fp4" else 1)


class _Buffer:
    """Random values of one operand, drawn as far as they have been asked for."""

    def __init__(self, elements: int, precision: str, place: Place, seed: int, role: int) -> None:
        self._source = tensors.generator(place.device, 2 * seed + role)
        self._values = torch.empty(elements, dtype=storage_dtype(precision, place), device=place.device)
        self._precision = precision
        self._drawn = 0

    def first(self, elements: int) -> torch.Tensor:
        """The first so many stored values."""
        step = CPU_BLOCK_ELEMENTS if self._values.device.type == "cpu" else GPU_BLOCK_ELEMENTS
        while self._drawn < elements:
            block = self._values[self._drawn : self._drawn + step]
            _fill(block, self._precision, self._source, step)
            self._drawn += block.numel()
        return self._values[:elements]


class _Shared:
    """Buffers that the operands of many shapes are views of."""

    def __init__(self, elements: dict[int, int]) -> None:
        self._elements = elements
        self._buffers: dict[tuple[str, str, int, int], _Buffer] = {}

    def first(self, elements: int, precision: str, place: Place, seed: int, role: int) -> torch.Tensor:
        key = (precision, place.device, seed, role)
        if key not in self._buffers:
            room = max(elements, self._elements[role])
            self._buffers[key] = _Buffer(room, precision, place, seed, role)
        return self._buffers[key].first(elements)


_shared: list[_Shared] = []


@contextmanager
def shared(a_elements: int, b_elements: int) -> Iterator[None]:
    """While it lasts, operands of up to that many elements are views of buffers drawn once."""
    _shared.append(_Shared({ROLE_A: a_elements, ROLE_B: b_elements}))
    try:
        yield
    finally:
        _shared.pop()


def draw(precision: str, m: int, n: int, k: int, place: Place, *, seed: int, transposed: bool) -> Operands:
    """Standard normal A and B, rounded to the precision; over all values where they are integers.

    The same values for a seed whether or not buffers are shared.
    """
    packing = 2 if precision == "fp4" else 1
    a = _values(m * k // packing, precision, place, seed, ROLE_A).view(m, k // packing)
    b = _values(k * n // packing, precision, place, seed, ROLE_B)
    stored = b.view(n, k // packing) if transposed else b.view(k, n)
    c = torch.empty(m, n, dtype=result_dtype(precision), device=place.device)
    return Operands(precision, a, stored, transposed, c)


def _values(elements: int, precision: str, place: Place, seed: int, role: int) -> torch.Tensor:
    if _shared:
        return _shared[-1].first(elements, precision, place, seed, role)
    return _Buffer(elements, precision, place, seed, role).first(elements)


def storage_dtype(precision: str, place: Place) -> torch.dtype:
    """Torch's type for stored operands: bytes for fp4, for fp8 what the architecture multiplies."""
    if precision == "fp4":
        return torch.uint8
    return tensors.operand_dtype(precision, place.architecture)


def result_dtype(precision: str) -> torch.dtype:
    """Torch's type for C."""
    narrow = {"fp8": torch.bfloat16, "fp4": torch.bfloat16, "int8": torch.int32}
    return narrow.get(precision) or tensors.dtype_of(precision)


def _fill(block: torch.Tensor, precision: str, source: torch.Generator, step: int) -> None:
    """Fill a block; always draws ``step`` values, so that what follows does not depend on the length."""
    if precision == "int8":
        drawn = torch.randint(-128, 128, (step,), dtype=torch.int8, generator=source, device=source.device)
    elif precision == "fp4":
        drawn = _packed_e2m1(torch.randn(2 * step, generator=source, device=source.device))
    else:
        dtype = torch.float64 if precision == "fp64" else torch.float32
        drawn = torch.randn(step, dtype=dtype, generator=source, device=source.device)
    block.copy_(drawn[: block.numel()])


def _packed_e2m1(values: torch.Tensor) -> torch.Tensor:
    """Values rounded to E2M1 under the common scale, two to a byte, the first in the low half."""
    bounds = torch.tensor(E2M1_BOUNDS, device=values.device)
    codes = torch.bucketize((values / FP4_SCALE).abs(), bounds) | ((values < 0).long() << 3)
    return (codes[0::2] | (codes[1::2] << 4)).to(torch.uint8)


def float64(stored: torch.Tensor) -> torch.Tensor:
    """Rows of stored operands as float64; two values from each byte of fp4."""
    if stored.dtype != torch.uint8:
        return tensors.float64(stored)
    magnitudes = torch.tensor(E2M1, dtype=torch.float64, device=stored.device) * FP4_SCALE
    table = torch.cat([magnitudes, -magnitudes])
    halves = torch.stack([stored & 15, stored >> 4], dim=-1)
    return table[halves.long()].flatten(-2)


def rows(stored: torch.Tensor, picked: torch.Tensor) -> torch.Tensor:
    """Picked rows in float64; through bytes, as torch may not index 8-bit floats."""
    if stored.element_size() == 1:
        return float64(stored.view(torch.uint8)[picked].view(stored.dtype))
    return float64(stored[picked])


def times(stored: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """``stored @ columns`` in float64, a block of rows at a time."""
    return torch.cat([float64(block) @ columns for block in _blocks(stored)])


def times_transposed(stored: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """``storedᵀ @ columns`` in float64, a block of rows at a time."""
    blocks = _blocks(stored)
    parts = columns.split(blocks[0].shape[0])  # type: ignore[no-untyped-call]
    products = (float64(block).T @ part for part, block in zip(parts, blocks, strict=True))
    total: torch.Tensor = functools.reduce(torch.Tensor.add_, products)
    return total


def _blocks(stored: torch.Tensor) -> tuple[torch.Tensor, ...]:
    step = max(1, tensors.CHUNK_ELEMENTS // stored.shape[1])
    return tuple(stored[start : start + step] for start in range(0, stored.shape[0], step))
