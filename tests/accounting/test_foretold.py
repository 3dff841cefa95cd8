"""What pooling foretells of what it has not seen (families and training runs), and paper against measured."""

from __future__ import annotations

import csv
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accounting.accounts.paper import moves, weights
from accounting.capacity.calibration import load_calibration, shipped_evidence
from accounting.capacity.efficiency.cross_validation import (
    LeftOut,
    coverage,
    interval_score,
    leave_families_out,
    mean_score,
)
from accounting.capacity.h100e import load_h100e
from accounting.capacity.valuation import Skipped, Valuer
from accounting.census.sources import load_census
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root


@pytest.fixture(scope="module")
def left_out(facts: Facts) -> list[LeftOut]:
    evidence = shipped_evidence(facts)
    cases = (("achievable", "bf16"), ("achievable", "fp8"), ("sustained", "bf16"))
    return [row for case in cases for row in leave_families_out(evidence, facts, *case)]


@pytest.fixture(scope="module")
def runs(repository: Path, shared: Path) -> tuple[Any, ...]:
    measure = runpy.run_path(str(repository / "benchmarks" / "training_runs.py"))["measure"]
    return tuple(measure(shared / "reference" / "training_runs.csv"))


def test_families_left_out_are_covered_and_better_foretold_than_by_a_constant(
    left_out: list[LeftOut],
) -> None:
    assert len(left_out) == 45
    assert coverage(left_out, "pooled") >= 0.8
    assert mean_score(left_out, "pooled") < mean_score(left_out, "normal")
    assert mean_score(left_out, "pooled") < mean_score(left_out, "quantiles")


@pytest.mark.parametrize("precision", ["bf16", "fp8"])
def test_best_matmuls_alone_as_well(left_out: list[LeftOut], precision: str) -> None:
    rows = [row for row in left_out if (row.basis, row.precision) == ("achievable", precision)]
    assert coverage(rows, "pooled") >= 0.8
    for constant in ("normal", "quantiles"):
        assert mean_score(rows, "pooled") < mean_score(rows, constant)


def test_the_constant_of_quantiles_is_numpys_of_the_other_families(facts: Facts) -> None:
    rows = leave_families_out(shipped_evidence(facts), facts, "achievable", "fp8")
    rest = [row.value for row in rows if row.family != "intel-gaudi2"]
    gaudi = next(row for row in rows if row.family == "intel-gaudi2")
    assert gaudi.quantiles == pytest.approx(np.quantile(rest, [0.05, 0.95]))


def test_the_interval_score_is_least_at_the_true_quantiles() -> None:
    """It is a proper score: no other interval does better in expectation (by simulation)."""
    values = np.random.default_rng(1).standard_normal(4000)
    true = np.mean([interval_score((-1.645, 1.645), v) for v in values])
    for low, high in ((-1.2, 1.2), (-2.2, 2.2), (-1.0, 2.0)):
        assert true < np.mean([interval_score((low, high), v) for v in values])


def test_independent_runs_lie_in_their_intervals(runs: tuple[Any, ...]) -> None:
    """All three. Factor 2 between p95 and p5 is not reached: see docs/calibration.md for why."""
    independent = [run for run in runs if run.independent]
    assert {run.name for run in independent} == {"PaLM 540B", "GLM-130B", "Llama 3.1 405B"}
    assert all(run.inside for run in independent)
    assert all(run.foretold.ratio < 2.6 for run in independent)


def test_large_dense_runs_whose_hours_are_stated_are_covered(runs: tuple[Any, ...], shared: Path) -> None:
    with (shared / "reference" / "training_runs.csv").open(encoding="utf-8") as stream:
        size = {row["model"]: float(row["params_B_active"] or 0) for row in csv.DictReader(stream)}
    large = [run for run in runs if size[run.name] >= 30]
    assert len(large) == 11
    assert all(run.inside for run in large)
    # smaller models do not fill large accelerators: they are what is missed
    assert all(size[run.name] < 16 for run in runs if not run.inside)


def test_circular_rows_are_no_evidence(runs: tuple[Any, ...]) -> None:
    names = {run.name for run in runs}
    assert not names & {
        "GPT-3 175B",
        "OPT-175B",
        "MegaScale-175B (300B tok)",
        "Nemotron-4 340B",
        "DeepSeek-V3",
    }


def test_paper_against_measured_agrees_with_the_reference(facts: Facts, shared: Path) -> None:
    """H100e of spec sheets within 1 %; of best matmuls within what software and repeats explain.

    The reference divides the best figure of each chip by 794.5 TFLOP/s. Ours pools repeats: the H100's with
    one of 720, the MI300X's with 620 and 708, so that both move; others are higher by 794.5 ÷ 759.
    """
    table = load_h100e(configs_root() / "h100e.yaml")
    found = {w.accelerator: w for w in weights(load_calibration(facts), table, "bf16", 0, 400)}
    names = {
        "NVIDIA A100 SXM": "nvidia-a100-sxm-80gb",
        "NVIDIA H100 SXM": "nvidia-h100-sxm",
        "NVIDIA B200 SXM": "nvidia-b200-sxm",
        "NVIDIA GB200": "nvidia-gb200",
        "AMD MI300X": "amd-mi300x",
        "AMD MI325X": "amd-mi325x",
        "AMD MI355X": "amd-mi355x",
        "Intel Gaudi2": "intel-gaudi2",
        "Intel Gaudi3": "intel-gaudi3",
        "Google TPU v5p": "google-tpu-v5p",
        "Google TPU v6e": "google-tpu-v6e",
    }
    with (shared / "reference" / "h100e_peak_vs_measured.csv").open(encoding="utf-8") as stream:
        reference = {row["accelerator"]: row for row in csv.DictReader(stream)}
    for name, identifier in names.items():
        row, ours = reference[name], found[identifier].h100e
        # Gaudi 2 is 432 TFLOP/s here and 450 there
        assert ours["peak"].p50 == pytest.approx(float(row["dense_bf16_spec_ratio"]), rel=0.05), name
        if row["mamf_bf16_ratio"] and identifier != "nvidia-h100-sxm":
            matmul = float(row["mamf_bf16_ratio"]) * 794.5 / 759
            assert ours["achievable"].p50 == pytest.approx(matmul, rel=0.04), name


def test_shares_that_move_against_the_accounts_of_each_basis(facts: Facts) -> None:
    """Before and after are those of a plain sum; the differences of a level add to nought."""
    valuer = Valuer(facts, load_calibration(facts), bases=("peak", "delivered"), size=50)
    entries = load_census([], facts).entries[:60]
    found = moves(entries, valuer, ("vendor",), ("peak", "delivered"))
    sums: dict[str, float] = {}
    for entry in entries:
        valued = valuer.value(entry)
        if not isinstance(valued, Skipped):
            vendor = entry.vendor or "unknown"
            sums[vendor] = sums.get(vendor, 0.0) + float(valued.capacity["peak"].draws.mean())
    assert {m.code: m.before for m in found} == pytest.approx(
        {vendor: value / sum(sums.values()) for vendor, value in sums.items()}
    )
    assert sum(m.difference.mean for m in found) == pytest.approx(0.0, abs=1e-12)
