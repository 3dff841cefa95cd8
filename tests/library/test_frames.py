"""Frames in and out: what goes out comes back the same, indexes are clear, and HTML is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import flopcensus as fc
from flopcensus.library.answer import table
from flopcensus.testing import assert_accounts_close, assert_record_valid, assert_sums_to_total
from tests.flopcensus.test_calibrate import record as made

DAY = "2026-06-30"
TERRITORIES: Any = ("peak", "bf16", "territory")
VENDORS: Any = ("peak", "bf16", "vendor")


@pytest.fixture(scope="module")
def estimates() -> fc.Estimates:
    return fc.estimate(as_of=DAY, by=["territory", "vendor", "territory,vendor"], draws=100)


@pytest.fixture(scope="module")
def census() -> fc.Census:
    return fc.load_census()


def test_accounts_are_tidy(estimates: fc.Estimates) -> None:
    accounts = estimates.accounts
    assert accounts.index.names == ["basis", "precision", "level", "code"]
    assert accounts.index.is_unique
    # a key of any length, without a warning that the index is not sorted
    world = estimates.total.loc[("peak", "bf16"), "mean"]
    assert accounts.loc[TERRITORIES]["mean"].sum() == pytest.approx(world)
    assert accounts.loc["delivered"].index.names == ["precision", "level", "code"]
    assert accounts.loc[VENDORS]["mean"].is_monotonic_decreasing
    assert (accounts["unit"] == "FLOP/s").all()
    document = estimates.to_dict()["estimates"]
    assert len(accounts) == sum(len(rows) for e in document for rows in e["accounts"].values())
    assert estimates.groups.index.names == accounts.index.names
    assert estimates.concentration.loc[("peak", "bf16", "vendor"), "hhi"] == pytest.approx(
        10_000 * (accounts.loc[VENDORS]["share"] ** 2).sum()
    )
    assert estimates.provenance.groupby("basis")["share"].sum().to_list() == pytest.approx([1.0, 1.0])


def test_every_deployment_is_counted_or_skipped(estimates: fc.Estimates) -> None:
    ledger = estimates.ledger
    assert ledger.index.is_unique
    assert ledger["counted"].sum() == estimates.to_dict()["estimates"][0]["deployments"]
    assert (~ledger["counted"]).sum() == estimates.skipped.sum()


def test_a_census_goes_out_and_comes_back(census: fc.Census, estimates: fc.Estimates) -> None:
    frame = census.to_frame()
    assert frame["in_service"].dtype.kind == "M"
    assert frame["count_best"].dtype == float
    again = fc.load_census(frame)
    pd.testing.assert_frame_equal(again.to_frame(), frame)
    same = fc.estimate(frame, as_of=DAY, by=["territory", "vendor", "territory,vendor"], draws=100)
    assert_accounts_close(same, estimates, rtol=1e-15)


def test_a_changed_frame_changes_what_it_should(census: fc.Census) -> None:
    frame = census.to_frame().query("territory == 'FI'")
    counts = ["count_low", "count_best", "count_high"]
    double = frame.assign(**{name: 2 * frame[name] for name in counts})
    once, twice = (fc.estimate(one, as_of=DAY, basis="peak", draws=50) for one in (frame, double))
    assert twice.total["mean"].item() == pytest.approx(2 * once.total["mean"].item())


def test_a_part_of_a_census(census: fc.Census) -> None:
    norway = census.keep(census.ledger["territory"] == "NO")
    whole = fc.estimate(country="NO", as_of=DAY, draws=100)
    part = fc.estimate(norway, as_of=DAY, draws=100)
    assert_accounts_close(part, whole, rtol=1e-12)
    assert len(census.keep(["lumi-g"])) == 1
    shuffled = (census.ledger["territory"] == "NO").sample(frac=1, random_state=1)
    assert set(census.keep(shuffled).ledger.index) == set(norway.ledger.index)
    marks = list(census.ledger["territory"] == "NO")
    assert set(census.keep(marks).ledger.index) == set(norway.ledger.index)
    assert len(census.keep("lumi-g")) == 1
    with pytest.raises(fc.InputError, match="no such deployment: lumi"):
        census.keep(["lumi"])
    with pytest.raises(fc.InputError, match="marks"):
        census.keep([True])


def test_what_is_no_number_or_no_file_is_said_so(census: fc.Census) -> None:
    part = census.keep("lumi-g")
    whole, real = (fc.estimate(part, as_of=DAY, basis="peak", draws=draws) for draws in (100, 1e2))  # type: ignore[arg-type]
    assert_accounts_close(real, whole, rtol=0)
    for wrong in (100.5, "100", float("nan")):
        with pytest.raises(fc.InputError, match="draws: must be a whole number"):
            fc.estimate(part, draws=wrong)  # type: ignore[arg-type]
    with pytest.raises(fc.InputError, match="false_alarms: must be a number"):
        fc.fleet("nowhere", false_alarms="few")  # type: ignore[arg-type]


def test_namibia_is_not_missing(census: fc.Census) -> None:
    frame = census.to_frame().head(1).assign(territory="NA")
    assert fc.load_census(frame).to_frame()["territory"].item() == "NA"


def test_faults_of_a_frame_name_the_frame(census: fc.Census) -> None:
    frame = census.to_frame().head(2).assign(accelerator="nvidia-h100-smx")
    with pytest.raises(fc.InputFaults, match="did you mean nvidia-h100-sxm") as caught:
        fc.estimate(frame)
    assert {fault.file for fault in caught.value.faults} == {"DataFrame.csv"}
    assert [fault.line for fault in caught.value.faults] == [2, 3]


def test_joined_lists_do_not_go_through_a_frame(census: fc.Census, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text(census.keep(["lumi-g"]).to_csv(), encoding="utf-8")
    joined = fc.load_census(["shipped", f"ledger:{path}"])
    with pytest.raises(fc.InputError, match=r"Census\.keep"):
        fc.estimate(joined.to_frame())
    assert len(joined.keep(joined.ledger.index)) == len(joined)


def test_an_overlay_belongs_to_where_the_census_is_read(census: fc.Census, tmp_path: Path) -> None:
    with pytest.raises(fc.InputError, match="load_census"):
        fc.estimate(census, overlay=tmp_path / "own.yaml")


def test_html_is_escaped(census: fc.Census) -> None:
    frame = census.to_frame().head(1).assign(facility_name="<script>alert(1)</script>")
    html = fc.load_census(frame)._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_what_is_shown_names_units_and_warnings(estimates: fc.Estimates) -> None:
    text, html = repr(estimates), estimates._repr_html_()
    assert "FLOP/s" in text
    assert "warning: the shipped census holds" in text
    assert "<summary>warnings</summary>" in html


def test_a_table_without_rows_has_its_columns() -> None:
    empty = table([], ("a", "b"), ("c",))
    assert empty.index.names == ["a", "b"]
    assert list(empty.columns) == ["c"]


def test_accounts_that_differ_are_named(estimates: fc.Estimates) -> None:
    accounts = estimates.accounts
    key = accounts.index[0]
    other = accounts.copy()
    other.loc[key, "mean"] *= 1.001
    with pytest.raises(AssertionError, match=f"1 figures differ.*{key[-1]} mean"):
        assert_accounts_close(other, estimates)
    assert_accounts_close(other, estimates, rtol=0.01)
    with pytest.raises(AssertionError, match=r"1 rows.* only in expected"):
        assert_accounts_close(accounts.drop(key), accounts)
    with pytest.raises(AssertionError, match="H100e against FLOP/s"):
        assert_accounts_close(accounts.assign(unit="H100e"), accounts)
    with pytest.raises(AssertionError, match="nothing to compare"):
        assert_accounts_close(accounts[["name"]], accounts)


def test_sums_that_do_not_add_up_are_named(estimates: fc.Estimates) -> None:
    assert_sums_to_total(estimates)

    class Broken:
        total = estimates.total
        accounts = estimates.accounts.iloc[1:]

    with pytest.raises(AssertionError, match="peak bf16: means by territory add up to"):
        assert_sums_to_total(Broken())  # type: ignore[arg-type]


def test_a_record_goes_from_file_to_estimate(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(made("nvidia-h100-sxm").to_json(), encoding="utf-8")
    record = fc.read_record(path)
    assert_record_valid(record)
    assert_record_valid(record.to_dict())
    with pytest.raises(AssertionError, match="value"):
        assert_record_valid(record.to_dict() | {"results": [{**record.to_dict()["results"][0], "value": -1}]})
    assert record.results.index.names == ["device", "workload", "precision", "shape"]
    saved = record.save(tmp_path)
    assert saved.name == record.file_name
    assert fc.read_record(saved).to_dict() == record.to_dict()
    measured = fc.calibrate(record)
    assert len(measured) == len(measured.frame) > 0
    from_memory = fc.estimate(country="FI", as_of=DAY, basis="delivered", draws=50, calibration=measured)
    mine = measured.save(tmp_path / "mine.yaml")
    from_file = fc.estimate(country="FI", as_of=DAY, basis="delivered", draws=50, calibration=mine)
    assert_accounts_close(from_memory, from_file, rtol=0)


def test_a_census_is_checked_as_its_files_are(tmp_path: Path) -> None:
    """Where it stands, what it says and how bad it is are those of the YAML that the frame came from."""
    text = """
facilities:
  - id: twice
    name: Twice
    territory: "NO"
    owners: [{organisation: csir-south-africa}]
    sector: public
    sources: [{url: "https://example.org/a", title: A page, date: 2026-01-01}]
    deployments:
      - id: a
        accelerator: nvidia-h100-sxm
        status: operational
        in_service: 2030-01-01
        count: {value: 8, kind: reported, source: "https://example.org/a", date: 2026-01-01}
"""
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    census = fc.load_census(path)
    of_file, of_frame, of_census = (fc.lint(one) for one in (path, census.to_frame(), census))
    said = [(one["rule"], one["severity"], one["message"]) for one in of_file.to_dict()["findings"]]
    assert [rule for rule, _, _ in said] == ["planned-as-operational"]
    for found in (of_frame, of_census):
        assert [(f["rule"], f["severity"], f["message"]) for f in found.to_dict()["findings"]] == said
        assert found.findings["rows"].to_list() == [("DataFrame.csv:2",)]
    assert fc.lint(fc.load_census().to_frame()).clean
