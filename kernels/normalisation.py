"""Root-mean-square normalisation of rows, y = w·x / √(mean(x²) + ε), as between the layers of a model.

It does few operations a byte, so that main memory sets the pace wherever the library makes one pass of it.
What counts as bytes is that one pass: the input and the scale read once, the output written once. A library
that makes several (torch on CPUs, and on GPUs where it is not fused) moves more, and gets a lower figure.

Source: Zhang and Sennrich, Root Mean Square Layer Normalization (arXiv:1910.07467), equation 4.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernels.shared.refusals import require_backend, require_precision
from kernels.workload import Choice, Metric, Place, Prepared, Shape, Unit, Verdict

if TYPE_CHECKING:
    import torch

ELEMENT_BYTES = {"bf16": 2, "fp32": 4}
# Of a result: 8 bits of significand in bfloat16, 24 in float32.
UNIT_ROUNDOFF = {"bf16": 2.0**-8, "fp32": 2.0**-24}
WIDTH = 4096
EPSILON = 1e-5
# Input and output each this often the last-level cache. On a CPU both together are four times the cache at
# least, half of what STREAM's rule asks: torch's kernel does not come near the memory's rate there.
GPU_MULTIPLES, CPU_MULTIPLES = (4, 8, 16, 32), (2, 4, 8, 16)
SMALLEST_CACHE_BYTES = 16 << 20
# What torch holds an element beside input and output where it is not fused: from bfloat16 the input and the
# product in float32 and the product rounded; from float32 the product. Unit: B.
SCRATCH_BYTES = {"bf16": 4 + 4 + 2, "fp32": 4}
# Of a block, in the second cache of each core: torch's float32 arrays take 16 KiB a row.
ROWS_A_CORE = 32
SAMPLED_ROWS = 64
TORCH, BLOCKED = "torch", "torch blocked"


@dataclass(frozen=True)
class Normalisation:
    """Torch's ``rms_norm`` over rows of a model's width.

    On a CPU torch computes it in several passes over whole arrays, which it takes anew on each call. Blocks
    of rows that fit the caches show what the same kernel can do, and are measured unless ``torch`` is named.
    """

    name: str = "normalisation"
    family: str = "normalisation"
    summary: str = "root-mean-square normalisation of rows of 4096; bytes read plus written in one pass"
    metric: Metric = "bandwidth"
    unit: Unit = "B/s"
    precisions: tuple[str, ...] = ("bf16", "fp32")
    choice: Choice = "climb"
    headline: bool = False

    def flop(self, shape: Shape) -> float:
        """4 an element (square, add, two multiplications) and 2 a row (division, root). Unit: FLOP.

        The mean's width − 1 additions and that of ε make one an element.
        """
        return float(shape["rows"] * (4 * shape["width"] + 2))

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Input and scale read, output written, each once. Unit: B."""
        require_precision(self, precision)
        return float((2 * shape["rows"] + 1) * shape["width"] * ELEMENT_BYTES[precision])

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """Input, scale, output, and the arrays that torch's unfused kernel holds while it works. Unit: B."""
        scratch = shape["rows"] * shape["width"] * SCRATCH_BYTES[precision]
        return int(self.bytes_moved(shape, precision)) + scratch

    def lacks(self, precision: str, place: Place) -> str | None:
        """Nothing: torch has had it for every device since 2.4."""
        return None

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """Torch's call on the whole array; on CPUs also block by block."""
        return (TORCH, BLOCKED) if place.kind == "cpu" else (TORCH,)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Arrays well beyond the last-level cache; empty where the memory does not hold the least."""
        least_bytes = max(place.cache_bytes, SMALLEST_CACHE_BYTES)
        row_bytes = WIDTH * ELEMENT_BYTES[precision]
        multiples = CPU_MULTIPLES if place.kind == "cpu" else GPU_MULTIPLES
        sizes = ({"rows": -(-multiple * least_bytes // row_bytes), "width": WIDTH} for multiple in multiples)
        return tuple(s for s in sizes if self.footprint_bytes(s, precision) <= place.memory_bytes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """Standard normal rows and scale on the device."""
        require_precision(self, precision)
        require_backend(self, precision, place, backend)
        chosen = backend or self.backends(precision, place)[-1]
        from kernels.shared import tensors  # noqa: PLC0415 - torch takes seconds to import

        source = tensors.generator(place.device, seed)
        rows, width, dtype = shape["rows"], shape["width"], tensors.dtype_of(precision)
        values = _repeated_rows(rows, width, dtype, source)
        scale = tensors.normal_vector(width, source).to(dtype)
        step = ROWS_A_CORE * len(place.cpus) if chosen == BLOCKED else rows
        return PreparedNormalisation(values, scale, UNIT_ROUNDOFF[precision], step, seed)


class PreparedNormalisation:
    """Rows and scale in place; torch makes the output anew on each call where it takes all rows at once."""

    def __init__(
        self, values: torch.Tensor, scale: torch.Tensor, roundoff: float, step: int, seed: int
    ) -> None:
        import torch  # noqa: PLC0415

        self.values, self.scale, self._roundoff, self._step = values, scale, roundoff, step
        self.output = values.new_empty(values.shape if self._blocked else (0, values.shape[1]))
        source = torch.Generator().manual_seed(seed)
        ends = torch.tensor([0, len(values) - 1])
        sample = torch.cat((ends, torch.randint(len(values), (SAMPLED_ROWS,), generator=source)))
        self._sample = sample.to(values.device)

    @property
    def backend(self) -> str:
        """Torch's own kernel, and over how many rows at a time."""
        return f"torch/native, {self._step} rows at a time" if self._blocked else "torch/native"

    def setting(self) -> AbstractContextManager[None]:
        """Nothing to set."""
        return nullcontext()

    def poison(self) -> None:
        """Fill the output with NaN, and turn the sign of the scale.

        Memory that torch takes anew may still hold an earlier call's rows: they have the wrong sign then.
        """
        self.output.fill_(math.nan)
        self.scale.neg_()

    def run(self) -> None:
        """All rows once."""
        from torch.nn import functional  # noqa: PLC0415

        width = (self.values.shape[1],)
        if self._blocked:
            for part in self._blocks():
                self.output[part] = functional.rms_norm(self.values[part], width, self.scale, EPSILON)
            return
        # Let go of the old one first, or torch would hold two.
        self.output = self.values[:0]
        self.output = functional.rms_norm(self.values, width, self.scale, EPSILON)

    def check(self) -> Verdict:
        """Sampled rows against float64, the sign of one element of every row, and every element finite.

        Tolerance, relative: two roundings to the output's type and one to spare, and √width of float32 for
        the sum of squares (Higham, Accuracy and Stability, 2nd ed., section 4.2) and what follows it.
        """
        if self.output.shape != self.values.shape:
            return Verdict(correct=False, detail=f"no output: shape {tuple(self.output.shape)}")
        if not math.isfinite(float(self.output.sum())):
            return Verdict(correct=False, detail="an element is not finite")
        turned = self._wrong_signs()
        worst = self._worst_error()
        detail = f"largest error at {worst:.3g} of its tolerance, {turned} rows of wrong sign"
        return Verdict(correct=worst <= 1 and turned == 0, detail=detail)

    def digest(self) -> str | None:
        """Hash of sums of the bits of each row's magnitudes: signs turn with each poison.

        Sums of integers do not depend on their order, and any one bit changes the sum of its row.
        """
        import torch  # noqa: PLC0415

        from kernels.shared import tensors  # noqa: PLC0415

        words = torch.int16 if self.output.element_size() == 2 else torch.int32
        step = max(1, tensors.CHUNK_ELEMENTS // self.output.shape[1])
        bits = self.output.view(words)
        blocks = (bits[start : start + step] for start in range(0, len(bits), step))
        unsigned = torch.iinfo(words).max
        sums = [(block & unsigned).sum(dim=1, dtype=torch.int64) for block in blocks]
        return tensors.digest(torch.cat(sums))

    @property
    def _blocked(self) -> bool:
        return self._step < len(self.values)

    def _blocks(self) -> Iterator[slice]:
        return (slice(start, start + self._step) for start in range(0, len(self.values), self._step))

    def _worst_error(self) -> float:
        """Over the sampled rows, as a share of the tolerance; NaN where an element is."""
        from kernels.shared import tensors  # noqa: PLC0415

        values, scale, found = (
            tensors.float64(part)
            for part in (self.values[self._sample], self.scale, self.output[self._sample])
        )
        expected = values * scale / (values.square().mean(-1, keepdim=True) + EPSILON).sqrt()
        allowed = 3 * self._roundoff + math.sqrt(values.shape[1]) * UNIT_ROUNDOFF["fp32"]
        return float(((found - expected).abs() / (allowed * expected.abs()).clamp_min(1e-30)).max())

    def _wrong_signs(self) -> int:
        """Rows whose element in a column of their own has not the sign of input times scale."""
        import torch  # noqa: PLC0415

        rows, width = self.values.shape
        columns = torch.arange(rows, device=self.values.device).mul_(31).remainder_(width)[:, None]
        expected = self.values.gather(1, columns).sign() * self.scale[columns].sign()
        return int((self.output.gather(1, columns).sign() != expected).sum())


def _repeated_rows(rows: int, width: int, dtype: torch.dtype, source: torch.Generator) -> torch.Tensor:
    """Normal rows; a drawn block of 16 MiB in float32 is repeated, as `tensors.normal_vector` does."""
    from kernels.shared import tensors  # noqa: PLC0415

    drawn = min(rows, max(1, tensors.PATTERN_ELEMENTS // width))
    pattern = tensors.normal_vector(drawn * width, source).view(drawn, width).to(dtype)
    values = pattern.new_empty(rows, width)
    tensors.repeat_along(values, pattern)
    return values
