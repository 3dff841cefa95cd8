"""Reader of Epoch AI's ML hardware file: what it says of accelerators, and how that compares to our sheets.

Missing values are stored as 0 in places, and are read as missing. ``FP16 (half precision)`` of NVIDIA is the
rate of the vector units: the 16-bit peak is the tensor rate, and where the file has none of a chip that may
have tensor cores its 16-bit peak is missing.

See https://epoch.ai/data/machine-learning-hardware for the columns.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from accounting.census.readers.dates import DateOrder, date
from accounting.census.readers.reading import Reading, Readout
from accounting.census.readers.tables import Row, open_table
from accounting.reference.facts import Facts

PREFIX = "epoch-hardware"

_NAME, _MAKER, _RELEASED = "Hardware name", "Manufacturer", "Release date"
_TENSOR = "Tensor-FP16/BF16 performance (FLOP/s)"
_HALF = "FP16 (half precision) performance (FLOP/s)"
# precision → column; the 16-bit peak has rules of its own
_PEAKS: Mapping[str, str] = {
    "fp64": "FP64 (double precision) performance (FLOP/s)",
    "fp32": "FP32 (single precision) performance (FLOP/s)",
    "tf32": "TF32 (TensorFloat-32) performance (FLOP/s)",
    "fp8": "FP8 performance (FLOP/s)",
    "int8": "INT8 performance (OP/s)",
    "fp4": "FP4 performance (FLOP/s)",
}
_REQUIRED = (_NAME, _MAKER, _TENSOR, _HALF)

NO_NAME = "no name"
ZERO = "0 stands for a missing value, read as blank"
VECTOR_RATE = "the rate of the vector units of a chip with tensor cores; its 16-bit peak is missing"

# the V100 was the first with tensor cores (its white paper, August 2017), and was announced in this month
_FIRST_TENSOR_CORES = datetime.date(2017, 5, 1)


@dataclass(frozen=True)
class HardwareRow:
    """One accelerator as the file states it; None where it does not.

    Attributes:
        accelerator: Our id, None where the name is not known.
        peaks: By precision. The file does not tell dense from sparse. Unit: FLOP/s.
        half_precision_flop_per_s: The column ``FP16 (half precision)`` as it stands.
        memory_bytes: Unit: B.
        memory_bandwidth_bytes_per_s: Unit: B/s.
        tdp_watts: Unit: W.
        die_area_mm2: Unit: mm².
        tpp: Total processing performance. Unit: bit-OP/s.
    """

    line: int
    name: str
    manufacturer: str
    accelerator: str | None
    released: datetime.date | None
    peaks: Mapping[str, float]
    half_precision_flop_per_s: float | None
    memory_bytes: float | None
    memory_bandwidth_bytes_per_s: float | None
    tdp_watts: float | None
    die_area_mm2: float | None
    tpp: float | None


@dataclass(frozen=True)
class Hardware:
    """All accelerators of the file, and what became of its rows."""

    rows: tuple[HardwareRow, ...]
    readout: Readout


@dataclass(frozen=True)
class PeakComparison:
    """Our peak and the file's, of one accelerator in one precision. Unit: FLOP/s."""

    line: int
    name: str
    accelerator: str
    precision: str
    ours_flop_per_s: float
    theirs_flop_per_s: float

    @property
    def ratio(self) -> float:
        """Ours ÷ theirs."""
        return self.ours_flop_per_s / self.theirs_flop_per_s


def recognises(columns: Collection[str]) -> bool:
    """Whether a header is that of Epoch's hardware file."""
    return set(_REQUIRED) <= set(columns)


def read(path: Path, facts: Facts) -> Hardware:
    """Read the file; a row whose name is not ours is kept, and its name is noted with close ones.

    Raises:
        InputFaults: the file cannot be read, is not this file, or lacks columns.
    """
    table = open_table(path)
    table.require(_REQUIRED)
    reading = Reading(table)
    order = reading.date_orders([_RELEASED]).of(_RELEASED)
    rows = []
    for row in reading.rows():
        if not row.text(_NAME):
            reading.leave_out(row.line, NO_NAME, column=_NAME)
            continue
        rows.append(_hardware(_Cells(reading, row), order, facts))
        reading.keep(row.line)
    return Hardware(tuple(rows), reading.finish())


def compare_peaks(hardware: Hardware, facts: Facts) -> tuple[PeakComparison, ...]:
    """Compare the peaks of accelerators that both know, by precision that both state, in the file's order."""
    return tuple(
        PeakComparison(row.line, row.name, row.accelerator, precision, ours, row.peaks[precision])
        for row in hardware.rows
        if row.accelerator is not None
        for precision, ours in facts.accelerators[row.accelerator].peaks().items()
        if precision in row.peaks
    )


@dataclass(frozen=True)
class _Cells:
    """The cells of one row, blank where 0 stands for a missing value."""

    reading: Reading
    row: Row

    def figure(self, column: str) -> float | None:
        value = self.reading.amount(self.row, column)
        if value == 0:
            self.reading.repair(self.row.line, column, self.row.text(column), "", ZERO)
            return None
        return value


def _hardware(cells: _Cells, order: DateOrder, facts: Facts) -> HardwareRow:
    row, reading = cells.row, cells.reading
    half, released = cells.figure(_HALF), reading.take(row, _RELEASED, partial(date, order=order))
    peaks = {"bf16": _sixteen_bit(cells, half, released)}
    peaks |= {precision: cells.figure(column) for precision, column in _PEAKS.items()}
    return HardwareRow(
        line=row.line,
        name=row.text(_NAME),
        manufacturer=row.text(_MAKER),
        accelerator=reading.resolve(row, _NAME, facts.names.accelerators),
        released=released,
        peaks={precision: rate for precision, rate in peaks.items() if rate is not None},
        half_precision_flop_per_s=half,
        memory_bytes=cells.figure("Memory (bytes)"),
        memory_bandwidth_bytes_per_s=cells.figure("Memory bandwidth (byte/s)"),
        tdp_watts=cells.figure("TDP (W)"),
        die_area_mm2=cells.figure("Die Size (mm^2)"),
        tpp=cells.figure("Total processing performance (bit-OP/s)"),
    )


def _sixteen_bit(cells: _Cells, half: float | None, released: datetime.date | None) -> float | None:
    """The 16-bit peak: the tensor rate; of a chip without tensor cores the only rate there is."""
    tensor = cells.figure(_TENSOR)
    if tensor is not None or half is None:
        return tensor
    may_have_some = released is None or released >= _FIRST_TENSOR_CORES
    if cells.row.text(_MAKER).casefold() == "nvidia" and may_have_some:
        cells.reading.repair(cells.row.line, _HALF, cells.row.text(_HALF), "", VECTOR_RATE)
        return None
    return half
