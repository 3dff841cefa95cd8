"""Small censuses for the linter's tests: rows by hand, right unless changed."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

CLUSTER_COLUMNS = (
    *("Name", "Status", "Country", "Owner", "First Operational Date", "Sector", "GPU Supplier (primary)"),
    *("Include in Standard Analysis", "Superseded by", "Possible Duplicate"),
    *("Chip type (primary)", "Chip quantity (primary)", "Chip type (secondary)", "Chip quantity (secondary)"),
    *("16-bit OP/s", "8-bit OP/s", "32-bit OP/s", "Max OP/s", "Max OP/s (log)", "H100 equivalents"),
    *("Power Capacity (MW)", "Reported Power Capacity (MW)", "Decommissioned Date (if applicable)"),
    *("Location", "latitude", "longitude", "Users", "Note", "Quote", "First Operational Date Note"),
)
TOP500_COLUMNS = (
    *("Rank", "Name", "Computer", "Site", "Country", "Year", "System ID", "Segment", "Power (kW)"),
    *("Accelerator/Co-Processor", "Accelerator/Co-Processor Cores", "Rmax [TFlop/s]", "Rpeak [TFlop/s]"),
)
SITE_COLUMNS = (
    "Name",
    "Country",
    "Owner",
    "Users",
    "Address",
    "Current H100 equivalents",
    "Current power (MW)",
)
QUANTITY_COLUMNS = ("Data center", "Date", "Chip type", "Number of Units", "Number of Units source", "Owner")
HARDWARE_COLUMNS = (
    *("Hardware name", "Manufacturer", "Release date", "FP16 (half precision) performance (FLOP/s)"),
    *("Tensor-FP16/BF16 performance (FLOP/s)", "FP8 performance (FLOP/s)", "INT8 performance (OP/s)"),
    "Total processing performance (bit-OP/s)",
)

Cells = Mapping[str, object]


def h100(name: str, count: int, **changes: object) -> dict[str, object]:
    """A right row of H100 SXM: 989.4, 1,978.9 and 494.7 TFLOP/s in 16 bits, 8 bits and TF32."""
    row: dict[str, object] = {
        "Name": name,
        "Status": "Existing",
        "Country": "France",
        "First Operational Date": "2024-01-01",
        "Chip type (primary)": "nvidia-h100-sxm",
        "Chip quantity (primary)": count,
        "16-bit OP/s": 989.4e12 * count,
        "8-bit OP/s": 1978.9e12 * count,
        "32-bit OP/s": 494.7e12 * count,
        "Max OP/s": 1978.9e12 * count,
        "H100 equivalents": 1978.9e12 * count / 1.979e15,
    }
    return row | {key.replace("_", " "): value for key, value in changes.items()}


def write(path: Path, columns: Sequence[str], rows: Sequence[Cells]) -> Path:
    """Write rows as CSV."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(columns), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def clusters(path: Path, *rows: Cells) -> Path:
    """Write a clusters file."""
    return write(path, CLUSTER_COLUMNS, rows)


def top500(path: Path, *rows: Cells) -> Path:
    """Write a TOP500 list; a row needs Name, Country, Year, chip, cores and power."""
    base = {"Computer": "X", "Site": "Y", "Rmax [TFlop/s]": "1000", "Rpeak [TFlop/s]": "2000"}
    numbered = [
        base | {"Rank": place, "System ID": 1000 + place} | dict(row) for place, row in enumerate(rows, 1)
    ]
    return write(path, TOP500_COLUMNS, numbered)


def data_centers(folder: Path, *rows: Cells) -> Path:
    """Write the two files of data centres; return that of the sites."""
    quantities = [
        {"Data center": row["Name"], "Date": "2024-01-01", "Chip type": "H100", "Number of Units": 10}
        for row in rows
    ]
    write(folder / "data_center_chip_quantities.csv", QUANTITY_COLUMNS, quantities)
    return write(folder / "data_centers.csv", SITE_COLUMNS, rows)


def hardware(path: Path, *rows: Cells) -> Path:
    """Write a table of accelerators."""
    return write(path, HARDWARE_COLUMNS, rows)
