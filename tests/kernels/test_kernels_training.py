"""Training step: what is counted and moved, what it holds, which sizes are tried, and that it can go on."""

from __future__ import annotations

import functools
import math
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from kernels.training import compiler, run
from kernels.training.loss import counted_flop
from kernels.training.run import PreparedTraining
from kernels.training_step import SHAPES, TrainingStep, causal_excess
from kernels.transformer.sizes import Decoder
from kernels.workload import Counted, Lengthy, Place, Shape

STEP, COMPILED = TrainingStep(), TrainingStep(compiled=True)
TINY: Shape = {
    "hidden": 64,
    "layers": 2,
    "heads": 4,
    "kv_heads": 2,
    "intermediate": 96,
    "vocabulary": 128,
    "batch": 2,
    "sequence": 16,
}
PRECISIONS = pytest.mark.parametrize("precision", STEP.precisions)
ON_A_CPU = pytest.mark.parametrize("precision", ["bf16", "fp32"])
H200 = Place("cuda:0", "cuda", memory_bytes=int(0.4 * 150e9), architecture="9.0")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small operations wait for their threads longer than they compute, above all beside other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def prepared(precision: str, shape: Shape = TINY) -> PreparedTraining:
    return STEP.prepare(precision, shape, Place(), seed=5)


class Watch(TorchDispatchMode):
    """Every operation's name, and the largest sum of what tensors held at any time."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._live: dict[int, tuple[Any, int]] = {}
        self.operations: set[str] = set()
        self.peak_bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.operations.add(str(func._overloadpacket))
        for leaf in tree_leaves((args, kwargs, result)):
            if isinstance(leaf, torch.Tensor):
                storage = leaf.untyped_storage()
                self._live[storage._cdata] = StorageWeakRef(storage), storage.nbytes()  # type: ignore[no-untyped-call]
        self._live = {key: (ref, size) for key, (ref, size) in self._live.items() if not ref.expired()}
        self.peak_bytes = max(self.peak_bytes, sum(size for _, size in self._live.values()))
        return result


def watched(step: PreparedTraining) -> Watch:
    watch = Watch()
    with step.setting(), watch:
        step.run()
        step.run()  # now that the optimiser's state has been seen
    return watch


def test_it_says_what_it_is() -> None:
    assert [STEP.name, COMPILED.name] == ["training_step", "training_step_compiled"]
    assert [STEP.headline, COMPILED.headline] == [True, False]
    assert {STEP.family, COMPILED.family} == {"training"}
    assert isinstance(STEP, Counted)
    assert isinstance(STEP, Lengthy)
    assert STEP.count(TINY) == 32
    assert STEP.backends("bf16", Place()) == ("torch eager",)
    assert COMPILED.backends("bf16", Place()) == ("torch compile",)


@PRECISIONS
def test_flop_are_what_torch_counts(precision: str) -> None:
    step = prepared(precision)
    with step.setting(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        step.run()
    assert counter.get_total_flops() == STEP.flop(TINY)
    assert 2 * counted_flop(step.masters, step.tokens[:1], step.recipe) == STEP.flop(TINY)


def test_flop_of_the_step_as_it_runs_are_those_without_attention() -> None:
    """Torch's counter has no formula for fused attention on CPUs: that part is missing, and no other."""
    step = prepared("bf16")
    with FlopCounterMode(display=False) as counter:
        step.run()
    attention = 12.0 * TINY["layers"] * TINY["hidden"] * TINY["sequence"] * STEP.count(TINY)
    fused = [flop for op, flop in counter.get_flop_counts()["Global"].items() if "attention" in str(op)]
    assert counter.get_total_flops() - sum(fused) == STEP.flop(TINY) - attention


@given(sequence=st.integers(1, 40), layers=st.integers(1, 3), heads=st.integers(1, 4), size=st.integers(1, 8))
def test_excess_is_what_lies_above_the_diagonal(sequence: int, layers: int, heads: int, size: int) -> None:
    shape = {**TINY, "sequence": sequence, "layers": layers, "heads": heads, "kv_heads": heads}
    shape["hidden"] = heads * 2 * size
    pairs = sum(1 for query in range(sequence) for key in range(sequence) if key > query)
    # a score and a weighted value of each pair: 2 FLOP an element of a head, forward and twice backward
    above = pairs * 2 * 2 * shape["hidden"] * 3 * layers * shape["batch"]
    assert causal_excess(shape) == pytest.approx(above / STEP.flop(shape))
    assert STEP.remark(shape).startswith(f"attention is counted in full: {above / STEP.flop(shape):.1%}")


@PRECISIONS
def test_bytes_are_those_of_every_tensor(precision: str) -> None:
    step = prepared(precision)
    total = 0
    for weight in step.weights:
        layered = (
            weight.ndim == 2 and weight is not step.masters.embedding and weight is not step.masters.head
        )
        multiplied = {"fp32": 4, "bf16": 2, "fp8": 1 if layered else 2}[precision]
        gradient = 4 if precision == "fp32" else 2
        reads = 0 if weight is step.masters.embedding else 2
        copy = 0 if precision == "fp32" else multiplied
        total += weight.numel() * (reads * multiplied + 2 * gradient + 2 * (4 + 4 + 4) + copy)
    assert STEP.bytes_moved(TINY, precision) == total


HELD = [
    ("bf16", {**TINY, "hidden": 128, "intermediate": 384, "batch": 4, "sequence": 64}),
    ("fp32", {**TINY, "hidden": 128, "intermediate": 384, "batch": 4, "sequence": 64}),
    ("bf16", {**TINY, "hidden": 256, "vocabulary": 64, "intermediate": 768}),  # weights above all
    ("fp32", {**TINY, "vocabulary": 8192, "batch": 8, "sequence": 64}),  # logits above all
    ("bf16", {**TINY, "vocabulary": 8192, "batch": 8, "sequence": 64}),
    ("bf16", {**TINY, "layers": 6, "batch": 16, "sequence": 64}),  # activations above all
    ("fp8", TINY),
]


@pytest.mark.parametrize(("precision", "shape"), HELD)
def test_footprint_is_what_is_held(precision: str, shape: Shape) -> None:
    held = watched(prepared(precision, shape)).peak_bytes
    assert held <= STEP.footprint_bytes(shape, precision) <= 1.4 * held


def test_ladder_is_in_order_and_little_is_above_the_diagonal() -> None:
    work = [STEP.flop(shape) for shape in SHAPES]
    assert work == sorted(set(work))
    assert all(causal_excess(shape) <= 0.05 for shape in SHAPES)
    assert all(next(iter(shape)) == "hidden" for shape in SHAPES)
    assert len({tuple(shape.items()) for shape in SHAPES}) == len(SHAPES)
    # what the 8-bit products of GPUs want, and fused attention
    assert all(shape["hidden"] // shape["heads"] in (64, 128) for shape in SHAPES)
    sides = [side for shape in SHAPES for side in Decoder.of(shape).sizes().values() if side > 64]
    assert not any(side % 16 for side in sides)


@PRECISIONS
@given(memory_bytes=st.integers(0, 1 << 40), compiled=st.booleans(), kind=st.sampled_from(["cpu", "cuda"]))
def test_ladder_fits_the_memory(precision: str, memory_bytes: int, compiled: bool, kind: str) -> None:
    step = TrainingStep(compiled)
    ladder = step.ladder(precision, Place(kind=kind, memory_bytes=memory_bytes))
    assert all(step.footprint_bytes(shape, precision) <= memory_bytes for shape in ladder)
    work = [step.flop(shape) for shape in ladder]
    assert work == sorted(work)


@PRECISIONS
def test_ladder_reaches_from_two_cores_to_large_gpus(precision: str) -> None:
    widest = STEP.ladder(precision, H200)[-1]
    assert widest["hidden"] >= 4096
    assert STEP.flop(widest) > 4e13
    assert any(shape["hidden"] == 8192 for shape in STEP.ladder(precision, H200))
    small = STEP.ladder(precision, Place(memory_bytes=1 << 30))
    assert STEP.flop(small[0]) < 1e10
    # steps of a tenth to a third of a second at 0.3 TFLOP/s
    assert any(3e10 <= STEP.flop(shape) <= 1e11 for shape in small)


def test_little_is_compiled() -> None:
    for place in (Place(), H200):
        ladder = COMPILED.ladder("bf16", place)
        assert 3 <= len(ladder) <= 5
        assert set(map(str, ladder)) < set(map(str, STEP.ladder("bf16", place)))


@ON_A_CPU
def test_a_step_is_right(precision: str) -> None:
    step = prepared(precision, SHAPES[0])
    assert not step.check().correct
    step.poison()
    with step.setting():
        step.run()
    for _ in range(2):
        verdict = step.check()
        assert verdict.correct, verdict.detail
        assert f"torch counts {STEP.flop(SHAPES[0]):.6g} FLOP" in verdict.detail
    assert step.backend == "torch eager"
    assert step.digest() is None


@ON_A_CPU
def test_it_goes_on_as_it_began(precision: str) -> None:
    step = prepared(precision)
    norms, losses = [], []
    with step.setting():
        for _ in range(200):
            step.run()
            assert step.outcome is not None
            losses.append(float(step.outcome.loss.detach()))
            norms.append(sum(float(weight.grad.norm()) for weight in step.weights if weight.grad is not None))
    assert max(abs(loss / math.log(TINY["vocabulary"]) - 1) for loss in losses) < 0.05
    assert max(norms) < 3 * min(norms)
    verdict = step.check()
    assert verdict.correct, verdict.detail


def test_every_step_has_new_tokens() -> None:
    step = prepared("fp32")
    step.run()
    before = step.tokens.clone()
    step.run()
    assert not torch.equal(before, step.tokens)
    assert 0 <= int(step.tokens.min()) <= int(step.tokens.max()) < TINY["vocabulary"]
    other = prepared("fp32")
    other.run()
    assert torch.equal(before, other.tokens)


@PRECISIONS
def test_nothing_in_a_step_waits_for_the_device(precision: str) -> None:
    operations = watched(prepared(precision)).operations
    waiting = {"aten._local_scalar_dense", "aten.nonzero", "aten.equal", "aten.is_nonzero", "aten.item"}
    assert not operations & waiting
    assert "aten._fused_adamw_" in operations
    assert ("aten._scaled_mm" in operations) == (precision == "fp8")


def test_fp32_is_not_tf32() -> None:
    torch.set_float32_matmul_precision("high")
    try:
        with prepared("fp32").setting():
            assert torch.get_float32_matmul_precision() == "highest"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_another_precision_or_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="fp64"):
        STEP.prepare("fp64", TINY, Place(), seed=0)
    with pytest.raises(ValueError, match=r"'torch compile'.*known: torch eager"):
        STEP.prepare("fp32", TINY, Place(), seed=0, backend="torch compile")


def test_what_is_lacking_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert STEP.lacks("bf16", Place()) is None
    assert STEP.lacks("fp8", Place()) == "torch emulates fp8 on CPUs"
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    reason = COMPILED.lacks("bf16", Place())
    assert reason is not None
    assert "g++" in reason
    assert STEP.lacks("bf16", Place()) is None
    monkeypatch.setenv("CXX", "ccache mine -O1")
    assert "mine" in str(COMPILED.lacks("bf16", Place()))
    monkeypatch.setattr(shutil, "which", lambda name: name if name == "ccache" else None)
    assert COMPILED.lacks("bf16", Place()) is None


def test_gpus_compile_with_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "lacks_triton", lambda place: f"no Triton on {place.kind}")
    assert COMPILED.lacks("bf16", Place(kind="cuda")) == "no Triton on cuda"
    assert COMPILED.lacks("bf16", Place(kind="xpu")) is None
    assert COMPILED.lacks("bf16", Place(kind="mps")) is not None


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compiled as far as the graph of forward and backward, without making code of it."""
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))
    run._compiled.cache_clear()
    yield
    run._compiled.cache_clear()
    torch._dynamo.reset()


# of the autograd function, which the compiler makes an instance of
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.usefixtures("traced")
@PRECISIONS
def test_the_compiler_takes_the_whole_step(precision: str) -> None:
    shape = {**TINY, "layers": 1}
    step = COMPILED.prepare(precision, shape, Place(), seed=5)
    assert step.backend == "torch compile"
    with step.setting():
        step.run()
        step.run()
    verdict = step.check()
    assert verdict.correct, verdict.detail
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] >= 1
