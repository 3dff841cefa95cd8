"""Root-mean-square normalisation: what is counted, and a check that can fail."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kernels.normalisation import EPSILON, WIDTH, Normalisation, PreparedNormalisation
from kernels.workload import Place

NORMALISATION = Normalisation()
SHAPE = {"rows": 300, "width": WIDTH}  # no whole number of blocks
PRECISIONS = pytest.mark.parametrize("precision", ["bf16", "fp32"])
BACKENDS = pytest.mark.parametrize("backend", ["torch", "torch blocked"])


def prepared(precision: str, backend: str, seed: int = 3) -> PreparedNormalisation:
    operation = NORMALISATION.prepare(precision, SHAPE, Place(cpus=(0, 1)), seed=seed, backend=backend)
    assert isinstance(operation, PreparedNormalisation)
    return operation


def run(precision: str = "bf16", backend: str = "torch blocked", seed: int = 3) -> PreparedNormalisation:
    operation = prepared(precision, backend, seed)
    operation.poison()
    with operation.setting():
        operation.run()
    return operation


class Tally(float):
    """A number that counts the operations done with its kind."""

    done = 0

    def _note(self, value: float) -> Tally:
        Tally.done += 1
        return Tally(value)

    def __add__(self, other: float) -> Tally:
        return self._note(float(self) + float(other))

    def __mul__(self, other: float) -> Tally:
        return self._note(float(self) * float(other))

    def __truediv__(self, other: float) -> Tally:
        return self._note(float(self) / float(other))

    def inverse_root(self) -> Tally:
        return self._note(float(self) ** -0.5)


@given(rows=st.integers(1, 4), width=st.integers(1, 20))
def test_operations_are_those_of_the_formula(rows: int, width: int) -> None:
    Tally.done = 0
    for _ in range(rows):
        row, scale = [Tally(1.5)] * width, [Tally(2.0)] * width
        squares = [one * one for one in row]
        total = squares[0]
        for one in squares[1:]:
            total = total + one
        factor = (total / width + EPSILON).inverse_root()
        _ = [one * factor * by for one, by in zip(row, scale, strict=True)]
    assert Tally.done == NORMALISATION.flop({"rows": rows, "width": width})


@PRECISIONS
def test_bytes_are_those_of_the_arrays(precision: str) -> None:
    operation = run(precision)
    arrays = sum(one.nbytes for one in (operation.values, operation.scale, operation.output))
    assert NORMALISATION.bytes_moved(SHAPE, precision) == arrays


@PRECISIONS
def test_footprint_holds_what_torch_takes_while_it_works(precision: str) -> None:
    operation = run(precision, "torch")
    operands = operation.values.nbytes + operation.scale.nbytes
    operation.output = operation.values[:0]
    with torch.profiler.profile(profile_memory=True) as profile:
        operation.run()
    inside: Any = profile.profiler
    taken = [event.nbytes() for event in inside.kineto_results.events() if event.name() == "[memory]"]
    most = operands + max(itertools.accumulate(taken))
    footprint = NORMALISATION.footprint_bytes(SHAPE, precision)
    # A few numbers a row are not counted.
    assert operands + operation.output.nbytes <= most <= footprint + 64 * SHAPE["rows"]


@PRECISIONS
@pytest.mark.parametrize(("kind", "together"), [("cpu", 4), ("cuda", 8)])
@given(cache_bytes=st.integers(0, 1 << 31), memory_bytes=st.integers(0, 1 << 40))
def test_ladder_grows_exceeds_the_cache_and_fits(
    precision: str, kind: str, together: int, cache_bytes: int, memory_bytes: int
) -> None:
    place = Place(kind=kind, cache_bytes=cache_bytes, memory_bytes=memory_bytes)
    ladder = NORMALISATION.ladder(precision, place)
    work = [NORMALISATION.bytes_moved(shape, precision) for shape in ladder]
    assert work == sorted(set(work))
    assert all(moved >= together * cache_bytes for moved in work)
    assert all(NORMALISATION.footprint_bytes(shape, precision) <= memory_bytes for shape in ladder)


@BACKENDS
@PRECISIONS
def test_right_result_passes(precision: str, backend: str) -> None:
    operation = run(precision, backend)
    verdict = operation.check()
    assert verdict.correct, verdict.detail
    root = operation.values.double().square().mean(1, keepdim=True).add(EPSILON).sqrt()
    expected = operation.values.double() / root * operation.scale.double()
    torch.testing.assert_close(operation.output.double(), expected, rtol=1e-2, atol=1e-6)


@PRECISIONS
def test_an_error_of_a_few_roundings_is_seen(precision: str) -> None:
    """The tolerance leaves room for the roundings of the formula, not for much more."""
    operation = run(precision)
    operation.output *= 1.05 if precision == "bf16" else 1 + 1e-5
    assert not operation.check().correct


@BACKENDS
def test_output_never_written_fails(backend: str) -> None:
    operation = prepared("bf16", backend)
    operation.poison()
    assert not operation.check().correct


@pytest.mark.parametrize("place", [(0, 0), (150, 17), (299, WIDTH - 1)])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_one_element_that_is_no_number_fails(place: tuple[int, int], value: float) -> None:
    operation = run("fp32")
    operation.output[place] = value
    assert not operation.check().correct


def test_a_row_left_from_an_earlier_call_fails() -> None:
    """Memory taken anew may still hold a right row: the scale has changed its sign since."""
    operation = run()
    before = operation.output[151].clone()
    operation.poison()
    operation.run()
    assert operation.check().correct
    operation.output[151] = before
    verdict = operation.check()
    assert not verdict.correct
    assert "1 rows of wrong sign" in verdict.detail


def test_without_the_scale_it_fails() -> None:
    operation = run("fp32")
    operation.output /= operation.scale.abs()
    assert not operation.check().correct


def test_with_the_mean_taken_away_it_fails() -> None:
    """As layer normalisation would."""
    operation = run("fp32")
    values = operation.values + 1.0
    operation.values.copy_(values)
    operation.output = torch.nn.functional.layer_norm(values, (WIDTH,), operation.scale)
    assert not operation.check().correct


@BACKENDS
def test_the_same_operands_give_the_same_digest_and_others_do_not(backend: str) -> None:
    operation = run("bf16", backend)
    first = operation.digest()
    operation.poison()
    operation.run()
    assert operation.digest() == first
    assert run("bf16", backend, seed=4).digest() != first


def test_whole_arrays_on_gpus_and_blocks_on_cpus() -> None:
    assert NORMALISATION.backends("bf16", Place(kind="cuda", device="cuda:0")) == ("torch",)
    assert NORMALISATION.backends("bf16", Place()) == ("torch", "torch blocked")
    chosen = NORMALISATION.prepare("bf16", SHAPE, Place(cpus=(0, 1)), seed=0)
    assert chosen.backend == "torch/native, 64 rows at a time"
    assert prepared("bf16", "torch").backend == "torch/native"


def test_another_precision_or_backend_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'fp64'.*bf16, fp32"):
        NORMALISATION.prepare("fp64", SHAPE, Place(), seed=0)
    with pytest.raises(ValueError, match=r"'triton'.*known: torch"):
        NORMALISATION.prepare("fp32", SHAPE, Place(), seed=0, backend="triton")
