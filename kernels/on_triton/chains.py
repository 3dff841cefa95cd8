"""Chains of multiply-adds whose results are known: what the ceilings of execution units are measured with.

A chain holds its operands, queues its calls, and tells what they must store and how exactly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from kernels.on_triton.support import dot_mode
from kernels.workload import Place, Shape

if TYPE_CHECKING:
    import torch

Execution = Literal["vector", "matrix"]
INSTRUCTION_DEPTH_BYTES = 32
ELEMENT_BYTES = {"fp64": 8, "fp32": 4, "tf32": 4, "fp16": 2, "bf16": 2, "fp8": 1, "int8": 1}
# Exact in every precision. After the 32 steps of one iteration an eighth of the start is left to see.
MULTIPLIER = -0.9375
INT8_SIGMA = 32.0
# Bits of fraction that a sum keeps. Hopper's 8-bit products keep about 13 (DeepSeek-V3 Technical Report,
# arXiv:2412.19437, section 3.5.2, "14 bits"); TF32, bf16 and fp16 sum in float32, possibly truncated.
SUM_BITS = {"fp8": 13, "fp64": 52}
FRACTION_BITS = {"fp64": 52, "fp32": 23, "fp16": 10, "bf16": 7}
# TF32 has 10 of float32's 23 bits of fraction (NVIDIA A100 white paper).
TF32_DROPPED = (1 << 13) - 1
# Smallest positive number (IEEE 754-2019 binary16; bfloat16 has the exponents of binary32).
LEAST_QUANTUM = {"fp16": 2.0**-24, "bf16": 2.0**-133}


class MatrixChain:
    """acc ← (acc + steps·A·B) / 2, so that acc = steps·A·B·(1 − 2⁻ⁱ) after i iterations.

    In int32 each half is rounded down.
    """

    unit: Execution = "matrix"

    def __init__(self, precision: str, shape: Shape, place: Place, seed: int) -> None:
        import torch  # noqa: PLC0415

        from kernels.shared import tensors  # noqa: PLC0415

        self.precision, self._shape = precision, shape
        source = tensors.generator(place.device, seed)
        dtype = tensors.operand_dtype(precision, place.architecture)
        rounded = precision == "tf32"
        self.a = _normal(shape["m"], shape["k"], dtype, source, rounded=rounded)
        # B lies transposed: 8-bit matrix instructions take both operands with the depth innermost
        self.b = _normal(shape["n"], shape["k"], dtype, source, rounded=rounded)
        wide = {"int8": torch.int32, "fp64": torch.float64}.get(precision, torch.float32)
        self.out = torch.empty(shape["blocks"], shape["m"], shape["n"], dtype=wide, device=place.device)

    def launch(self, out: torch.Tensor, iterations: int) -> Any:
        """Queue one call; returns what Triton compiled."""
        code, shape = import_module("kernels.on_triton.programs"), self._shape
        wide = {"int8": code.tl.int32, "fp64": code.tl.float64}.get(self.precision, code.tl.float32)
        return code.matrix_chain[(out.shape[0],)](
            self.a,
            self.b,
            out,
            iterations,
            shape["steps"],
            M=shape["m"],
            N=shape["n"],
            K=shape["k"],
            ACCUMULATOR=wide,
            MODE=dot_mode(self.precision),
            INTEGER=self.precision == "int8",
            num_warps=shape["warps"],
            enable_fp_fusion=True,
        )

    def expected(self, iterations: int) -> torch.Tensor:
        """What every block must store, in float64: exact for int8, else up to the rounding of sums."""
        from kernels.shared import tensors  # noqa: PLC0415

        product = tensors.float64(self.a) @ tensors.float64(self.b).T
        value = product * 0
        for _ in range(iterations):
            following = (value + self._shape["steps"] * product) / 2
            following = following.floor() if self.precision == "int8" else following
            if bool((following == value).all()):
                break
            value = following
        return value

    def tolerance(self, expected: torch.Tensor) -> torch.Tensor:
        """Largest error that rounding explains.

        Within an iteration a sum grows to twice its final size, beside √K of wandering. An instruction adds
        32 bytes of depth and loses at most one unit in the last place (Higham, Accuracy and Stability, 2nd
        ed., section 4.2); halving keeps the losses of all iterations together under those of the last.
        """
        if self.precision == "int8":
            return expected * 0 + 0.5
        depth_bytes = self._shape["k"] * ELEMENT_BYTES[self.precision]
        additions = self._shape["steps"] * max(1, depth_bytes // INSTRUCTION_DEPTH_BYTES)
        size = 2 * expected.abs() + 4 * self._shape["k"] ** 0.5
        lost: float = additions * 2.0 ** -SUM_BITS.get(self.precision, 23)
        bound: torch.Tensor = lost * size
        return bound


class VectorChain:
    """x ← x·p + q and x ← x·p + r in turn, with −1 < p < 0: x ends between two values, never at rest."""

    unit: Execution = "vector"

    def __init__(self, precision: str, shape: Shape, place: Place, seed: int) -> None:
        import torch  # noqa: PLC0415

        from kernels.shared import tensors  # noqa: PLC0415

        self.precision, self._shape = precision, shape
        self._kind = place.kind
        source = tensors.generator(place.device, seed)
        dtype = tensors.dtype_of(precision)
        self.x = torch.randn(shape["elements"], generator=source, device=place.device).to(dtype)
        # of a size that keeps x where it starts
        drawn = torch.randn(2, generator=source, device=place.device) * (1 + MULTIPLIER)
        self.constants = torch.tensor([MULTIPLIER, 0, 0], device=place.device).to(dtype)
        self.constants[1:] = drawn.to(dtype)
        self.out = torch.empty(shape["blocks"], shape["elements"], dtype=dtype, device=place.device)

    def launch(self, out: torch.Tensor, iterations: int) -> Any:
        """Queue one call; returns what Triton compiled."""
        code, shape = import_module("kernels.on_triton.programs"), self._shape
        return code.vector_chain[(out.shape[0],)](
            self.x,
            self.constants,
            out,
            iterations,
            ELEMENTS=shape["elements"],
            PAIRS=shape["steps"] // 2,
            PACKED=self._packed(),
            num_warps=shape["warps"],
            enable_fp_fusion=True,
        )

    def _packed(self) -> str:
        """The compiler does not pair 16-bit elements for NVIDIA's GPUs by itself; for AMD's it does."""
        if self._kind != "cuda" or self.precision not in ("fp16", "bf16"):
            return ""
        return f"fma.rn.{'f16x2' if self.precision == 'fp16' else 'bf16x2'} $0, $1, $2, $3;"

    def expected(self, iterations: int) -> torch.Tensor:
        """What every block must store, in float64.

        In 16 bits the steps themselves, each rounded as the units round it, until a pair changes nothing:
        in so few bits the bound on a closed form would hide how often the loop went round. Otherwise, after
        j pairs, x = f + p²ʲ·(x₀ − f) with f = (p·q + r)/(1 − p²), the fixed point of a pair.
        """
        from kernels.shared import tensors  # noqa: PLC0415

        p, q, r = (float(constant) for constant in self.constants.cpu())
        pairs, x = iterations * (self._shape["steps"] // 2), tensors.float64(self.x)
        if self.precision not in LEAST_QUANTUM:
            fixed = (p * q + r) / (1 - p * p)
            return fixed + float(p * p) ** pairs * (x - fixed)
        for _ in range(pairs):
            following = self._round(self._round(x * p + q) * p + r)
            if bool((following == x).all()):
                break
            x = following
        return x

    def _round(self, exact: torch.Tensor) -> torch.Tensor:
        """To the nearest number of the precision, ties to even; products of 16 bits are exact in float64."""
        import torch  # noqa: PLC0415

        _, exponent = torch.frexp(exact)
        quantum = torch.ldexp(torch.ones_like(exact), exponent - FRACTION_BITS[self.precision] - 1)
        quantum = quantum.clamp(min=LEAST_QUANTUM[self.precision])
        return torch.round(exact / quantum) * quantum

    def tolerance(self, expected: torch.Tensor) -> torch.Tensor:
        """u·|x| a step, of which |p| is left after the next: at most u·max|x|/(1 − |p|), here 16u·max|x|.

        Twice that beside the closed form; half of it where the steps were rounded alike, for units that keep
        a product before they round it.
        """
        p, q, r = (abs(float(constant)) for constant in self.constants.cpu())
        largest = max(float(self.x.abs().max()), max(q, r) / (1 - p))
        unit_roundoff = 2.0 ** -(FRACTION_BITS[self.precision] + 1)
        slack = 0.5 if self.precision in LEAST_QUANTUM else 2.0
        return expected * 0 + slack * unit_roundoff * largest / (1 - p)


def _normal(
    rows: int, columns: int, dtype: torch.dtype, source: torch.Generator, *, rounded: bool
) -> torch.Tensor:
    """Normal values, for int8 of a width that uses its range; ``rounded`` to TF32, so that units need not."""
    import torch  # noqa: PLC0415

    values = torch.randn(rows, columns, generator=source, device=source.device)
    if dtype == torch.int8:
        return (values * INT8_SIGMA).round().clamp(-127, 127).to(dtype)
    if rounded:
        return (values.view(torch.int32) & ~TF32_DROPPED).view(torch.float32)
    return values.to(dtype)
