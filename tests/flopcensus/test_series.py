"""``flopcensus estimate`` over years: what is projected is marked, and plans enter when asked for."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from accounting.census.selection import PLANNED
from tests.cli import Outcome
from tests.cli import in_process as run


@pytest.mark.parametrize("years", ["2014:2020", "2020:2036", "2025:2020", "twenty", "2020:"])
def test_years_that_are_none(years: str) -> None:
    result = run("estimate", "--years", years, "--basis", "peak", "--draws", "2")
    assert result.returncode == (0 if years == "2020:" else 2)
    if result.returncode:
        assert len(result.stderr.splitlines()) == 1


def document(result: Outcome) -> dict:  # type: ignore[type-arg]
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["estimates"][0]  # type: ignore[no-any-return]


CENSUS = """
facilities:
  - id: a
    name: A
    territory: FR
    owners: [{organisation: eurohpc-ju}]
    sector: public
    sources: [{url: "https://example.org/a", title: A, date: 2026-01-31}]
    deployments:
      - id: a-1
        accelerator: nvidia-h100-sxm
        count: {value: 100, kind: reported, source: "https://example.org/a", date: 2026-01-31}
        in_service: 2022-03
        status: operational
      - id: a-2
        accelerator: nvidia-h100-sxm
        count: {value: 900, kind: reported, source: "https://example.org/a", date: 2026-01-31}
        in_service: 2027-03
        status: under_construction
"""


@pytest.fixture
def census(tmp_path: Path) -> str:
    path = tmp_path / "census.yaml"
    path.write_text(CENSUS)
    return str(path)


def test_the_json_of_a_series_marks_what_is_projected(census: str) -> None:
    options = ("--basis", "peak", "--draws", "500", "--by", "territory")
    found = document(run("estimate", census, "--years", "2021:2030", "--as-of", "2026-01-15", *options, "--format", "json"))  # fmt: skip  # noqa: E501
    assert found["snapshot"] == "2026-01-31"
    points = {point["as_of"]: point for point in found["series"]}
    assert list(points)[5] == "2026-01-15"
    one = 100 * 989.4e12
    assert points["2021-12-31"]["total"]["mean"] == 0
    assert points["2026-01-15"]["total"]["mean"] == pytest.approx(one)
    assert points["2026-01-15"]["status"] == ["operational"]
    assert points["2026-01-15"]["planned_share"] == 0
    last = points["2030-12-31"]
    assert last["projected"]
    assert set(last["status"]) == {"operational", *PLANNED}
    assert last["planned_share"] > 0.8
    assert last["accounts"]["territory"][0]["mean"] == pytest.approx(last["total"]["mean"])
    assert found["growth"]["per_year"] == pytest.approx(1.0)
    assert found["growth"]["doubling_months"] is None
    assert any("2030-12-31" in text and "projections" in text for text in found["warnings"])


def test_plans_enter_only_when_asked_for(census: str) -> None:
    def total(*options: str) -> float:
        arguments = ("--as-of", "2030-12-31", "--basis", "peak", "--draws", "500", "--format", "json")
        return float(document(run("estimate", census, *arguments, *options))["total"]["mean"])

    one = 100 * 989.4e12
    unprojected = run("estimate", census, "--as-of", "2030-12-31", "--basis", "peak", "--draws", "5")
    assert "--project" in unprojected.stderr
    assert total() == pytest.approx(one)
    survivors = total("--project", "--status", "operational")
    assert 0 < survivors < one
    assert total("--project") > 5 * one
    assert total("--project") == pytest.approx(
        survivors + total("--project", "--status", "under_construction")
    )


def test_no_projection_beyond_2035(census: str) -> None:
    result = run("estimate", census, "--as-of", "2036-01-01", "--project", "--basis", "peak")
    assert result.returncode == 2
    assert "2035-12-31" in result.stderr


def test_the_csv_and_the_table_of_a_series(census: str) -> None:
    options = ("--years", "2024:2028", "--as-of", "2026-01-15", "--by", "territory", "--draws", "200")
    rows = list(csv.DictReader(io.StringIO(run("estimate", census, *options, "--format", "csv").stdout)))
    totals = [row for row in rows if row["level"] == "total" and row["basis"] == "peak"]
    assert [row["projected"] for row in totals] == ["false", "false", "false", "true", "true"]
    assert totals[-1]["status"] == "announced contracted operational under_construction"
    assert {row["code"] for row in rows if row["level"] == "territory"} == {"FR"}
    table = run("estimate", census, *options).stdout
    assert "2028-12-31 projected" in table
    assert "2028-12-31 *" in table
