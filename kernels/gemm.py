"""Dense matrix product C = A·B, the operation that carries most of the arithmetic of AI.

A is M×K, B is K×N, all three in the stated precision with accumulation in float32 or better.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernels.workload import Choice, Metric, Place, Prepared, Shape, Unit, Verdict

if TYPE_CHECKING:
    import torch

ELEMENT_BYTES = {"bf16": 2, "fp32": 4}
# Squares: powers of two and one and a half times them, where tiles divide evenly on every device.
SIDES = (256, 512, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384)
SAMPLED_ELEMENTS = 64
PROJECTION_SIGMAS = 6.0


@dataclass(frozen=True)
class Gemm:
    """Matrix product, in the square shape the device does best."""

    name: str = "gemm"
    family: str = "gemm"
    summary: str = "dense matrix product C = A·B, at the best of a ladder of square shapes"
    metric: Metric = "flop_rate"
    unit: Unit = "FLOP/s"
    precisions: tuple[str, ...] = ("bf16", "fp32")
    choice: Choice = "climb"
    headline: bool = True

    def flop(self, shape: Shape) -> float:
        """2·M·N·K: a multiplication and an addition per term. Unit: FLOP.

        Source: Golub and Van Loan, Matrix Computations, 4th ed., section 1.1.11.
        """
        return 2.0 * shape["m"] * shape["n"] * shape["k"]

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Each operand once: A and B read, C written. Unit: B.

        The least any algorithm moves; a real one re-reads what its caches cannot hold.
        """
        return float(self.footprint_bytes(shape, precision))

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """(M·K + K·N + M·N) elements. Unit: B."""
        m, n, k = shape["m"], shape["n"], shape["k"]
        return (m * k + k * n + m * n) * ELEMENT_BYTES[precision]

    def lacks(self, precision: str, place: Place) -> str | None:
        """Nothing that torch would not have."""
        return None

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """What torch takes by default."""
        return ("torch",)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Squares that fit the memory, smallest first."""
        squares = ({"m": side, "n": side, "k": side} for side in SIDES)
        return tuple(s for s in squares if self.footprint_bytes(s, precision) <= place.memory_bytes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """Put standard normal A and B on the device, and room for C."""
        from kernels import tensors  # noqa: PLC0415 - torch takes seconds to import

        dtype = tensors.dtype_of(precision)
        source = tensors.generator(place.device, seed)
        a = tensors.normal_matrix(shape["m"], shape["k"], dtype, source)
        b = tensors.normal_matrix(shape["k"], shape["n"], dtype, source)
        return PreparedGemm(a, b, a.new_empty(shape["m"], shape["n"]), seed)


class PreparedGemm:
    """A matrix product with its operands in place."""

    def __init__(self, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, seed: int) -> None:
        import torch  # noqa: PLC0415

        self.a, self.b, self.c = a, b, c
        self._seed = seed
        self._multiply = torch.mm

    @property
    def backend(self) -> str:
        """Library behind torch's product for this device and precision."""
        return f"torch/{_blas_of(self.a)}"

    def setting(self) -> AbstractContextManager[None]:
        """TF32 and reduced-precision passes off: fp32 means fp32."""
        from kernels import tensors  # noqa: PLC0415

        return tensors.true_fp32()

    def poison(self) -> None:
        """Fill C with NaN."""
        self.c.fill_(math.nan)

    def run(self) -> None:
        """C = A·B."""
        self._multiply(self.a, self.b, out=self.c)

    def check(self) -> Verdict:
        """Sampled elements, then the whole of C against a random projection, both in float64."""
        sampled = _worst_sampled_element(self.a, self.b, self.c, self._seed)
        projected = _worst_projected_row(self.a, self.b, self.c, self._seed)
        detail = f"sampled elements at {sampled:.3g}, projection at {projected:.3g} of their tolerance"
        return Verdict(correct=sampled <= 1 and projected <= 1, detail=detail)

    def digest(self) -> str | None:
        """Hash of C."""
        from kernels import tensors  # noqa: PLC0415

        return tensors.digest(self.c)


def _worst_sampled_element(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, seed: int) -> float:
    """Largest error of sampled elements of C, as a share of its tolerance (NaN where C has one).

    For standard normal operands an element of C is of size √K. With u the unit roundoff of C's type and
    v that of float32, tolerance = 2u·(|c| + 2√K) for rounding C, split sums included, + 4v·K for a sum
    of K terms whose partial sums wander to √K (Higham, Accuracy and Stability, 2nd ed., section 4.2).
    TF32 passed off as float32 exceeds this more than tenfold up to K = 16,384.
    """
    import torch  # noqa: PLC0415

    from kernels import tensors  # noqa: PLC0415

    draw = torch.Generator().manual_seed(seed)
    rows = torch.randint(c.shape[0], (SAMPLED_ELEMENTS,), generator=draw).to(c.device)
    columns = torch.randint(c.shape[1], (SAMPLED_ELEMENTS,), generator=draw).to(c.device)
    reference = (tensors.float64(a[rows]) * tensors.float64(b[:, columns].T)).sum(dim=1)
    error = (tensors.float64(c[rows, columns]) - reference).abs()
    inner = a.shape[1]
    roundoff = torch.finfo(c.dtype).eps / 2
    tolerance = 2 * roundoff * (reference.abs() + 2 * math.sqrt(inner))
    tolerance += 4 * tensors.UNIT_ROUNDOFF_FP32 * inner
    return float((error / tolerance).max())


def _worst_projected_row(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, seed: int) -> float:
    """Largest entry of C·x − A·(B·x) for random signs x, as a share of its tolerance.

    Freivalds, Probabilistic machines can use less running time (IFIP 1977), in float64. Every element of
    C takes part, so a tile left out or a block mixed up shows. Errors of size σ = u√K + v·K (see above)
    with random signs add up to σ√N; the tolerance is six of those.
    """
    import torch  # noqa: PLC0415

    from kernels import tensors  # noqa: PLC0415

    draw = torch.Generator().manual_seed(seed + 1)
    signs = torch.randint(2, (c.shape[1],), generator=draw).double() * 2 - 1
    signs = signs if c.device.type == "mps" else signs.to(c.device)
    projected = tensors.times_vector(b, signs)
    residual = tensors.times_vector(c, signs) - tensors.times_vector(a, projected)
    inner, columns = b.shape
    sigma = torch.finfo(c.dtype).eps / 2 * math.sqrt(inner) + tensors.UNIT_ROUNDOFF_FP32 * inner
    return float(residual.abs().max() / (PROJECTION_SIGMAS * sigma * math.sqrt(columns)))


def _blas_of(operand: torch.Tensor) -> str:
    import torch  # noqa: PLC0415

    if operand.device.type == "cuda":
        return "hipblas" if torch.version.hip else "cublas"
    if operand.device.type != "cpu":
        return str(operand.device.type)
    if operand.dtype == torch.float32 and torch.backends.mkl.is_available():  # type: ignore[no-untyped-call]
        return "mkl"
    has_onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return "onednn" if has_onednn else "native"
