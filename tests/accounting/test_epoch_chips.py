"""Chip sales and owners: totals at a date against pandas and against the published cumulated rows."""

from __future__ import annotations

import datetime
from pathlib import Path

import pandas as pd
import pytest

from accounting.census.readers.chip_totals import ControlTotals, Percentiles
from accounting.census.readers.epoch_chips import control_totals, read, recognises
from accounting.errors import InputFaults
from accounting.reference.facts import Facts

YEAR_END = datetime.date(2025, 12, 31)


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "data" / "epoch" / "chip_counts_2026-04-22"


@pytest.fixture(scope="module")
def excerpt(shared: Path) -> Path:
    return shared / "data" / "epoch" / "ai_chip_sales_excerpt_2026-09-30.csv"


@pytest.fixture(scope="module")
def totals(folder: Path, excerpt: Path, facts: Facts) -> ControlTotals:
    return control_totals([folder, excerpt], facts)


def test_every_row_is_read(folder: Path, excerpt: Path, totals: ControlTotals) -> None:
    files = [excerpt, *(folder / "csv_export").rglob("*.csv"), *(folder / "owners_csv_export").rglob("*.csv")]
    rows = sum(len(pd.read_csv(file)) for file in files)
    assert totals.readout.rows == totals.readout.kept == len(totals.rows) == rows
    assert any(
        "data_inputs/ holds what these files were made from" in line for line in totals.readout.summary()
    )


@pytest.mark.parametrize(
    ("designer", "file"),
    [("nvidia", "nvidia"), ("amd", "amd"), ("google", "tpu"), ("amazon", "trainium")],
)
@pytest.mark.parametrize("day", ["2024-12-31", "2025-06-30", "2025-12-31"])
def test_sales_by_designer_are_the_published_cumulated_totals(
    folder: Path, totals: ControlTotals, designer: str, file: str, day: str
) -> None:
    table = pd.read_csv(folder / "csv_export" / f"{file}_cumulative_totals.csv")
    table.columns = [column.casefold() for column in table.columns]
    table["end"] = pd.to_datetime(table["end date"], format="%m/%d/%Y")
    row = table[table["end"] == day].iloc[0]
    low, high = row.filter(regex=r"units \(5th"), row.filter(regex=r"units \(95th")
    found = totals.at(datetime.date.fromisoformat(day))[designer]
    middle = row["number of units (median)" if "number of units (median)" in row else "number of units"]
    assert found.units == Percentiles(float(low.iloc[0]), float(middle), float(high.iloc[0]))
    assert found.h100e.p50 == row["compute estimate in h100e (median)"]
    assert found.until.isoformat() == day


def test_owners_add_up_over_designers(folder: Path, totals: ControlTotals) -> None:
    frames = [
        pd.read_csv(file) for file in (folder / "owners_csv_export").rglob("*_owners*cumulative_totals.csv")
    ]
    table = pd.concat(frames)
    last = table[pd.to_datetime(table["End date"], format="%m/%d/%Y") == pd.Timestamp(YEAR_END)]
    units = last.groupby("Owner")["Number of Units"].sum()
    found = totals.at(YEAR_END, by="owner")
    names = {
        "Microsoft": "microsoft",
        "Meta": "meta",
        "Amazon": "amazon",
        "Google": "google",
        "Oracle": "oracle",
    }
    assert {names.get(o, o.casefold()): found[names.get(o, o)].units.p50 for o in ["China", *names]} == {
        names.get(o, o.casefold()): units[o] for o in ["China", *names]
    }
    assert found["coreweave"].units.p50 == units["CoreWeave"]
    assert found["Other"].units.p50 == units["Other"]


def test_quarters_alone_are_summed(excerpt: Path, facts: Facts) -> None:
    totals = control_totals([excerpt], facts)
    table = pd.read_csv(excerpt)
    for day in ("2025-06-30", "2026-03-31", "2026-09-30"):
        sums = table[table["end"] <= day].groupby("vendor")[["units", "units_p5", "units_p95", "h100e"]].sum()
        found = totals.at(datetime.date.fromisoformat(day))
        assert set(found) == {{"Cambricon": "Cambricon"}.get(v, v.casefold()) for v in sums.index} or set(
            found
        ) == {v.casefold() for v in sums.index}
        for vendor, row in sums.iterrows():
            total = found[str(vendor).casefold()]
            assert (total.units.p50, total.units.p5, total.units.p95) == pytest.approx(
                (row["units"], row["units_p5"], row["units_p95"])
            )
            assert total.h100e.p50 == pytest.approx(row["h100e"])
    assert totals.at(datetime.date(2026, 9, 30))["nvidia"].incomplete
    assert not totals.at(datetime.date(2026, 6, 30))["nvidia"].incomplete


def test_later_quarters_are_added_to_the_cumulated_row_and_the_newer_file_wins(
    folder: Path, excerpt: Path, totals: ControlTotals
) -> None:
    base = totals.at(YEAR_END)["nvidia"].units.p50
    quarter = pd.read_csv(excerpt).query("vendor == 'Nvidia' and start == '2026-01-01'")
    stated = dict(zip(quarter["chip"], quarter["units"], strict=True))
    # chips of that quarter that only the older file has
    old = pd.read_csv(folder / "csv_export" / "nvidia_calendar_quarter_chip_timelines.csv")
    for _, row in old[old["Start date"] == "1/1/2026"].iterrows():
        stated.setdefault(row["Chip type"], row["Number of Units"])
    found = totals.at(datetime.date(2026, 3, 31))["nvidia"].units.p50
    assert found == pytest.approx(base + sum(stated.values()))


def test_by_chip_forms_are_not_told_apart(totals: ControlTotals) -> None:
    found = totals.at(YEAR_END, by="chip")
    assert "NVIDIA A100" in found
    assert not any(chip.startswith("nvidia-") for chip in found)
    # the same chip under both of its names
    assert "MI308X" not in found
    assert found["AMD Instinct MI308X"].units.p50 == 31859


def test_fiscal_quarters_overlap_calendar_ones_and_are_not_added(totals: ControlTotals, facts: Facts) -> None:
    assert any(not row.calendar for row in totals.rows)
    only = [row for row in totals.rows if "fiscal" in row.file]
    assert len(only) == 42 + 27
    assert not any(row.calendar for row in only)


HEADER = "vendor,chip,start,end,units,units_p5,units_p95,h100e,h100e_p5,h100e_p95\n"


def test_rows_that_cannot_be_are_left_out(tmp_path: Path, facts: Facts) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(
        HEADER
        + "AMD,MI300X,2025-01-01,2025-03-31,10,5,20,10,5,20\n"
        + "AMD,MI300X,2025-04-01,soon,10,5,20,10,5,20\n"
        + "AMD,MI300X,2025-07-01,2025-09-30,10,50,20,10,5,20\n"
        + "AMD,MI300X,2025-10-01,2025-12-31,,,,,,\n",
        encoding="utf-8",
    )
    table = read(path, facts)
    assert len(table.rows) == 1
    assert sorted(table.readout.reasons().values()) == [1, 1, 1]
    assert control_totals([path], facts).at(YEAR_END)["amd"].units == Percentiles(5, 10, 20)


def test_files_of_another_format(tmp_path: Path, facts: Facts) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    assert not recognises(["a", "b"])
    with pytest.raises(InputFaults, match="the column"):
        read(path, facts)
    with pytest.raises(InputFaults, match="no file of chip sales"):
        read(tmp_path, facts)


HEAD = (
    "Chip manufacturer,Chip type,Start date,End date,Number of Units,Compute estimate in H100e (median),Notes"
)


def test_a_day_that_no_calendar_has_is_repaired(tmp_path: Path, facts: Facts) -> None:
    path = tmp_path / "chips.csv"
    row = "NVIDIA,H100,2025-01-01,2025-03-31,10,10,Estimates generated on: 31-12-2025"
    path.write_text(f"{HEAD}\n{row}\n", encoding="utf-8")
    table = read(path, facts)
    assert table.rows[0].modified is None
    assert list(table.readout.repairs) == ["Notes: no such day (MM-DD-YYYY), read as blank"]


def test_a_folder_says_all_that_it_does_not_read(tmp_path: Path, facts: Facts) -> None:
    (tmp_path / "data_inputs").mkdir()
    for name in ("a.csv", "data_inputs/b.csv"):
        (tmp_path / name).write_text("q,r\n1,2\n", encoding="utf-8")
    row = "NVIDIA,H100,2025-01-01,2025-03-31,10,10,"
    (tmp_path / "chips.csv").write_text(f"{HEAD}\n{row}\n", encoding="utf-8")
    said = "\n".join(read(tmp_path, facts).readout.warnings)
    assert "a.csv is of another format" in said
    assert "data_inputs/ holds" in said
