"""Export rules on clusters: whom they reach on which day, what needs a licence, how much of a cap is used."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from accounting.planning.clusters import entries, load_cluster
from accounting.planning.export_rules import ExportRules, RuleFinding, judge, load_rules, reaches
from accounting.reference.facts import Facts
from tests.cli import in_process

DAY = datetime.date(2027, 1, 1)
TEXT = """\
cluster:
  id: mine
  name: Mine
  hypothetical: true
  territory: {territory}
  owner: {owner}
  operator: lncc
  deployments:
    - {{id: a, accelerator: {accelerator}, count: {count}}}
"""


@pytest.fixture(scope="module")
def rules() -> ExportRules:
    return load_rules()


def found(
    tmp_path: Path, facts: Facts, rules: ExportRules, day: datetime.date = DAY, **parts: object
) -> dict[str, RuleFinding]:
    known = {"territory": "BR", "owner": "mcti-brazil", "accelerator": "nvidia-h100-sxm", "count": 1000}
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT.format(**(known | parts)), encoding="utf-8")
    cluster = load_cluster(path, facts)
    return {one.rule.id: one for one in judge(entries(cluster, facts), cluster.territory, day, facts, rules)}


def test_every_rule_says_whom_it_reaches_but_that_on_memory(rules: ExportRules) -> None:
    # the rule on memory is of stacks bought apart
    assert {rule.id for rule in rules.rules} - set(rules.reach) == {"us-2024-12"}


def test_the_use_of_a_country_cap_by_hand(tmp_path: Path, facts: Facts, rules: ExportRules) -> None:
    """790 million TPP; an H100 has 1,978.9 × 8 = 15,831: a country could have 49,901 of them."""
    one = found(tmp_path, facts, rules, count=49_901)["us-2025-01"]
    assert one.cap_used == pytest.approx(1.0, abs=1e-3)
    assert not one.in_force
    assert found(tmp_path, facts, rules, day=datetime.date(2025, 2, 1))["us-2025-01"].in_force


@pytest.mark.parametrize(
    ("territory", "rule", "reached"),
    [
        ("CN", "us-2022-10", True),
        ("AE", "us-2022-10", False),
        ("AE", "us-2023-10", True),
        ("IL", "us-2023-10", False),
        ("BR", "us-2023-10", False),
        ("BR", "us-2025-01", True),
        ("GB", "us-2025-01", False),
        ("US", "us-2025-01", False),
        ("IR", "us-2025-04", True),
        ("AE", "us-2026-01", False),
        ("MO", "us-2026-01", True),
    ],
)
def test_destinations(
    territory: str, rule: str, reached: bool, tmp_path: Path, facts: Facts, rules: ExportRules
) -> None:
    assert found(tmp_path, facts, rules, territory=territory)[rule].reached is reached


def test_a_seat_in_an_embargoed_country_is_followed_anywhere(
    facts: Facts, rules: ExportRules, tmp_path: Path
) -> None:
    abroad = found(tmp_path, facts, rules, territory="MY", owner="alibaba")["us-2023-10"]
    assert abroad.reached
    assert abroad.batches[0].licence
    assert not found(tmp_path, facts, rules, territory="MY")["us-2023-10"].reached


def test_the_letter_on_the_h20_follows_seats_too(facts: Facts, rules: ExportRules, tmp_path: Path) -> None:
    """NVIDIA's form 8-K: or to companies headquartered or with an ultimate parent therein."""
    abroad = found(tmp_path, facts, rules, territory="MY", owner="alibaba", accelerator="nvidia-h20")
    assert abroad["us-2025-04"].batches[0].licence


def test_a_country_leaves_a_group_when_its_embargo_ends(facts: Facts, rules: ExportRules) -> None:
    """Cambodia: ended by the State Department on 7 November 2025; it stays in D:1, which is another rule."""
    last, first = datetime.date(2025, 11, 6), datetime.date(2025, 11, 7)
    assert reaches(rules.reach["us-2025-04"], "KH", None, last, facts)
    assert not reaches(rules.reach["us-2025-04"], "KH", None, first, facts)
    assert reaches(rules.reach["us-2023-10"], "KH", None, first, facts)


def test_refused_destinations_have_no_cap(tmp_path: Path, facts: Facts, rules: ExportRules) -> None:
    one = found(tmp_path, facts, rules, territory="CN")["us-2025-01"]
    assert one.cap_used is None
    assert one.batches[0].refused
    assert "refused" in one.text


def test_chips_of_other_designers_are_not_judged(tmp_path: Path, facts: Facts, rules: ExportRules) -> None:
    one = found(tmp_path, facts, rules, territory="AE", accelerator="huawei-ascend-910c")["us-2023-10"]
    assert one.tpp_stopped == 0
    assert one.batches[0].licence is None
    assert "not judged" in one.text


def test_what_a_rule_would_have_stopped_is_the_sum_over_licensed_chips(
    facts: Facts, rules: ExportRules
) -> None:
    cluster = load_cluster("hedged", facts)
    (one,) = [r for r in judge(entries(cluster, facts), "AE", DAY, facts, rules) if r.rule.id == "us-2023-10"]
    b200 = max(
        facts.accelerators["nvidia-b200-sxm"].peaks()[p] / 1e12 * bits for p, bits in (("fp4", 4), ("fp8", 8))
    )
    assert one.tpp_stopped == pytest.approx(2368 * b200)
    assert one.tpp > one.tpp_stopped


def test_the_h20_needs_a_licence_by_letter_only(tmp_path: Path, facts: Facts, rules: ExportRules) -> None:
    rows = found(tmp_path, facts, rules, territory="CN", accelerator="nvidia-h20", owner="alibaba")
    assert rows["us-2023-10"].batches[0].licence is False
    assert rows["us-2025-04"].batches[0].licence is True


def test_a_later_member_of_a_group_is_reached_from_its_day_on(facts: Facts, rules: ExportRules) -> None:
    reach = rules.reach["us-2025-04"]
    before, after = datetime.date(2024, 1, 1), datetime.date(2024, 4, 1)
    assert not reaches(reach, "NI", None, before, facts)
    assert reaches(reach, "NI", None, after, facts)


def test_a_country_of_the_census_on_the_command_line() -> None:
    """What needed a licence is part of what stands there; an ally of the rule has no cap."""
    capped = json.loads(
        in_process("export-control", "--country", "India", "--on", "2025-12-31", "--format", "json").stdout
    )
    rows = {row["rule"]: row for row in capped["rules"]}
    assert capped["country"] == "IN"
    assert rows["us-2025-01"]["cap_used"] == pytest.approx(rows["us-2025-01"]["tpp_licensed"] / 790e6)
    assert 0 < rows["us-2025-01"]["tpp_licensed"] <= rows["us-2025-01"]["tpp"]
    ally = json.loads(in_process("export-control", "--country", "GB", "--format", "json").stdout)
    assert all(row["cap_used"] is None for row in ally["rules"])


def test_a_model_and_a_country_at_once_are_refused() -> None:
    assert in_process("export-control").returncode == 2
    assert in_process("export-control", "nvidia-h20", "--country", "CN").returncode == 2
