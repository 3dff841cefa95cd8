"""Small passes of inference, whose operands are drawn once for all tests of a file."""

from __future__ import annotations

from dataclasses import fields

import pytest

from kernels.decode_step import DecodeStep
from kernels.inference import models
from kernels.inference.run import PreparedPass
from kernels.prefill import Prefill
from kernels.transformer.model import Layer
from kernels.transformer.sizes import Decoder
from kernels.workload import Place, Workload

DECODE, PREFILL = DecodeStep(), Prefill()
# As wide as weights of 0.02 need to be for scores to differ.
TINY = Decoder(layers=2, hidden=1024, heads=8, kv_heads=2, intermediate=768, vocabulary=600)
SHAPES: dict[str, dict[str, int]] = {
    "decode_step": {"batch": 5, "context": 96, **TINY.sizes()},
    "prefill": {"sequence": 96, **TINY.sizes()},
}
BOTH = pytest.mark.parametrize("workload", [DECODE, PREFILL], ids=lambda workload: workload.name)
PRECISIONS = pytest.mark.parametrize("precision", models.PRECISIONS)
MATRICES = [field.name for field in fields(Layer)]
GIB = 1 << 30
H200 = Place("cuda:0", "cuda", memory_bytes=55 * GIB, cache_bytes=60 << 20)


PREPARED: dict[tuple[str, str], PreparedPass] = {}


def prepared(workload: Workload, precision: str = "bf16") -> PreparedPass:
    """Operands that no test changes for good, drawn once."""
    key = workload.name, precision
    if key not in PREPARED:
        operation = workload.prepare(precision, SHAPES[workload.name], Place(), seed=5)
        assert isinstance(operation, PreparedPass)
        PREPARED[key] = operation
    PREPARED[key].poison()
    return PREPARED[key]


def run(workload: Workload, precision: str = "bf16") -> PreparedPass:
    """A right pass."""
    operation = prepared(workload, precision)
    with operation.setting():
        operation.run()
    return operation


def wrong(operation: PreparedPass) -> str:
    """What the check found at fault."""
    verdict = operation.check()
    assert not verdict.correct, verdict.detail
    return verdict.detail


# What counts as work
