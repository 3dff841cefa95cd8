"""Torch's two ways of running a step, and whether it can compile: told without importing torch."""

from __future__ import annotations

import os
import shutil
import sys

from kernels.on_triton.support import lacks_triton
from kernels.workload import Place

EAGER, COMPILED = "torch eager", "torch compile"
# What torch calls where CXX names nothing else (PyTorch, torch/_inductor/config.py, class cpp).
COMPILERS = {"darwin": "clang++", "win32": "cl"}


def lacks(place: Place) -> str | None:
    """Why ``torch.compile`` makes no code there; None where it does."""
    if place.kind == "cpu":
        return _lacks_on_cpu()
    if place.kind == "mps":
        return "torch.compile is a prototype on Apple's GPUs"
    return None if place.kind == "xpu" else lacks_triton(place)


def _lacks_on_cpu() -> str | None:
    compiler = os.environ.get("CXX") or COMPILERS.get(sys.platform, "g++")
    # CXX may hold options too
    if shutil.which(compiler) or shutil.which(compiler.split()[0]):
        return None
    return f"torch.compile needs a C++ compiler on CPUs, and there is no {compiler}"
