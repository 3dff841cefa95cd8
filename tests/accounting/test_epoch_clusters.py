"""Epoch AI's clusters file: our shares against a computation by pandas alone, and the published figures."""

from __future__ import annotations

import csv
import datetime
from pathlib import Path

import pandas as pd
import pytest

from accounting.accounts.account import Account
from accounting.accounts.estimate import Estimate, Request, estimate
from accounting.capacity.calibration import Calibration
from accounting.census.epoch_clusters import COLUMNS, read_epoch_clusters
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
    ledger = read_epoch_clusters(shared / "data" / "epoch" / "gpu_clusters_2026-04-24.csv", facts)
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
        BASE | {"16-bit OP/s": "1,000,000"},
        BASE | {"Name": "B", "Status": "Rumoured", "16-bit OP/s": "1"},
    ]
    ledger = load_census([str(write(tmp_path / "c.csv", rows))], facts)
    statuses = frozenset({"operational", "announced", "retired"})
    wanted = Selection(datetime.date(2025, 1, 1), statuses)
    result = estimate(ledger, Request(wanted, ("peak",), draws=5), facts, Calibration.of((), facts))[
        0
    ].accounts
    assert (result.deployments, result.total.mean) == (1, 1e6)
    assert sum(result.skipped.values()) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"16-bit OP/s": "n/a"}, "c.csv:2:1: 16-bit OP/s: not a number (found 'n/a')"),
        ({"16-bit OP/s": "1,5"}, "not a number (found '1,5')"),
        ({"Max OP/s": "-3"}, "must be finite and not negative"),
        ({"Max OP/s": "nan"}, "must be finite and not negative"),
        ({"First Operational Date": "1/2/2024"}, "not a date"),
    ],
)
def test_a_bad_cell_is_named_with_its_line(
    tmp_path: Path, facts: Facts, change: dict[str, str], words: str
) -> None:
    path = write(tmp_path / "c.csv", [BASE | change])
    with pytest.raises(InputFaults) as caught:
        read_epoch_clusters(path, facts)
    assert words in str(caught.value)
