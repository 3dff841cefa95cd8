"""What a record shows beside its figures: what bounds them, and the scores."""

from __future__ import annotations

from typing import Any

import pytest

from bench.assessing.roofline import with_rooflines
from bench.assessing.scores import scores_of
from bench.record import Record, Result
from flopcensus.records.explanation import explanation
from flopcensus.records.judgement import print_judgement
from tests.bench.assessing.test_bench_roofline import CEILINGS, call, result
from tests.bench.assessing.test_bench_scores import DEVICE


def record(*results: Result) -> Record:
    judged = with_rooflines([*CEILINGS, *results])
    data: dict[str, Any] = {
        "schema": "flopcensus/record/1",
        "node": "node",
        "created": "2026-01-01T00:00:00Z",
        "flopcensus_version": "0.1.0",
        "mode": "quick",
        "budget_seconds": 60,
        "seed": 0,
        "devices": [DEVICE],
        "environment": {},
        "results": judged,
        "scores": scores_of([DEVICE], judged),
    }
    return Record.model_validate(data)


TRAINING = result(
    "training_step",
    4e11,
    shape={"hidden": 1024},
    backend="torch eager",
    per_call=call(0.1, 4e10, 1e8, 1e9, tokens=512),
    flop_per_s=4e11,
    bytes_per_s=1e9,
    tokens_per_s=5120.0,
)


def test_a_training_step_is_shown_with_its_tokens_and_its_bound(capsys: pytest.CaptureFixture[str]) -> None:
    print_judgement(record(TRAINING))
    lines = capsys.readouterr().out.splitlines()
    (row,) = [line for line in lines if line.startswith("training_step")]
    for part in ("1,024 hidden", "100 ms", "400 GFLOP/s", "5.12 ktoken/s", "compute", "40.0 %", "50.0 %"):
        assert part in row, part
    (score,) = [line for line in lines if line.startswith("bf16")]
    for part in ("1.00 TFLOP/s", "800 GFLOP/s", "400 GFLOP/s", "50.0 %", "holds"):
        assert part in score, part


def test_reasons_are_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    print_judgement(record(result("gemm", 1e11, precision="fp64"), result("gemm", 1e11, precision="int8")))
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("score ")]
    assert said == [
        "score bf16 on cpu: no training step was measured",
        "score fp64 on cpu, int8 on cpu: no spec peak is known; no training step was measured",
    ]


def test_a_record_without_ceilings_says_nothing_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    bare = record(TRAINING).model_copy(update={"results": (TRAINING,), "scores": ()})
    print_judgement(bare)
    assert capsys.readouterr().out == ""


def test_what_is_shown_is_explained() -> None:
    told = "\n".join(explanation(record(TRAINING)))
    for start in ("of roofline:", "of matmul:", "score:"):
        assert start in told
