"""The training step shared out to ranks: its arithmetic, and a check that sees a rank left out."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from kernels.data_parallel import DataParallel
from kernels.training.data_parallel import PreparedDataParallel
from kernels.training_step import SHAPES, TrainingStep
from kernels.workload import Place

SMALL = {**SHAPES[0], "sequence": 32, "ranks": 1}
ALONE = Place(ranks=1)


def test_the_work_is_that_of_the_whole_batch_and_the_memory_that_of_one_rank() -> None:
    two = {**SHAPES[0], "batch": 2 * SHAPES[0]["batch"], "ranks": 2}
    assert DataParallel().flop(two) == 2 * TrainingStep().flop(SHAPES[0])
    assert DataParallel().count(two) == 2 * SHAPES[0]["batch"] * SHAPES[0]["sequence"]
    assert DataParallel().bytes_moved(two, "bf16") == TrainingStep().bytes_moved(SHAPES[0], "bf16")
    buckets = DataParallel().footprint_bytes(two, "bf16") - TrainingStep().footprint_bytes(SHAPES[0], "bf16")
    # Of two ranks each sends all gradients once, half of them as a sum of both.
    assert buckets == DataParallel().sent_bytes(two) > 0
    assert DataParallel().sent_bytes({**two, "ranks": 1}) == 0


def test_the_ladder_grows_and_fits() -> None:
    place = Place(ranks=4, memory_bytes=1 << 32)
    flops = [DataParallel().flop(shape) for shape in DataParallel().ladder("bf16", place)]
    assert flops == sorted(flops)
    assert flops
    assert "mps" in str(DataParallel().lacks("fp32", Place(kind="mps")))


@pytest.fixture
def prepared() -> PreparedDataParallel:
    return DataParallel().prepare("fp32", SMALL, ALONE, seed=1)


def test_one_rank_alone_is_its_own_reference(prepared: PreparedDataParallel) -> None:
    prepared.run()
    assert math.isfinite(float(prepared.loss))
    before = prepared.fingerprint()
    assert prepared.check().correct
    assert prepared.fingerprint() == before
    prepared.run()
    assert prepared.fingerprint() != before


def test_gradients_that_were_not_averaged_are_seen(
    prepared: PreparedDataParallel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rank that learns from half of the batch, and is told that the other half is another's."""
    prepared._place, prepared._rows = replace(ALONE, ranks=2), SMALL["batch"] // 2
    rows = prepared._rows * SMALL["sequence"]
    prepared.learner._importance = torch.full((rows,), 1 / rows)
    monkeypatch.setattr(prepared, "_mean", float)
    verdict = prepared.check()
    assert not verdict.correct
    assert float(verdict.detail.split()[2].rstrip(",")) > 100


def test_a_gradient_that_is_not_a_number_is_seen_whichever_weight_it_is_of(
    prepared: PreparedDataParallel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's max passes over a NaN that is not the first of its values."""
    learn = prepared._learn

    def spoilt() -> None:
        learn()
        last = prepared.weights[-1].grad
        assert last is not None
        last.view(-1)[0] = math.nan

    monkeypatch.setattr(prepared, "_learn", spoilt)
    verdict = prepared.check()
    assert not verdict.correct
    assert "gradients at nan" in verdict.detail


def test_a_batch_that_cannot_be_shared_out_evenly_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be shared out"):
        DataParallel().prepare("fp32", {**SMALL, "batch": 3, "ranks": 2}, Place(ranks=2), seed=0)
    with pytest.raises(ValueError, match="fp8"):
        DataParallel().prepare("fp8", SMALL, ALONE, seed=0)
