"""Exports: what is written is what is read again, and follows the dictionary and the SDMX guide."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from accounting.accounts.levels import MEANING
from bench.errors import InputError
from flopcensus.exports.dictionary import COLUMNS, NAMES, WITHHELD, dictionary_markdown, dictionary_rows
from flopcensus.exports.document import load_estimates
from flopcensus.exports.parquet import from_parquet, to_parquet
from flopcensus.exports.sdmx import HEADER, plain_decimal, to_sdmx
from flopcensus.exports.structure import ATTRIBUTES, DIMENSIONS
from flopcensus.exports.table import Row, long_rows
from flopcensus.exports.text import from_csv, from_json_document, to_csv, to_json_document
from flopcensus.exports.xlsx import from_xlsx, to_xlsx
from tests.cli import in_process

LEVELS = ("territory", "territory,vendor_nation", "territory,vendor_nation,owner", "territory,deployment")
HOSTILE = [
    "=1+1",
    "+1",
    "-5",
    "@x",
    "'=1",
    '"quoted"',
    "_x000D_",
    " blank ",
    "\x00",
    "a\r\nb",
    "\ufffe",
    "",
    "#N/A",
]
# a lone surrogate is no text: no file of ours can have held it
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(HOSTILE)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "integer": st.integers(-(2**53), 2**53),
    "boolean": st.booleans(),
    "date": st.dates().map(datetime.date.isoformat),
}
rows = st.lists(st.fixed_dictionaries({c.name: st.none() | _VALUES[c.type] for c in COLUMNS}), max_size=3)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``estimate`` prints of the shipped census, crossed with owners and deployments."""
    by = [part for level in LEVELS for part in ("--by", level)]
    done = in_process(
        "estimate", "--as-of", "2026-06-30", "--draws", "50", "--basis", "peak", *by, "--format", "json"
    )
    assert done.returncode == 0, done.stderr
    path = tmp_path_factory.mktemp("export") / "estimate.json"
    path.write_text(done.stdout, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def table(document: Path) -> list[Row]:
    return long_rows(load_estimates(document))


@settings(max_examples=30)
@given(rows)
def test_csv_and_json_give_back_what_was_written(made: list[Row]) -> None:
    assert from_csv(to_csv(made)) == made
    assert from_json_document(to_json_document(made)) == made


@settings(max_examples=30)
@given(rows)
def test_a_workbook_gives_back_what_was_written(made: list[Row]) -> None:
    assert from_xlsx(to_xlsx(made)) == made


@settings(max_examples=30)
@given(rows)
def test_parquet_gives_back_what_was_written(made: list[Row]) -> None:
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow, of the extra tables")
    assert from_parquet(to_parquet(made)) == made


@settings(max_examples=30)
@given(rows)
def test_no_cell_of_a_csv_runs_as_a_formula(made: list[Row]) -> None:
    numeric = {c.name for c in COLUMNS if c.type in {"number", "integer"}}
    for line in csv.DictReader(io.StringIO(to_csv(made))):
        for name, cell in line.items():
            assert name in numeric or not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_no_cell_of_a_workbook_is_a_formula(table: list[Row]) -> None:
    book = load_workbook(io.BytesIO(to_xlsx([table[0] | {"name": "=1+1"}])))
    cells = {cell.value: cell.data_type for cell in book["data"][2]}
    assert cells["=1+1"] == "s"
    listed = [
        tuple(cell or "" for cell in line)
        for line in book["dictionary"].iter_rows(min_row=2, values_only=True)
    ]
    assert listed == [tuple(row.values()) for row in dictionary_rows()]


def test_a_text_too_long_for_a_cell_is_refused(table: list[Row]) -> None:
    with pytest.raises(InputError, match="32,768"):
        to_xlsx([table[0] | {"warnings": "w" * 32_768}])


def test_parquet_carries_units_and_meanings(table: list[Row]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow, of the extra tables")
    schema = parquet.read_schema(io.BytesIO(to_parquet(table)))
    assert json.loads(schema.metadata[b"dictionary"]) == dictionary_rows()
    assert schema.field("share").metadata[b"unit"] == b"fraction of the total"


def test_without_pyarrow_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, document: Path, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = in_process("export", str(document), "-o", str(tmp_path / "a.parquet"))
    assert done.returncode == 2
    assert "flopcensus[tables]" in done.stderr


def test_the_table_holds_every_row_of_the_document(document: Path, table: list[Row]) -> None:
    [estimate] = json.loads(document.read_text(encoding="utf-8"))["estimates"]
    held = sum(len(one) for one in estimate["accounts"].values()) + len(estimate["groups"])
    assert len(table) == held + 1
    assert tuple(table[0]) == NAMES
    assert table[0]["mean"] == estimate["total"]["mean"]
    for level in LEVELS:
        of_level = [row for row in table if row["level"] == level]
        assert sum(float(row["mean"] or 0) for row in of_level) == pytest.approx(estimate["total"]["mean"])
        named = {name for row in of_level for name in MEANING if row[name] is not None}
        assert named == set(level.split(","))


def test_counts_of_facilities_are_those_of_the_ledger(table: list[Row]) -> None:
    import pandas as pd

    frame = pd.DataFrame([row for row in table if row["level"] == "territory,deployment"])
    counted = frame.groupby("territory")["deployment"].nunique()
    for row in table:
        if row["level"] == "territory":
            assert row["deployments"] == counted[str(row["territory"])]
            assert 1 <= int(row["facilities"] or 0) <= int(row["deployments"] or 0)
    assert table[0]["deployments"] == len(frame)


def test_the_docs_show_the_dictionary(repository: Path) -> None:
    text = (repository / "docs" / "exports.md").read_text(encoding="utf-8")
    assert dictionary_markdown() in text


def test_sdmx_columns_stand_in_the_order_of_the_guide(table: list[Row]) -> None:
    data, message = to_sdmx(table)
    assert data.splitlines()[0].split(",") == list(HEADER)
    assert HEADER[:3] == ("STRUCTURE", "STRUCTURE_ID", "ACTION")
    assert HEADER[3:] == (*DIMENSIONS, "OBS_VALUE", *ATTRIBUTES)
    structure = json.loads(message)["data"]
    [definition] = structure["dataStructures"]
    components = definition["dataStructureComponents"]
    assert (*(d["id"] for d in components["dimensionList"]["dimensions"]), "TIME_PERIOD") == DIMENSIONS
    codes = {one["id"]: {code["id"] for code in one["codes"]} for one in structure["codelists"]}
    listed = {
        one["id"]: codes[one["localRepresentation"]["enumeration"].rsplit(":", 1)[1].partition("(")[0]]
        for one in (*components["dimensionList"]["dimensions"], *components["attributeList"]["attributes"])
        if "enumeration" in one["localRepresentation"]
    }
    for line in csv.DictReader(io.StringIO(data)):
        assert (line["STRUCTURE"], line["ACTION"]) == ("dataflow", "R")
        assert re.fullmatch(r"[A-Z]+:[A-Z_]+\(\d+\.\d+\.\d+\)", line["STRUCTURE_ID"])
        assert all(line[name] in allowed for name, allowed in listed.items())
    assert all(re.fullmatch(r"[A-Za-z0-9_@$\-]+", code) for held in codes.values() for code in held)


def test_sdmx_values_are_those_of_the_table(table: list[Row]) -> None:
    lines = list(csv.DictReader(io.StringIO(to_sdmx(table)[0])))
    france = next(row for row in table if row["level"] == "territory" and row["code"] == "FR")
    alone = [
        line
        for line in lines
        if line["REF_AREA"] == "FR" and all(line[d] == "_T" for d in DIMENSIONS[1 : len(MEANING)])
    ]
    found = {
        (line["STATISTIC"], line["UNIT_MEASURE"]): float(
            Decimal(line["OBS_VALUE"]).scaleb(int(line["UNIT_MULT"]))
        )
        for line in alone
    }
    assert found["P95", "FLOP_S"] == france["p95"]
    assert found["MEAN", "PT"] == pytest.approx(100 * float(france["share"] or 0), rel=1e-15)
    assert len(found) == 7
    # the group and the Union's own bodies do not meet
    assert any(line["REF_AREA"] == "GRP_EU" for line in lines)


@given(st.floats(1e-30, 1e30) | st.just(0.0), st.sampled_from([15, 0, -2]))
def test_values_are_shifted_without_loss(value: float, power: int) -> None:
    text = plain_decimal(value, power)
    assert "e" not in text.lower()
    assert float(Decimal(text).scaleb(power)) == value


def test_pysdmx_reads_the_data_by_its_structures(table: list[Row], tmp_path: Path) -> None:
    reader = pytest.importorskip("pysdmx.io", reason="needs pysdmx, of the group dev")
    data, message = to_sdmx(table)
    (tmp_path / "structure.json").write_text(message, encoding="utf-8")
    (tmp_path / "data.csv").write_bytes(data.encode())
    # checks the message against the schema of SDMX-JSON 2.0, and the data against the definition
    [dataset] = reader.get_datasets(tmp_path / "data.csv", tmp_path / "structure.json", validate=True)
    assert len(dataset.data) == len(data.splitlines()) - 1
    components = dataset.structure.components
    assert tuple(one.id for one in components.dimensions) == DIMENSIONS
    assert tuple(one.id for one in components.attributes) == ATTRIBUTES


def test_withheld_cells_are_blank_in_every_form(document: Path, tmp_path: Path) -> None:
    out = tmp_path / "open.csv"
    rules = "threshold=3,dominance=1:90"
    # the crossing with deployments names single ones, and cannot be judged by owner
    plain = json.loads(document.read_text(encoding="utf-8"))
    del plain["estimates"][0]["accounts"]["territory,deployment"]
    chosen = tmp_path / "chosen.json"
    chosen.write_text(json.dumps(plain), encoding="utf-8")
    done = in_process("export", str(chosen), "-o", str(out), "--suppress", rules, "--format", "json")
    assert done.returncode == 0, done.stderr
    withheld = {
        (one["level"], one["code"]): one["conf_status"] for one in json.loads(done.stdout)["withheld"]
    }
    table = from_csv(out.read_text(encoding="utf-8"))
    assert {str(row["level"]).removeprefix("group of ") for row in table} == {"total", *LEVELS[:2]}
    for row in table:
        status = withheld.get((str(row["level"]), str(row["code"])), "F")
        assert row["conf_status"] == status
        assert (row["mean"] is None) == (status != "F")
        assert status == "F" or all(row[name] is None for name in WITHHELD)
    assert "C" in withheld.values() and "D" in withheld.values()
    lines = csv.DictReader(io.StringIO(to_sdmx(table)[0]))
    for line in lines:
        assert (line["OBS_VALUE"] == "NaN") == (line["OBS_STATUS"] == "Q") == (line["CONF_STATUS"] != "F")


def test_suppression_takes_one_basis_and_says_what_is_missing(document: Path, tmp_path: Path) -> None:
    plain = json.loads(document.read_text(encoding="utf-8"))
    plain["estimates"].append(plain["estimates"][0] | {"basis": "delivered"})
    two = tmp_path / "two.json"
    two.write_text(json.dumps(plain), encoding="utf-8")
    out = str(tmp_path / "a.csv")
    done = in_process("export", str(two), "-o", out, "--suppress", "threshold=3")
    assert done.returncode == 2
    assert "choose one with --basis (there are peak, delivered)" in done.stderr
    done = in_process("export", str(two), "-o", out, "--basis", "peak", "--suppress", "p=10")
    assert done.returncode == 2
    assert "--by territory,deployment,owner" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "a.txt"), "must end in"),
        (("-o", "a.xlsx", "--sdmx"), "SDMX is written as .csv"),
        (("-o", "a.csv", "--basis", "peek"), "did you mean peak?"),
        (("-o", "a.csv", "--suppress", "k=3"), "expected threshold=N"),
    ],
)
def test_bad_options_are_one_line(
    document: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = in_process("export", str(document), *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"schema": "flopcensus/comparison/1"}',
        '{"schema": "flopcensus/estimate/1", "estimates": []}',
        '{"schema": "flopcensus/estimate/1", "estimates": [1]}',
    ],
)
def test_other_documents_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text, encoding="utf-8")
    done = in_process("export", str(path), "-o", str(tmp_path / "a.csv"))
    assert done.returncode == 2
    assert str(path) in done.stderr


def test_vintages_of_the_shipped_census(document: Path, tmp_path: Path) -> None:
    plain = json.loads(document.read_text(encoding="utf-8"))
    [estimate] = plain["estimates"]
    gone = estimate["accounts"]["territory,deployment"].pop(0)
    for held in (estimate["total"], *(r for r in estimate["accounts"]["territory"] if r["code"] == "US")):
        held["mean"] -= gone["mean"]
        held["entries_digest"] = "0" * 16
    old = tmp_path / "old.json"
    old.write_text(json.dumps(plain), encoding="utf-8")
    done = in_process("vintages", str(old), str(document), "--format", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["schema"] == "flopcensus/vintages/1"
    assert found["comparisons"][0]["resolution"]["territory"] == "deployment"
    total = found["comparisons"][0]["rows"][0]
    assert total["data"] == pytest.approx(gone["mean"])
    assert total["data"] == total["revision"]
    shown = in_process("vintages", str(old), str(document))
    assert "split by deployment" in shown.stdout
    rows_ = list(
        csv.DictReader(io.StringIO(in_process("vintages", str(old), str(document), "--format", "csv").stdout))
    )
    assert float(rows_[0]["revision"]) == total["revision"]
