"""Rows of a table looked up by number, as an embedding or a recommendation model does: random access.

Each row of the table is looked up once, in random order, so that no cache helps and every byte counted is
moved. What counts as bytes: the rows read, the rows written and their numbers; a device that fetches more
than it was asked for (whole pages of memory, lines beside the one wanted) gets no credit for it.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernels.shared.refusals import require_backend, require_precision
from kernels.workload import Choice, Metric, Place, Prepared, Shape, Unit, Verdict

if TYPE_CHECKING:
    import torch

ELEMENT_BYTES, INDEX_BYTES = 4, 8
# 256 B a row: common in recommendation models, and long enough to be worth a transfer from memory.
WIDTH = 64
# The table, as often as the last-level cache; what is written is as large again.
CACHE_MULTIPLES = (4, 8, 16, 32)
SMALLEST_CACHE_BYTES = 16 << 20
SAMPLED_ROWS = 1024


@dataclass(frozen=True)
class Embedding:
    """Torch's ``index_select``, which its ``embedding`` calls, of every row of a table in random order."""

    name: str = "embedding"
    family: str = "embedding"
    summary: str = (
        "rows of 256 B looked up in random order; bytes of rows read and written and of their numbers"
    )
    metric: Metric = "bandwidth"
    unit: Unit = "B/s"
    precisions: tuple[str, ...] = ("fp32",)
    choice: Choice = "climb"
    headline: bool = False

    def flop(self, shape: Shape) -> float:
        """None: rows are copied. Unit: FLOP."""
        return 0.0

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Each row read and written once, its number of 8 B read. Unit: B."""
        return float(self.footprint_bytes(shape, precision))

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """Table and output of float32, a number of 64 bits a row. Unit: B."""
        require_precision(self, precision)
        return shape["rows"] * (2 * shape["width"] * ELEMENT_BYTES + INDEX_BYTES)

    def lacks(self, precision: str, place: Place) -> str | None:
        """Nothing: every torch device looks up rows."""
        return None

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """Torch's own."""
        return ("torch",)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Tables of at least four times the last-level cache; empty where the memory does not hold that."""
        least_bytes, row_bytes = max(place.cache_bytes, SMALLEST_CACHE_BYTES), WIDTH * ELEMENT_BYTES
        sizes = (
            {"rows": -(-multiple * least_bytes // row_bytes), "width": WIDTH} for multiple in CACHE_MULTIPLES
        )
        return tuple(s for s in sizes if self.footprint_bytes(s, precision) <= place.memory_bytes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """A table of standard normal values, but for the first column, and a random order of its rows."""
        require_precision(self, precision)
        require_backend(self, precision, place, backend)
        import torch  # noqa: PLC0415 - it takes seconds to import

        from kernels.shared import tensors  # noqa: PLC0415

        rows, width = shape["rows"], shape["width"]
        source = tensors.generator(place.device, seed)
        drawn = min(rows, max(1, tensors.PATTERN_ELEMENTS // width))
        pattern = tensors.normal_vector(drawn * width, source).view(drawn, width)
        order = torch.randperm(rows, generator=source, device=place.device)
        return PreparedEmbedding(numbered_table(rows, pattern), pattern, order)


def numbered_table(rows: int, pattern: torch.Tensor) -> torch.Tensor:
    """The pattern's rows again and again; the bits of each row's first element are the row's number."""
    import torch  # noqa: PLC0415

    from kernels.shared import tensors  # noqa: PLC0415

    table = pattern.new_empty(rows, pattern.shape[1])
    tensors.repeat_along(table, pattern)
    table.view(torch.int32)[:, 0] = torch.arange(rows, dtype=torch.int32, device=table.device)
    return table


class PreparedEmbedding:
    """Table, order and room for the rows; ``pattern`` says what the table must hold."""

    def __init__(self, table: torch.Tensor, pattern: torch.Tensor, order: torch.Tensor) -> None:
        self.table, self.pattern, self.order = table, pattern, order
        self.output = table.new_empty(len(order), table.shape[1])

    @property
    def backend(self) -> str:
        """Torch's own kernel."""
        return "torch/native"

    def setting(self) -> AbstractContextManager[None]:
        """Nothing to set."""
        return nullcontext()

    def poison(self) -> None:
        """Fill the output with NaN."""
        self.output.fill_(math.nan)

    def run(self) -> None:
        """Every row of the table once."""
        import torch  # noqa: PLC0415

        torch.index_select(self.table, 0, self.order, out=self.output)

    def check(self) -> Verdict:
        """First and last element of every row, and all of sampled ones, against how the table was made."""
        import torch  # noqa: PLC0415

        numbers = self.output.view(torch.int32)[:, 0]
        wrong = int((numbers != self.order).sum())
        ends = self.pattern[:, -1][self.order % len(self.pattern)]
        # A NaN differs from everything, itself included.
        wrong_ends = int((self.output[:, -1] != ends).sum())
        sample = self._sample()
        expected = self.pattern[self.order[sample] % len(self.pattern)]
        wrong_rows = int((self.output[sample, 1:] != expected[:, 1:]).any(1).sum())
        detail = f"of {len(self.order)} rows {wrong} are others' and {wrong_ends} end wrongly"
        detail += f"; of {len(sample)} compared whole {wrong_rows} differ"
        return Verdict(correct=not (wrong or wrong_ends or wrong_rows), detail=detail)

    def digest(self) -> str | None:
        """Bits of the sampled rows."""
        from kernels.shared import tensors  # noqa: PLC0415

        return tensors.digest(self.output[self._sample()])

    def _sample(self) -> torch.Tensor:
        """Rows of the output; their numbers in the table are random, since the order is."""
        import torch  # noqa: PLC0415

        count = min(SAMPLED_ROWS, len(self.order))
        places = torch.arange(count, dtype=torch.int64, device=self.order.device)
        return places * (len(self.order) - 1) // max(1, count - 1)
