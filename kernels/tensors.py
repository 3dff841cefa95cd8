"""Operands and references that the workloads share. Imports torch: load it only to run something."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
UNIT_ROUNDOFF_FP32 = 2.0**-24
# Float64 blocks of 2 MiB: small enough for the allocator to reuse rather than map anew.
CHUNK_ELEMENTS = 1 << 18
PATTERN_ELEMENTS = 1 << 22


def dtype_of(precision: str) -> torch.dtype:
    """Torch's type for a precision.

    Raises:
        ValueError: No workload here runs in that precision.
    """
    if precision not in DTYPES:
        raise ValueError(f"no torch type for precision {precision!r}; known: {', '.join(DTYPES)}")
    return DTYPES[precision]


def generator(device: str, seed: int) -> torch.Generator:
    """A random generator on the device, so that operands need not cross the bus."""
    return torch.Generator(device=device).manual_seed(seed)


def normal_matrix(rows: int, columns: int, dtype: torch.dtype, source: torch.Generator) -> torch.Tensor:
    """A matrix of standard normal values rounded to ``dtype``.

    Drawn in float32 a block of rows at a time, so that no float32 copy of the whole is ever held.
    """
    matrix = torch.empty(rows, columns, dtype=dtype, device=source.device)
    step = max(1, CHUNK_ELEMENTS // columns)
    for start in range(0, rows, step):
        block = matrix[start : start + step]
        block.copy_(torch.randn(block.shape, generator=source, device=source.device))
    return matrix


def normal_vector(elements: int, source: torch.Generator) -> torch.Tensor:
    """A float32 vector of standard normal values; a drawn block of 16 MiB is repeated along it.

    Drawing hundreds of megabytes takes longer than measuring with them, and main memory sees no
    difference between a repeated block and fresh values.
    """
    vector = torch.empty(elements, dtype=torch.float32, device=source.device)
    pattern = torch.randn(min(elements, PATTERN_ELEMENTS), generator=source, device=source.device)
    for start in range(0, elements, pattern.numel()):
        block = vector[start : start + pattern.numel()]
        block.copy_(pattern[: block.numel()])
    return vector


def float64(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor in float64, moved to the CPU where the device has none (Apple's MPS)."""
    return tensor.cpu().double() if tensor.device.type == "mps" else tensor.double()


def times_vector(matrix: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """``matrix @ vector`` in float64, a block of rows at a time."""
    step = max(1, CHUNK_ELEMENTS // matrix.shape[1])
    blocks = [float64(matrix[start : start + step]) @ vector for start in range(0, matrix.shape[0], step)]
    return torch.cat(blocks)


def digest(tensor: torch.Tensor) -> str:
    """Hash of a tensor's bits, a block of rows at a time."""
    hashed = hashlib.blake2b(digest_size=16)
    step = max(1, CHUNK_ELEMENTS // max(1, tensor[0].numel()))
    for start in range(0, tensor.shape[0], step):
        block = tensor[start : start + step].cpu().contiguous()
        hashed.update(block.view(torch.uint8).numpy().data)
    return hashed.hexdigest()


@contextmanager
def true_fp32() -> Iterator[None]:
    """Keep float32 products in float32: no TF32 on GPUs, no bf16 passes on CPUs."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
