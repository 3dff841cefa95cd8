"""Epoch AI's data centres: chips running on a day against the file's own running numbers."""

from __future__ import annotations

import datetime
import shutil
from collections import defaultdict
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.accounts.estimate import Request, estimate
from accounting.capacity.calibration import Calibration
from accounting.census.ledger import Entry, Ledger
from accounting.census.readers.epoch_data_centers import _Batch, _difference, read
from accounting.census.readers.epoch_names import FULL_NAMES
from accounting.census.readers.epoch_sites import QUANTITIES, SITES, TIMELINES, find_files, read_sites
from accounting.census.selection import Selection, select
from accounting.census.sources import load_census
from accounting.errors import InputFaults
from accounting.reference.facts import Facts

VINTAGE = "2026-07-18"
MADE = datetime.date.fromisoformat(VINTAGE)


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "data" / "epoch"


@pytest.fixture(scope="module")
def ledger(folder: Path, facts: Facts) -> Ledger:
    return read(folder / f"{SITES}_{VINTAGE}.csv", facts)


@pytest.fixture(scope="module")
def quantities(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / f"{QUANTITIES}_{VINTAGE}.csv")


def stated(quantities: pd.DataFrame, day: datetime.date) -> dict[str, float]:
    """Chips by site on a day: for each chip the last number stated until then."""
    table = quantities[(quantities["Date"] <= day.isoformat()) & quantities["Number of Units"].notna()]
    last = (
        table.sort_values("Date", kind="stable")
        .groupby(["Data center", "Chip type"])["Number of Units"]
        .last()
    )
    return {str(name): float(total) for name, total in last.groupby("Data center").sum().items()}


def running(entries: tuple[Entry, ...], day: datetime.date) -> dict[str, float]:
    found: defaultdict[str, float] = defaultdict(float)
    for entry in entries:
        assert entry.in_service is not None
        assert entry.count is not None
        if entry.in_service <= day and (entry.retired is None or day < entry.retired):
            found[entry.facility_name] += entry.count.best
    return dict(found)


@pytest.mark.parametrize("day", ["2021-01-01", "2024-06-30", "2026-07-18", "2027-02-23", "2030-01-01"])
def test_chips_running_on_a_day_are_those_stated(ledger: Ledger, quantities: pd.DataFrame, day: str) -> None:
    date = datetime.date.fromisoformat(day)
    assert running(ledger.entries, date) == pytest.approx(stated(quantities, date))


def test_rows_add_up(ledger: Ledger, quantities: pd.DataFrame, folder: Path) -> None:
    assert ledger.readout is not None
    assert ledger.rows == ledger.readout.rows == len(quantities) == 196
    assert len(ledger.entries) == ledger.readout.kept
    assert len({entry.id for entry in ledger.entries}) == len(ledger.entries)
    assert (
        ledger.left_out["no number of units that can be read"] == quantities["Number of Units"].isna().sum()
    )


def test_plans_never_become_operational_by_waiting(ledger: Ledger, quantities: pd.DataFrame) -> None:
    later = datetime.date(2029, 1, 1)
    operational = select(ledger, Selection(later)).entries
    assert all(entry.in_service and entry.in_service <= MADE for entry in operational)
    both = select(ledger, Selection(later, frozenset({"operational", "announced"}))).entries
    assert running(both, later) == pytest.approx(stated(quantities, later))


def test_chips_by_model_of_what_runs_now(ledger: Ledger, quantities: pd.DataFrame, facts: Facts) -> None:
    chosen = select(ledger, Selection(MADE)).entries
    ours: defaultdict[str | None, float] = defaultdict(float)
    for entry in chosen:
        assert entry.count is not None
        ours[entry.accelerator] += entry.count.best
    table = quantities[quantities["Date"] <= VINTAGE]
    last = (
        table.sort_values("Date", kind="stable")
        .groupby(["Data center", "Chip type"])["Number of Units"]
        .last()
    )
    by_chip = last.groupby("Chip type").sum()
    assert ours["nvidia-h100-sxm"] == by_chip["H100"]
    assert ours["nvidia-b300-sxm"] == by_chip["B300"]
    assert ours["huawei-ascend-910c"] == by_chip["Ascend 910C"]
    assert sum(ours.values()) == pytest.approx(by_chip.sum())


def test_sites_by_country_and_owner(ledger: Ledger, folder: Path, facts: Facts) -> None:
    table = pd.read_csv(folder / f"{SITES}_{VINTAGE}.csv").set_index("Name")
    countries = facts.names.countries
    assert countries is not None
    for entry in ledger.entries:
        if entry.facility_name in table.index:
            assert entry.territory == countries.find(table["Country"][entry.facility_name])
        else:
            assert entry.territory is None
    owners = {
        entry.owners[0].organisation for entry in ledger.entries if entry.facility_name == "Meta Prometheus"
    }
    assert owners == {"meta"}
    both = next(entry for entry in ledger.entries if len(entry.owners) == 2)
    assert [owner.share for owner in both.owners] == [0.5, 0.5]


def test_power_and_steps_of_sites(folder: Path, facts: Facts) -> None:
    sites = read_sites(find_files(folder / f"{SITES}_{VINTAGE}.csv"), facts)
    main = pd.read_csv(folder / f"{SITES}_{VINTAGE}.csv").set_index("Name")
    steps = pd.read_csv(folder / f"{TIMELINES}_{VINTAGE}.csv")
    assert set(sites.by_name) == set(main.index)
    assert [(r.rows, r.kept) for r in sites.readouts] == [
        (74, 74),
        (419, steps["Data center"].isin(main.index).sum()),
    ]
    for name, site in sites.by_name.items():
        assert site.it_power_w == pytest.approx(main["Current power (MW)"][name] * 1e6)
        own = steps[steps["Data center"] == name].sort_values("Date", kind="stable")
        assert [step.day.isoformat() for step in site.steps] == own["Date"].tolist()
        now = own[own["Date"] <= VINTAGE]
        if len(now):
            assert site.it_power_w == pytest.approx(now["IT power (MW)"].iloc[-1] * 1e6, abs=1e6)
    assert sites.by_name["Colossus 2"].users == ("Anthropic", "Cursor", "SpaceXAI")


def test_any_of_the_files_or_a_folder_leads_to_the_others(folder: Path, tmp_path: Path, facts: Facts) -> None:
    for role in (SITES, TIMELINES, QUANTITIES):
        shutil.copy(folder / f"{role}_{VINTAGE}.csv", tmp_path / f"{role}_{VINTAGE}.csv")
    ledgers = [
        load_census([source], facts)
        for source in (
            f"epoch-data-centers:{tmp_path}",
            f"epoch-data-centers:{tmp_path}/{QUANTITIES}_{VINTAGE}.csv",
            f"{tmp_path}/{SITES}_{VINTAGE}.csv",
            f"{tmp_path}/{TIMELINES}_{VINTAGE}.csv",
        )
    ]
    assert all(one.entries == ledgers[0].entries for one in ledgers)


def test_renamed_files_are_found_by_their_columns_and_two_are_too_many(
    folder: Path, tmp_path: Path, facts: Facts
) -> None:
    for place, role in enumerate((SITES, TIMELINES, QUANTITIES)):
        shutil.copy(folder / f"{role}_{VINTAGE}.csv", tmp_path / f"{place}.csv")
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    ledger = read(tmp_path / "0.csv", facts)
    # without a date in its name, the file is as old as its last change
    assert {entry.in_service for entry in ledger.entries if entry.status == "announced"} == {
        entry.in_service
        for entry in ledger.entries
        if entry.in_service and entry.in_service > datetime.date(2026, 7, 17)
    }
    shutil.copy(tmp_path / "0.csv", tmp_path / "again.csv")
    with pytest.raises(InputFaults, match=r"two files of one kind, 0\.csv and again\.csv"):
        read(tmp_path, facts)


def test_a_missing_file_is_named(folder: Path, tmp_path: Path, facts: Facts) -> None:
    path = tmp_path / f"{SITES}_{VINTAGE}.csv"
    shutil.copy(folder / path.name, path)
    with pytest.raises(InputFaults, match="the file of chip quantities is missing"):
        read(path, facts)


def test_what_the_file_is_worth(ledger: Ledger, facts: Facts) -> None:
    request = Request(Selection(MADE), ("peak",), "bf16", draws=20)
    result = estimate(ledger, request, facts, Calibration.of((), facts))[0]
    accounts = result.accounts
    assert accounts.deployments + sum(accounts.skipped.values()) == result.rows == 196
    expected = sum(
        entry.count.best * (facts.accelerators[entry.accelerator].peak_flop_per_s("bf16") or 0)
        for entry in select(ledger, Selection(MADE)).entries
        if entry.count and entry.accelerator
    )
    assert accounts.total.mean == pytest.approx(expected, rel=1e-9)
    assert any("of 74 sites state no chips" in warning for warning in result.warnings)


SMALL = {
    SITES: "Name,Country,Owner,Current H100 equivalents\nA,France,Meta #confident,5\nB,Frence,,7\n",
    QUANTITIES: (
        "Data center,Date,Chip type,Number of Units,Owner,Last Modified\n"
        "A,2024-01-01,H100,100,,2025-01-01\n"
        "A,2024-06-01,H100,40,,2025-01-01\n"
        "A,2024-09-01,H100,x,,2025-01-01\n"
        "A,soon,H100,40,,2025-01-01\n"
        "A,2026-01-01,H100,140,Oracle #likely,2025-01-01\n"
        "B,2024-01-01,H100s,9,,2025-01-01\n"
    ),
}


def test_a_small_folder_by_hand(tmp_path: Path, facts: Facts) -> None:
    for role, text in SMALL.items():
        (tmp_path / f"{role}.csv").write_text(text, encoding="utf-8")
    ledger = read(tmp_path, facts)
    shown = [
        (e.facility_name, e.count and e.count.best, str(e.in_service), e.retired and str(e.retired), e.status)
        for e in ledger.entries
    ]
    assert shown == [
        ("A", 40, "2024-01-01", None, "operational"),
        ("A", 60, "2024-01-01", "2024-06-01", "retired"),
        ("A", 100, "2026-01-01", None, "announced"),
        ("B", 9, "2024-01-01", None, "operational"),
    ]
    assert [entry.owners[0].organisation for entry in ledger.entries] == ["meta", "meta", "oracle", None]
    assert ledger.left_out == {"no number of units that can be read": 1, "no date that can be read": 1}
    assert ledger.readout is not None
    (unknown,) = ledger.readout.unresolved
    assert unknown.name == "H100s"
    assert unknown.candidates


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12))
def test_steps_give_back_the_running_numbers(numbers: list[int]) -> None:
    first = datetime.date(2024, 1, 1)
    days = [first + datetime.timedelta(days=place) for place in range(len(numbers))]
    batches: dict[int, _Batch] = {}
    steady = _difference(list(zip(days, range(len(numbers)), map(float, numbers), strict=True)), batches)
    assert not steady & set(batches)
    for day, number in zip(days, numbers, strict=True):
        alive = [b for b in batches.values() if b.since <= day and (b.until is None or day < b.until)]
        assert sum(batch.count for batch in alive) == pytest.approx(number)
        assert all(batch.count > 0 for batch in batches.values())


def test_full_names_that_the_catalogue_knows_are_of_the_right_designer(facts: Facts) -> None:
    accelerators = facts.names.accelerators
    assert accelerators is not None
    for short, full in FULL_NAMES.items():
        found = accelerators.find(full)
        if found:
            assert facts.accelerators[found].designer == full.split()[0].casefold()
            assert accelerators.find(short) in {found, None}


def test_the_ledger_is_of_the_day_that_its_file_was_made(folder: Path, tmp_path: Path, facts: Facts) -> None:
    """Also where the folder's name has no date, and where that of the file is none."""
    for file in folder.glob("data_center*_2026-07-18.csv"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert read(tmp_path, facts).snapshot == datetime.date(2026, 7, 18)
    for file in list(tmp_path.iterdir()):
        file.rename(tmp_path / file.name.replace("07-18", "13-45"))
    assert read(tmp_path, facts).snapshot == datetime.date(2026, 7, 17)
