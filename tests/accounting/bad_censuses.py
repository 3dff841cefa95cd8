"""The least file that breaks each rule of the linter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lint_census import clusters, data_centers, h100, hardware, top500, write

MAX_1550 = "Intel Data Center GPU Max 1550"


@dataclass(frozen=True)
class Bad:
    """Files that break a rule: where it shows, what the total and the row are off by, and what is said."""

    rule: str
    files: Callable[[Path], Sequence[Path]]
    rows: Sequence[str]
    factor: float | None
    ratio: float | None
    words: str
    severity: str = "error"


def one(*rows: dict[str, object]) -> Callable[[Path], Sequence[Path]]:
    return lambda folder: [clusters(folder / "c.csv", *rows)]


GOOD = h100("Good", 1000)
_H100E = 1978.9e12 / 1.979e15


def max_1550(name: str, count: int) -> dict[str, object]:
    """A chip of 839 TFLOP/s in 16 bits and 1,678 in INT8, put at its vector rate."""
    rate = 52.43e12 * count
    changes = {"Chip type (primary)": MAX_1550, "16-bit OP/s": rate, "8-bit OP/s": "", "32-bit OP/s": rate}
    return h100(name, count) | changes | {"Max OP/s": rate, "H100 equivalents": rate / 1.979e15}


def with_top500(*pairs: tuple[str, float, float]) -> Callable[[Path], Sequence[Path]]:
    """Systems by name, with power reported in MW and listed in kW."""

    def files(folder: Path) -> Sequence[Path]:
        rows = [h100(name, 1000) | {"Reported Power Capacity (MW)": mw} for name, mw, _ in pairs]
        listed = [
            {"Name": name, "Country": "France", "Year": 2024, "Power (kW)": kw} for name, _, kw in pairs
        ]
        return [clusters(folder / "c.csv", *rows), top500(folder / "t.csv", *listed)]

    return files


def seat(folder: Path) -> Sequence[Path]:
    row = h100("Nebius ISEG9", 1000) | {"Owner": "Nebius AI", "Country": "Finland"}
    listed = {
        "Name": "ISEG9",
        "Country": "Netherlands",
        "Year": 2024,
        "Accelerator/Co-Processor": "NVIDIA H100",
        "Accelerator/Co-Processor Cores": 132_000,
    }
    return [clusters(folder / "c.csv", row), top500(folder / "t.csv", listed)]


def both(folder: Path) -> Sequence[Path]:
    row = h100("xAI Memphis", 1000) | {"Owner": "xAI", "Country": "United States of America"}
    site: dict[str, object] = {"Name": "Big One", "Country": "United States", "Owner": "xAI #confident"}
    site |= {"Address": "5 Tulane Rd, Memphis, TN 38109", "Current H100 equivalents": 1000}
    return [clusters(folder / "c.csv", row), data_centers(folder, site)]


def two_weights(folder: Path) -> Sequence[Path]:
    # the second file weighs a Trainium2 by its FP8 rate, the first by its 16-bit rate
    row = h100("T", 1000) | {"Chip type (primary)": "Amazon Trainium2", "16-bit OP/s": 667e15}
    row |= {"8-bit OP/s": "", "32-bit OP/s": "", "Max OP/s": 667e15, "H100 equivalents": 667e15 / 1.979e15}
    sold: dict[str, object] = {
        "vendor": "Amazon",
        "chip": "Trainium2",
        "start": "2025-01-01",
        "end": "2025-03-31",
    }
    sold |= {"units": 100, "h100e": 65.6}
    return [clusters(folder / "c.csv", row), write(folder / "s.csv", list(sold), [sold])]


PLACE = {"Location": "1 Rue Exacte, Paris", "latitude": 48.86, "longitude": 2.35}
V100 = "NVIDIA Tesla V100 SXM2"
MIXED = h100("Mixed", 1000) | {"Chip type (secondary)": V100, "Chip quantity (secondary)": 40_000}
MI250X = h100("Hal", 1000) | {
    "Chip type (primary)": "AMD Radeon Instinct MI250X",
    "16-bit OP/s": 383e15,
    "8-bit OP/s": 383e15,
    "32-bit OP/s": "",
    "Max OP/s": 383e15,
    "H100 equivalents": 383e15 / 1.979e15,
}
# both counts: 1,000 H100 as stated, and what 40,000 V100 of 125 TFLOP/s add
V100E = 40_000 * 125e12 / 1.979e15

BAD = [
    Bad(
        "per-chip-rate",
        one(GOOD, h100("Half", 1000) | {"16-bit OP/s": 494.7e15}),
        ["c.csv:3"],
        0.75,
        0.5,
        "its tf32 dense rate: the wrong precision",
    ),
    Bad(
        "per-chip-rate",
        one(h100("Sparse", 1000) | {"8-bit OP/s": 3957.8e15}),
        ["c.csv:2"],
        2.0,
        2.0,
        "its fp8 sparse rate: sparse for dense",
    ),
    Bad(
        "per-chip-rate",
        one(max_1550("Vector", 10)),
        ["c.csv:2"],
        52.43 / 839,
        52.43 / 839,
        "fp32 vector rate",
    ),
    Bad(
        "per-chip-rate",
        one(h100("Odd", 10) | {"16-bit OP/s": 1.4e16}),
        ["c.csv:2"],
        1400 / 989.4,
        1400 / 989.4,
        "no rate of its sheet",
        "warning",
    ),
    Bad(
        "h100e-count",
        one(GOOD, h100("Double", 1000) | {"H100 equivalents": 2000 * _H100E}),
        ["c.csv:3"],
        1.5,
        2.0,
        "its fp8 sparse rate over an 8-bit base; count × chip is 1,000",
    ),
    Bad(
        "h100e-count",
        one(max_1550("Vector", 10)),
        ["c.csv:2"],
        52.43 / 1678,
        52.43 / 1678,
        "its fp32 dense rate",
    ),
    Bad(
        "mixed-chips",
        one(MIXED),
        ["c.csv:2"],
        1000 * _H100E / (1000 * _H100E + V100E),
        1000 * _H100E / (1000 * _H100E + V100E),
        "is put at 1,000 H100e, not 3,526",
    ),
    Bad("zero-for-missing", one(h100("Z", 10) | {"16-bit OP/s": 0}), ["c.csv:2"], None, None, "blank, not 0"),
    Bad(
        "one-chip-one-weight",
        one(GOOD, h100("Double", 1000) | {"H100 equivalents": 2000 * _H100E}),
        ["c.csv:3", "c.csv:2"],
        1.5,
        2.0,
        "counts 2 H100e in 1 row and 0.9999 elsewhere",
    ),
    Bad(
        "one-chip-one-weight",
        two_weights,
        ["c.csv:2", "s.csv:2"],
        (667e12 / 1.979e15) / 0.656,
        (667e12 / 1.979e15) / 0.656,
        "AWS Trainium2 counts 0.337 H100e in 1 row and 0.656 elsewhere (s.csv:2)",
    ),
    Bad(
        "eight-bit-basis",
        one(MI250X),
        ["c.csv:2"],
        0.5,
        0.5,
        "0.1935 H100e on an 8-bit basis and 0.387",
        "note",
    ),
    Bad(
        "basis-shifts-shares",
        one(h100("A", 1000), MI250X | {"Country": "China", "Chip quantity (primary)": ""}),
        ["c.csv:1"],
        None,
        (383 / (1978.9 + 383)) / (383 / (989.4 + 383)),
        "China holds 16.2 % of H100 equivalents and 27.9 % of 16-bit OP/s",
        "note",
    ),
    Bad(
        "superseded-twice",
        one(h100("Old", 1000) | {"Superseded by": "New"}, h100("New", 2000)),
        ["c.csv:2"],
        1.5,
        None,
        "(the file says so): Old is superseded by New",
        "warning",
    ),
    Bad(
        "superseded-twice",
        one(h100("Site Phase 1", 1000), h100("Site Phase 2", 3000)),
        ["c.csv:2"],
        4 / 3,
        None,
        "(only the names say so): Site Phase 1 may be part of Site Phase 2",
        "warning",
    ),
    Bad(
        "duplicate-flagged",
        one(GOOD, h100("Again", 500) | {"Possible Duplicate": "True"}),
        ["c.csv:3"],
        1.5,
        None,
        "1 operational rows are flagged",
        "warning",
    ),
    Bad(
        "duplicate",
        one(
            h100("Jean", 1000) | PLACE,
            h100("Zay", 1020) | PLACE | {"First Operational Date": "2024-01-20", "latitude": 48.9},
        ),
        ["c.csv:2", "c.csv:3"],
        2020 / 1000,
        None,
        "Jean and Zay agree in chip, place, date and size",
        "warning",
    ),
    Bad(
        "status-mixing",
        one(GOOD, h100("Dream", 9000) | {"Status": "Planned", "First Operational Date": ""}),
        ["c.csv:3"],
        10.0,
        None,
        "the file: 9,999 H100e with what is planned, 1,000 in operation",
        "note",
    ),
    Bad(
        "overlap",
        both,
        ["data_centers.csv:2", "c.csv:2"],
        (1000 + 1000 * _H100E) / 1000,
        None,
        "Big One stands in the file of data centres (1,000 H100e now) and, by owner and place",
        "warning",
    ),
    Bad(
        "owner-seat",
        seat,
        ["t.csv:2", "c.csv:2"],
        None,
        None,
        "the TOP500 says Netherlands, the seat of its owner (Netherlands), the row's country is Finland",
        "warning",
    ),
    Bad(
        "owner-seat",
        one(GOOD | {"Country": "Iceland", "Location": "Reykjavik, Netherlands"}),
        ["c.csv:2"],
        None,
        None,
        "its location says Netherlands, the row's country is Iceland",
        "warning",
    ),
    Bad(
        "planned-as-operational",
        one(GOOD, h100("Soon", 500) | {"First Operational Date": "2027-01-01"}),
        ["c.csv:3"],
        1.5,
        None,
        "is called operational, but begins on 2027-01-01, after 2026-06-30",
    ),
    Bad(
        "planned-as-operational",
        one(GOOD | {"First Operational Date": "", "First Operational Date Note": "Planned 2030"}, GOOD),
        ["c.csv:2"],
        2.0,
        None,
        "says that it is planned",
        "warning",
    ),
    Bad(
        "dates-out-of-order",
        one(GOOD | {"Status": "Decommissioned", "Decommissioned Date (if applicable)": "2023-01-01"}),
        ["c.csv:2"],
        None,
        None,
        "retires on 2023-01-01, before it began",
    ),
    Bad(
        "dates-out-of-order",
        one(GOOD | {"Status": "Planned"}),
        ["c.csv:2"],
        None,
        None,
        "had passed when the file was made",
        "warning",
    ),
    Bad(
        "dates-out-of-order",
        one(
            h100("Old", 1) | {"Superseded by": "New"},
            h100("New", 2) | {"First Operational Date": "2023-01-01"},
        ),
        ["c.csv:2"],
        None,
        None,
        "after New, which supersedes it",
        "warning",
    ),
    Bad(
        "power-multiple",
        with_top500(("Aaaa", 1.7, 1000), ("Bbbb", 3.4, 2000), ("Cccc", 5.1, 3000), ("Dddd", 2.5, 1000)),
        ["c.csv:2", "c.csv:3", "c.csv:4"],
        None,
        1.7,
        "of Aaaa, Bbbb, Cccc is 1.7000 × the TOP500's power",
        "warning",
    ),
    Bad(
        "power-per-chip",
        one(GOOD | {"Power Capacity (MW)": 0.2}),
        ["c.csv:2"],
        None,
        200 / 350,
        "Good has 200 W per chip; 0.5 to 5 × TDP is 350 to 3,500",
        "warning",
    ),
    Bad(
        "sparse-only",
        one(GOOD | {"Quote": "It will deliver 3.96 exaflops of AI."}),
        ["c.csv:2"],
        None,
        3.96 / 1.9789,
        "'3.96 exaflops' in 'Quote' fits its 1,000 NVIDIA H100 SXM5 80GB only as fp8 sparse",
        "warning",
    ),
    Bad(
        "tpp-copy",
        lambda folder: [
            hardware(
                folder / "h.csv",
                {
                    "Hardware name": "X1",
                    "FP8 performance (FLOP/s)": 1.2e15,
                    "Total processing performance (bit-OP/s)": 2.832e15,
                },
            )
        ],
        ["h.csv:2"],
        None,
        2.832 / 9.6,
        "X1: TPP 2,832, but 'FP8 performance (FLOP/s)' × 8 bits is 9,600",
    ),
    Bad(
        "zero-for-missing",
        lambda folder: [
            hardware(folder / "h.csv", {"Hardware name": "X1", "FP8 performance (FLOP/s)": "0.0"})
        ],
        ["h.csv:2"],
        None,
        None,
        "'FP8 performance (FLOP/s)' is 0 in 1 row",
    ),
]
