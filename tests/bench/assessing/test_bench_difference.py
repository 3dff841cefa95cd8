"""Two records compared: what intervals allow to be said, and what may not be compared."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.assessing.difference import compare_records, judge, ratio_interval
from bench.errors import InputError
from bench.record import Record, Result
from bench.statistics import summarise
from tests.cli import in_process

FACTOR = st.floats(0.2, 5.0)
WIDTH = st.floats(0.0, 0.5)


def result(value: float, half_width: float = 0.005, **changes: Any) -> dict[str, Any]:
    fields = {
        "workload": "gemm",
        "device": "cuda:0",
        "precision": "bf16",
        "metric": "flop_rate",
        "unit": "FLOP/s",
        "value": value,
        "ci95": (value * math.exp(-half_width), value * math.exp(half_width)),
        "rounds": (value,) * 5,
        "status": "ok",
    }
    return fields | changes


def record(*results: dict[str, Any], **device: Any) -> Record:
    described = {"id": "cuda:0", "kind": "cuda", "name": "A GPU", "memory_bytes": 80_000_000_000}
    return Record.model_validate(
        {
            "schema": "flopcensus/record/1",
            "node": "n",
            "created": "2026-01-01T00:00:00Z",
            "flopcensus_version": "0.1.0",
            "mode": "quick",
            "budget_seconds": 60,
            "seed": 0,
            "devices": [described | device],
            "environment": {},
            "results": list(results),
        }
    )


@pytest.mark.parametrize(
    ("ci95", "verdict"),
    [
        ((0.99, 1.01), "same"),
        ((1.001, 1.015), "same"),
        ((1.01, 1.05), "faster"),
        ((0.90, 0.97), "slower"),
        ((0.95, 1.10), "cannot tell"),
        ((0.97, 1.01), "cannot tell"),
    ],
)
def test_what_an_interval_allows_to_be_said(ci95: tuple[float, float], verdict: str) -> None:
    assert judge(ci95, 0.02) == verdict


@given(FACTOR, WIDTH, WIDTH)
def test_turned_round_faster_is_slower_by_the_inverse(
    factor: float, old_width: float, new_width: float
) -> None:
    old, new = record(result(1e12, old_width)), record(result(1e12 * factor, new_width))
    forth = compare_records(old, new).differences[0]
    back = compare_records(new, old).differences[0]
    assert forth.ratio == pytest.approx(1 / back.ratio)
    assert forth.ci95 == pytest.approx((1 / back.ci95[1], 1 / back.ci95[0]))
    if abs(math.log(factor)) > 0.05:
        opposite = {"faster": "slower", "slower": "faster", "cannot tell": "cannot tell", "same": "same"}
        assert back.verdict == opposite[forth.verdict]


@given(FACTOR, WIDTH, WIDTH)
def test_the_interval_holds_the_ratio_and_is_no_narrower_than_either(
    factor: float, old_width: float, new_width: float
) -> None:
    old, new = Result(**result(1e12, old_width)), Result(**result(1e12 * factor, new_width))
    low, high = ratio_interval(old, new)
    assert low <= factor * (1 + 1e-9)
    assert high >= factor * (1 - 1e-9)
    assert math.log(high / low) >= 2 * max(old_width, new_width) - 1e-9


def test_two_runs_of_one_speed_are_seldom_told_apart() -> None:
    """Simulated pairs of runs with 4 % spread between rounds: wrong verdicts in at most 5 % of 400 pairs."""
    order, wrong = random.Random(1), 0
    for _ in range(400):
        records = []
        for _ in range(2):
            summary = summarise([1e12 * math.exp(order.gauss(0, 0.04)) for _ in range(8)])
            records.append(record(result(summary.median, ci95=(summary.low, summary.high))))
        verdict = compare_records(records[0], records[1]).differences[0].verdict
        wrong += verdict in {"faster", "slower"}
    assert wrong <= 0.05 * 400


def test_a_real_change_is_seen() -> None:
    """A run that is 20 % slower, with the same spread, is found in at least 90 % of 200 pairs."""
    order, found = random.Random(2), 0
    for _ in range(200):
        pair = []
        for speed in (1e12, 0.8e12):
            summary = summarise([speed * math.exp(order.gauss(0, 0.04)) for _ in range(8)])
            pair.append(record(result(summary.median, ci95=(summary.low, summary.high))))
        found += compare_records(pair[0], pair[1]).differences[0].verdict == "slower"
    assert found >= 0.9 * 200


def test_clocks_are_taken_out() -> None:
    old, new = record(result(1e12, clock_mhz=2000)), record(result(0.8e12, clock_mhz=1600))
    one = compare_records(old, new).differences[0]
    assert one.verdict == "slower"
    assert one.clock_ratio == pytest.approx(0.8)
    assert one.per_clock == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "B GPU"}, "the model differs (A GPU against B GPU)"),
        ({"units": 132}, ""),
        ({"power_limit_w": 700.0}, ""),
        ({"memory_bytes": 40_000_000_000}, "the memory (B) differs"),
    ],
)
def test_other_hardware_is_refused_with_what_differs(change: dict[str, Any], words: str) -> None:
    old, new = record(result(1e12)), record(result(1e12), **change)
    if not words:
        # one record does not say: no ground to refuse
        assert compare_records(old, new).differences
        return
    with pytest.raises(InputError) as caught:
        compare_records(old, new)
    assert words in str(caught.value)


def test_a_power_limit_that_was_changed_is_refused() -> None:
    old, new = record(result(1e12), power_limit_w=700.0), record(result(1e12), power_limit_w=500.0)
    with pytest.raises(InputError, match=r"the power limit \(W\) differs \(700.0 against 500.0\)"):
        compare_records(old, new)


def test_memory_that_a_kernel_keeps_for_itself_makes_no_other_hardware() -> None:
    """What two nodes with 128 GiB report after a kernel update: 0.1 % apart."""
    old = record(result(1e12), memory_bytes=134_950_000_000)
    new = record(result(1e12), memory_bytes=135_050_000_000)
    assert compare_records(old, new).differences


def test_rungs_of_a_ladder_are_compared_also_where_all_but_one_failed() -> None:
    small, large = (result(1e12, workload="memory_ladder", shape={"bytes": size}) for size in (4096, 65536))
    failed = large | {"status": "failed", "reason": "out of memory", "value": None, "ci95": None}
    comparison = compare_records(record(small, large), record(small, failed))
    assert [one.workload for one in comparison.differences] == ["memory_ladder bytes=4096"]
    assert comparison.only_old == ("memory_ladder bytes=65536 bf16 on cuda:0",)
    assert comparison.only_new == ()


def test_what_only_one_has_is_named_and_what_failed_is_not_compared() -> None:
    fp32 = result(1e12, precision="fp32")
    broken = fp32 | {"status": "incorrect", "reason": "wrong", "value": None, "ci95": None}
    comparison = compare_records(record(result(1e12), fp32), record(result(1e12), broken))
    assert comparison.only_old == ("gemm fp32 on cuda:0",)
    assert comparison.only_new == ()
    with pytest.raises(InputError, match="no result in common"):
        compare_records(record(fp32), record(broken))


@pytest.fixture
def records(tmp_path: Path) -> Path:
    (tmp_path / "old.json").write_text(record(result(1e12)).to_json(), encoding="utf-8")
    (tmp_path / "slow.json").write_text(record(result(0.8e12)).to_json(), encoding="utf-8")
    (tmp_path / "other.json").write_text(record(result(1e12), name="B").to_json(), encoding="utf-8")
    return tmp_path


def test_the_command_says_it_in_every_format(records: Path) -> None:
    table = in_process("bench", "diff", "old.json", "old.json", cwd=records)
    assert table.returncode == 0
    assert "same" in table.stdout
    slow = in_process("bench", "diff", "old.json", "slow.json", "--format", "json", cwd=records)
    assert slow.returncode == 1
    assert json.loads(slow.stdout)["differences"][0]["verdict"] == "slower"
    assert (
        in_process("bench", "diff", "slow.json", "old.json", "--format", "csv", cwd=records).returncode == 0
    )


def test_a_run_beside_others_is_pointed_out(tmp_path: Path) -> None:
    busy = record(result(0.8e12)).model_copy(update={"environment": {"other_load_fraction": 0.47}})
    (tmp_path / "old.json").write_text(record(result(1e12)).to_json(), encoding="utf-8")
    (tmp_path / "new.json").write_text(busy.to_json(), encoding="utf-8")
    outcome = in_process("bench", "diff", "old.json", "new.json", cwd=tmp_path)
    assert "warning: new.json: while it was measured, other processes took 47% of CPU time" in outcome.stderr


def test_the_command_refuses_in_one_line(records: Path) -> None:
    for arguments in (
        ("old.json", "other.json"),
        ("old.json", "none.json"),
        ("old.json", "old.json", "--margin", "2"),
    ):
        outcome = in_process("bench", "diff", *arguments, cwd=records)
        assert outcome.returncode == 2
        assert outcome.stdout == ""
        assert len(outcome.stderr.splitlines()) == 1
