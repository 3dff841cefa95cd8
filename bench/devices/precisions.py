"""Which precisions a device multiplies matrices in natively, from its architecture.

Sources. NVIDIA: CUDA programming guide, appendix "Compute Capabilities" (arithmetic throughput, tensor core
input types) and PTX ISA, ``mma`` (e4m3 from sm_89, e2m1 from sm_100 and sm_120), ``dp4a`` (from sm_61). AMD:
ROCm reference "Data types and precision support", ISA documents of CDNA 1 to 4 and RDNA 2 to 4; only gfx942
has XF32. CPUs: Intel Architecture Instruction Set Extensions Programming Reference, AMD64 Architecture
Programmer's Manual volume 4, Arm Architecture Reference Manual for A-profile.
"""

from __future__ import annotations

from collections.abc import Set

from bench.devices.system.processor import NATIVE_BF16

EVERY = frozenset({"fp64", "fp32"})
# Lowest compute capability that has instructions for the precision.
LOWEST_CAPABILITY = {
    "fp16": (5, 3),
    "bf16": (8, 0),
    "tf32": (8, 0),
    "fp8": (8, 9),
    "int8": (6, 1),
    "fp4": (10, 0),
}
# What each GPU architecture has besides fp64 and fp32.
_VEGA, _RDNA2 = frozenset({"fp16", "int8"}), frozenset({"fp16", "int8"})
_CDNA = frozenset({"fp16", "bf16", "int8"})
_RDNA3 = frozenset({"fp16", "bf16", "int8"})
GFX = {
    "gfx906": _VEGA,
    "gfx908": _CDNA,
    "gfx90a": _CDNA,
    "gfx942": _CDNA | {"fp8", "tf32"},
    "gfx950": _CDNA | {"fp8", "fp4"},
    "gfx1030": _RDNA2,
    "gfx1100": _RDNA3,
    "gfx1101": _RDNA3,
    "gfx1102": _RDNA3,
    "gfx1151": _RDNA3,
    "gfx1200": _RDNA3 | {"fp8"},
    "gfx1201": _RDNA3 | {"fp8"},
}
# Instruction sets of which one is enough, by the names that `bench.devices.system.processor` gives them.
CPU_NEEDS = {
    "bf16": NATIVE_BF16,
    "tf32": frozenset({"amx_tf32"}),
    "fp16": frozenset({"avx512_fp16", "amx_fp16", "arm_fp16", "sve"}),
    "int8": frozenset({"avx_vnni", "avx512_vnni", "amx_int8", "dotprod", "i8mm"}),
    "fp8": frozenset({"amx_fp8", "arm_fp8"}),
    "fp4": frozenset[str](),
}


def lacks(kind: str, precision: str, *, isa: Set[str], architecture: str | None) -> str | None:
    """Why the hardware has no instructions for a precision; None where it has, or where that is not known.

    Args:
        kind: ``cpu``, ``cuda``, ``rocm``, ``xpu`` or ``mps``.
        precision: ``fp64``, ``fp32``, ``tf32``, ``fp16``, ``bf16``, ``fp8``, ``int8`` or ``fp4``.
        isa: Instruction sets of a CPU.
        architecture: Compute capability (``9.0``) or GPU architecture (``gfx942``).
    """
    if kind == "cpu":
        return _cpu_lacks(precision, isa)
    if kind == "cuda":
        return _cuda_lacks(precision, architecture)
    if kind == "rocm":
        return _rocm_lacks(precision, architecture)
    if kind == "mps" and precision in {"fp64", "tf32", "fp8", "fp4"}:
        return f"{precision} is not a data type of Apple's GPUs (Metal Shading Language Specification)"
    return None


def _cpu_lacks(precision: str, isa: Set[str]) -> str | None:
    needed = CPU_NEEDS.get(precision)
    if needed is None or needed & isa:
        return None
    if not needed:
        return f"no CPU multiplies {precision}"
    return f"{precision} is only emulated here: the CPU has none of {', '.join(sorted(needed))}"


def _cuda_lacks(precision: str, architecture: str | None) -> str | None:
    lowest, found = LOWEST_CAPABILITY.get(precision), _capability(architecture)
    if lowest is None or found is None or found >= lowest:
        return None
    return f"{precision} needs compute capability {lowest[0]}.{lowest[1]}; this GPU has {architecture}"


def _rocm_lacks(precision: str, architecture: str | None) -> str | None:
    # ROCm appends features that can be switched: gfx90a:sramecc+:xnack-.
    base = (architecture or "").partition(":")[0]
    found = GFX.get(base)
    if found is None or precision in found | EVERY:
        return None
    return f"{base} has no instructions for {precision}"


def _capability(architecture: str | None) -> tuple[int, int] | None:
    major, _, minor = (architecture or "").partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None
