"""Laws of the linter: catalogue rates are clean, order does not matter, factors have no scale."""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.lint.linting import lint
from accounting.lint.rates import best_rate, matching, off
from accounting.lint.repairing import repair
from accounting.lint.rule import Finding
from accounting.reference.facts import Facts, load_facts
from tests.lint_census import clusters, h100

TODAY = datetime.date(2026, 6, 30)
FACTS = load_facts()
CHIPS = sorted(key for key, chip in FACTS.accelerators.items() if best_rate(chip) and "bf16" in chip.peak)


def check(rows: list[dict[str, Any]], name: str = "c.csv") -> tuple[Finding, ...]:
    with tempfile.TemporaryDirectory() as folder:
        return lint([str(clusters(Path(folder) / name, *rows))], FACTS, TODAY)


def right(name: str, chip: str, count: int) -> dict[str, Any]:
    """A row as Epoch would write it, from the catalogue's peaks."""
    peaks = FACTS.accelerators[chip].peaks()
    best = best_rate(FACTS.accelerators[chip]) or 0.0
    eight = max(peaks.get("fp8", 0.0), peaks.get("int8", 0.0))
    thirty_two = peaks.get("tf32") or peaks.get("fp32")
    return h100(name, count) | {
        "Chip type (primary)": chip,
        "16-bit OP/s": peaks["bf16"] * count,
        "8-bit OP/s": eight * count if eight else "",
        "32-bit OP/s": thirty_two * count if thirty_two else "",
        "Max OP/s": best * count,
        "H100 equivalents": best * count / 1.979e15,
    }


BATCHES = st.lists(st.tuples(st.sampled_from(CHIPS), st.integers(1, 10**6)), min_size=1, max_size=6)


@given(BATCHES)
@settings(max_examples=40)
def test_a_file_made_of_the_catalogue_is_clean(batches: list[tuple[str, int]]) -> None:
    rows = [right(f"Row {place}", chip, count) for place, (chip, count) in enumerate(batches)]
    assert {item.rule.id for item in check(rows) if item.severity != "note"} == set()


COLUMN = st.sampled_from(["16-bit OP/s", "8-bit OP/s", "H100 equivalents"])


@given(
    BATCHES,
    COLUMN,
    st.floats(1.3, 50).flatmap(lambda factor: st.sampled_from([factor, 1 / factor])),
    st.randoms(use_true_random=False),
    st.integers(2, 1000),
)
@settings(max_examples=40)
def test_a_row_off_is_found_in_any_order_and_at_any_scale(
    batches: list[tuple[str, int]], column: str, times: float, random: Any, scale: int
) -> None:
    rows = [right(f"Row {place}", chip, count) for place, (chip, count) in enumerate(batches)]
    bad = right("Bad", "nvidia-h200-sxm", 1000)
    rows.append(bad | {column: float(bad[column]) * times})
    first = check(rows)
    rule = "h100e-count" if column.startswith("H100") else "per-chip-rate"
    (found,) = [item.evidence for item in first if item.rule.id == rule]
    assert found.ratio == pytest.approx(times, rel=1e-3)
    assert found.factor is not None
    assert (found.factor > 1) == (times > 1) or found.factor == pytest.approx(1)

    random.shuffle(rows)
    larger = [
        {key: cell * scale if isinstance(cell, int | float) else cell for key, cell in row.items()}
        for row in rows
    ]
    (again,) = [item.evidence for item in check(larger) if item.rule.id == rule]
    assert again.ratio == pytest.approx(found.ratio)
    assert again.factor == pytest.approx(found.factor)


@given(st.floats(1e9, 1e17), st.floats(1e9, 1e17), st.floats(0.01, 1))
def test_off_is_symmetric(one: float, other: float, tolerance: float) -> None:
    assert off(one, other, tolerance) == off(other, one, tolerance)
    assert not off(one, one, tolerance)


@pytest.mark.parametrize("chip", CHIPS)
def test_every_rate_of_a_sheet_is_known_as_one(chip: str) -> None:
    accelerator = FACTS.accelerators[chip]
    for sparse, rates in ((False, accelerator.peak), (True, accelerator.sparse_peak)):
        for precision, rate in rates.items():
            stated = [
                (accelerator.sparse_peak if s else accelerator.peak)[p]
                for p, s in matching(accelerator, rate)
            ]
            assert rate in stated, (precision, sparse)


def test_a_repaired_copy_needs_no_repair(tmp_path: Path, facts: Facts) -> None:
    rows = [right("A", "nvidia-gb300", 1000), right("B", "amazon-trainium2", 10)]
    rows[0] |= {"8-bit OP/s": 167e15, "Max OP/s": 2500e15, "H100 equivalents": 167e15 / 1.979e15}
    rows[1] |= {"8-bit OP/s": "", "Max OP/s": 667e13, "H100 equivalents": 667e13 / 1.979e15}
    path = clusters(tmp_path / "c.csv", *rows)
    first = repair(path, lint([str(path)], facts, TODAY))
    assert {(change.line, change.column) for change in first.changes} == {
        (line, column) for line in (2, 3) for column in ("8-bit OP/s", "Max OP/s", "H100 equivalents")
    } | {(2, "Max OP/s (log)"), (3, "Max OP/s (log)")}
    path.write_bytes(first.content)
    again = lint([str(path)], facts, TODAY)
    assert not again
    assert repair(path, again).changes == ()
    assert repair(path, again).content == first.content
