"""``flopcensus supply-cut`` and ``flopcensus scenario`` as their users and their scripts meet them."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

from tests.cli import in_process as run

CUT = ("supply-cut", "--from-nation", "US", "--on", "2027-01-01", "--country", "GB", "--draws", "50")


def test_a_cut_in_json_and_csv_says_the_same() -> None:
    result = run(*CUT, "--format", "json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["schema"] == "flopcensus/supply-cut/1"
    assert found["cut"] | {"at": None} == {
        "from": ["US"], "scope": "nation", "at": None, "stops": ["licence", "sales", "service"],
        "on": "2027-01-01", "years": 10,
    }  # fmt: skip
    assert found["unit"] == "H100e"
    assert found["countries"] == ["GB"]
    assert {"vendor", "provider", "together"} <= {place["at"] for place in found["places"]}
    for place in found["places"]:
        assert [year["years_after"] for year in place["years"]] == list(range(11))
        for year in place["years"]:
            assert (
                0 <= year["share_lost"]["p5"] <= year["share_lost"]["p50"] <= year["share_lost"]["p95"] <= 1
            )
            assert year["cut"]["p50"] <= year["baseline"]["p50"]
    for one in found["parameters"]:
        assert one["p5"] <= one["p50"] <= one["p95"]
        assert one["kind"]
        assert one["source"]
    rows = list(csv.DictReader(io.StringIO(run(*CUT, "--format", "csv").stdout)))
    assert len(rows) == 3 * 11 * len(found["places"])
    first = next(row for row in rows if row["place"] == "vendor" and row["quantity"] == "share_lost")
    assert float(first["p50"]) == found["places"][0]["years"][0]["share_lost"]["p50"]
    assert {row["unit"] for row in rows} == {"H100e", "1"}


def test_an_option_replaces_what_the_file_says() -> None:
    options = ("--set", "licence.vendor=30%", "--stop", "licence", "--at", "vendor", "--growth", "none")
    result = run(*CUT, *options, "--years", "2", "--format", "json")
    found = json.loads(result.stdout)
    assert [place["at"] for place in found["places"]] == ["vendor"]
    mine = next(one for one in found["parameters"] if one["name"] == "licence.vendor")
    assert (mine["p50"], mine["kind"], mine["source"]) == (0.3, "assumed", "set by the user")
    assert found["places"][0]["years"][0]["share_lost"]["p50"] == pytest.approx(0.3)
    assert not any(one["name"].startswith("growth") for one in found["parameters"])


def test_years_are_taken_as_given() -> None:
    """Nought is no years, not the years that the scenario states."""
    result = run(*CUT, "--years", "0")
    assert result.returncode == 2
    assert "years must lie between 1 and 30 (found 0)" in result.stderr


def test_a_table_of_a_cut_names_its_sources_and_assumptions() -> None:
    result = run("supply-cut", "nvidia-stops", "--country", "France", "--years", "2", "--draws", "50")
    assert result.returncode == 0, result.stderr
    assert "nvidia stops sales, service from 2027-01-01 on; capacity in FR" in result.stdout
    assert "service.spares" in result.stdout
    assert "assumed besides:" in result.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--on", "2027-01-01"), "name who cuts"),
        (("--from-nation", "US"), "name the day"),
        (("--from-nation", "US", "--on", "2001-01-01"), "before the census' snapshot"),
        (("--from-nation", "US", "--on", "2027-01-01", "--at", "vendr"), "did you mean vendor"),
        (("--from-nation", "US", "--on", "2027-01-01", "--stop", "sale"), "did you mean sales"),
        (("--from-firm", "nvidai", "--on", "2027-01-01"), "did you mean"),
        (("--from-nation", "US", "--from-firm", "nvidia", "--on", "2027-01-01"), "exclude each other"),
        (("--from-nation", "US", "--on", "2027-01-01", "--growth", "fast"), "--growth"),
        (("--from-nation", "US", "--on", "2027-01-01", "--set", "service.spares"), "NAME=VALUE"),
        (("no-such",), "unknown scenario"),
        (("gulf-hosts-us",), "supply_cut"),
    ],
)
def test_bad_input_to_a_cut(options: tuple[str, ...], said: str) -> None:
    result = run("supply-cut", *options, "--draws", "10")
    assert result.returncode == 2
    assert said in result.stderr


def test_a_scenario_in_json_and_csv_says_the_same() -> None:
    options = ("scenario", "gulf-hosts-us", "--draws", "50")
    found = json.loads(run(*options, "--format", "json").stdout)
    assert found["schema"] == "flopcensus/scenario/1"
    assert found["scenario"]["hypothetical"] is True
    assert found["scenario"]["sources"]
    assert found["total"]["before"] == found["total"]["after"]
    users = {row["code"]: row for row in found["levels"]["user_nation"]}
    assert users["US"]["change"]["p50"] == pytest.approx(-users["AE"]["change"]["p50"])
    assert users["US"]["change"]["p50"] == pytest.approx(found["moves"][0]["capacity"]["p50"])
    size = found["total"]["before"]["mean"]
    for rows in found["levels"].values():
        assert math.fsum(row["before"]["mean"] for row in rows) == pytest.approx(size)
        assert math.fsum(row["after"]["mean"] for row in rows) == pytest.approx(size)
    lines = list(csv.DictReader(io.StringIO(run(*options, "--format", "csv").stdout)))
    assert len(lines) == 3 * sum(len(rows) for rows in found["levels"].values())


def test_a_share_may_be_given_with_the_command() -> None:
    options = ("scenario", "gulf-hosts-us", "--share", "american-tenants=50%", "--by", "user_nation")
    found = json.loads(run(*options, "--draws", "50", "--format", "json").stdout)
    assert list(found["levels"]) == ["user_nation"]
    assert found["moves"][0]["share"] == 0.5


def test_every_shipped_scenario_plays() -> None:
    for name in ("china-hosts-foreign-firms", "eu-pools-public", "humain-18000", "indosat-inf-tech"):
        result = run("scenario", name, "--draws", "20")
        assert result.returncode == 0, result.stderr
        assert "who gains" in result.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("no-such",), "unknown scenario"),
        (("nvidia-stops",), "access"),
        (("gulf-hosts-us", "--by", "users"), "did you mean user"),
        (("gulf-hosts-us", "--share", "tenants=1"), "did you mean american-tenants"),
        (("gulf-hosts-us", "--status", "operating"), "did you mean operational"),
        (("gulf-hosts-us", "--share", "american-tenants=3"), "at most 1"),
    ],
)
def test_bad_input_to_a_scenario(options: tuple[str, ...], said: str) -> None:
    result = run("scenario", *options, "--draws", "10")
    assert result.returncode == 2
    assert said in result.stderr
