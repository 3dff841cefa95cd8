"""Flips are what they say: one bit, undone by a second; and what they spoil is seen by a whole run."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.devices.fake import FakeClock, FakeDevice
from bench.plan import Plan
from bench.progress import silent
from bench.session import measure
from kernels.attention import Attention
from kernels.gemm import Gemm
from kernels.operations import attention_check
from kernels.training.check import _range_share
from kernels.training_step import TrainingStep
from kernels.workload import Place, Prepared, Shape
from tests.reliability.flipping import (
    LAYOUT,
    TRAINING_PARTS,
    Flipped,
    Kind,
    bits_of,
    draw_flip,
    faulty_step,
    kinds_of,
)


@pytest.mark.parametrize("dtype", [*LAYOUT, torch.int32, torch.int8], ids=str)
def test_kinds_of_bits_share_out_all_bits(dtype: torch.dtype) -> None:
    bits = [bit for kind in kinds_of(dtype) for bit in bits_of(dtype, kind)]
    assert sorted(bits) == list(range(8 * dtype.itemsize))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.int32], ids=str)
def test_a_flip_changes_one_element_and_a_second_undoes_it(dtype: torch.dtype) -> None:
    chance = random.Random(1)
    values = (torch.arange(24, dtype=torch.float64) - 11).to(dtype).view(4, 6)
    for kind in (*kinds_of(dtype), None):
        spoilt = values.clone()
        flip = draw_flip((spoilt,), kind, chance)
        flip.do()
        words = [one.view(torch.uint8) for one in (spoilt, values)]
        changed = words[0] ^ words[1]
        assert sum(int(byte).bit_count() for byte in changed.flatten()) == 1
        flip.do()
        assert torch.equal(spoilt.view(torch.uint8), values.view(torch.uint8))


def test_the_sign_and_the_exponent_are_where_they_are_said_to_be() -> None:
    chance = random.Random(2)
    one = torch.ones(1)
    draw_flip((one,), "sign", chance).do()
    assert float(one) == -1.0
    one = torch.ones(1)
    draw_flip((one,), "high exponent", chance).do()
    assert not 0.1 < abs(float(one)) < 10
    one = torch.ones(1)
    draw_flip((one,), "low mantissa", chance).do()
    assert float(one) == pytest.approx(1.0, rel=2e-3)


@dataclass(frozen=True)
class SpoiltGemm(Gemm):
    """A product of 64, of which some calls leave a bit of C turned over."""

    precisions: tuple[str, ...] = ("fp32",)
    choice: Any = "each"
    when: Callable[[int], bool] = lambda _call: False

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        return ({"m": 64, "n": 64, "k": 64},)

    def prepare(self, *args: Any, **named: Any) -> Prepared:  # type: ignore[override]
        return Flipped(super().prepare(*args, **named), random.Random(3), self.when, kind="low mantissa")


@pytest.mark.parametrize(
    ("when", "status"),
    [(lambda _call: False, "ok"), (lambda _call: True, "incorrect")],
    ids=["never", "always"],
)
def test_a_device_that_flips_low_bits_is_told_by_repeated_calls(
    tmp_path: Path, when: Callable[[int], bool], status: str
) -> None:
    """Too little for any tolerance: but two calls on the same operands differ."""
    clock = FakeClock()
    workloads: Mapping[str, Any] = {"gemm": SpoiltGemm(when=when)}
    record = measure(
        Plan("custom", 5.0),
        lookup=lambda _description: None,
        out_dir=tmp_path,
        progress=silent,
        devices=[FakeDevice(clock)],
        workloads=workloads,
        clock=clock,
    )
    (result,) = record.results
    assert result.status == status, result.reason
    assert result.repeatable is (status == "ok")


def test_no_row_of_attention_may_leave_the_range_of_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where rows are sampled and this one is not: one in six is."""
    monkeypatch.setattr(attention_check, "WHOLE_SCORES", 0)
    shape = {"sequence": 192, "batch": 2, "heads": 2, "head": 64}
    attention = Attention("forward").prepare("bf16", shape, Place(), seed=1)
    with attention.setting():
        attention.run()
    assert attention.check().correct
    (output,) = attention.outputs
    most = float(attention.value.abs().max())
    for row in range(3, 192, 27):
        right = output[1, 1, row, 5].clone()
        output[1, 1, row, 5] = 1.2 * most
        assert not attention.check().correct, row
        output[1, 1, row, 5] = right


STEP = {"hidden": 64, "layers": 1, "heads": 4, "kv_heads": 2, "intermediate": 96, "vocabulary": 128}


@pytest.mark.parametrize("part", TRAINING_PARTS)
@pytest.mark.parametrize("kind", ["sign", "low exponent"])
def test_one_bit_of_any_part_of_a_training_step_is_seen(part: str, kind: Kind) -> None:
    """Of any element: thousands of gradients and weights, every token's loss and states."""
    torch.set_num_threads(1)
    step = TrainingStep().prepare("fp32", {**STEP, "batch": 2, "sequence": 96}, Place(), seed=1)
    step.poison()
    step.run()
    assert step.check().correct
    chance = random.Random(f"{part} {kind}")
    for _ in range(3):
        kept = [one.detach().clone() for one in step.weights]
        with faulty_step(step, part, kind, chance):
            assert not step.check().correct
        for one, was in zip(step.weights, kept, strict=True):
            one.detach().copy_(was)
        step.run()


def test_no_weight_may_leap_in_a_training_step() -> None:
    """Also where no element is sampled: 16 of each weight are."""
    assert _range_share([(0.1, 0.2, 0.3)], [0.5], [(0.1, 0.5, 0.3)]) <= 1
    for leapt in ((0.11, 0.2, 0.3), (0.1, 0.51, 0.3), (0.1, 0.2, 0.31), (0.1, float("nan"), 0.3)):
        assert not _range_share([(0.1, 0.2, 0.3)], [0.5], [leapt]) <= 1
