"""Where our Triton code can run, and in which types: told without importing Triton or torch."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from kernels.workload import CUDA_KINDS, Place

PACKAGES = ("triton", "pytorch-triton-rocm", "pytorch-triton")
PRECISIONS = ("fp64", "fp32", "tf32", "fp16", "bf16", "fp8", "int8")
VECTOR_PRECISIONS = ("fp64", "fp32", "fp16", "bf16")
# Lowest compute capability whose matrix units Triton reaches (NVIDIA, PTX ISA, "mma": bf16, tf32 and fp64
# from sm_80, e4m3 from sm_89; Triton, README, "Compatibility": NVIDIA GPUs of compute capability 8.0 and up).
LOWEST_TENSOR = {"fp16": (8, 0), "bf16": (8, 0), "tf32": (8, 0), "int8": (8, 0), "fp8": (8, 9)}
# Triton multiplies fp64 tiles on matrix units only there, and on vector units elsewhere.
FP64_TENSOR = ((8, 0), (9, 0))
# What AMD's matrix cores take (ISA documents of CDNA 1 to 4, "Matrix Arithmetic Instructions").
_CDNA = frozenset({"fp32", "fp16", "bf16", "int8"})
MATRIX_CORES = {
    "gfx908": _CDNA,
    "gfx90a": _CDNA | {"fp64"},
    "gfx942": _CDNA | {"fp64", "tf32", "fp8"},
    "gfx950": _CDNA | {"fp64", "fp8"},
}
# torch 2.6, the oldest supported, comes with 3.2, which does not reach fp64 matrix units.
FP64_SINCE = (3, 5)


def triton_version() -> str | None:
    """Version of the Triton at hand; None where there is none."""
    for package in PACKAGES:
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return None


def backend_name() -> str:
    """Name in records, for example ``triton 3.4.0``."""
    return f"triton {triton_version() or 'of unknown version'}"


def lacks_triton(place: Place) -> str | None:
    """Why no Triton code runs there; None where it does."""
    if place.kind not in CUDA_KINDS:
        return f"our Triton code is for CUDA and ROCm GPUs; this is a {place.kind} device"
    if find_spec("triton") is None:
        return "Triton is not installed; it comes with torch's builds for CUDA and ROCm"
    found = capability(place)
    if place.kind == "cuda" and found is not None and found < (8, 0):
        return f"Triton needs compute capability 8.0; this GPU has {place.architecture}"
    return None


def lacks_matrix(precision: str, place: Place) -> str | None:
    """Why Triton does not reach matrix units there in this precision; None where it does."""
    if (reason := lacks_triton(place)) is not None:
        return reason
    if precision not in PRECISIONS:
        return f"no tile product in {precision} was written in Triton"
    if precision == "fp64" and _release() < FP64_SINCE:
        return f"{backend_name()} multiplies fp64 on vector units only"
    if place.kind == "cuda":
        return _lacks_tensor_core(precision, place)
    return _lacks_matrix_core(precision, place)


def lacks_vector(precision: str, place: Place) -> str | None:
    """Why there are no vector units for the precision there; None where there are."""
    if (reason := lacks_triton(place)) is not None:
        return reason
    if precision not in VECTOR_PRECISIONS:
        return f"vector units have no multiply-add in {precision}"
    if precision == "bf16" and place.kind == "rocm":
        return "bf16 multiply-adds of vectors are compiled to float32 ones for AMD's GPUs"
    return None


def capability(place: Place) -> tuple[int, int] | None:
    """Compute capability of a CUDA GPU; None for others and where unknown."""
    major, _, minor = (place.architecture or "").partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None


def dot_mode(precision: str) -> str:
    """How ``tl.dot`` treats float32 operands: only ``tf32`` may round them."""
    return "tf32" if precision == "tf32" else "ieee"


def _lacks_tensor_core(precision: str, place: Place) -> str | None:
    found = capability(place)
    if precision == "fp32":
        return "tensor cores do not multiply fp32 unrounded (tf32 is a precision of its own)"
    if found is None:
        return None
    if precision == "fp64":
        reached = found in FP64_TENSOR
        return None if reached else f"Triton reaches no fp64 tensor cores on {place.architecture}"
    lowest = LOWEST_TENSOR[precision]
    if found >= lowest:
        return None
    return f"{precision} needs compute capability {lowest[0]}.{lowest[1]}; this GPU has {place.architecture}"


def _lacks_matrix_core(precision: str, place: Place) -> str | None:
    base = (place.architecture or "").partition(":")[0]
    known = MATRIX_CORES.get(base)
    if known is None:
        return f"which precisions the matrix cores of {base or 'this GPU'} take is not known here"
    return None if precision in known else f"the matrix cores of {base} do not take {precision}"


def _release() -> tuple[int, int]:
    parts = (triton_version() or "0.0").split(".")
    return (
        (int(parts[0]), int(parts[1])) if len(parts) > 1 and all(p.isdigit() for p in parts[:2]) else (0, 0)
    )
