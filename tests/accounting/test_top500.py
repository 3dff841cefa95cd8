"""The TOP500 list: one ledger from both of its forms, counts as worked out elsewhere, and bad rows."""

from __future__ import annotations

import csv
import datetime
import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.accounts.estimate import Request, estimate
from accounting.capacity.calibration import Calibration
from accounting.census.ledger import Entry, Ledger
from accounting.census.readers import top500
from accounting.census.readers.top500_facts import load_top500_facts
from accounting.census.selection import Selection
from accounting.census.sources import load_census
from accounting.errors import InputFaults
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root

CHIP, CORES = "Accelerator/Co-Processor", "Accelerator/Co-Processor Cores"
ROW = {
    "Rank": "1",
    "Name": "A",
    "Computer": "a computer",
    "Site": "CINECA",
    "Country": "Italy",
    "Year": "2024",
    "Segment": "Industry",
    CHIP: "AMD Instinct MI300X",
    CORES: "3040",
    "Rmax [TFlop/s]": "1234.56",
    "Rpeak [TFlop/s]": "2345.67",
    "System ID": "190001",
}


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "data" / "top500"


@pytest.fixture(scope="module")
def official(folder: Path, facts: Facts) -> Ledger:
    return top500.read(folder / "TOP500_202506_official.xlsx", facts)


@pytest.fixture(scope="module")
def table(folder: Path) -> pd.DataFrame:
    """The list as pandas alone reads it, blank thousands and decimal commas taken out."""
    frame = pd.read_csv(
        folder / "TOP500_202506.csv", sep=";", dtype=str, keep_default_na=False, encoding="utf-8-sig"
    )
    for column in (CORES, "Rmax [TFlop/s]", "Rpeak [TFlop/s]", "Rank", "Year"):
        plain = frame[column].str.replace(" ", "").str.replace(",", ".")
        frame[column] = pd.to_numeric(plain)
    return frame


def by_number(ledger: Ledger) -> dict[str, Entry]:
    return {entry.id.removeprefix("top500-"): entry for entry in ledger.entries}


def test_both_forms_of_the_list_give_the_same_ledger(folder: Path, facts: Facts, official: Ledger) -> None:
    european = top500.read(folder / "TOP500_202506.csv", facts)
    assert european.entries == official.entries
    assert european.readout is not None
    assert official.readout is not None
    assert european.readout.reasons() == official.readout.reasons()
    assert european.readout.kept == len(european.entries) == 500


def test_the_list_is_recognised_without_its_prefix(folder: Path, facts: Facts, official: Ledger) -> None:
    for name in ("TOP500_202506.csv", "TOP500_202506_official.xlsx"):
        assert load_census([str(folder / name)], facts).entries == official.entries
        assert load_census([f"top500:{folder / name}"], facts).entries == official.entries


def test_counts_are_those_worked_out_elsewhere(shared: Path, official: Ledger, table: pd.DataFrame) -> None:
    numbers = dict(zip(table["Rank"].astype(int).astype(str), table["System ID"], strict=True))
    entries = by_number(official)
    with (shared / "reference" / "top500_derived.csv").open(encoding="utf-8", newline="") as stream:
        derived = list(csv.DictReader(stream))
    assert len(derived) == 226
    for row in derived:
        entry = entries[numbers[row["rank"]]]
        whole = row["integer_check"] == "True"
        assert (entry.count.best if entry.count else None) == (
            float(row["chips_in_hpl"]) if whole else None
        ), row
        assert entry.kind == ("derived" if whole else "reported")
    counted = {entry.id for entry in official.entries if entry.count}
    assert counted == {f"top500-{numbers[row['rank']]}" for row in derived if row["integer_check"] == "True"}
    assert len(counted) == 223


def test_the_value_is_that_worked_out_elsewhere(
    shared: Path, official: Ledger, table: pd.DataFrame, facts: Facts
) -> None:
    """All 16-bit peaks agree but those of two systems of PCIe cards, which were given the SXM module's."""
    derived = pd.read_csv(shared / "reference" / "top500_derived.csv")
    derived = derived[derived["integer_check"] & (derived["accelerator"] != "NVIDIA H100 PCIe 80GB")]
    numbers = dict(zip(table["Rank"].astype(int), table["System ID"], strict=True))
    entries = by_number(official)
    ours = 0.0
    for rank, theirs in zip(derived["rank"], derived["bf16_dense_EF"], strict=True):
        entry = entries[numbers[rank]]
        assert entry.count is not None
        value = entry.count.best * (
            facts.accelerators[entry.accelerator or ""].peak_flop_per_s("bf16") or 0.0
        )
        assert value / 1e18 == pytest.approx(theirs, rel=0.004, abs=0.0006), entry.facility_name
        ours += value
    assert ours / 1e18 == pytest.approx(derived["bf16_dense_EF"].sum(), rel=1e-3)


def test_totals_are_those_of_pandas(official: Ledger, table: pd.DataFrame, facts: Facts) -> None:
    assert facts.names.countries is not None
    table["code"] = [facts.names.countries.resolve(country) for country in table["Country"]]
    ours = pd.DataFrame(
        [
            {"code": e.territory, "cores": e.values[top500.RMAX], "peak": e.values[top500.RPEAK]}
            for e in official.entries
        ]
    )
    expected = table.groupby("code")[["Rmax [TFlop/s]", "Rpeak [TFlop/s]"]].sum() * 1e12
    found = ours.groupby("code")[["cores", "peak"]].sum()
    assert list(found.index) == list(expected.index)
    assert found.to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-12)


def test_systems_without_accelerator_are_kept_and_not_valued(
    official: Ledger, table: pd.DataFrame, facts: Facts
) -> None:
    bare = int((table[CHIP] == "None").sum())
    assert f"{bare} of 500 systems name no accelerator" in " ".join(official.warnings)
    request = Request(Selection(datetime.date(2025, 6, 30)), ("peak",), levels=(("vendor",),), draws=5)
    result = estimate(official, request, facts, Calibration.of((), facts))[0]
    assert result.accounts.deployments == 223
    assert result.accounts.skipped == {"no known accelerator and count": 500 - 223}
    assert result.rows == 500


def test_chips_that_did_not_run_are_named_with_their_source(
    shared: Path, official: Ledger, facts: Facts
) -> None:
    found = {item.name: item for item in top500.coverage(official, facts)}
    with (shared / "reference" / "facilities.csv").open(encoding="utf-8", newline="") as stream:
        reference = {row["facility"]: row for row in csv.DictReader(stream)}
    same = {
        "Alps": "Alps",
        "LUMI": "LUMI-G",
        "ABCI 3.0": "ABCI 3.0",
        "HPC6": "HPC6",
        "El Capitan": "El Capitan",
        "Venado": "Venado",
        "Eos NVIDIA DGX SuperPOD": "Eos",
        "Israel-1": "Israel-1",
        "Virga": "Virga",
        "Miyabi-G": "Miyabi-G",
        "Chervonenkis": "Chervonenkis",
        "Leonardo": "Leonardo",
        "Aurora": "Aurora",
        "Dawn": "Dawn (Cambridge)",
    }
    for ours, theirs in same.items():
        assert found[ours].ran == float(reference[theirs]["top500_chips_in_hpl"]), ours
        assert found[ours].installed.best == float(reference[theirs]["count"]), ours
        assert found[ours].source.startswith("http")
    assert {name for name, item in found.items() if item.missing < 0} == {"Dawn"}
    # a range of installed chips that holds those that ran is no lack
    assert found["JUPITER Booster"].missing == 0
    text = " ".join(official.warnings)
    assert "Isambard-AI phase 2 (5,040 of 5,280)" in text
    assert "JUPITER" not in text
    assert "more chips than are said to be installed: Dawn (1,032 of 1,024)" in text


def test_every_linked_system_is_in_the_list_with_a_known_count(official: Ledger, facts: Facts) -> None:
    entries = by_number(official)
    for number, installed in load_top500_facts(facts).installed.items():
        assert installed.name in entries[number].facility_name
        assert entries[number].count is not None


def test_vendor_is_known_where_the_model_is_not(official: Ledger, table: pd.DataFrame) -> None:
    entries = by_number(official)
    numbers = dict(zip(table["Name"], table["System ID"], strict=True))
    mixed = entries[numbers["Hopper NUS"]]
    assert (mixed.accelerator, mixed.count, mixed.vendor, mixed.vendor_nation) == (None, None, "nvidia", "US")
    assert official.readout is not None
    assert "NVIDIA H100/H200" in {item.name for item in official.readout.unresolved}


def write(path: Path, rows: Sequence[Mapping[str, str]], delimiter: str = ",") -> Path:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="", delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_rows(tmp_path: Path, facts: Facts, *changes: Mapping[str, str]) -> Ledger:
    rows = [ROW | {"System ID": str(190001 + place)} | dict(change) for place, change in enumerate(changes)]
    return top500.read(write(tmp_path / "t.csv", rows), facts)


@pytest.mark.parametrize(
    ("change", "count", "why"),
    [
        ({}, 10.0, None),
        ({CORES: "3041"}, None, top500.NOT_WHOLE),
        ({CORES: ""}, None, top500.NO_CORES),
        ({CORES: "0"}, None, top500.NO_CORES),
        ({CORES: "n/a"}, None, top500.NO_CORES),
        ({CHIP: "Intel Gaudi3"}, None, top500.NO_DIVISOR),
        ({CHIP: "None"}, None, top500.NO_CHIP),
        ({CHIP: "NVIDIA H100 PCIe", CORES: "1320"}, 10.0, None),
    ],
)
def test_counts_by_hand(
    tmp_path: Path, facts: Facts, change: dict[str, str], count: float | None, why: str | None
) -> None:
    ledger = read_rows(tmp_path, facts, change)
    (entry,) = ledger.entries
    assert (entry.count.best if entry.count else None) == count
    assert ledger.readout is not None
    assert (why is None) == (not ledger.readout.repairs)
    assert why is None or any(why in text for text in ledger.readout.repairs)


def test_rows_that_are_no_systems_are_left_out(tmp_path: Path, facts: Facts) -> None:
    ledger = read_rows(tmp_path, facts, {}, {"Rank": "Source: TOP500"}, {"System ID": "190001"})
    assert ledger.left_out == {top500.NO_RANK: 1, top500.LISTED_TWICE: 1}
    assert ledger.rows == 3


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("Rmax [TFlop/s]", "1e300"),
        ("Rmax [TFlop/s]", "-1"),
        ("Rmax [TFlop/s]", "nan"),
        ("Year", "24"),
        ("Year", "soon"),
        (CORES, "1e300"),
        ("System ID", "x"),
        ("Country", "Atlantis"),
    ],
)
def test_a_bad_cell_costs_no_more_than_itself(tmp_path: Path, facts: Facts, column: str, text: str) -> None:
    ledger = read_rows(tmp_path, facts, {column: text})
    assert len(ledger.entries) == 1
    assert ledger.readout is not None
    assert ledger.readout.repairs or ledger.readout.unresolved


def test_a_list_without_its_columns_says_which(tmp_path: Path, facts: Facts) -> None:
    row = {key: value for key, value in ROW.items() if key != CORES}
    with pytest.raises(InputFaults, match=f"t.csv:1:1: the column '{CORES}' is missing"):
        top500.read(write(tmp_path / "t.csv", [row]), facts)


def european(value: str) -> str:
    """The number as the European export writes it."""
    whole, _, decimals = value.partition(".")
    grouped = f"{int(whole):,}".replace(",", " ")
    return f"{grouped},{decimals}" if decimals else grouped


systems = st.lists(
    st.tuples(
        st.sampled_from(["AMD Instinct MI300X", "NVIDIA H100", "None", "NVIDIA Tesla K80"]),
        st.integers(0, 10**7),
        st.decimals(0, 10**6, places=2),
        st.sampled_from(["Italy", "South Korea", "Taiwan", "Atlantis"]),
        st.integers(1993, 2025),
    ),
    min_size=1,
    max_size=8,
)


@given(systems, st.randoms(use_true_random=False))
@settings(max_examples=10)
def test_form_and_order_of_the_list_do_not_matter(
    facts: Facts, found: list[tuple[str, int, object, str, int]], order: random.Random
) -> None:
    rows = [
        ROW
        | {CHIP: chip, CORES: str(cores) if cores else "", "Country": country, "Year": str(year)}
        | {"Rmax [TFlop/s]": str(rate), "System ID": str(place)}
        for place, (chip, cores, rate, country, year) in enumerate(found)
    ]
    numeric = {CORES, "Rmax [TFlop/s]", "Rpeak [TFlop/s]"}
    comma = [{k: european(v) if k in numeric and v else v for k, v in row.items()} for row in rows]
    order.shuffle(comma)
    columns = list(ROW)
    order.shuffle(columns)
    with tempfile.TemporaryDirectory() as folder:
        one = top500.read(write(Path(folder) / "p.csv", rows), facts)
        shuffled = [{column: row[column] for column in columns} for row in comma]
        other = top500.read(write(Path(folder) / "c.csv", shuffled, ";"), facts)
        book = openpyxl.Workbook()
        assert book.active is not None
        book.active.append(columns)
        for row in rows:
            book.active.append([float(row[c]) if c in numeric and row[c] else row[c] for c in columns])
        book.save(Path(folder) / "x.xlsx")
        third = top500.read(Path(folder) / "x.xlsx", facts)
    assert one.entries == third.entries
    assert {entry.id: entry for entry in one.entries} == {entry.id: entry for entry in other.entries}
    assert one.rows == other.rows == third.rows == len(rows)


texts = st.one_of(
    st.sampled_from(["", "0", "-1", "1e300", "1e9999", "nan", "=1", "12,5", "1 000", "9" * 400, "💥"]),
    st.text(max_size=8),
)


@given(st.dictionaries(st.sampled_from(list(ROW)), texts, max_size=6))
@settings(max_examples=20)
def test_no_cell_breaks_the_reading(facts: Facts, change: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "t.csv", [ROW, ROW | {"System ID": "190002"} | change])
        try:
            ledger = top500.read(path, facts)
        except InputFaults:
            return
    assert ledger.rows == len(ledger.entries) + sum(ledger.left_out.values()) == 2
    assert by_number(ledger)["190001"].count is not None


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("[lumi-g]", "[lumi-h]", "unknown deployment .found 'lumi-h'.; did you mean lumi-g"),
        ('system: "180048"', 'system: "180307"', "duplicate system"),
        (", deployments: [lumi-g]", "", "state either 'deployments' or 'installed'"),
        ("accelerator: intel-max-1550", "accelerator: intel-max-1551", "unknown accelerator"),
    ],
)
def test_faults_in_the_facts_are_named(tmp_path: Path, facts: Facts, old: str, new: str, fault: str) -> None:
    text = (configs_root() / "top500.yaml").read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = tmp_path / "top500.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputFaults, match=fault):
        load_top500_facts(facts, path)
