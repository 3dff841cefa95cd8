"""Epoch AI's clusters file: our shares against a computation by pandas alone, and the published figures."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from accounting.accounts.account import Account
from accounting.accounts.estimate import Estimate, Request, estimate
from accounting.capacity.calibration import Calibration
from accounting.census.readers.epoch_clusters import COLUMNS, read
from accounting.census.selection import Selection
from accounting.census.sources import load_census
from accounting.errors import InputFaults
from accounting.reference.facts import Facts

EU27 = [
    *("Austria", "Belgium", "Bulgaria", "Croatia", "Cyprus", "Czechia", "Denmark", "Estonia", "Finland"),
    *("France", "Germany", "Greece", "Hungary", "Ireland", "Italy", "Latvia", "Lithuania", "Luxembourg"),
    *("Malta", "Netherlands", "Poland", "Portugal", "Romania", "Slovakia", "Slovenia", "Spain", "Sweden"),
]
SINCE, UNTIL = "2019-01-01", "2025-05-31"


@pytest.fixture(scope="module")
def path(shared: Path) -> Path:
    return shared / "data" / "epoch" / "ai_supercomputers_2025-06-07.csv"


def oracle(path: Path, column: str) -> pd.DataFrame:
    """Return the rows that the recipe keeps, chosen and valued by pandas alone."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    date = table["First Operational Date"]
    keep = (
        (table["Country"] != "")
        & (date != "")
        & (date >= SINCE)
        & (date <= UNTIL)
        & (table["Status"] == "Existing")
        & (table["Include in Standard Analysis"] == "True")
        & (table[column] != "")
    )
    running = table[(table["Status"] == "Existing") & (date != "") & (date <= UNTIL)]
    names = table["Name"].value_counts()
    unique = set(names[names == 1].index)
    superseded = table["Superseded by"].isin(unique & set(running["Name"]))
    kept = table[keep & ~superseded].copy()
    kept["value"] = kept[column].astype(float)
    return kept


def ours(path: Path, facts: Facts, column: str) -> Estimate:
    selection = Selection(
        datetime.date.fromisoformat(UNTIL),
        since=datetime.date.fromisoformat(SINCE),
        standard_only=True,
        drop_duplicates=False,
        known_only=True,
    )
    levels = (("territory",), ("vendor",), ("sector",), ("territory", "vendor"))
    request = Request(selection, ("peak",), column, levels=levels, draws=50)
    ledger = load_census([f"epoch-clusters:{path}"], facts)
    return estimate(ledger, request, facts, Calibration.of((), facts))[0]


def shares(account: Account) -> dict[str, float]:
    return {row.code: row.share for row in account.rows}


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_every_share_equals_the_pandas_group_by(path: Path, facts: Facts, name: str) -> None:
    table = oracle(path, COLUMNS[name])
    result = ours(path, facts, name).accounts
    assert result.deployments == len(table)
    assert result.total.mean == pytest.approx(table["value"].sum(), rel=1e-12)
    assert facts.names.countries is not None
    table["code"] = [facts.names.countries.resolve(country) for country in table["Country"]]
    by_country = table.groupby("code")["value"].sum() / table["value"].sum()
    assert shares(result.accounts[0]) == pytest.approx(by_country.to_dict(), abs=1e-12)
    by_sector = table.groupby("Sector")["value"].sum() / table["value"].sum()
    renamed = {"Private": "private", "Public": "public", "Public/Private": "mixed", "": "unknown"}
    expected = {renamed[str(k)]: v for k, v in by_sector.items()}
    assert shares(result.accounts[2]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "rows", "us", "china", "eu"),
    [
        ("bf16", 336, 74.20, 14.31, 4.81),
        ("h100e", 340, 78.25, 9.65, 4.70),
        ("max", 340, 77.81, 10.15, None),
        ("fp8", 192, 83.52, 3.75, None),
    ],
)
def test_published_shares(
    path: Path, facts: Facts, name: str, rows: int, us: float, china: float, eu: float | None
) -> None:
    result = ours(path, facts, name).accounts
    territory = shares(result.accounts[0])
    assert result.deployments == rows
    assert 100 * territory["US"] == pytest.approx(us, abs=0.006)
    assert 100 * territory["CN"] == pytest.approx(china, abs=0.006)
    if eu is not None:
        union = next(g for g in result.groups if g.row.code == "EU")
        assert 100 * union.row.share == pytest.approx(eu, abs=0.006)
        assert len(union.members) == len(EU27)


def test_published_vendor_and_sector_shares(path: Path, facts: Facts) -> None:
    result = ours(path, facts, "bf16").accounts
    vendor, sector = shares(result.accounts[1]), shares(result.accounts[2])
    expected = {"nvidia": 74.02, "anonymized": 14.34, "amd": 8.91, "google": 1.74}
    assert {k: round(100 * vendor[k], 2) for k in expected} == pytest.approx(expected, abs=0.006)
    assert {k: round(100 * v, 2) for k, v in sector.items() if k != "unknown"} == pytest.approx(
        {"private": 78.28, "public": 11.88, "mixed": 9.70}, abs=0.006
    )


def test_eu_members_by_name_are_the_ones_of_the_group(facts: Facts) -> None:
    assert facts.names.countries is not None
    codes = {facts.names.countries.resolve(name) for name in EU27}
    assert set(facts.groups_on(datetime.date(2025, 5, 31))["EU"]) == codes


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_rows_valued_and_left_out_add_up_to_the_file(path: Path, facts: Facts, name: str) -> None:
    result = ours(path, facts, name)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = sum(1 for _ in csv.DictReader(stream))
    assert result.accounts.deployments + sum(result.accounts.skipped.values()) == rows == result.rows == 747


def test_the_later_vintage_is_read_whole(shared: Path, facts: Facts) -> None:
    ledger = read(shared / "data" / "epoch" / "gpu_clusters_2026-04-24.csv", facts)
    assert ledger.rows == 786
    assert sum(entry.territory is not None for entry in ledger.entries) == 786 - 85


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    columns = [
        "Name",
        "Status",
        "Country",
        "Owner",
        "First Operational Date",
        "Sector",
        "GPU Supplier (primary)",
        "Include in Standard Analysis",
        "Superseded by",
        "Possible Duplicate",
        *COLUMNS.values(),
    ]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


BASE = {"Name": "A", "Status": "Existing", "Country": "France", "First Operational Date": "2024-01-01"}


def test_a_small_file_by_hand(tmp_path: Path, facts: Facts) -> None:
    rows = [
        BASE | {"16-bit OP/s": "1e18", "Superseded by": "B"},
        BASE | {"Name": "B", "16-bit OP/s": "3000000000000000000", "GPU Supplier (primary)": "Anonymized"},
        BASE | {"Name": "C", "Status": "Planned", "16-bit OP/s": "9e18"},
        BASE | {"Name": "D", "Country": "Norway", "16-bit OP/s": "1e18", "Owner": "xAI,Nobody Knows Them"},
    ]
    ledger = load_census([str(write(tmp_path / "c.csv", rows))], facts)
    request = Request(
        Selection(datetime.date(2025, 1, 1)), ("peak",), levels=(("territory",), ("provider",)), draws=5
    )
    result = estimate(ledger, request, facts, Calibration.of((), facts))[0].accounts
    assert shares(result.accounts[0]) == pytest.approx({"FR": 0.75, "NO": 0.25})
    assert shares(result.accounts[1]) == pytest.approx({"unknown": 0.875, "US": 0.125})
    assert result.skipped == {"not operational": 1, "superseded by a later phase in operation": 1}


def test_a_status_not_known_is_counted_under_none(tmp_path: Path, facts: Facts) -> None:
    rows = [
        BASE | {"16-bit OP/s": "1,073,741,824,000,000"},
        BASE | {"Name": "B", "Status": "Rumoured", "16-bit OP/s": "1,073,741,824"},
    ]
    ledger = load_census([str(write(tmp_path / "c.csv", rows))], facts)
    statuses = frozenset({"operational", "announced", "retired"})
    wanted = Selection(datetime.date(2025, 1, 1), statuses)
    result = estimate(ledger, Request(wanted, ("peak",), draws=5), facts, Calibration.of((), facts))[
        0
    ].accounts
    assert (result.deployments, result.total.mean) == (1, 1e6 * 2**30)
    assert sum(result.skipped.values()) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"16-bit OP/s": "n/a"}, "16-bit OP/s: not a number, read as blank (first c.csv:2, found 'n/a')"),
        ({"16-bit OP/s": "1,5"}, "16-bit OP/s: not a number, read as blank (first c.csv:2, found '1,5')"),
        ({"Max OP/s": "-3"}, "Max OP/s: must not be negative, read as blank"),
        ({"Max OP/s": "nan"}, "Max OP/s: not a number, read as blank"),
        ({"First Operational Date": "soon"}, "First Operational Date: not a date; YYYY-MM-DD is expected"),
        ({"Possible Duplicate": "maybe"}, "Possible Duplicate: neither true nor false"),
    ],
)
def test_a_bad_cell_is_read_as_blank_and_named_with_its_line(
    tmp_path: Path, facts: Facts, change: dict[str, str], words: str
) -> None:
    ledger = read(write(tmp_path / "c.csv", [BASE | {"8-bit OP/s": "7"} | change]), facts)
    (entry,) = ledger.entries
    assert entry.values["fp8"] == 7
    assert any(f"1 cell repaired: {words}" in warning for warning in ledger.warnings), ledger.warnings
    assert (entry.in_service is None) == ("First Operational Date" in change)


def test_words_and_names_not_known_are_named(tmp_path: Path, facts: Facts) -> None:
    row = BASE | {"Status": "Rumoured", "Country": "Frence", "Sector": "Secret", "Owner": "xAI,Nobody"}
    ledger = read(write(tmp_path / "c.csv", [row]), facts)
    assert ledger.readout is not None
    assert {(item.what, item.name) for item in ledger.readout.unresolved} == {
        ("status", "Rumoured"),
        ("country", "Frence"),
        ("sector", "Secret"),
        ("organisation", "Nobody"),
    }
    (entry,) = ledger.entries
    assert (entry.status, entry.territory, entry.sector) == ("unknown", None, None)
    assert [(owner.organisation, owner.share) for owner in entry.owners] == [("xai", 0.5), (None, 0.5)]


def test_an_ambiguous_date_is_read_month_first_and_said(tmp_path: Path, facts: Facts) -> None:
    ledger = read(write(tmp_path / "c.csv", [BASE | {"First Operational Date": "3/4/2024"}]), facts)
    assert ledger.entries[0].in_service == datetime.date(2024, 3, 4)
    assert any("may have day or month first; read month first" in warning for warning in ledger.warnings)


def test_a_value_column_may_be_missing_others_not(tmp_path: Path, facts: Facts) -> None:
    path = tmp_path / "c.csv"
    text = write(path, [BASE | {"16-bit OP/s": "1"}]).read_text(encoding="utf-8")
    path.write_text(text.replace("32-bit OP/s", "Note"), encoding="utf-8")
    assert read(path, facts).columns == ("bf16", "fp8", "max", "h100e")
    path.write_text(text.replace("Superseded by", "Note"), encoding="utf-8")
    with pytest.raises(InputFaults, match="the column 'Superseded by' is missing"):
        read(path, facts)


VINTAGES = ["ai_supercomputers_2025-06-07.csv", "gpu_clusters_2026-04-24.csv"]


@pytest.mark.parametrize("name", VINTAGES)
def test_every_row_of_every_vintage_is_kept(shared: Path, facts: Facts, name: str) -> None:
    source = shared / "data" / "epoch" / name
    table = pd.read_csv(source, dtype=str, keep_default_na=False)
    ledger = read(source, facts)
    assert ledger.readout is not None
    assert (ledger.readout.rows, ledger.readout.kept, len(ledger.entries)) == (len(table),) * 3
    assert not ledger.readout.repairs
    second = table["Chip type (secondary)"] != ""
    counted = table["Chip quantity (secondary)"] != ""
    assert sum(bool(entry.further_chips) for entry in ledger.entries) == (second | counted).sum()
    dates = table["Decommissioned Date (if applicable)"]
    assert sum(entry.retired is not None for entry in ledger.entries) == (dates != "").sum()
    assert sum(len(entry.owners) > 1 for entry in ledger.entries) > 20
    assert sum(entry.facility_name == "Anonymized Chinese System" for entry in ledger.entries) == (
        (table["Name"] == "Anonymized Chinese System").sum()
    )


Table = list[dict[str, str]]


def american(rows: Table) -> Table:
    """Dates as a spreadsheet of the United States writes them."""
    for row in rows:
        for column in ("First Operational Date", "Decommissioned Date (if applicable)"):
            if len(row[column]) == 10:
                year, month, day = row[column].split("-")
                row[column] = f"{int(month)}/{int(day)}/{year}"
    return rows


def european(rows: Table) -> Table:
    """Dates by day, and decimals with a comma and blanks between thousands."""
    for row in american(rows):
        for column in ("First Operational Date", "Decommissioned Date (if applicable)"):
            if "/" in row[column]:
                month, day, year = row[column].split("/")
                row[column] = f"{day}/{month}/{year}"
        for column in (*COLUMNS.values(), "Chip quantity (primary)"):
            if row[column]:
                value = f"{float(row[column]):,.2f}"
                row[column] = value.replace(",", "\u202f").replace(".", ",")
    return rows


def rounded(rows: Table) -> Table:
    """Floats as a spreadsheet shows them."""
    for row in rows:
        for column in COLUMNS.values():
            if row[column]:
                row[column] = f"{float(row[column]):.5E}"
    return rows


def shuffled(rows: Table) -> Table:
    """Columns in another order, and without those that nobody reads."""
    gone = {"Note", "Quote", "latitude", "Certainty", "Source 2", "Chip type (secondary)"}
    kept = [column for column in reversed(list(rows[0])) if column not in gone]
    return [{column: row[column] for column in kept} for row in rows]


@dataclass(frozen=True)
class Copy:
    """How a copy is mangled and written, and how far its figures are rounded."""

    mangle: Callable[[Table], Table]
    encoding: str = "utf-8"
    delimiter: str = ","
    newline: str = "\n"
    tolerance: float = 1e-12


COPIES = {
    "american": Copy(american),
    "rounded": Copy(rounded, "utf-8-sig", ",", "\r\n", 1e-5),
    "shuffled": Copy(shuffled, "utf-8", "\t"),
    "european": Copy(european, "utf-8-sig", ";", "\r\n", 1e-5),
    "all at once": Copy(lambda rows: american(shuffled(rounded(rows))), "utf-16", ";", "\n", 1e-5),
    "rows reversed": Copy(lambda rows: rows[::-1]),
}


@pytest.mark.parametrize("how", COPIES.values(), ids=COPIES)
def test_a_copy_through_a_spreadsheet_gives_the_same_totals(
    path: Path, facts: Facts, tmp_path: Path, how: Copy
) -> None:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = how.mangle(list(csv.DictReader(stream)))
    copy = tmp_path / "copy.csv"
    with copy.open("w", encoding=how.encoding, newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=how.delimiter, lineterminator=how.newline)
        writer.writeheader()
        writer.writerows(rows)
    for column in ("bf16", "h100e"):
        expected, found = ours(path, facts, column).accounts, ours(copy, facts, column).accounts
        assert found.deployments == expected.deployments
        assert found.skipped == expected.skipped
        assert found.total.mean == pytest.approx(expected.total.mean, rel=how.tolerance)
        for one, other in zip(found.accounts, expected.accounts, strict=True):
            assert shares(one) == pytest.approx(shares(other), abs=how.tolerance)


def test_a_workbook_gives_the_same_entries(path: Path, facts: Facts, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    with path.open(encoding="utf-8", newline="") as stream:
        for place, row in enumerate(csv.reader(stream)):
            book.active.append(row if place == 0 else [typed(cell) for cell in row])
    book.save(tmp_path / "copy.xlsx")
    expected, found = read(path, facts), read(tmp_path / "copy.xlsx", facts)
    for one, other in zip(found.entries, expected.entries, strict=True):
        # a row of a sheet is one line, however many its cells have in a CSV; openpyxl writes 16 digits
        own = {name: getattr(other, name) for name in ("id", "facility", "superseded_by", "values", "count")}
        assert replace(one, **own) == other
        assert one.values == pytest.approx(other.values, rel=1e-12)
        counts = [entry.count.best if entry.count else 0 for entry in (one, other)]
        assert counts[0] == pytest.approx(counts[1], rel=1e-12)
        assert (one.superseded_by is None) == (other.superseded_by is None)


def typed(text: str) -> object:
    """Return a cell as a spreadsheet would take it."""
    if text in {"True", "False"}:
        return text == "True"
    for take in (float, datetime.datetime.fromisoformat):
        try:
            return take(text)
        except ValueError:
            continue
    return text
