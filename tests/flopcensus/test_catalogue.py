"""``flopcensus catalogue`` as its users meet it: lists, conditions, one row in full, freshness."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from typing import Any

import pytest

from accounting.reference.facts import load_facts
from flopcensus.documents.catalogue.freshness import all_citations
from tests.cli import in_process as run


def rows(*arguments: str) -> list[dict[str, Any]]:
    result = run("catalogue", *arguments, "--format", "json")
    assert result.returncode == 0, result.stderr
    found: list[dict[str, Any]] = json.loads(result.stdout)["rows"]
    return found


@pytest.mark.parametrize(
    ("condition", "column", "fits"),
    [
        ("designer=huawei", "designer", lambda value: value == "huawei"),
        ("designer!=nvidia", "designer", lambda value: value != "nvidia"),
        ("bf16_flop_per_s>=1e15", "bf16_flop_per_s", lambda value: value is not None and value >= 1e15),
        ("memory_type~hbm", "memory_type", lambda value: value is not None and "hbm" in value.casefold()),
        ("released<2019-01-01", "released", lambda value: value is not None and value < "2019-01-01"),
    ],
)
def test_conditions(condition: str, column: str, fits: Any) -> None:
    everything = rows("accelerators")
    found = rows("accelerators", "--where", condition)
    assert found == [row for row in everything if fits(row[column])]
    assert 0 < len(found) < len(everything)


def test_conditions_join_and_reach_into_lists() -> None:
    found = rows("clouds", "--where", "designers=google", "--where", "provider=google")
    assert found
    assert all("google" in row["designers"] for row in found)


def test_one_in_full_with_its_sources() -> None:
    result = run("catalogue", "accelerators", "nvidia-h100-sxm", "AMD Instinct MI300X")
    assert result.returncode == 0, result.stderr
    assert "id: nvidia-h100-sxm" in result.stdout
    assert "source: https://" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("accelerators", "nvidia-h100-smx"), "did you mean nvidia-h100-sxm"),
        (("accelerators", "--where", "designr=nvidia"), "did you mean designer"),
        (("accelerators", "--where", "designer"), "COLUMN=VALUE"),
        (("accelerators", "--where", "tdp_w>much"), "a number is compared here"),
    ],
)
def test_what_cannot_be_found_is_said(arguments: tuple[str, ...], said: str) -> None:
    result = run("catalogue", *arguments)
    assert result.returncode == 2
    assert said in result.stderr


def test_freshness_counts_every_citation() -> None:
    cited = all_citations(load_facts())
    found = rows("freshness")
    by_table = Counter(one.table for one in cited)
    assert {row["table"]: row["citations"] for row in found if row["family"] == "all"} == dict(by_table)
    for row in found:
        kinds = sum(row[kind] for kind in ("measured", "published", "reported", "derived", "assumed"))
        assert kinds == row["citations"]
    hopper = [one for one in cited if one.table == "accelerators" and one.family == "nvidia-hopper"]
    (row,) = rows("freshness", "--where", "table=accelerators", "--where", "family=nvidia-hopper")
    assert row["citations"] == len(hopper)
    assert row["oldest"] == min(one.date for one in hopper).isoformat()
    newest = max(one.date for one in hopper).isoformat()
    assert row["newest"] == newest
    assert row["median age in years"] <= max(
        1.0, statistics.median([abs(int(newest[:4]) - one.date.year) for one in hopper]) + 2
    )
