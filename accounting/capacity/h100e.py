"""H100 equivalents: a fixed published constant for each basis and precision."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from accounting.capacity.bases import Basis
from accounting.quantities import Rate
from accounting.reference.accelerators import Precision
from accounting.validation import Date, FactModel, Kind, Text, load
from bench.errors import InputError


class H100e(FactModel):
    """What one H100 SXM counts for on one basis in one precision (FLOP/s). A constant, never drawn."""

    basis: Basis = Field(description="basis of the equivalent")
    precision: Precision = Field(description="precision of the equivalent")
    value: Rate = Field(description="rate of one H100 SXM, dense")
    kind: Kind
    source: Text
    date: Date
    note: Text | None = None


class H100eFile(FactModel):
    """The file ``configs/h100e.yaml``."""

    h100e: tuple[H100e, ...]


def load_h100e(path: Path) -> dict[tuple[str, str], float]:
    """Return the constants in FLOP/s by (basis, precision). Raises InputFaults."""
    _, content = load(path, H100eFile)
    return {(row.basis, row.precision): row.value for row in content.h100e}


def constant(table: dict[tuple[str, str], float], basis: str, precision: str) -> float:
    """Return one constant in FLOP/s.

    Raises:
        InputError: none is published for this basis and precision.
    """
    try:
        return table[basis, precision]
    except KeyError:
        known = ", ".join(f"{b} {p}" for b, p in sorted(table))
        raise InputError(
            f"no H100e constant for {precision} on basis {basis} (there is one for {known}); use --unit flops"
        ) from None
