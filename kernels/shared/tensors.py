"""Operands and references that the workloads share. Imports torch: load it only to run something."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# TF32 is a way of multiplying float32 values, not a type of its own.
DTYPES = {
    "fp64": torch.float64,
    "fp32": torch.float32,
    "tf32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
    "fp8": torch.float8_e4m3fn,
    "int8": torch.int8,
}
FNUZ_ARCHITECTURES = ("gfx940", "gfx941", "gfx942")
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


def fp8_dtypes(architecture: str | None) -> tuple[torch.dtype, torch.dtype]:
    """The two 8-bit floats that an architecture multiplies: E4M3 for values, E5M2 for gradients.

    Source: AMD, CDNA 3 Instruction Set Architecture, "FP8 and BF8": MI300 has encodings of its own, without
    infinities and negative zero (FNUZ), and only those.

    Args:
        architecture: As in `kernels.workload.Place`.
    """
    if (architecture or "").partition(":")[0] in FNUZ_ARCHITECTURES:
        return torch.float8_e4m3fnuz, torch.float8_e5m2fnuz
    return torch.float8_e4m3fn, torch.float8_e5m2


def operand_dtype(precision: str, architecture: str | None) -> torch.dtype:
    """Torch's type for operands of products: for fp8 the one of `fp8_dtypes` that holds values.

    Raises:
        ValueError: No workload here runs in that precision.
    """
    return fp8_dtypes(architecture)[0] if precision == "fp8" else dtype_of(precision)


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
    repeat_along(vector, pattern)
    return vector


def repeat_along(target: torch.Tensor, pattern: torch.Tensor) -> None:
    """Fill the target with the pattern again and again along the first dimension, without a second copy."""
    for start in range(0, len(target), len(pattern)):
        block = target[start : start + len(pattern)]
        block.copy_(pattern[: len(block)])


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
def numerics(precision: str) -> Iterator[None]:
    """Switches under which a product is computed in ``precision`` and summed in float32 or better.

    TF32 is allowed for ``tf32`` alone. Partial sums of 16-bit products stay in float32: torch may else
    round those of a split product to 16 bits, faster but less exact than what the other devices give.
    """
    with _float32_products("high" if precision == "tf32" else "highest"), _full_reductions():
        yield


@contextmanager
def _float32_products(allowed: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(allowed)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


REDUCTIONS = ("allow_fp16_reduced_precision_reduction", "allow_bf16_reduced_precision_reduction")
ACCUMULATION = "allow_fp16_accumulation"


@contextmanager
def _full_reductions() -> Iterator[None]:
    switches = torch.backends.cuda.matmul
    before = {name: _switch(name) for name in (*REDUCTIONS, ACCUMULATION) if hasattr(switches, name)}
    for name in before:
        setattr(switches, name, False)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(switches, name, value)


def _switch(name: str) -> bool | tuple[bool, bool]:
    """A switch with its companion for split products, where this torch has one, as its setter takes them."""
    value = bool(getattr(torch.backends.cuda.matmul, name))
    split = getattr(torch.backends.cuda.matmul, f"{name}_split_k", None)
    return value if split is None else (value, bool(split))


def multiprocessors(device: str) -> int | None:
    """How many multiprocessors or compute units a CUDA or ROCm device has; None for others."""
    if torch.device(device).type != "cuda":
        return None
    return int(torch.cuda.get_device_properties(device).multi_processor_count)
