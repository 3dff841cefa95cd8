"""Epoch's hardware file: what it states against pandas, and which of its 16-bit rates is a peak."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.census.readers import epoch_hardware
from accounting.census.readers.epoch_hardware import Hardware, HardwareRow
from accounting.errors import InputFaults
from accounting.reference.facts import Facts

TENSOR = "Tensor-FP16/BF16 performance (FLOP/s)"
HALF = "FP16 (half precision) performance (FLOP/s)"
COLUMNS = {
    "fp64": "FP64 (double precision) performance (FLOP/s)",
    "fp32": "FP32 (single precision) performance (FLOP/s)",
    "tf32": "TF32 (TensorFloat-32) performance (FLOP/s)",
    "fp8": "FP8 performance (FLOP/s)",
    "int8": "INT8 performance (OP/s)",
    "fp4": "FP4 performance (FLOP/s)",
}
ROW = {
    "Hardware name": "NVIDIA H100",
    "Manufacturer": "NVIDIA",
    "Release date": "2023-03-21",
    TENSOR: "989400000000000.0",
    HALF: "133800000000000.0",
    "TDP (W)": "700",
}


@pytest.fixture(scope="module")
def path(shared: Path) -> Path:
    return shared / "data" / "epoch" / "ml_hardware_2026-04-22.csv"


@pytest.fixture(scope="module")
def found(path: Path, facts: Facts) -> Hardware:
    return epoch_hardware.read(path, facts)


def test_figures_are_those_that_pandas_reads(path: Path, found: Hardware) -> None:
    table = pd.read_csv(path)
    assert found.readout.rows == found.readout.kept == len(table) == 175
    assert [row.name for row in found.rows] == list(table["Hardware name"])
    for precision, column in COLUMNS.items():
        theirs = [value if value > 0 else None for value in table[column]]
        assert [row.peaks.get(precision) for row in found.rows] == theirs, precision
    for attribute, column in (
        ("memory_bytes", "Memory (bytes)"),
        ("tdp_watts", "TDP (W)"),
        ("die_area_mm2", "Die Size (mm^2)"),
        ("tpp", "Total processing performance (bit-OP/s)"),
    ):
        assert [getattr(row, attribute) for row in found.rows] == [
            v if v > 0 else None for v in table[column]
        ]
    released = pd.to_datetime(table["Release date"])
    assert [row.released for row in found.rows] == [None if pd.isna(day) else day.date() for day in released]


def test_the_16_bit_peak_is_the_tensor_rate_where_there_is_one(path: Path, found: Hardware) -> None:
    table = pd.read_csv(path)
    tensor = table[TENSOR].notna()
    nvidia, old = table["Manufacturer"] == "NVIDIA", table["Release date"].fillna("9") < "2017-05"
    expected = table[TENSOR].where(tensor, table[HALF].where(~nvidia | old))
    ours = [row.peaks.get("bf16") for row in found.rows]
    assert ours == [None if pd.isna(value) else value for value in expected]
    refused = int((~tensor & nvidia & ~old & table[HALF].notna()).sum())
    assert found.readout.repairs[f"{HALF}: {epoch_hardware.VECTOR_RATE}"].count == refused > 10


def test_names_not_known_are_listed_with_close_ones(found: Hardware, facts: Facts) -> None:
    unknown = {row.name for row in found.rows if row.accelerator is None}
    assert {item.name for item in found.readout.unresolved} == unknown
    known = {row.name: row.accelerator for row in found.rows if row.accelerator}
    assert len(known) + len(unknown) == 175
    assert set(known.values()) <= set(facts.accelerators)
    assert known["NVIDIA H100 SXM5 80GB"] == "nvidia-h100-sxm"


def test_peaks_agree_but_where_one_states_the_vector_rate(found: Hardware, facts: Facts) -> None:
    """The two are independent readings of the sheets: a catalogue that is off by a factor is seen here."""
    compared = epoch_hardware.compare_peaks(found, facts)
    assert len(compared) > 150
    sixteen = {item.name: item.ratio for item in compared if item.precision == "bf16"}
    off = {name: ratio for name, ratio in sixteen.items() if not 0.9 < ratio < 1.1}
    # these rows of the file hold the rate of the vector units, a sixteenth
    vector = {f"Intel Data Center GPU Max {model}" for model in (1100, 1350, 1550)}
    # its maker launched it with 147 TFLOP/s and states a TPP of 16 x 147
    assert set(off) == vector | {"Tianshu Zhixin Tiangai 100 (BI-V100)"}
    assert all(off[name] == pytest.approx(16, rel=0.01) for name in vector)
    # the file's figures are the sparse rate (CPX) and another maker's page (Zhikai)
    disputed = {("NVIDIA Rubin CPX", "fp4"), ("Tianshu Zhixin Zhikai 100", "int8")}
    for item in compared:
        if item.precision != "bf16" and (item.name, item.precision) not in disputed:
            assert 0.85 < item.ratio < 1.25 or item.ratio == pytest.approx(2, rel=0.02), item


def write(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_one(tmp_path: Path, facts: Facts, **change: str) -> tuple[HardwareRow, Hardware]:
    found = epoch_hardware.read(write(tmp_path / "h.csv", [ROW | change]), facts)
    return found.rows[0], found


@pytest.mark.parametrize(
    ("change", "peak"),
    [
        ({}, 989.4e12),
        ({TENSOR: ""}, None),
        ({TENSOR: "0"}, None),
        ({TENSOR: "", "Release date": ""}, None),
        ({TENSOR: "", "Release date": "2016-04-05"}, 133.8e12),
        ({TENSOR: "", "Manufacturer": "AMD"}, 133.8e12),
        ({TENSOR: "", HALF: ""}, None),
    ],
)
def test_the_16_bit_peak_by_hand(
    tmp_path: Path, facts: Facts, change: dict[str, str], peak: float | None
) -> None:
    assert read_one(tmp_path, facts, **change)[0].peaks.get("bf16") == peak


def test_nought_is_missing_and_said_so(tmp_path: Path, facts: Facts) -> None:
    row, found = read_one(tmp_path, facts, **{"TDP (W)": "0.0"})
    assert row.tdp_watts is None
    assert list(found.readout.repairs) == [f"TDP (W): {epoch_hardware.ZERO}"]


def test_a_row_without_name_is_left_out(tmp_path: Path, facts: Facts) -> None:
    path = write(tmp_path / "h.csv", [ROW, ROW | {"Hardware name": ""}])
    assert epoch_hardware.read(path, facts).readout.reasons() == {epoch_hardware.NO_NAME: 1}


def test_dates_as_a_spreadsheet_writes_them(
    path: Path, found: Hardware, facts: Facts, tmp_path: Path
) -> None:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        if row["Release date"]:
            year, month, day = row["Release date"].split("-")
            row["Release date"] = f"{int(month)}/{int(day)}/{year}"
    mangled = epoch_hardware.read(write(tmp_path / "h.csv", rows), facts)
    assert [row.released for row in mangled.rows] == [row.released for row in found.rows]


texts = st.one_of(
    st.sampled_from(["", "0", "-5", "1e300", "1e999", "=A1", "NVIDIA", "13/13/2020"]), st.text(max_size=6)
)


@given(st.lists(st.dictionaries(st.sampled_from(list(ROW)), texts), min_size=1, max_size=5), st.data())
@settings(max_examples=40)
def test_no_cell_breaks_the_reading_and_order_does_not_matter(
    facts: Facts, changes: list[dict[str, str]], data: st.DataObject
) -> None:
    rows = [ROW, *(ROW | change for change in changes)]
    with tempfile.TemporaryDirectory() as folder:
        try:
            one = epoch_hardware.read(write(Path(folder) / "a.csv", rows), facts)
        except InputFaults:
            return
        mixed = [rows[0], *data.draw(st.permutations(rows[1:]))]
        other = epoch_hardware.read(write(Path(folder) / "b.csv", mixed), facts)
    assert one.readout.rows == one.readout.kept + sum(one.readout.reasons().values())

    def shown(found: Hardware) -> list[str]:
        return sorted(f"{row.name!r} {sorted(row.peaks.items())} {row.tdp_watts}" for row in found.rows)

    assert shown(one) == shown(other)
