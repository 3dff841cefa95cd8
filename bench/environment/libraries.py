"""Versions of the libraries that do the work, and their threads."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bench.environment.node import Environment
from bench.extras import require_torch


def library_facts() -> Environment:
    """Torch, its BLAS and its runtime; NumPy and its BLAS.

    Raises:
        MissingExtraError: Torch is not installed.
    """
    torch = require_torch()
    return {
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda,
        "rocm": torch.version.hip,
        "cudnn": _told(torch.backends.cudnn.version),
        "nccl": _nccl(torch),
        "triton": _installed("triton")
        or _installed("pytorch-triton-rocm")
        or _installed("pytorch-triton-xpu"),
        "torch_threads": int(torch.get_num_threads()),
        "torch_interop_threads": int(torch.get_num_interop_threads()),
        "mkl": bool(torch.backends.mkl.is_available()),
        "onednn": bool(torch.backends.mkldnn.is_available()),
        "cpu_capability": str(torch.backends.cpu.get_cpu_capability()),
        **build_facts(str(torch.__config__.show())),
        **_numpy_facts(),
    }


def build_facts(text: str) -> Environment:
    """BLAS and versions of MKL and oneDNN from the text of ``torch.__config__.show()``."""
    return {
        "torch_blas": _first(r"BLAS_INFO=(\w+)", text),
        "mkl_version": _first(r"Math Kernel Library Version (\S+)", text),
        "onednn_version": _first(r"MKL-DNN v(\S+)|oneDNN v(\S+)", text),
        "openmp_version": _first(r"OpenMP (\d{6})", text),
    }


def _numpy_facts() -> Environment:
    """NumPy is there without torch's asking for it, so a broken or absent one is no error here."""
    try:
        numpy = importlib.import_module("numpy")
    except ImportError:
        return {"numpy": None, "numpy_blas": None}
    return {"numpy": str(numpy.__version__), "numpy_blas": _told(lambda: _numpy_blas(numpy))}


def _numpy_blas(numpy: Any) -> str | None:
    blas = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{blas['name']} {blas.get('version', '')}".strip()


def _nccl(torch: Any) -> str | None:
    """``2.21.5``: a build for CPUs has none."""
    if not torch.version.cuda and not torch.version.hip:
        return None
    found = _told(torch.cuda.nccl.version)
    return ".".join(map(str, found)) if isinstance(found, tuple) else _text(found)


def _told(question: Callable[[], Any]) -> Any:
    """The answer; None where a build of the library does not have it."""
    try:
        return question()
    # Facts for the reader: no build's way of not having one may end a run.
    except Exception:
        return None


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _first(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return next((group for group in match.groups() if group), None) if match else None
