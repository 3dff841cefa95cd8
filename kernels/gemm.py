"""Dense matrix product C = A·B, the operation that carries most of the arithmetic of AI.

A is M×K, B is K×N, in the stated precision, with sums in float32 or better (in int32 for int8). Products of
8-bit and 4-bit floats are handed on in bf16. B may lie transposed or be laid out beforehand as a library
likes it, as the constant weights of a model may; the backend's name then says ``transposed`` or ``packed``,
and ``fast sum`` where a GPU sums 8-bit products in fewer bits than float32 has.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernels.products import shapes as gemm_shapes
from kernels.products.shapes import RESULT_BYTES
from kernels.workload import Choice, Metric, Place, Shape, Unit

if TYPE_CHECKING:
    from kernels.products.ways import PreparedGemm


@dataclass(frozen=True)
class Gemm:
    """Matrix product, in the shape and with the library that the device does best."""

    name: str = "gemm"
    family: str = "gemm"
    summary: str = "dense matrix product C = A·B, at the best of a searched grid of shapes and backends"
    metric: Metric = "flop_rate"
    unit: Unit = "FLOP/s"
    precisions: tuple[str, ...] = ("bf16", "fp32", "fp64", "tf32", "fp16", "fp8", "int8", "fp4")
    choice: Choice = "search"
    headline: bool = True

    def flop(self, shape: Shape) -> float:
        """2·M·N·K: a multiplication and an addition per term, of integers too. Unit: FLOP.

        Source: Golub and Van Loan, Matrix Computations, 4th ed., section 1.1.11.
        """
        return 2.0 * shape["m"] * shape["n"] * shape["k"]

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Each operand once: A and B read, C written. Unit: B.

        The least any algorithm moves; a real one re-reads what its caches cannot hold.
        """
        return float(self.footprint_bytes(shape, precision))

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """A and B in the precision, C in what products of it are handed on in. Unit: B."""
        return gemm_shapes.footprint_bytes(shape, precision)

    def lacks(self, precision: str, place: Place) -> str | None:
        """Why the software at hand has no product in this precision, or would pass off another's."""
        from kernels.products import ways  # noqa: PLC0415 - torch takes seconds to import

        return ways.lacks(precision, place)

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """Every way of multiplying that a small product has worked with, torch's default first."""
        from kernels.products import ways  # noqa: PLC0415

        return tuple(ways.ways(precision, place))

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Squares that fit the memory, smallest first."""
        return self._fitting(gemm_shapes.squares(), precision, place)

    def grid(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Shapes to search that fit the memory, least work first."""
        if place.kind == "cpu":
            return self._fitting(gemm_shapes.cpu_grid(), precision, place)
        from kernels.shared import tensors  # noqa: PLC0415

        return self._fitting(gemm_shapes.gpu_grid(tensors.multiprocessors(place.device)), precision, place)

    def sharing(self, precision: str, place: Place) -> AbstractContextManager[None]:
        """While it lasts, operands of all shapes of the grid are views of buffers drawn once."""
        from kernels.products import matrices  # noqa: PLC0415

        packing = 2 if precision == "fp4" else 1
        shapes = self.grid(precision, place)
        largest_a = max((shape["m"] * shape["k"] for shape in shapes), default=0)
        largest_b = max((shape["k"] * shape["n"] for shape in shapes), default=0)
        return matrices.shared(largest_a // packing, largest_b // packing)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> PreparedGemm:
        """Put normal random A and B on the device, laid out as the backend takes them, and room for C."""
        if precision not in RESULT_BYTES:
            raise ValueError(f"no matrix product in {precision!r}; known: {', '.join(RESULT_BYTES)}")
        from kernels.products import ways  # noqa: PLC0415

        way = ways.way(backend or ways.DEFAULT, precision, place)
        sides = (shape["m"], shape["n"], shape["k"])
        return ways.prepare(precision, sides, place, seed=seed, way=way)

    def _fitting(self, shapes: tuple[Shape, ...], precision: str, place: Place) -> tuple[Shape, ...]:
        return tuple(s for s in shapes if self.footprint_bytes(s, precision) <= place.memory_bytes)
