"""The chain only falls: what breaks it is refused, and whoever trains in fewer bits says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accounting.capacity.calibration import STEPS, Calibration, load_calibration, shipped_evidence
from accounting.capacity.efficiency.evidence import load_evidence
from accounting.capacity.efficiency.runs import predict_run
from accounting.capacity.efficiency.scaling import Scaling
from accounting.errors import InputFaults
from accounting.reference.accelerators import PRECISIONS
from accounting.reference.facts import Facts
from tests.accounting.test_calibration import measured, measurement, mfu, trained

_REST = "source: x, date: 2024-11-13, kind: derived}"


def written(folder: Path, row: str) -> Path:
    path = folder / "m.yaml"
    path.write_text(f"measurements:\n  - {row}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("metric", ["mfu", "hfu", "wall_clock"])
def test_866_tflops_in_bf16_on_an_h100_is_refused_with_the_reason(
    tmp_path: Path, facts: Facts, metric: str
) -> None:
    row = "{accelerator: nvidia-h100-sxm, basis: sustained, regime: bf16, metric: %s, achieved: 866 TFLOP/s, "
    with pytest.raises(InputFaults) as caught:
        load_calibration(facts, [written(tmp_path, row % metric + _REST)])
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'm.yaml'}:2:")
    assert "nvidia-h100-sxm at 866 TFLOP/s in bf16 is above the best matmul measured in it, 794.5" in message
    assert "state the regime it trained in (fp8-mixed" in message


def test_the_same_rate_in_fp8_is_taken_and_moves_no_bf16(tmp_path: Path, facts: Facts) -> None:
    row = (
        "{accelerator: nvidia-h100-sxm, basis: sustained, regime: fp8-mixed, metric: wall_clock, "
        "achieved: 866 TFLOP/s, "
    )
    beside = load_calibration(facts, [written(tmp_path, row + _REST)])
    for step in STEPS:
        one = load_calibration(facts).efficiency(step, "nvidia-h100-sxm", "bf16")
        assert beside.efficiency(step, "nvidia-h100-sxm", "bf16") == one


def test_a_rate_above_the_sheet_is_refused_at_its_line(tmp_path: Path, facts: Facts) -> None:
    row = (
        "{accelerator: nvidia-h100-sxm, basis: achievable, precision: bf16, achieved: 1979 TFLOP/s, " + _REST
    )
    with pytest.raises(InputFaults, match=r"m.yaml:2:\d+: .*against a dense peak of 989\.4"):
        load_calibration(facts, [written(tmp_path, row)])


def test_every_basis_is_below_the_one_before_in_every_draw(facts: Facts) -> None:
    calibration = load_calibration(facts)
    for accelerator in facts.accelerators:
        for precision in PRECISIONS:
            rate = np.ones(200)
            for step in STEPS:
                efficiency = calibration.efficiency(step, accelerator, precision)
                if efficiency is None:
                    break
                lower = rate * efficiency.draws(1, "site", 200)
                assert (lower < rate).all()
                rate = lower


def test_benchmarks_exceed_production_by_what_accelerators_with_both_show(facts: Facts) -> None:
    """One accelerator with both, by hand: the difference of the logits of its two ratios."""
    rows = [
        measured("nvidia-h100-sxm", 800.0),
        mfu("nvidia-h100-sxm", "40%").model_copy(update={"setting": "production"}),
        mfu("nvidia-h100-sxm", "50%").model_copy(update={"setting": "benchmark"}),
    ]
    calibration = Calibration.of(rows, facts)
    best = 800.0 / 989.4
    logits = [np.log(x / best / (1 - x / best)) for x in (0.4, 0.5)]
    assert calibration.excess is not None
    assert calibration.excess.mean == pytest.approx(logits[1] - logits[0], rel=1e-9)
    sustained = calibration.efficiency("sustained", "nvidia-h100-sxm", "bf16")
    assert sustained is not None
    assert sustained.median * best == pytest.approx(0.4, rel=1e-9)


def test_what_was_taken_off_all_benchmarks_is_one_error(facts: Facts) -> None:
    """Two accelerators known from benchmarks alone rise and fall together by the error of the excess."""
    names = ("nvidia-b200-sxm", "nvidia-b300-sxm")
    rows = [
        *(measured(name, 800.0) for name in ("nvidia-h100-sxm", *names)),
        mfu("nvidia-h100-sxm", "40%").model_copy(update={"setting": "production"}),
        mfu("nvidia-h100-sxm", "35%").model_copy(update={"setting": "production"}),
        *(mfu(n, "30%").model_copy(update={"setting": "benchmark"}) for n in ("nvidia-h100-sxm", *names)),
    ]
    calibration = Calibration.of(rows, facts)
    steps = [calibration.efficiency("sustained", name, "bf16") for name in names]
    draws = [step.draws(3, "a site", 40_000) for step in steps if step is not None]
    logits = [np.log(x / (1 - x)) for x in draws]
    assert calibration.excess is not None
    assert np.cov(logits[0], logits[1])[0, 1] == pytest.approx(
        calibration.excess.shared_sd**2 + _of_site(steps), rel=0.05
    )


def _of_site(steps: list[Any]) -> float:
    """Both stand at one site, whose own error they share as well."""
    return float(steps[0].prediction.site_sd * steps[1].prediction.site_sd)


def test_mixtures_of_experts_stay_out_of_dense_training(facts: Facts) -> None:
    base = [measured("nvidia-h100-sxm", 794.5), mfu("nvidia-h100-sxm", "40%")]
    experts = trained("nvidia-h100-sxm", fraction="20%", experts=True)
    before, after = (
        Calibration.of(rows, facts).efficiency("sustained", "nvidia-h100-sxm", "bf16")
        for rows in (base, [*base, experts])
    )
    assert before == after


def test_the_slope_of_a_series_is_that_of_least_squares(facts: Facts) -> None:
    """Against the closed form, Σ(x − x̄)(y − ȳ) ÷ Σ(x − x̄)², of the series of TPU v5p."""
    series = next(s for s in shipped_evidence(facts).scaling if s.accelerator == "google-tpu-v5p")
    x = np.log2([p.accelerators for p in series.points])
    y = np.log([p.per_accelerator for p in series.points])
    expected = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    assert series.slope == pytest.approx(expected, rel=1e-9)
    assert Scaling.of([series]).factor(8192, 4096) == pytest.approx(np.exp(expected), rel=1e-9)


def test_mlperf_series_and_rates_are_those_of_the_shared_tables(facts: Facts, shared: Path) -> None:
    """Every point of an MLPerf series stands in the parsed results, to the digit shown."""
    import pandas as pd

    table = pd.read_csv(shared / "data" / "mlperf" / "mlperf_llm_tflops.csv")
    for series in shipped_evidence(facts).scaling:
        if "mlcommons" not in series.source:
            continue
        rows = table[table["round"] == series.source.rsplit("/", 1)[1]]
        for point in series.points:
            rates = rows[rows["n_accel"] == point.accelerators]["TF_gpu_6N"]
            assert (abs(rates - point.per_accelerator) < 0.051).any(), (series.what, point)


def test_hpl_mxp_is_the_lists_figure_over_its_accelerators(facts: Facts, shared: Path) -> None:
    import pandas as pd

    table = pd.read_csv(shared / "data" / "mlperf" / "hpl-mxp_all_lists.csv", dtype=str)
    ours = [m for m in shipped_evidence(facts).measurements if m.basis == "system"]
    assert len(ours) >= 8
    for m in ours:
        name, edition = str(m.method).split(":")[0], str(m.software).removeprefix("HPL-MxP, list of ")
        row = table[(table["list"] == edition) & (table["Computer"] == name)].iloc[0]
        assert m.accelerators is not None
        assert m.achieved is not None
        exaflops = float(row["HPL-MxP (Eflop/s)"].rstrip("a"))
        assert m.achieved * m.accelerators.best == pytest.approx(exaflops * 1e18, rel=2e-3)
        cores, per_node = int(row["Cores"].replace(",", "")), int(str(m.note).split(", ")[1].split(" ")[0])
        a_node = int(str(m.note).rstrip(".").rsplit(" ", 1)[1])
        assert cores / per_node * a_node == m.accelerators.best


def test_hpl_mxp_lies_below_the_best_matmul_and_feeds_nothing(facts: Facts) -> None:
    evidence = shipped_evidence(facts)
    without = Calibration.of(
        [m for m in evidence.measurements if m.basis != "system"], facts, evidence.scaling
    )
    for m in evidence.measurements:
        if m.basis != "system":
            continue
        for step in STEPS:
            one = load_calibration(facts).efficiency(step, m.accelerator, "bf16")
            assert one == without.efficiency(step, m.accelerator, "bf16")


def test_a_run_of_more_accelerators_is_foretold_no_better(facts: Facts) -> None:
    calibration = load_calibration(facts)
    medians = [predict_run(calibration, "nvidia-h100-sxm", n).median for n in (64, 1024, 16384)]
    assert medians == sorted(medians, reverse=True)


def test_no_run_is_foretold_to_use_more_than_it_has(facts: Facts) -> None:
    # of chips with little peak for their power a small run was foretold 1.1 of it
    run = predict_run(load_calibration(facts), "nvidia-p100-sxm2", 1)
    assert run.high <= 1
    assert all(0 < f.low <= f.median <= f.high <= 1 for f in run.factors)


def test_links_of_a_run_multiply_to_the_whole_and_have_sources(facts: Facts) -> None:
    run = predict_run(load_calibration(facts), "nvidia-h100-sxm", 8192)
    # availability leans to one side: the product of medians is not quite the median of products
    assert np.prod([f.median for f in run.factors]) == pytest.approx(run.median, rel=0.05)
    assert all(0 < f.low <= f.median <= f.high <= 1 and f.sources for f in run.factors)


def test_evidence_of_system_and_series_survives_a_file(tmp_path: Path, facts: Facts) -> None:
    text = (
        "scaling:\n  - {accelerator: nvidia-h100-sxm, what: x, points: "
        "[{accelerators: 1, per_accelerator: 2}, {accelerators: 2, per_accelerator: 1}], "
        "source: x, date: 2024-01-01, kind: published}\n"
    )
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_evidence([path], facts).scaling[0].slope == pytest.approx(np.log(0.5))


def test_a_file_without_anything_is_refused(tmp_path: Path, facts: Facts) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("measurements: []\n", encoding="utf-8")
    with pytest.raises(InputFaults, match="needs 'measurements'"):
        load_evidence([path], facts)


def test_a_rate_without_known_precision_is_set_against_no_peak(facts: Facts) -> None:
    unknown = measurement(
        "huawei-ascend-910b", basis="sustained", regime="unknown", metric="mfu", achieved="900 TFLOP/s"
    )
    assert Calibration.of([unknown], facts).pools == {}
