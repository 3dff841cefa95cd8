"""Each rule of the linter on the least file that breaks it, and none on files that are right."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

import pytest

from accounting.errors import InputFaults, UnknownNameError
from accounting.lint.linting import RULES, lint
from accounting.lint.rule import Evidence, Finding
from accounting.reference.facts import Facts
from tests.accounting.bad_censuses import BAD, PLACE, Bad
from tests.lint_census import clusters, data_centers, h100, hardware, top500, write

TODAY = datetime.date(2026, 6, 30)


def run(files: Sequence[Path], facts: Facts) -> tuple[Finding, ...]:
    return lint([str(file) for file in files], facts, TODAY)


def places(evidence: Evidence) -> list[str]:
    return [row.rpartition("/")[2] for row in evidence.rows]


@pytest.mark.parametrize("bad", BAD, ids=[f"{bad.rule}-{place}" for place, bad in enumerate(BAD)])
def test_a_rule_finds_the_least_file_that_breaks_it(bad: Bad, tmp_path: Path, facts: Facts) -> None:
    found = [item for item in run(bad.files(tmp_path), facts) if item.rule.id == bad.rule]
    assert found, bad.rule
    evidence = found[0].evidence
    assert bad.words in evidence.message
    assert places(evidence) == bad.rows
    assert found[0].severity == bad.severity
    assert evidence.factor == (None if bad.factor is None else pytest.approx(bad.factor, rel=2e-3))
    assert evidence.ratio == (None if bad.ratio is None else pytest.approx(bad.ratio, rel=2e-3))


def test_every_rule_has_a_file_that_breaks_it() -> None:
    assert {bad.rule for bad in BAD} == {rule.id for rule in RULES}
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_a_clean_census_gives_nothing(tmp_path: Path, facts: Facts) -> None:
    rows = [
        h100("One", 1000) | PLACE | {"Owner": "Nebius AI", "Power Capacity (MW)": 1.2},
        h100("Two", 1000) | PLACE | {"First Operational Date": "2024-06-01"},
        h100("Three", 2000)
        | {"Location": "France", "Quote": "a claim of 3.96 exaflops", "Country": "France"},
        h100("Four", 10) | {"Location": "Atlanta, GA", "Country": "United States of America"},
        h100("Gone", 10)
        | {
            "Status": "Decommissioned",
            "Decommissioned Date (if applicable)": "2025-01-01",
            "Superseded by": "One",
        },
    ]
    listed = {"Name": "Four", "Country": "United States", "Year": 2024, "Power (kW)": 8}
    table = {"Hardware name": "X1", "INT8 performance (OP/s)": 1e15}
    table["Total processing performance (bit-OP/s)"] = 8e15
    site = {"Name": "Elsewhere", "Country": "France", "Owner": "Nebius AI", "Current H100 equivalents": 10}
    files = [
        clusters(tmp_path / "c.csv", *rows),
        top500(tmp_path / "t.csv", listed),
        hardware(tmp_path / "h.csv", table),
        data_centers(tmp_path, site),
    ]
    assert run(files, facts) == ()


YAML = """\
facilities:
  - id: one
    name: One
    territory: FI
    location: Kajaani
    owners: [{{organisation: csc}}]
    sector: public
    power: {{value: {power}, kind: reported, date: 2024-01-01, source: "https://example.org"}}
    sources: [{{url: "https://example.org", title: A page, date: 2024-01-01}}]
    deployments:
      - id: one-a
        accelerator: nvidia-h100-sxm
        count: {{value: 1000, kind: reported, date: 2024-01-01, source: "https://example.org"}}
        in_service: {day}
        status: operational
"""


@pytest.mark.parametrize(
    ("power", "day", "rules"),
    [
        ("1 MW", "2024-01", []),
        ("100 kW", "2024-01", ["power-per-chip"]),
        ("1 MW", "2027-01", ["planned-as-operational"]),
    ],
)
def test_our_own_facilities_are_checked_with_their_lines(
    tmp_path: Path, facts: Facts, power: str, day: str, rules: list[str]
) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(YAML.format(power=power, day=day), encoding="utf-8")
    found = run([path], facts)
    assert [item.rule.id for item in found] == rules
    assert all(places(item.evidence) == ["f.yaml:11"] for item in found)


def test_the_same_facility_under_two_ids_is_a_duplicate(tmp_path: Path, facts: Facts) -> None:
    for name in ("one", "two"):
        text = YAML.format(power="1 MW", day="2024-01").replace("id: one", f"id: {name}")
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    (found,) = run([tmp_path], facts)
    assert found.rule.id == "duplicate"
    assert found.evidence.factor == pytest.approx(2)


def test_files_that_cannot_be_checked_are_refused(tmp_path: Path, facts: Facts) -> None:
    other = write(tmp_path / "x.csv", ["a", "b"], [{"a": 1}])
    with pytest.raises(InputFaults, match="of no file that can be checked"):
        run([other], facts)
    with pytest.raises(InputFaults, match="no such file"):
        run([tmp_path / "none.csv"], facts)
    with pytest.raises(InputFaults, match="no such file"):
        lint(["x" * 5000], facts, TODAY)
    with pytest.raises(UnknownNameError, match="epoch-cluster"):
        lint([f"epoch-cluster:{other}"], facts, TODAY)


def test_a_file_named_twice_is_checked_once(tmp_path: Path, facts: Facts) -> None:
    path = clusters(tmp_path / "c.csv", h100("Z", 10) | {"16-bit OP/s": 0})
    assert run([path, path], facts) == run([path], facts)


def test_a_share_counts_what_only_a_plan_will_supersede(tmp_path: Path, facts: Facts) -> None:
    """By hand: 2 of 3 H100e and 1 of 2 OP/s stand in France, where the plan changes nothing yet."""
    rows = [
        h100("Old", 10) | PLACE | {"16-bit OP/s": 1e18, "H100 equivalents": 2000, "Superseded by": "New"},
        h100("New", 10) | PLACE | {"Status": "Planned", "First Operational Date": "2030-01-01"},
        h100("Other", 10) | {"Country": "Germany", "16-bit OP/s": 1e18, "H100 equivalents": 1000},
    ]
    found = run([clusters(tmp_path / "c.csv", *rows)], facts)
    shares = [
        (item.evidence.found.value, item.evidence.expected.value)
        for item in found
        if item.rule.id == "basis-shifts-shares"
    ]
    assert any(pair == pytest.approx((2 / 3, 1 / 2)) for pair in shares)
