"""Rules about tables of accelerators: figures that do not follow from their own row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from accounting.lint.material import Material, SheetLine
from accounting.lint.rates import RATE_TOLERANCE, off
from accounting.lint.rule import Evidence, Figure, rule

_TPP = "Total processing performance (bit-OP/s)"
_TENSOR, _HALF = "Tensor-FP16/BF16 performance (FLOP/s)", "FP16 (half precision) performance (FLOP/s)"
# Bit length of an operation, by column. TF32 is left out: it never is the largest.
_BITS: Mapping[str, int] = {
    "FP64 (double precision) performance (FLOP/s)": 64,
    "FP32 (single precision) performance (FLOP/s)": 32,
    _TENSOR: 16,
    _HALF: 16,
    "INT16 performance (OP/s)": 16,
    "FP8 performance (FLOP/s)": 8,
    "INT8 performance (OP/s)": 8,
    "FP4 performance (FLOP/s)": 4,
    "INT4 performance (OP/s)": 4,
}
_CATALOGUE_BITS: Mapping[str, int] = {"fp64": 64, "fp32": 32, "bf16": 16, "fp8": 8, "int8": 8, "fp4": 4}
# TPP are rounded to a few digits; a figure left behind when its rates changed is off by more.
TPP_TOLERANCE = 0.05


@rule(
    "tpp-copy",
    "Total processing performance that its row does not give",
    "error",
    "TPP is the highest rate × bit length of any precision (US export rules, ECCN 3A090 note 2): a figure "
    "copied from an older row falls on the wrong side of a threshold.",
)
def tpp_copy(material: Material) -> Iterator[Evidence]:
    """Find rows whose TPP is below or above the highest rate × bits of their own columns."""
    for sheet in material.sheets:
        found = sheet.number(_TPP)
        own = max(_products(sheet), default=None)
        if found and own and off(found, own[0], TPP_TOLERANCE):
            yield _tpp(sheet, found, own)
        elif found and (known := _catalogued(sheet, material)) and found < known[0] / (1 + RATE_TOLERANCE):
            yield replace(_tpp(sheet, found, known), severity="warning")


def _tpp(sheet: SheetLine, found: float, expected: tuple[float, str]) -> Evidence:
    value, how = expected
    name = sheet.row.text("Hardware name")
    return Evidence(
        rows=(sheet.place,),
        found=Figure(found / 1e12, "TPP", "as stated"),
        expected=Figure(value / 1e12, "TPP", how),
        message=f"{name}: TPP {found / 1e12:,.0f}, but {how} is {value / 1e12:,.0f}",
        ratio=found / value,
    )


def _products(sheet: SheetLine) -> list[tuple[float, str]]:
    """Return rate × bits of each column that the row fills."""
    return [
        (rate * bits, f"'{column}' × {bits} bits")
        for column, bits in _BITS.items()
        if (rate := sheet.number(column))
    ]


def _catalogued(sheet: SheetLine, material: Material) -> tuple[float, str] | None:
    """Return the highest rate × bits of the catalogue's peaks."""
    names = material.facts.names.accelerators
    found = names.find(sheet.row.text("Hardware name")) if names else None
    peaks = material.facts.accelerators[found].peaks() if found else {}
    products = [
        (peaks[precision] * bits, f"the catalogue's {precision} peak × {bits} bits")
        for precision, bits in _CATALOGUE_BITS.items()
        if precision in peaks
    ]
    return max(products, default=None)
