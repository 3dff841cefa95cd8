"""What the execution units of a GPU reach when their operands never leave the multiprocessor, in Triton.

Matrix units: every block holds one tile of A and one of B in shared memory or registers and keeps adding
their product to an accumulator in registers. Vector units: every block keeps a line of elements in
registers and keeps multiplying and adding to them. Only the final values go to memory.

Two things keep a compiler from leaving work out: each step needs the one before, and the constants are read
from memory. That it has left none out is checked: the long call against a closed form that stays bounded
however long it runs, and calls of one and two iterations, where the closed form still tells how often the
loop went round. It is the same binary: counts are run-time arguments. The compiled code is then searched for
the instruction that the figure is to be the ceiling of.

Proven without a GPU: results on Triton's interpreter, but for bf16, which it cannot compute; that the code
compiles for compute capability 8.0, 8.9 and 9.0 and for gfx942 to the expected instructions (wgmma, mma,
MFMA, packed FMA), no register spilled. Not proven: which rung comes nearest to the peak, and how near.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kernels.on_triton.chains import ELEMENT_BYTES, Execution, MatrixChain, VectorChain
from kernels.on_triton.support import (
    PRECISIONS,
    VECTOR_PRECISIONS,
    backend_name,
    lacks_matrix,
    lacks_vector,
)
from kernels.workload import CUDA_KINDS, Place, Prepared, Shape, Verdict

if TYPE_CHECKING:
    import torch

ITERATIONS = (4, 16, 64, 256)
PROBES = (1, 2)
# Halving an accumulator of 128×256 keeps Hopper's vector units busy for 256 cycles, 64 products with K = 64
# in bf16 its matrix units for 65,536 (NVIDIA H100 white paper: 128 and 2,048 multiply-adds a cycle): 0.4 %.
MATRIX_STEPS = 64
VECTOR_PAIRS = 16
# Iterations of the vector units are as much shorter as their steps are smaller.
VECTOR_REPEATS = 64
# Rows, columns and bytes of depth of a tile, warps, blocks a multiprocessor. 64×256 and 128×256 with four and
# eight warps are one wgmma of 64×256 a warp group; 128×128 with four warps suits mma and MFMA.
TILES = (
    (128, 128, 64, 4, 2),
    (128, 128, 128, 4, 2),
    (64, 256, 256, 4, 2),
    (128, 256, 256, 8, 1),
    (128, 256, 128, 8, 1),
)
# Accumulators of fp64 take two registers.
FP64_TILES = ((64, 64, 128, 4, 3), (128, 64, 128, 8, 2), (128, 128, 128, 8, 1))
# 32-bit registers of elements a thread, warps, blocks a multiprocessor.
LINES = ((4, 8, 4), (8, 8, 4), (8, 4, 8), (16, 8, 4))
WARP_LANES = 32
# Names in PTX and in AMD's assembly (NVIDIA, PTX ISA; AMD, CDNA3 ISA reference); types are part of them, so
# that 8 bits widened to 16 by a compiler show.
INSTRUCTIONS = {
    "matrix": r"(?:wgmma\.mma_async|mma\.sync|tcgen05\.mma|v_mfma_|v_wmma_)\S+",
    "vector": r"(?:fma\.rn\.|v_(?:pk_)?fma)\S+",
}
OPERANDS = {
    "fp64": "f64",
    "fp32": r"fma\S*\.f32|_fmac?_f32|x\d+_?f32$",
    "tf32": "tf32|xf32",
    "fp16": "(?<!b)f16",
    "bf16": "bf16|kind::f16",
    "fp8": "e4m3|fp8|f8f6f4",
    "int8": r"\.s8|kind::i8|_?i8",
}


def lacks(precision: str, place: Place, unit: Execution) -> str | None:
    """Why there is no ceiling of these units in this precision there; None where there is."""
    return (lacks_matrix if unit == "matrix" else lacks_vector)(precision, place)


def ladder(precision: str, place: Place, unit: Execution) -> tuple[Shape, ...]:
    """Configurations for every number of iterations, fewest operations first.

    Args:
        precision: What is multiplied.
        place: A GPU; elsewhere one multiprocessor is assumed.
        unit: Which units.
    """
    from kernels.shared import tensors  # noqa: PLC0415 - torch takes seconds to import

    processors = tensors.multiprocessors(place.device) or 1
    rungs = (
        _tiles(precision, processors, _shared_bytes(place))
        if unit == "matrix"
        else _lines(precision, processors)
    )
    return tuple(sorted(rungs, key=flop))


def flop(shape: Shape) -> float:
    """2 × blocks × iterations × multiply-adds of a block and iteration. Unit: FLOP.

    For matrix units steps·m·n·k, for vector units steps·elements. Halving accumulators is not counted.
    """
    rounds = 2.0 * shape["blocks"] * shape["iterations"] * shape["steps"]
    return rounds * (shape["elements"] if "elements" in shape else shape["m"] * shape["n"] * shape["k"])


def footprint_bytes(shape: Shape, precision: str) -> int:
    """Operands, and the results of every block. Unit: B."""
    size = ELEMENT_BYTES[precision]
    if "elements" in shape:
        return (shape["elements"] * (shape["blocks"] + 1) + 3) * size
    m, n, k = shape["m"], shape["n"], shape["k"]
    return (m + n) * k * size + shape["blocks"] * m * n * max(4, size)


def prepare(precision: str, shape: Shape, place: Place, *, seed: int, unit: Execution) -> Prepared:
    """Put normal random operands in place.

    Args:
        precision: What is multiplied.
        shape: One of the ladder's, or of the same form.
        place: A GPU; a CPU where Triton interprets.
        seed: Draws the operands.
        unit: Which units.

    Raises:
        ValueError: The units do not work in that precision.
    """
    allowed = PRECISIONS if unit == "matrix" else VECTOR_PRECISIONS
    if precision not in allowed:
        raise ValueError(f"no {unit} ceiling in {precision!r}; there are {', '.join(allowed)}")
    chain = MatrixChain if unit == "matrix" else VectorChain
    return PreparedChain(chain(precision, shape, place, seed), shape)


def _tiles(precision: str, processors: int, shared_bytes: int) -> Iterator[Shape]:
    size = ELEMENT_BYTES[precision]
    for m, n, depth_bytes, warps, each in FP64_TILES if precision == "fp64" else TILES:
        # the operands, and afterwards the accumulator on its way to memory, pass through shared memory
        if max((m + n) * depth_bytes, m * n * max(4, size)) > shared_bytes:
            continue
        tile = {"m": m, "n": n, "k": depth_bytes // size, "warps": warps}
        for iterations in ITERATIONS:
            yield {"blocks": processors * each, "iterations": iterations, "steps": MATRIX_STEPS, **tile}


def _shared_bytes(place: Place) -> int:
    """Shared memory that one block may take. Unit: B.

    Where torch does not tell: 64 KiB on AMD's GPUs before CDNA 4, 99 KiB on NVIDIA's since 8.6, which is the
    least since 8.0 (CUDA programming guide, "Technical Specifications per Compute Capability").
    """
    import torch  # noqa: PLC0415

    if place.kind not in CUDA_KINDS:
        return 99 << 10
    properties = torch.cuda.get_device_properties(place.device)
    found = getattr(properties, "shared_memory_per_block_optin", None)
    return int(found or ((64 if place.kind == "rocm" else 99) << 10))


def _lines(precision: str, processors: int) -> Iterator[Shape]:
    for registers, warps, each in LINES:
        elements = registers * 4 // ELEMENT_BYTES[precision] * warps * WARP_LANES
        for iterations in ITERATIONS:
            yield {
                "blocks": processors * each,
                "iterations": iterations * VECTOR_REPEATS,
                "steps": 2 * VECTOR_PAIRS,
                "elements": elements,
                "warps": warps,
            }


@dataclass(frozen=True)
class Deviation:
    """How far results are from what they must be, as a share of what rounding explains; NaN where NaN."""

    worst: float
    iterations: int


class PreparedChain:
    """A chain of multiply-adds with its operands in place."""

    def __init__(self, chain: MatrixChain | VectorChain, shape: Shape) -> None:
        self.chain, self._shape = chain, shape
        self._compiled: Any = None

    @property
    def out(self) -> torch.Tensor:
        """What the blocks of the last call stored, block by block."""
        return self.chain.out

    @property
    def backend(self) -> str:
        """Triton with its version."""
        return backend_name()

    def setting(self) -> AbstractContextManager[None]:
        """None: the code says how float32 is multiplied."""
        return nullcontext()

    def poison(self) -> None:
        """Fill the results with NaN, or the least integer."""
        _poison(self.out)

    def run(self) -> None:
        """One call."""
        self._compiled = self.chain.launch(self.out, self._shape["iterations"])

    def check(self) -> Verdict:
        """Every block, calls of one and two iterations, and the instructions, against what they must be."""
        whole = self._deviation(self.out, self._shape["iterations"])
        found = [whole, *(self._probe(iterations) for iterations in PROBES)]
        words = ", ".join(f"{one.worst:.3g} after {one.iterations}" for one in found)
        missing = self._missing_instruction()
        detail = f"of their tolerance: {words} iterations" + (f"; {missing}" if missing else "")
        return Verdict(correct=all(one.worst <= 1 for one in found) and missing is None, detail=detail)

    def digest(self) -> str | None:
        """Hash of the results: the order of operations is fixed."""
        from kernels.shared import tensors  # noqa: PLC0415

        return tensors.digest(self.out.flatten(1))

    def _probe(self, iterations: int) -> Deviation:
        out = self.out[:1].clone()
        _poison(out)
        self.chain.launch(out, iterations)
        return self._deviation(out, iterations)

    def _deviation(self, out: torch.Tensor, iterations: int) -> Deviation:
        from kernels.shared import tensors  # noqa: PLC0415

        expected = self.chain.expected(iterations)
        tolerance = self.chain.tolerance(expected)
        # a block at a time: float64 copies of all would not fit beside them everywhere
        shares = [((tensors.float64(block) - expected).abs() / tolerance).max() for block in out]
        finite = all(bool(share == share) for share in shares)  # noqa: PLR0124 - NaN differs from itself
        return Deviation(max(float(share) for share in shares) if finite else float("nan"), iterations)

    def _missing_instruction(self) -> str | None:
        """What the compiled code lacks; None where it lacks nothing, or where Triton interprets."""
        texts: dict[str, Any] = getattr(self._compiled, "asm", None) or {}
        assembly = texts.get("ptx") or texts.get("amdgcn")
        unit, precision = self.chain.unit, self.chain.precision
        if assembly is None or has_instruction(str(assembly), precision, unit):
            return None
        return f"the compiled code has no {precision} instruction of the {unit} units"


def has_instruction(assembly: str, precision: str, unit: Execution) -> bool:
    """Whether PTX or AMD assembly works in that precision on those units."""
    found = re.findall(INSTRUCTIONS[unit], assembly)
    return any(re.search(OPERANDS[precision], instruction) for instruction in found)


def _poison(out: torch.Tensor) -> None:
    import torch  # noqa: PLC0415

    out.fill_(float("nan") if out.dtype.is_floating_point else torch.iinfo(out.dtype).min)
