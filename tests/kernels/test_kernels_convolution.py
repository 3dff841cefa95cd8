"""Convolution: what counts as FLOP, both orders in memory, and a check that can fail."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import conv2d

from kernels.convolution import STAGES, Convolution
from kernels.operations import convolution_run
from kernels.operations.convolution_run import PreparedConvolution
from kernels.workload import LARGE_GPUS, Place

CONVOLUTION = Convolution()
FLOATS = ("bf16", "fp16", "fp32")
SMALL = ((16, 9), (32, 5))
Fault = Callable[[PreparedConvolution], None]
TWO = {"batch": 2}


def run(operation: PreparedConvolution) -> PreparedConvolution:
    operation.poison()
    with operation.setting():
        operation.run()
    return operation


def small(precision: str = "fp32", batch: int = 3, seed: int = 4) -> PreparedConvolution:
    return run(
        convolution_run.prepare(precision, batch, SMALL, Place(), seed, channels_last=precision != "fp32")
    )


def test_flop_agrees_with_torch_counter() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    operation = CONVOLUTION.prepare("fp32", TWO, Place(), seed=1)
    counter = FlopCounterMode(display=False)
    with counter, operation.setting():
        operation.run()
    assert counter.get_total_flops() == CONVOLUTION.flop(TWO)


def test_stages_have_equal_flop_and_the_border_is_as_described() -> None:
    each = {2 * side**2 * channels**2 * 9 for channels, side in STAGES}
    assert len(each) == 1
    assert CONVOLUTION.flop({"batch": 7}) == 7 * len(STAGES) * each.pop()
    for side, percent in ((56, 2.4), (7, 18.1)):
        ones = torch.ones(1, 1, side, side)
        within = float(conv2d(ones, torch.ones(1, 1, 3, 3), padding=1).sum())
        assert within == (3 * side - 2) ** 2
        assert 100 * (1 - within / (9 * side**2)) == pytest.approx(percent, abs=0.1)


@pytest.mark.parametrize("precision", FLOATS)
def test_footprint_is_what_is_held(precision: str) -> None:
    operation = CONVOLUTION.prepare(precision, TWO, Place(), seed=1)
    held = [t for stage in operation.stages for t in (stage.images, stage.weights, stage.output)]
    size = sum(tensor.numel() * tensor.element_size() for tensor in held)
    assert CONVOLUTION.footprint_bytes(TWO, precision) == size == CONVOLUTION.bytes_moved(TWO, precision)


@given(
    memory_bytes=st.integers(0, 1 << 38),
    kind=st.sampled_from(["cpu", "mps", *LARGE_GPUS]),
    precision=st.sampled_from(FLOATS),
)
def test_ladder_climbs_and_fits(memory_bytes: int, kind: str, precision: str) -> None:
    ladder = CONVOLUTION.ladder(precision, Place(kind=kind, memory_bytes=memory_bytes))
    assert [shape["batch"] for shape in ladder] == sorted({shape["batch"] for shape in ladder})
    assert all(CONVOLUTION.footprint_bytes(shape, precision) <= memory_bytes for shape in ladder)
    assert ladder or memory_bytes < CONVOLUTION.footprint_bytes({"batch": 16}, precision)


@pytest.mark.parametrize("precision", FLOATS)
@pytest.mark.parametrize("backend", ["torch", "torch channels last"])
def test_right_result_passes_and_repeats(precision: str, backend: str) -> None:
    if CONVOLUTION.lacks(precision, Place()):
        pytest.skip("not on this CPU")
    shape = CONVOLUTION.ladder(precision, Place())[0]
    operation = run(CONVOLUTION.prepare(precision, shape, Place(), seed=2, backend=backend))
    verdict = operation.check()
    assert verdict.correct, verdict.detail
    assert operation.backend.startswith("torch/")
    assert operation.backend.endswith("last") == backend.endswith("last")
    before = operation.digest()
    assert before is not None
    operation.poison()
    assert operation.digest() != before
    assert run(operation).digest() == before


@given(seed=st.integers(0, 1 << 30), precision=st.sampled_from(FLOATS))
@settings(max_examples=20, deadline=None)
def test_right_results_pass_whatever_is_drawn(seed: int, precision: str) -> None:
    verdict = small(precision, seed=seed).check()
    assert verdict.correct, verdict.detail


def test_operands_are_standard_normal_and_repeatable() -> None:
    first, again, other = small(batch=16), small(batch=16), small(batch=16, seed=5)
    for stage in first.stages:
        assert abs(float(stage.images.mean())) < 0.05
        assert abs(float(stage.images.std()) - 1) < 0.05
        assert abs(float(stage.weights.std()) - 1) < 0.05
    assert torch.equal(first.stages[1].images, again.stages[1].images)
    assert not torch.equal(first.stages[1].images, other.stages[1].images)


def test_both_orders_in_memory_hold_what_they_say() -> None:
    for last in (True, False):
        operation = convolution_run.prepare("fp32", 2, SMALL, Place(), 1, channels_last=last)
        order = torch.channels_last if last else torch.contiguous_format
        for stage in operation.stages:
            assert stage.images.is_contiguous(memory_format=order)
            assert stage.weights.is_contiguous(memory_format=order)


def one_nan(operation: PreparedConvolution) -> None:
    operation.stages[1].output[2, 3, 4, 1] = math.nan


def one_infinity(operation: PreparedConvolution) -> None:
    operation.stages[0].output[0, 0, 0, 0] = math.inf


def tile_left_out(operation: PreparedConvolution) -> None:
    operation.stages[0].output[1, :8, 2:6, 2:6] = 0


def one_image_left_out(operation: PreparedConvolution) -> None:
    operation.stages[1].output[2] = math.nan


def channels_swapped(operation: PreparedConvolution) -> None:
    output = operation.stages[1].output
    output[:, [3, 4]] = output[:, [4, 3]]


def everything_a_little_off(operation: PreparedConvolution) -> None:
    operation.stages[0].output.mul_(1.05)


def stale(operation: PreparedConvolution) -> None:
    stage = operation.stages[0]
    stage.output = conv2d(stage.images.flip(0), stage.weights, padding=1)


def border_repeated(operation: PreparedConvolution) -> None:
    stage = operation.stages[1]
    padded = torch.nn.functional.pad(stage.images, (1, 1, 1, 1), mode="replicate")
    stage.output = conv2d(padded, stage.weights)


def filters_mirrored(operation: PreparedConvolution) -> None:
    stage = operation.stages[0]
    stage.output = conv2d(stage.images, stage.weights.flip(2, 3), padding=1)


def channels_not_summed(operation: PreparedConvolution) -> None:
    stage = operation.stages[1]
    stage.output = conv2d(stage.images[:, :30], stage.weights[:, :30], padding=1)


def other_shape(operation: PreparedConvolution) -> None:
    stage = operation.stages[1]
    stage.output = stage.output[:, :, :4]


FAULTS: list[Fault] = [
    one_nan,
    one_infinity,
    tile_left_out,
    one_image_left_out,
    channels_swapped,
    everything_a_little_off,
    stale,
    border_repeated,
    filters_mirrored,
    channels_not_summed,
    other_shape,
]


@pytest.mark.parametrize("precision", FLOATS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_fault_is_seen(precision: str, fault: Fault) -> None:
    operation = small(precision)
    assert operation.check().correct
    fault(operation)
    verdict = operation.check()
    assert not verdict.correct, verdict.detail


def test_output_never_written_fails() -> None:
    operation = CONVOLUTION.prepare("fp32", TWO, Place(), seed=1)
    assert not operation.check().correct
    run(operation).poison()
    assert not operation.check().correct


@pytest.mark.parametrize("side", [56, 28, 14, 7])
def test_tf32_is_not_taken_for_fp32(side: int) -> None:
    stages = tuple(stage for stage in STAGES if stage[1] == side)
    operation = run(convolution_run.prepare("fp32", 1, stages, Place(), 3, channels_last=False))
    assert operation.check().correct
    stage = operation.stages[0]
    with operation.setting():
        stage.output = conv2d(_cut(stage.images), _cut(stage.weights), padding=1)
    verdict = operation.check()
    assert not verdict.correct, verdict.detail


def _cut(values: torch.Tensor) -> torch.Tensor:
    """Rounded to the 10 bits of significand that TF32 keeps."""
    return ((values.view(torch.int32) + (1 << 12)) & (-1 << 13)).view(torch.float32)


def test_tf32_is_off_while_it_runs_and_put_back() -> None:
    switches = torch.backends.cudnn
    before = switches.allow_tf32
    operation = small()
    for allowed in (True, False):
        switches.allow_tf32 = allowed
        try:
            with operation.setting():
                assert not switches.allow_tf32
                assert not torch.is_grad_enabled()
            assert switches.allow_tf32 == allowed
        finally:
            switches.allow_tf32 = before
    assert torch.is_grad_enabled()


def test_channels_lie_last_where_matrix_units_want_them() -> None:
    def first(precision: str, kind: str) -> str:
        return CONVOLUTION.backends(precision, Place(kind=kind))[0]

    assert first("bf16", "cpu") == first("fp16", "cuda") == "torch channels last"
    assert first("fp32", "cuda") == first("bf16", "rocm") == first("bf16", "mps") == "torch"


def test_another_precision_or_backend_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'fp8'.*known: bf16"):
        CONVOLUTION.prepare("fp8", TWO, Place(), seed=0)
    with pytest.raises(ValueError, match=r"'cudnn'.*known: torch"):
        CONVOLUTION.prepare("fp32", TWO, Place(), seed=0, backend="cudnn")


def test_a_device_that_refuses_is_lacking_with_its_reason() -> None:
    place = Place(device="meta", kind="xpu")
    assert "cannot on meta" in str(CONVOLUTION.lacks("fp32", place))
