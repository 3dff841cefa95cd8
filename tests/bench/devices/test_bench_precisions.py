"""Which hardware multiplies which precisions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.devices.precisions import GFX, LOWEST_CAPABILITY, lacks

ALL = ("fp64", "fp32", "tf32", "fp16", "bf16", "fp8", "int8", "fp4")


def having(kind: str, *, isa: frozenset[str] = frozenset(), architecture: str | None = None) -> str:
    """Precisions that are not lacking, in the order of `ALL`."""
    return " ".join(name for name in ALL if lacks(kind, name, isa=isa, architecture=architecture) is None)


@pytest.mark.parametrize(
    ("capability", "found"),
    [
        ("5.2", "fp64 fp32"),
        ("6.0", "fp64 fp32 fp16"),
        ("7.0", "fp64 fp32 fp16 int8"),
        ("8.0", "fp64 fp32 tf32 fp16 bf16 int8"),
        ("8.9", "fp64 fp32 tf32 fp16 bf16 fp8 int8"),
        ("9.0", "fp64 fp32 tf32 fp16 bf16 fp8 int8"),
        ("10.0", " ".join(ALL)),
        ("12.0", " ".join(ALL)),
    ],
)
def test_nvidia_by_compute_capability(capability: str, found: str) -> None:
    assert having("cuda", architecture=capability) == found


@pytest.mark.parametrize(
    ("architecture", "found"),
    [
        ("gfx906", "fp64 fp32 fp16 int8"),
        ("gfx90a:sramecc+:xnack-", "fp64 fp32 fp16 bf16 int8"),
        ("gfx942:sramecc+:xnack-", "fp64 fp32 tf32 fp16 bf16 fp8 int8"),
        ("gfx950", "fp64 fp32 fp16 bf16 fp8 int8 fp4"),
        ("gfx1201", "fp64 fp32 fp16 bf16 fp8 int8"),
    ],
)
def test_amd_by_architecture(architecture: str, found: str) -> None:
    assert having("rocm", architecture=architecture) == found


@pytest.mark.parametrize(
    ("isa", "found"),
    [
        ("avx2 fma", "fp64 fp32"),
        ("avx512f avx512_vnni", "fp64 fp32 int8"),
        ("avx512f avx512_vnni avx512_bf16 avx512_fp16", "fp64 fp32 fp16 bf16 int8"),
        ("amx_bf16 amx_int8", "fp64 fp32 bf16 int8"),
        ("neon dotprod arm_bf16 arm_fp16", "fp64 fp32 fp16 bf16 int8"),
    ],
)
def test_cpus_by_instruction_set(isa: str, found: str) -> None:
    assert having("cpu", isa=frozenset(isa.split())) == found


def test_a_reason_names_what_is_missing_and_what_is_there() -> None:
    assert lacks("cuda", "fp8", isa=frozenset(), architecture="8.0") == (
        "fp8 needs compute capability 8.9; this GPU has 8.0"
    )
    assert (
        lacks("rocm", "tf32", isa=frozenset(), architecture="gfx950:x")
        == "gfx950 has no instructions for tf32"
    )
    assert "avx512_fp16" in (lacks("cpu", "fp16", isa=frozenset({"avx2"}), architecture=None) or "")
    assert "Metal" in (lacks("mps", "fp64", isa=frozenset(), architecture=None) or "")


@pytest.mark.parametrize("architecture", [None, "", "gfx9999", "nonsense"])
@pytest.mark.parametrize("kind", ["cuda", "rocm"])
def test_of_hardware_that_is_not_known_nothing_is_said(kind: str, architecture: str | None) -> None:
    assert having(kind, architecture=architecture) == " ".join(ALL)


@given(major=st.integers(5, 20), minor=st.integers(0, 9), precision=st.sampled_from(ALL))
def test_a_later_capability_never_loses_a_precision(major: int, minor: int, precision: str) -> None:
    if lacks("cuda", precision, isa=frozenset(), architecture=f"{major}.{minor}") is None:
        assert lacks("cuda", precision, isa=frozenset(), architecture=f"{major + 1}.0") is None


def test_tables_speak_of_known_precisions_only() -> None:
    assert set(LOWEST_CAPABILITY) <= set(ALL)
    assert all(precisions <= set(ALL) for precisions in GFX.values())
