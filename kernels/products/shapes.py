"""Shapes worth trying for a matrix product, and the memory their operands take. Imports no torch."""

from __future__ import annotations

from itertools import product
from math import isqrt

from kernels.workload import Shape

# Squares: powers of two and one and a half times them, where tiles divide evenly on every device.
SIDES = (256, 512, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384)
# Bits of an element of A and B; fp4 carries a scale of 8 bits for every 16 elements.
OPERAND_BITS = {
    "fp64": 64.0,
    "fp32": 32.0,
    "tf32": 32.0,
    "fp16": 16.0,
    "bf16": 16.0,
    "fp8": 8.0,
    "int8": 8.0,
    "fp4": 4.5,
}
# Products of 8-bit and 4-bit floats are handed on in bf16, those of integers in the int32 they are summed in.
RESULT_BYTES = {"fp64": 8, "fp32": 4, "tf32": 4, "fp16": 2, "bf16": 2, "fp8": 2, "int8": 4, "fp4": 2}

CPU_SIDES = range(512, 4097, 512)
# Multiples of 384: 8 register tiles of 48 columns (AVX-512, fp32), 12 of AMX's 32×32, and the panel depth of
# the GotoBLAS scheme on such cores (Goto and van de Geijn, ACM TOMS 34:3, 2008), so no partial tile is left.
CPU_EVEN_SIDES = (384, 768, 1152, 1920)
CPU_EVEN_DEPTHS = (384, 768)

GPU_SIDES = (2048, 3072, 4096, 6144, 8192, 12288, 16384)
GPU_DEPTHS = (2048, 4096, 8192, 16384)
# The output tile of the large kernels in cuBLAS and CUTLASS; a wave is one such tile a multiprocessor.
GPU_TILE = (128, 256)
GPU_WAVES = (1, 2, 3, 4, 6, 8, 12)


def footprint_bytes(shape: Shape, precision: str) -> int:
    """A, B and C. Unit: B."""
    m, n, k = shape["m"], shape["n"], shape["k"]
    return int((m * k + k * n) * OPERAND_BITS[precision] / 8) + m * n * RESULT_BYTES[precision]


def squares() -> tuple[Shape, ...]:
    """The squares, smallest first."""
    return tuple(_shape(side, side, side) for side in SIDES)


def cpu_grid() -> tuple[Shape, ...]:
    """512 to 4096 by 512 in M, N and K, and shapes that fill registers, tiles and panels evenly."""
    plain = [(m, n, k) for m, n, k in product(CPU_SIDES, CPU_SIDES, CPU_SIDES)]
    even = [(m, n, k) for m, n, k in product(CPU_EVEN_SIDES, CPU_EVEN_SIDES, CPU_EVEN_DEPTHS)]
    return _distinct([*plain, *even])


def gpu_grid(multiprocessors: int | None) -> tuple[Shape, ...]:
    """Large sides, and shapes whose output tiles fill the multiprocessors in whole waves.

    Args:
        multiprocessors: How many there are; None where the device does not say.
    """
    plain = [(m, n, k) for m, n, k in product(GPU_SIDES, GPU_SIDES, GPU_DEPTHS) if m <= 2 * n <= 4 * m]
    waves = [] if multiprocessors is None else _whole_waves(multiprocessors)
    return _distinct([*plain, *((m, n, k) for (m, n), k in product(waves, GPU_DEPTHS))])


def _whole_waves(multiprocessors: int) -> list[tuple[int, int]]:
    """M and N, neither over four times the other, of exactly 1, 2, 3 … waves of tiles."""
    tall, wide = GPU_TILE
    sides = [
        (rows * tall, waves * multiprocessors // rows * wide)
        for waves in GPU_WAVES
        for rows in _divisors(waves * multiprocessors)
    ]
    return [(m, n) for m, n in sides if m <= 4 * n and n <= 4 * m]


def _divisors(number: int) -> list[int]:
    small = [divisor for divisor in range(1, isqrt(number) + 1) if number % divisor == 0]
    return sorted({*small, *(number // divisor for divisor in small)})


def _distinct(sides: list[tuple[int, int, int]]) -> tuple[Shape, ...]:
    """Each once, least work first."""
    ordered = sorted(set(sides), key=lambda side: (side[0] * side[1] * side[2], side))
    return tuple(_shape(*side) for side in ordered)


def _shape(m: int, n: int, k: int) -> Shape:
    return {"m": m, "n": n, "k": k}
