"""The libraries behind torch and NumPy: which does the work, which is preferred, and what it promises.

Imports torch: load it only to run something.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch

from kernels.products.matrices import Operands

SCALED = ("fp8", "fp4")
LT_LIBRARIES = ("cublaslt", "hipblaslt")
# The start of what torch warns of once when a library other than cuBLAS is preferred (PyTorch,
# aten/src/ATen/Context.cpp, setBlasPreferredBackend). On Windows it goes on to say that nothing was set.
EXPERIMENTAL = r"torch\.backends\.cuda\.preferred_blas_library is an experimental feature\. If you see any"


def behind_torch(operands: Operands) -> str:
    """What torch's default calls for these operands."""
    kind = operands.a.device.type
    if kind == "cuda":
        return _gpu_library_behind_torch(operands.precision)
    if kind != "cpu":
        return str(kind)
    if operands.precision in ("fp32", "fp64"):
        return _blas_of_torch()
    has_onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return "onednn" if has_onednn else "native"


def _gpu_library_behind_torch(precision: str) -> str:
    """Scaled and integer products go through the Lt library always."""
    base = "hipblas" if torch.version.hip else "cublas"
    # An enumeration's member, as "_BlasBackend.Cublaslt"; "default" ends in "lt" too.
    preferred = str(torch.backends.cuda.preferred_blas_library()).rpartition(".")[2].lower()
    return f"{base}lt" if preferred in LT_LIBRARIES or precision in (*SCALED, "int8") else base


@lru_cache
def _blas_of_torch() -> str:
    found = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    return found[1].lower() if found else "native"


@lru_cache
def behind_numpy() -> str:
    """What NumPy says it was built with: ``openblas`` for its own wheels, else the library or ``numpy``."""
    import numpy as np  # noqa: PLC0415

    built = np.show_config(mode="dicts")
    name = str((built or {}).get("Build Dependencies", {}).get("blas", {}).get("name", "")).lower()
    for known in ("openblas", "mkl", "accelerate", "blis", "armpl"):
        if known in name:
            return known if known != "mkl" else "mkl numpy"
    return "numpy"


@contextmanager
def preferring(library: str | None) -> Iterator[None]:
    """While it lasts, torch multiplies with that library on a GPU; with its own choice where left out."""
    if library is None:
        yield
        return
    before = torch.backends.cuda.preferred_blas_library()
    try:
        # where warnings are errors, torch raises this one after the library has been set
        _prefer(library)
        yield
    finally:
        _prefer(before)


def _prefer(library: Any) -> None:
    """A name, or what torch gave as its preference before."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", EXPERIMENTAL, UserWarning)
        torch.backends.cuda.preferred_blas_library(library)


def repeats_bitwise(kind: str) -> bool:
    """Whether the libraries for torch's kind of device give the same bits at every call.

    cuBLAS promises it for one version, architecture and number of multiprocessors while a single stream is
    active (NVIDIA, cuBLAS documentation, section 2.1.4, Results Reproducibility). rocBLAS promises it only
    where atomics are not allowed (AMD, rocBLAS programmer's guide, Bitwise reproducibility), and torch
    allows them. oneMKL on GPUs and Apple's libraries promise nothing by default.
    """
    return kind == "cpu" or (kind == "cuda" and not torch.version.hip)
