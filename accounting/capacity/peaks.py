"""The peak of one accelerator by its data sheet: operations a second, or bytes of memory a second."""

from __future__ import annotations

from accounting.capacity.bases import MEMORY
from accounting.reference.accelerators import Accelerator


def peak_rate(accelerator: Accelerator, precision: str) -> float | None:
    """Return the dense peak in FLOP/s, or in B/s the memory bandwidth where ``precision`` is ``MEMORY``.

    None where the sheet states none.
    """
    return accelerator.memory_bandwidth if precision == MEMORY else accelerator.peak_flop_per_s(precision)


def lacking(precision: str) -> str:
    """Return the reason to leave an accelerator out that has no peak in ``precision``."""
    return (
        "its accelerator's memory bandwidth is not published"
        if precision == MEMORY
        else f"its accelerator has no {precision}"
    )
