"""Attention of which every element is looked at: right ones pass, and one wrong element anywhere is seen."""

from __future__ import annotations

import math
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.attention import Attention
from kernels.operations import attention_check
from kernels.operations.attention_run import PreparedAttention
from kernels.workload import Place, Shape

FORWARD, TRAINING = Attention("forward"), Attention("training")
# Neither a whole number of blocks nor of stretches that samples are drawn from.
SHAPE: Shape = {"sequence": 200, "batch": 2, "heads": 2, "head": 32}


def done(attention: Attention, precision: str, seed: int = 5) -> PreparedAttention:
    operation = attention.prepare(precision, SHAPE, Place(), seed=seed)
    operation.poison()
    with operation.setting():
        operation.run()
    return operation


@pytest.mark.parametrize("attention", [FORWARD, TRAINING], ids=lambda one: one.name)
@given(seed=st.integers(0, 1 << 30), precision=st.sampled_from(["bf16", "fp16", "fp32"]))
@settings(max_examples=15, deadline=None)
def test_right_results_pass_whatever_is_drawn(attention: Attention, seed: int, precision: str) -> None:
    verdict = done(attention, precision, seed).check()
    assert verdict.correct, verdict.detail
    assert "rows" not in verdict.detail


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize("number", range(4), ids=["output", "queries", "keys", "values"])
def test_one_element_that_is_off_is_seen_anywhere(precision: str, number: int) -> None:
    operation = done(TRAINING, precision)
    chance, output = random.Random(number), operation.outputs[number]
    scale = float(output.abs().mean())
    for _ in range(8):
        place = tuple(chance.randrange(side) for side in output.shape)
        right = output[place].clone()
        output[place] += chance.choice((-1, 1)) * max(0.25 * abs(float(right)), scale)
        assert not operation.check().correct, place
        output[place] = math.nan
        assert not operation.check().correct, place
        output[place] = right
    assert operation.check().correct


def test_outputs_of_other_shapes_are_wrong() -> None:
    operation = done(FORWARD, "fp32")
    operation.outputs = (operation.outputs[0][:1],)
    assert not operation.check().correct


def test_long_sequences_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = done(FORWARD, "fp32")
    scores = 2 * 2 * 200 * 201 // 2
    assert int(torch.ones(200, 200).tril().sum()) * 4 == scores
    for most, told in ((scores, "output at"), (scores - 1, "rows at")):
        monkeypatch.setattr(attention_check, "WHOLE_SCORES", most)
        assert told in operation.check().detail
