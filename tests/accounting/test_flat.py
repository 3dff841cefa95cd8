"""Our flat CSV: written and read again, nothing is lost, and a bad cell is named."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import io
import re
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings

from accounting.accounts.estimate import Request, estimate
from accounting.capacity.calibration import Calibration
from accounting.census.flat import COLUMNS, VALUE_MEANING, read_text, to_csv, write_text
from accounting.census.ledger import Entry, Ledger
from accounting.census.selection import Selection
from accounting.census.sources import load_census
from accounting.errors import InputFaults
from accounting.quantities import read_uncertain
from accounting.reference.facts import Facts
from tests.accounting.ledgers import BASE, FACTS, FOREIGN, ledgers, texts


def again(ledger: Ledger, folder: Path) -> Ledger:
    """Write a ledger as CSV and read it."""
    path = folder / "ledger.csv"
    path.write_text(to_csv(ledger), encoding="utf-8", newline="")
    return load_census([f"ledger:{path}"], FACTS)


@settings(max_examples=60)
@given(ledger=ledgers())
def test_a_csv_read_again_is_the_same_ledger(ledger: Ledger) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = again(ledger, Path(folder))
    assert found.entries == ledger.entries
    assert (found.valued_by, found.columns) == (ledger.valued_by, ledger.columns)
    assert to_csv(found) == to_csv(ledger)


@given(text=texts)
def test_a_cell_is_harmless_and_gives_its_text_again(text: str) -> None:
    cell = write_text(text)
    assert read_text(cell.strip()) == text
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert "\n" not in cell


def test_every_field_of_an_entry_has_a_column() -> None:
    names = [column.name for column in COLUMNS]
    assert len(names) == len(set(names))
    for one in dataclasses.fields(Entry):
        if one.name == "values":
            assert VALUE_MEANING.startswith("value_")
        elif one.name == "count":
            assert {"count_low", "count_best", "count_high", "count_family"} <= set(names)
        elif one.name == "power":
            assert {"power_low_w", "power_best_w", "power_high_w"} <= set(names)
        elif one.name == "cost":
            assert {"cost_low_usd", "cost_best_usd", "cost_high_usd"} <= set(names)
        else:
            assert one.name in names
    assert "valued_by" in names


def test_the_columns_are_documented(repository: Path) -> None:
    text = (repository / "docs" / "convert.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", text, flags=re.MULTILINE))
    assert {column.name: column.meaning for column in COLUMNS}.items() <= rows.items()
    assert VALUE_MEANING in text


@pytest.mark.parametrize("prefix", FOREIGN)
def test_every_row_of_a_foreign_file_survives(
    shared: Path, facts: Facts, tmp_path: Path, prefix: str
) -> None:
    ledger = load_census([f"{prefix}:{shared / 'data' / FOREIGN[prefix]}"], facts)
    found = again(ledger, tmp_path)
    assert found.entries == ledger.entries
    assert found.valued_by == ledger.valued_by
    # pandas, which knows nothing of the reader, finds the same figures in the text
    table = pd.read_csv(io.StringIO(to_csv(ledger)), dtype=str, keep_default_na=False)
    counts_read = [float(cell) for cell in table["count_best"] if cell]
    assert counts_read == [e.count.best for e in ledger.entries if e.count]
    for name in ledger.columns:
        expected = [e.values[name] for e in ledger.entries if name in e.values]
        assert [float(cell) for cell in table[f"value_{name}"] if cell] == expected


def test_an_estimate_over_the_csv_is_that_over_the_file(shared: Path, facts: Facts, tmp_path: Path) -> None:
    ledger = load_census([str(shared / "data" / FOREIGN["epoch-clusters"])], facts)
    request = Request(Selection(datetime.date(2025, 5, 31)), ("peak",), draws=5)
    none = Calibration.of((), facts)
    expected = estimate(ledger, request, facts, none)[0].accounts
    assert estimate(again(ledger, tmp_path), request, facts, none)[0].accounts == expected


def test_a_copy_with_decimal_commas_gives_the_same_ledger(tmp_path: Path) -> None:
    triple = read_uncertain({"low": 10.5, "best": 20.25, "high": 40.75}, "count")
    one = Entry(**(vars_of(BASE) | {"count": triple, "values": {"bf16": 1.5e18}}))
    text = to_csv(Ledger("any", (one,), "file", ("bf16",)))
    rows = list(csv.reader(io.StringIO(text)))
    for row in rows[1:]:
        row[:] = [cell.replace(".", ",") if re.fullmatch(r"[\d.e+]+", cell) else cell for cell in row]
    path = tmp_path / "copy.csv"
    with path.open("w", encoding="utf-16", newline="") as stream:
        csv.writer(stream, delimiter=";").writerows(rows)
    assert load_census([str(path)], FACTS).entries == (one,)


def vars_of(entry: Entry) -> dict[str, Any]:
    return {field.name: getattr(entry, field.name) for field in dataclasses.fields(entry)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"accelerator": "nvidia-h100-smx"},
            "2:1: accelerator: unknown accelerator (found 'nvidia-h100-smx')",
        ),
        ({"territory": "Frence"}, "territory: unknown country (found 'Frence'); did you mean France?"),
        ({"count_best": "many"}, "count_best: not a number (found 'many')"),
        ({"count_best": "99"}, "count_best: low, best and high must rise"),
        ({"count_low": ""}, "count_best: low, best and high belong together"),
        ({"count_family": "normal"}, "count_family: must be lognormal"),
        ({"in_service": "soon"}, "in_service: not a date"),
        ({"status": "operationl"}, "status: must be one of"),
        ({"status": ""}, "status: must not be blank"),
        ({"valued_by": "me"}, "valued_by: must be one of chips, file"),
        ({"owners": "xai"}, "owners: not JSON that can be read"),
        ({"owners": "[]"}, "owners: the shares of owners must add to 1, not 0"),
        ({"owners": '[{"organisation": "xai"}]'}, "owners: must be a JSON list of"),
        ({"owners": '[{"organisation": "xia", "nation": "US", "share": 1}]'}, "unknown organisation 'xia'"),
        ({"owners": '[{"organisation": "xai", "nation": "US", "share": "1"}]'}, "a share must lie between"),
        (
            {"further_chips": '[{"accelerator": null, "count": -1}]'},
            "further_chips: a count must be at least 0",
        ),
        ({"duplicate": "maybe"}, "duplicate: neither true nor false"),
        ({"facility_name": '"cut'}, "facility_name: not JSON that can be read"),
    ],
)
def test_a_bad_cell_is_refused_with_its_line(tmp_path: Path, change: dict[str, str], words: str) -> None:
    (row,) = csv.DictReader(io.StringIO(to_csv(Ledger("any", (BASE,)))))
    path = tmp_path / "bad.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(row))
        writer.writeheader()
        writer.writerow(row | change)
    with pytest.raises(InputFaults) as caught:
        load_census([str(path)], FACTS)
    assert words in str(caught.value)


def test_an_id_that_stands_twice_and_a_missing_column_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    text = to_csv(Ledger("any", (BASE, BASE)))
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputFaults, match=r"bad.csv:3:1: id: stands twice; already in line 2"):
        load_census([str(path)], FACTS)
    path.write_text(text.replace("duplicate", "double"), encoding="utf-8")
    with pytest.raises(InputFaults, match="the column 'duplicate' is missing"):
        load_census([f"ledger:{path}"], FACTS)
