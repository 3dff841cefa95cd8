"""Sparse rates stand apart from dense ones: with a source, above them, and never in an account."""

from __future__ import annotations

from pathlib import Path

import pytest

from accounting.errors import InputFaults
from accounting.reference.accelerators import AcceleratorFile
from accounting.reference.facts import Facts
from accounting.validation import load

TEXT = """\
accelerators:
  - id: acme-one
    name: Acme One
    designer: acme
    family: acme-one
    kind: gpu
    peak: {{bf16: 100 TFLOP/s}}
    sparse_peak: {{{sparse}}}
    sources:
      - {{covers: [{covers}], url: "https://example.org/one", title: Sheet, date: 2025-01-01}}
"""


def read(folder: Path, sparse: str, covers: str = "peak, sparse_peak") -> AcceleratorFile:
    path = folder / "acme.yaml"
    path.write_text(TEXT.format(sparse=sparse, covers=covers), encoding="utf-8")
    return load(path, AcceleratorFile)[1]


def test_dense_and_sparse_stay_apart(tmp_path: Path) -> None:
    one = read(tmp_path, "bf16: 150 TFLOP/s, fp8: 400 TFLOP/s").accelerators[0]
    assert one.rate_flop_per_s("bf16", sparse=False) == 100e12
    assert one.rate_flop_per_s("bf16", sparse=True) == 150e12
    assert one.rate_flop_per_s("fp8", sparse=True) == 400e12
    assert one.rate_flop_per_s("fp8", sparse=False) is None
    assert one.peaks() == {"bf16": 100e12}


@pytest.mark.parametrize("rate", ["100 TFLOP/s", "99 TFLOP/s"])
def test_a_sparse_rate_that_is_not_above_the_dense_one_is_refused(tmp_path: Path, rate: str) -> None:
    with pytest.raises(InputFaults) as raised:
        read(tmp_path, f"bf16: {rate}")
    message = str(raised.value)
    assert "acme.yaml:8:" in message
    assert "the sparse bf16 rate must exceed the dense one (100 TFLOP/s)" in message
    assert f"found '{rate}'" in message


def test_a_sparse_rate_without_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFaults, match="no source covers sparse_peak"):
        read(tmp_path, "bf16: 200 TFLOP/s", covers="peak")


def test_no_sparse_rate_needs_no_source(tmp_path: Path) -> None:
    assert read(tmp_path, "", covers="peak").accelerators[0].sparse_peak == {}


# twice the dense rate but for what vendors print otherwise
EXCEPTIONS = {
    ("nvidia-b300-sxm", "fp4"): 4 / 3,
    ("nvidia-gb300", "fp4"): 4 / 3,
    ("nvidia-vr200", "fp4"): 10 / 7,
    ("nvidia-rubin-ultra", "fp4"): 10 / 7,
    ("nvidia-rubin-cpx", "fp4"): 3 / 2,
    # two roundings of the sheet
    ("nvidia-rtx-pro-6000-server", "fp4"): 2.0833,
    # the sheet's own figure, 733 for 362.05
    ("nvidia-l40s", "bf16"): 2.0246,
    # one sparse rate is printed for 8 and 16 bits
    ("amazon-trainium2", "bf16"): 3.843,
    ("amazon-trainium2", "tf32"): 3.843,
    ("amazon-trainium2", "fp8"): 1.973,
    ("amazon-trainium3", "bf16"): 3.751,
    ("amazon-trainium3", "tf32"): 3.751,
}


def test_shipped_sparse_rates_are_twice_the_dense_ones_but_where_a_vendor_prints_otherwise(
    facts: Facts,
) -> None:
    compared = 0
    for accelerator in facts.accelerators.values():
        for precision, sparse in accelerator.sparse_peak.items():
            expected = EXCEPTIONS.get((accelerator.id, precision), 2.0)
            ratio = sparse / accelerator.peak[precision]
            assert ratio == pytest.approx(expected, rel=4e-3), (accelerator.id, precision)
            compared += 1
    assert compared > 80


def test_only_matrix_precisions_have_sparse_rates(facts: Facts) -> None:
    vector = {"fp64", "fp32"}
    assert not [a.id for a in facts.accelerators.values() if vector & set(a.sparse_peak)]
