"""``flopcensus plan`` as its users and their scripts meet it, and its plans as ``compare`` finds them."""

from __future__ import annotations

import builtins
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.cli import in_process as run
from tests.docs.examples import REPOSITORY

DRAWS = ("--draws", "1000")
ASKED = ("--power", "50 MW", "--budget", "2 B$", "--max-share", "vendor:US=0.6")

OPEN = """\
cluster:
  id: open
  name: Open
  hypothetical: true
  territory: FI
  owner: eurohpc-ju
  operator: csc
  power_cap: 20 MW
  deployments:
    - {id: old, accelerator: nvidia-h100-sxm, count: 1000, in_service: 2026-01}
    - {id: new, accelerator: nvidia-gb300, in_service: 2027-01}
    - {id: other, accelerator: amd-mi355x, in_service: 2027-01}
"""


def document(*arguments: str, code: int = 0) -> Any:
    result = run("plan", *arguments, "--format", "json", *DRAWS)
    assert result.returncode == code, result.stderr
    return json.loads(result.stdout)


def test_the_plan_as_compare_finds_it_keeps_every_limit(tmp_path: Path) -> None:
    out = tmp_path / "best.yaml"
    found = document("hedged", *ASKED, "-o", str(out))
    assert found["feasible"]
    again = run("compare", str(out), "--format", "json", "--basis", "delivered", *DRAWS)
    assert again.returncode == 0, again.stderr
    value = json.loads(again.stdout)["clusters"][0]
    assert value["metrics"]["facility_full_load_w"]["p50"] <= 50e6
    assert value["metrics"]["capital_usd"]["p50"] <= 2e9
    nations = {row["code"]: row["share"] for row in value["origin"]["delivered"]["vendor_nation"]}
    assert nations["US"] <= 0.6 + 1e-9
    # the same draws, so the same figures
    assert value["capacity"]["delivered"]["p50"] == pytest.approx(found["mix"]["goal"]["p50"])
    assert {one["limit"]: one["probability_kept"] for one in value["limits"]}["power_cap"] >= 0.5
    ends = run("training-run", "--flop", "1e24", "--on", str(out), *DRAWS)
    assert ends.returncode == 0, ends.stderr


def test_counts_come_in_racks_and_every_default_is_stated() -> None:
    found = document("hedged", *ASKED)
    rows = {row["accelerator"]: row for row in found["mix"]["deployments"]}
    assert rows["nvidia-b200-sxm"]["count"] % 8 == 0
    assert rows["huawei-ascend-910c"]["count"] % 384 == 0
    assert sum(row["share"] for row in rows.values()) == pytest.approx(1.0)
    assert all(one["default"] and one["source"].startswith("https") for one in found["assumptions"])
    own = document("hedged", *ASKED, "--unit", "100")
    assert all(row["count"] % 100 == 0 for row in own["mix"]["deployments"])


def test_one_more_megawatt_gives_what_its_shadow_value_says() -> None:
    asked = ("hedged", "--budget", "9 B$", "--unit", "1")
    at = {mw: document(*asked, "--power", f"{mw} MW") for mw in (50, 60)}
    gained = at[60]["mix"]["goal"]["p50"] - at[50]["mix"]["goal"]["p50"]
    limit = next(one for one in at[50]["limits"] if one["limit"].startswith("facility power"))
    assert limit["binds"]
    assert gained == pytest.approx(limit["goal_per_unit"] * 10e6, rel=0.02)


def test_what_stands_is_kept_and_only_open_counts_are_sought(tmp_path: Path) -> None:
    path = tmp_path / "open.yaml"
    path.write_text(OPEN, encoding="utf-8")
    rows = {row["deployment"]: row for row in document(str(path))["mix"]["deployments"]}
    assert rows["old"]["stays"]
    assert rows["old"]["count"] == 1000
    assert not rows["new"]["stays"]


def test_the_cheapest_mix_that_delivers_enough() -> None:
    found = document("hedged", "--minimise", "cost", "--at-least", "5 EFLOP/s", "--power", "100 MW")
    assert next(c for c in found["value"]["capacities"] if c["basis"] == "delivered")["p50"] >= 5e18
    dearer = document("hedged", "--minimise", "cost", "--at-least", "6 EFLOP/s", "--power", "100 MW")
    assert dearer["mix"]["goal"]["p50"] > found["mix"]["goal"]["p50"]


def test_limits_that_clash_are_named_in_one_message() -> None:
    result = run("plan", "hedged", "--power", "5 MW", "--at-least", "5 EFLOP/s", "--budget", "9 B$", *DRAWS)
    assert result.returncode == 1
    first = result.stdout.splitlines()[0]
    assert first.endswith(
        "these limits clash: facility power at full load at most 5.00 MW; delivered at least 5.00 EFLOP/s"
    )
    found = document("hedged", "--power", "5 MW", "--at-least", "5 EFLOP/s", "--budget", "9 B$", code=1)
    assert found["mix"] is None
    assert [one["limit"] for one in found["clash"]] == ["facility power at full load", "delivered"]


def test_more_dependence_never_delivers_less_and_caution_is_better_at_its_percentile() -> None:
    found = document("hedged", "--power", "20 MW", "--frontier", "vendor:US", "--robust", "0.2")
    values = [point["mix"]["best_at_percentile"] for point in found["frontier"]]
    assert len(values) == 11
    assert values == sorted(values)
    assert found["regret"]["gained_at_percentile"] >= -1e-3 * found["mix"]["best_at_percentile"]
    assert found["regret"]["median_given_up"] >= 0


def test_only_what_needs_no_licence_is_a_candidate() -> None:
    found = document("china-domestic", "--power", "20 MW", "--importable", "--on", "2026-06-30")
    rows = found["mix"]["deployments"]
    assert rows
    assert any("us-2023-10" in one["reason"] or "us-2026" in one["reason"] for one in found["left_out"])
    assert "nvidia-gb300" not in {row["accelerator"] for row in rows}


def test_an_export_cap_holds() -> None:
    asked = ("india-public-pool", "--power", "200 MW", "--accelerators", "nvidia-gb300")
    free, capped = document(*asked), document(*asked, "--export-cap", "us-2025-01")
    tpp = capped["value"]["metrics"]["tpp"]["p50"]
    assert tpp <= 790e6 < free["value"]["metrics"]["tpp"]["p50"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("hedged",), "nothing limits delivered"),
        (("hedged", "--power", "50"), "--power"),
        (("hedged", "--max-share", "vendor=US"), "--max-share"),
        (("hedged", "--max-share", "vender:US=0.5", "--power", "5 MW"), "did you mean vendor"),
        (("hedged", "--maximise", "deliverd", "--power", "5 MW"), "did you mean delivered"),
        (("hedged", "--robust", "1.5", "--power", "5 MW"), "--robust must lie between 0 and 1"),
        (("hedged", "--minimise", "cost", "--maximise", "peak"), "not both"),
        (("nowhere", "--power", "5 MW"), "cluster"),
        (("hedged", "--unit", "rack", "--power", "5 MW"), "--unit"),
    ],
)
def test_what_cannot_be_read_ends_with_2(arguments: tuple[str, ...], message: str) -> None:
    result = run("plan", *arguments, *DRAWS)
    assert result.returncode == 2
    assert message in result.stderr


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any, **others: Any) -> Any:
        if name.startswith("scipy"):
            raise ModuleNotFoundError(name)
        return real(name, *rest, **others)

    monkeypatch.setattr(builtins, "__import__", absent)
    result = run("plan", "hedged", "--power", "5 MW", *DRAWS)
    assert result.returncode == 2
    assert "flopcensus[planning]" in result.stderr


def test_a_library_that_found_no_room_is_not_one_that_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def no_room(name: str, *rest: Any, **others: Any) -> Any:
        if name.startswith("scipy"):
            raise ImportError(f"lib{name}.so: failed to map segment from shared object")
        return real(name, *rest, **others)

    monkeypatch.setattr(builtins, "__import__", no_room)
    result = run("plan", "hedged", "--power", "5 MW", *DRAWS)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith("error: not enough memory")


def test_the_walk_in_the_docs_runs_in_one_folder(tmp_path: Path) -> None:
    text = (REPOSITORY / "docs" / "planning.md").read_text(encoding="utf-8")
    block = text.partition("```sh\n")[2].partition("```")[0]
    commands = [shlex.split(line)[1:] for line in block.splitlines()]
    assert [words[0] for words in commands] == ["plan", "compare", "training-run", "export-control"]
    for words in commands:
        result = run(*words, *(() if words[0] == "export-control" else DRAWS), cwd=tmp_path)
        assert result.returncode == 0, result.stderr
