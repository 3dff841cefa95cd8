"""C = A·B in Triton: tiles multiplied on matrix units, a program each, neighbours sharing cached operands.

Proven without a GPU: results on Triton's interpreter, but for bf16, which it cannot compute; that all of
``NVIDIA_TILES`` compile in bf16 for compute capability 9.0 to wgmma and asynchronous copies, and all of
``AMD_TILES`` for gfx942 to MFMA; of registers, only the largest of those spills some, five with Triton 3.5.
Not proven: any speed. Triton compiles the tiles on the first call of each type and times them on that of each
shape, which therefore takes seconds and is none to measure.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kernels.on_triton.support import dot_mode, lacks_matrix, lacks_triton
from kernels.workload import Place

if TYPE_CHECKING:
    import torch

# rows, columns and depth of a tile where elements are 2 bytes, warps, stages of the load pipeline
Tile = tuple[int, int, int, int, int]
# Each is compiled anew for each type and set of strides, so there are three: one for large products, one that
# fits the 99 KiB of shared memory of compute capability 8.6 and 8.9 (NVIDIA, CUDA C++ Programming Guide,
# Technical Specifications per Compute Capability), and one that keeps all units busy with small products.
NVIDIA_TILES: tuple[Tile, ...] = ((128, 256, 64, 8, 3), (128, 128, 64, 8, 3), (64, 64, 64, 4, 4))
AMD_TILES: tuple[Tile, ...] = ((256, 256, 64, 8, 2), (256, 128, 64, 8, 2), (128, 128, 64, 4, 2))
# For fp64, whose accumulators take twice the registers, and for fp32 on vector units, which the compiler
# unrolls into one instruction a term: larger tiles there take minutes to compile.
PLAIN_TILES: tuple[Tile, ...] = ((128, 64, 64, 8, 2), (64, 64, 64, 4, 2), (64, 32, 64, 4, 2))
# What the interpreter is given: nothing there is to be timed.
SMALL_TILE: Tile = (32, 32, 32, 4, 1)
GROUP_ROWS = 8
DEPTH_BYTES_OF_TWO = 2


def lacks(precision: str, place: Place) -> str | None:
    """Why this product cannot be had there in this precision; None where it can.

    On CUDA fp32 is multiplied on vector units, unrounded.
    """
    if precision == "fp32" and place.kind == "cuda":
        return lacks_triton(place)
    return lacks_matrix(precision, place)


def product(a: torch.Tensor, b: torch.Tensor, out: torch.Tensor, *, precision: str | None = None) -> None:
    """``out`` = ``a`` · ``b`` for matrices with any strides; sums are kept in float32, float64 or int32.

    Args:
        a: M×K in float64, float32, float16, bfloat16, an 8-bit float or int8.
        b: K×N in the type of ``a``.
        out: M×N; int32 where ``a`` is int8.
        precision: ``tf32`` or ``fp32`` where ``a`` is float32. Where left out, torch's own switch decides
            (``torch.get_float32_matmul_precision``).

    Raises:
        ValueError: The sizes or the types do not fit each other.
    """
    _require_fit(a, b, out)
    if 0 in out.shape:
        return
    code = import_module("kernels.on_triton.programs")
    mode = dot_mode(precision or _allowed(a))
    sizes, arguments = _arguments(a, b, out)
    constants = {"ACCUMULATOR": _accumulator(code, a), "MODE": mode}
    if _interpreted(code):
        _launch_one(code, SMALL_TILE, sizes, arguments, constants)
        return
    _tuned(_plain(a, mode), a.element_size())[_grid(sizes)](*arguments, **constants, enable_fp_fusion=True)


def _arguments(
    a: torch.Tensor, b: torch.Tensor, out: torch.Tensor
) -> tuple[tuple[int, int, int], tuple[Any, ...]]:
    sizes = (a.shape[0], b.shape[1], a.shape[1])
    return sizes, (a, b, out, *sizes, *a.stride(), *b.stride(), *out.stride())


def _require_fit(a: torch.Tensor, b: torch.Tensor, out: torch.Tensor) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0] or out.shape != (a.shape[0], b.shape[1]):
        found = f"{tuple(a.shape)} · {tuple(b.shape)} into {tuple(out.shape)}"
        raise ValueError(f"cannot multiply {found}: needed are M×K, K×N and M×N")
    if a.dtype != b.dtype:
        raise ValueError(f"cannot multiply {a.dtype} by {b.dtype}: convert one to the type of the other")
    if a.dtype.is_floating_point != out.dtype.is_floating_point:
        raise ValueError(
            f"cannot put a product of {a.dtype} into {out.dtype}: int8 gives int32, floats floats"
        )


def _allowed(a: torch.Tensor) -> str:
    import torch  # noqa: PLC0415

    rounded = a.dtype == torch.float32 and torch.get_float32_matmul_precision() != "highest"
    return "tf32" if rounded else "fp32"


def _plain(a: torch.Tensor, mode: str) -> bool:
    import torch  # noqa: PLC0415

    return a.dtype == torch.float64 or (a.dtype == torch.float32 and mode == "ieee")


def _accumulator(code: Any, a: torch.Tensor) -> Any:
    import torch  # noqa: PLC0415

    wide = {torch.int8: code.tl.int32, torch.float64: code.tl.float64}
    return wide.get(a.dtype, code.tl.float32)


def _interpreted(code: Any) -> bool:
    return not isinstance(code.blocked_product, code.triton.runtime.jit.JITFunction)


def _launch_one(
    code: Any,
    tile: Tile,
    sizes: tuple[int, int, int],
    arguments: tuple[Any, ...],
    constants: dict[str, Any],
) -> None:
    """One launch with a given tile, nothing timed."""
    rows, columns, depth, warps, stages = tile
    meta = {"BLOCK_M": rows, "BLOCK_N": columns, "BLOCK_K": depth, "GROUP_M": GROUP_ROWS}
    even = sizes[2] % depth == 0
    kernel = code.blocked_product[_grid(sizes)]
    kernel(
        *arguments,
        **meta,
        **constants,
        EVEN_K=even,
        num_warps=warps,
        num_stages=stages,
        enable_fp_fusion=True,
    )


def _grid(sizes: tuple[int, int, int]) -> Any:
    def programs(meta: dict[str, Any]) -> tuple[int]:
        return (-(-sizes[0] // meta["BLOCK_M"]) * -(-sizes[1] // meta["BLOCK_N"]),)

    return programs


@lru_cache
def _tuned(plain: bool, element_bytes: int) -> Any:
    """The product with its tile chosen by Triton, anew for each shape, set of strides and type."""
    import torch  # noqa: PLC0415

    code = import_module("kernels.on_triton.programs")
    tiles = PLAIN_TILES if plain else AMD_TILES if torch.version.hip else NVIDIA_TILES
    configs = [_config(code, tile, element_bytes) for tile in tiles]
    key = ["m", "n", "k", "a_row", "a_column", "b_row", "b_column", "MODE"]
    even = {"EVEN_K": lambda given: given["k"] % given["BLOCK_K"] == 0}
    return code.triton.autotune(configs=configs, key=key)(code.triton.heuristics(even)(code.blocked_product))


def _config(code: Any, tile: Tile, element_bytes: int) -> Any:
    rows, columns, depth, warps, stages = tile
    # as many bytes of depth whatever the type, and no fewer elements than one matrix instruction takes
    depth = max(16, depth * DEPTH_BYTES_OF_TWO // element_bytes)
    meta = {"BLOCK_M": rows, "BLOCK_N": columns, "BLOCK_K": depth, "GROUP_M": GROUP_ROWS}
    return code.triton.Config(meta, num_warps=warps, num_stages=stages)
