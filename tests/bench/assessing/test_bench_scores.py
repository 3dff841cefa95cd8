"""Scores: what accounting takes from a record, and whether its rungs are in order."""

from __future__ import annotations

from typing import Any

import pytest

from bench.assessing.scores import scores_of
from bench.figures import PerCall, Score
from bench.record import DeviceDescription, Result
from tests.bench.assessing.test_bench_roofline import call, result

DEVICE = DeviceDescription(id="cpu", kind="cpu", name="Some CPU", peak={"bf16": 1e12, "fp8": 2e12})


def decode(batch: int, tokens_per_s: float, per_call: PerCall) -> Result:
    shape = {"batch": batch}
    return result("decode_step", tokens_per_s, metric="token_rate", shape=shape, per_call=per_call)


def scores(*results: Result, device: DeviceDescription = DEVICE) -> dict[str, Score]:
    return {score.precision: score for score in scores_of([device], results)}


def training(value: float, **changes: Any) -> Result:
    return result("training_step", value, backend="torch eager", **changes)


def test_the_waterfall_of_a_precision() -> None:
    score = scores(result("gemm", 8e11), training(4e11))["bf16"]
    assert (score.peak, score.achievable, score.sustained) == (1e12, 8e11, 4e11)
    assert (score.order, score.reason, score.regime) == ("holds", None, "bf16")


def test_precisions_are_kept_apart() -> None:
    found = scores(
        result("gemm", 8e11), result("gemm", 1.5e12, precision="fp8"), training(6e11, precision="fp8")
    )
    assert found["bf16"].sustained is None
    assert found["bf16"].reason == "no training step was measured"
    assert (found["fp8"].sustained, found["fp8"].regime) == (6e11, "fp8-mixed")


def test_the_faster_of_compiled_and_not_counts() -> None:
    compiled = result("training_step_compiled", 5e11, backend="torch compile")
    score = scores(result("gemm", 8e11), training(4e11), compiled)["bf16"]
    assert (score.sustained, score.sustained_backend) == (5e11, "torch compile")


def test_more_than_the_sheet_says_is_told_with_its_cause() -> None:
    score = scores(result("gemm", 1.1e12), training(4e11))["bf16"]
    assert score.order == "broken"
    assert "achievable is 1.1 of the spec peak" in str(score.reason)


def test_training_above_the_best_product_is_told_unless_intervals_meet() -> None:
    assert scores(result("gemm", 8e11), training(9e11))["bf16"].order == "broken"
    touching = training(8.1e11, ci95=(7.9e11, 8.3e11))
    assert scores(result("gemm", 8e11), touching)["bf16"].order == "holds"


def test_an_unknown_peak_is_said() -> None:
    bare = DEVICE.model_copy(update={"peak": {}})
    score = scores(result("gemm", 8e11), training(4e11), device=bare)["bf16"]
    assert (score.order, score.reason) == ("incomplete", "no spec peak is known")


def test_wrong_results_enter_no_score() -> None:
    wrong = training(4e11).model_copy(update={"status": "incorrect", "reason": "wrong"})
    assert scores(result("gemm", 8e11), wrong)["bf16"].sustained is None


def test_decoding_is_set_against_measured_memory() -> None:
    memory = result("memory_read", 5e10, metric="bandwidth", precision="fp32")
    # 1 GB for a token at 40 tokens a second is 40 GB/s, four fifths of 50.
    score = scores(decode(1, 40.0, call(1 / 40, 2e9, 1e9, 2e9, tokens=1)), memory)["bf16"]
    (inference,) = score.inference
    assert inference.batch == 1
    assert inference.tokens_per_s == pytest.approx(40.0)
    assert inference.fraction_of_bandwidth == pytest.approx(0.8)
    assert inference.tokens_per_byte == pytest.approx(40 / 5e10)
    assert score.order == "incomplete"
