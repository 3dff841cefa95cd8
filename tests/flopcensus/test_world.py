"""The page of the world and shares side by side, against sums of plain numbers."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from pathlib import Path

import pytest

from tests.cli import in_process as run

AS_OF = "2026-06-30"


def world(*options: str) -> dict:  # type: ignore[type-arg]
    args = ["brief", "WORLD", "--as-of", AS_OF, "--basis", "peak", "--draws", "500", "--format", "json"]
    return json.loads(run(*args, *options).stdout)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def page() -> dict:  # type: ignore[type-arg]
    return world()


def test_matrices_close_with_their_margins(page: dict) -> None:  # type: ignore[type-arg]
    assert set(page["matrices"]) == {"host_by_controller", "host_by_vendor", "user_by_vendor"}
    for matrix in page["matrices"].values():
        for side in ("row", "column"):
            sums: dict[str, float] = defaultdict(float)
            for cell in matrix["cells"]:
                sums[cell[side]] += cell["mean"]
            margin = {one[side]: one["mean"] for one in matrix[f"{side}s"]}
            assert sums == pytest.approx(margin)
            assert sum(margin.values()) == pytest.approx(page["total"]["mean"])
    assert page["imbalance"] < 1e-12


def test_the_matrix_agrees_with_the_estimate(page: dict) -> None:  # type: ignore[type-arg]
    args = ["--as-of", AS_OF, "--basis", "peak", "--draws", "500", "--unit", "h100e", "--format", "json"]
    estimate = json.loads(run("estimate", *args, "--by", "territory,provider").stdout)["estimates"][0]
    expected = {row["code"]: row["mean"] for row in estimate["accounts"]["territory,provider"]}
    cells = page["matrices"]["host_by_controller"]["cells"]
    assert {f"{c['row']} / {c['column']}": c["mean"] for c in cells} == pytest.approx(expected, rel=1e-6)


def test_inequality_is_a_curve_below_the_diagonal(page: dict) -> None:  # type: ignore[type-arg]
    assert {(one["level"], one["per"]) for one in page["inequality"]} == {
        (level, per) for level in ("territory", "provider") for per in ("population", "gdp_usd")
    }
    for one in page["inequality"]:
        lorenz = one["lorenz"]
        assert lorenz[0] == [0, 0]
        assert lorenz[-1] == pytest.approx([1, 1])
        assert all(y <= x + 1e-9 for x, y in lorenz)
        assert 0 < one["gini"]["p5"] <= one["gini"]["p95"] < 1


def test_the_largest_sites_are_the_largest_of_the_estimate(page: dict) -> None:  # type: ignore[type-arg]
    args = ["--as-of", AS_OF, "--basis", "peak", "--draws", "500", "--unit", "h100e", "--format", "json"]
    rows = json.loads(run("estimate", *args, "--by", "facility").stdout)["estimates"][0]["accounts"][
        "facility"
    ]
    assert [one["facility"] for one in page["largest"]] == [row["code"] for row in rows[:10]]
    assert all(one["sources"] for one in page["largest"])


def test_joint_ventures_move_what_europe_controls() -> None:
    def controlled(joint: str) -> dict[str, float]:
        found = world("--joint", joint)["matrices"]["host_by_controller"]
        return {one["column"]: one["mean"] for one in found["columns"]}

    owner, access, host = (controlled(joint) for joint in ("owner", "access", "host"))
    assert owner["EU"] > access["EU"] > host.get("EU", 0.0)
    assert host["DE"] > access["DE"] > owner["DE"]
    assert sum(owner.values()) == pytest.approx(sum(host.values())) == pytest.approx(sum(access.values()))


def test_a_share_of_demand_is_not_the_worlds() -> None:
    result = run("brief", "WORLD", "--demand", "20%")
    assert result.returncode == 2
    assert "--demand" in result.stderr


@pytest.fixture
def shares_of_nvidia() -> dict:  # type: ignore[type-arg]
    args = ("shares", "nvidia", "--as-of", AS_OF, "--draws", "500", "--format", "json")
    return json.loads(run(*args).stdout)  # type: ignore[no-any-return]


def test_each_share_names_its_denominator_date_and_source(shares_of_nvidia: dict) -> None:  # type: ignore[type-arg]
    found = shares_of_nvidia["shares"]
    assert all(one["of"] and one["date"] and one["source"] for one in found)
    assert all(0 <= one["p5"] <= one["share"] <= one["p95"] <= 1 for one in found)
    assert {one["of"] for one in found} >= {
        "revenue from data-centre GPUs",
        "located capacity, bf16 dense peak",
    }
    # the shipped totals say what was sold
    assert any("sold since" in one["of"] for one in found)


def test_the_located_share_is_that_of_the_estimate(shares_of_nvidia: dict) -> None:  # type: ignore[type-arg]
    args = ["--as-of", AS_OF, "--basis", "peak", "--draws", "500", "--format", "csv"]
    rows = csv.DictReader(io.StringIO(run("estimate", *args, "--by", "vendor").stdout))
    expected = next(float(row["share"]) for row in rows if row["code"] == "nvidia")
    located = next(one for one in shares_of_nvidia["shares"] if one["of"].startswith("located capacity"))
    assert located["share"] == pytest.approx(expected, rel=1e-6)


def test_what_was_sold_is_two_thirds(shared: Path) -> None:
    sales = shared / "data/epoch/chip_counts_2026-04-22"
    args = ("shares", "nvidia", "--draws", "500", "--format", "json", "--sold", str(sales))
    found = json.loads(run(*args).stdout)["shares"]
    sold = next(one for one in found if "sold since" in one["of"])
    assert sold["date"] == "2025-12-31"
    assert sold["share"] == pytest.approx(2 / 3, abs=0.04)
    assert sold["p5"] < sold["share"] < sold["p95"]


def test_an_unknown_designer_is_named_with_the_nearest() -> None:
    result = run("shares", "nvidai")
    assert result.returncode == 2
    assert "did you mean" in result.stderr
