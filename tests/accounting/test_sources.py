"""From a path to a ledger: formats are told by their columns, and what was left out is said."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest

from accounting.census.readers.formats import READERS
from accounting.census.sources import load_census
from accounting.errors import InputFaults
from accounting.reference.facts import Facts
from bench.errors import InputError
from tests.accounting.test_epoch_clusters import BASE, write
from tests.cli import in_process

EPOCH = {
    "epoch-clusters": "gpu_clusters_2026-04-24.csv",
    "epoch-data-centers": "data_centers_2026-07-18.csv",
}


@pytest.mark.parametrize("prefix", EPOCH)
def test_a_format_is_told_by_its_columns(shared: Path, facts: Facts, prefix: str) -> None:
    path = shared / "data" / "epoch" / EPOCH[prefix]
    told, named = load_census([str(path)], facts), load_census([f"{prefix}:{path}"], facts)
    assert told.name == named.name == f"{prefix}:{path.name}"
    assert told.entries == named.entries


def test_top500_is_told_in_both_of_its_forms(shared: Path, facts: Facts) -> None:
    folder = shared / "data" / "top500"
    ledgers = [
        load_census([str(folder / name)], facts)
        for name in ("TOP500_202506_official.xlsx", "TOP500_202506.csv")
    ]
    assert [ledger.rows for ledger in ledgers] == [500, 500]
    assert all(ledger.name.startswith("top500:") for ledger in ledgers)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("epoch/ml_hardware_2026-04-22.csv", "epoch-hardware"),
        ("epoch/ai_chip_sales_excerpt_2026-09-30.csv", "epoch-chips"),
        ("mlperf/mlperf_summary.csv", "mlperf"),
        ("cloud/cloud_regions_2026-01-21.csv", "cloud-regions"),
    ],
)
def test_a_file_without_deployments_is_no_census(shared: Path, facts: Facts, name: str, prefix: str) -> None:
    with pytest.raises(InputFaults, match=f"a file of the format {prefix} states no deployments"):
        load_census([str(shared / "data" / name)], facts)


def test_two_vintages_of_one_list_are_refused(shared: Path, facts: Facts) -> None:
    folder = shared / "data" / "epoch"
    names = ("gpu_clusters_2026-04-24.csv", "ai_supercomputers_2025-06-07.csv")
    with pytest.raises(InputError, match="two lists of the format epoch-clusters"):
        load_census([str(folder / name) for name in names], facts)


def test_every_reader_keeps_or_leaves_out_every_row(shared: Path, facts: Facts) -> None:
    paths = [shared / "data" / "epoch" / name for name in EPOCH.values()]
    for path in [*paths, shared / "data" / "top500" / "TOP500_202506.csv"]:
        ledger = load_census([str(path)], facts)
        assert ledger.readout is not None
        assert ledger.readout.rows == ledger.readout.kept + sum(ledger.readout.reasons().values())
        assert ledger.rows == ledger.readout.rows
    # a fleet is a folder of records, without rows
    assert set(READERS) == {*EPOCH, "top500", "ledger", "fleet"}


def test_a_workbook_is_recognised(tmp_path: Path, facts: Facts) -> None:
    source = write(tmp_path / "c.csv", [BASE | {"16-bit OP/s": "5"}])
    book = openpyxl.Workbook()
    assert book.active is not None
    for line in source.read_text(encoding="utf-8").splitlines():
        book.active.append([float(cell) if cell == "5" else cell for cell in line.split(",")])
    book.save(tmp_path / "c.XLSX")
    (entry,) = load_census([str(tmp_path / "c.XLSX")], facts).entries
    assert (entry.values, entry.territory) == ({"bf16": 5.0}, "FR")


def test_estimate_says_what_was_repaired_and_left_out(tmp_path: Path) -> None:
    path = write(
        tmp_path / "c.csv",
        [
            BASE | {"16-bit OP/s": "1e18"},
            BASE | {"Name": "B", "16-bit OP/s": "n/a"},
            BASE | {"Name": "C", "16-bit OP/s": "1e18", "Country": "Frence"},
        ],
    )
    with path.open("a", encoding="utf-8") as stream:
        stream.write("," * 20 + "surplus\n" + "," * 14 + "\n")
    outcome = in_process(
        "estimate", str(path), "--as-of", "2025-01-01", "--basis", "peak", "--format", "json"
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stderr.splitlines() == [
        "warning: c.csv states no uncertainty: its own figures are taken as exact",
        "warning: 1 row left out: more cells than columns (first c.csv:5, found 'surplus')",
        "warning: 1 row left out: an empty row (first c.csv:6)",
        "warning: 1 cell repaired: 16-bit OP/s: not a number, read as blank (first c.csv:3, found 'n/a')",
        "warning: 1 country name not known, in 1 row (most often 'Frence', first c.csv:4; "
        "close to it: France, Greece)",
    ]
    (estimate,) = json.loads(outcome.stdout)["estimates"]
    assert estimate["rows"] == 5
    assert estimate["deployments"] == 2
    assert estimate["skipped"] == {
        "more cells than columns": 1,
        "an empty row": 1,
        "no value in the file's column for bf16": 1,
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old .xls or a workbook with a password"),
        (b"Name,Status\nA,\x00\n", "c.csv:2:1: a NUL byte"),
        (b"x" * 30_000_000, "c.csv:1:1: a line longer than"),
    ],
)
def test_a_file_that_is_no_table_is_one_error(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "c.csv").write_bytes(content)
    outcome = in_process("estimate", "c.csv", cwd=tmp_path)
    assert (outcome.returncode, outcome.stdout) == (2, "")
    (line,) = outcome.stderr.splitlines()
    assert words in line
