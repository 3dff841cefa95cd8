"""What a chip is known to do, and what figures a census gives to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from accounting.census.readers.epoch_clusters import COLUMNS
from accounting.lint.material import CLUSTERS, Line
from accounting.reference.accelerators import Accelerator, Precision
from accounting.reference.facts import Facts

# Data sheets are rounded, and one name may cover variants a few per cent apart; the faults looked for
# (another precision, sparse for dense) are factors of 1.3 and more.
RATE_TOLERANCE = 0.15
# A figure is explained by another rate of the sheet where it is that rate but for rounding.
MATCH_TOLERANCE = 0.05
# Epoch AI's constant: dense 8-bit peak of the H100 SXM. Unit: OP/s.
H100E_OP_PER_S = 1.979e15
H100E_BASIS = "8-bit dense peak"

# Columns by value name, with the precisions that may stand in them. Names do not keep FP32 and TF32 apart.
PRECISIONS_OF: Mapping[str, tuple[Precision, ...]] = {
    "bf16": ("bf16",),
    "fp8": ("fp8", "int8"),
    "fp32": ("tf32", "fp32"),
}
# of rates that are equal, the one that is quoted
_QUOTED: tuple[Precision, ...] = ("bf16", "fp8", "int8", "fp4", "tf32", "fp32", "fp64")
# H100e go by the fastest rate of 8 bits or more; 4-bit rates never enter
_COUNTED: tuple[Precision, ...] = ("fp8", "int8", "bf16", "tf32", "fp32")


def off(found: float, expected: float, tolerance: float) -> bool:
    """Whether two figures differ by more than a share, whichever is the larger."""
    if found <= 0 or expected <= 0:
        return found != expected
    return abs(math.log(found / expected)) > math.log1p(tolerance)


def best_rate(accelerator: Accelerator) -> float | None:
    """Return the fastest dense rate of 8 bits or more in FLOP/s."""
    rates = [accelerator.peak[precision] for precision in _COUNTED if precision in accelerator.peak]
    return max(rates, default=None)


def known_rates(accelerator: Accelerator, value: str) -> tuple[float, ...]:
    """Return the dense rates that a column of OP/s may hold, the one it should hold first.

    Of two 8-bit rates the faster counts; in a column of 32 bits either may stand.
    """
    rates = [accelerator.peak[p] for p in PRECISIONS_OF[value] if p in accelerator.peak]
    ordered = tuple(sorted(rates, reverse=True))
    return ordered if value == "fp32" else ordered[:1]


def matching(accelerator: Accelerator, rate: float) -> tuple[tuple[Precision, bool], ...]:
    """Return the (precision, sparse) of the sheet that a rate is, the nearest first."""
    found = [
        (round(abs(math.log(rate / stated)), 6), order, sparse, precision)
        for sparse, rates in ((False, accelerator.peak), (True, accelerator.sparse_peak))
        for order, precision in enumerate(_QUOTED)
        if (stated := rates.get(precision)) and rate > 0 and not off(rate, stated, MATCH_TOLERANCE)
    ]
    return tuple((precision, sparse) for _, _, sparse, precision in sorted(found))


def counted(line: Line, facts: Facts) -> tuple[Accelerator, float] | None:
    """Return the one accelerator of a row and its count, None where not known, or where there are several."""
    entry = line.entry
    if not entry.accelerator or entry.count is None or entry.count.best <= 0 or entry.further_chips:
        return None
    return facts.accelerators[entry.accelerator], entry.count.best


def all_counted(line: Line, facts: Facts) -> tuple[tuple[Accelerator, float], ...] | None:
    """Return every accelerator of a row with its count, None where any is not known."""
    found = [
        (facts.accelerators[chips.accelerator], chips.count.best)
        for chips in line.entry.chips
        if chips.accelerator and chips.count is not None and chips.count.best > 0
    ]
    return tuple(found) if len(found) == len(line.entry.chips) else None


def expected_h100e(line: Line, facts: Facts) -> float | None:
    """Return count × chip in H100e of 8-bit dense peak, over all accelerators of a row."""
    chips = all_counted(line, facts)
    rates = [(best_rate(accelerator), count) for accelerator, count in chips or ()]
    if not rates or any(rate is None for rate, _ in rates):
        return None
    return math.fsum(count * rate for rate, count in rates if rate) / H100E_OP_PER_S


def total_factor(lines: Iterable[Line], name: str, repaired: Mapping[str, float]) -> float | None:
    """Return the total of a value as it stands ÷ as repaired, over rows of the status of those repaired.

    Args:
        lines: all rows of the file.
        name: the value (``h100e``, ``bf16``, …).
        repaired: by place, what the row's value should be; 0 for a row that should not count.
    """
    rows = list(lines)
    statuses = {line.entry.status for line in rows if line.place in repaired}
    alike = [line for line in rows if line.entry.status in statuses]
    return factor(alike, lambda line: line.entry.values.get(name), repaired)


def factor(
    lines: Iterable[Line], value: Callable[[Line], float | None], repaired: Mapping[str, float]
) -> float | None:
    """Return Σ value ÷ Σ repaired value; None where either is nothing."""
    rows = [(line.place, value(line) or 0.0) for line in lines]
    before = math.fsum(found for _, found in rows)
    after = math.fsum(repaired.get(place, found) for place, found in rows)
    return before / after if before > 0 and after > 0 else None


def capacity(line: Line, facts: Facts) -> float:
    """Return a row's capacity in H100e: as stated, else count × chip, else 0."""
    stated = line.entry.values.get("h100e") if line.form == CLUSTERS else None
    return stated if stated is not None else expected_h100e(line, facts) or 0.0


def column_of(value: str) -> str:
    """Return the column of Epoch's clusters file that a value stands in."""
    return COLUMNS[value]
