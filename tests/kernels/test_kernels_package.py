"""The folder as a whole: names that cannot clash, and descriptions that need no torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import kernels
from kernels.catalogue import WORKLOADS

# Modules of Hugging Face's package of the same import name, whose files ours must never overwrite.
# fmt: off
THEIRS = {
    "utils", "benchmark", "layer", "cli", "backends", "archs", "status", "compat", "deps", "verify",
    "variants", "lockfile", "minver", "benchmarks", "_system", "_versions", "_windows",
    "__init__", "__main__",
}
# fmt: on


def test_no_file_has_a_name_of_the_other_package() -> None:
    (folder,) = (Path(path) for path in kernels.__path__ if (Path(path) / "gemm.py").exists())
    ours = {path.stem for path in folder.iterdir() if path.name != "__pycache__"}
    assert "gemm" in ours
    assert not ours & THEIRS


def test_catalogue_needs_no_torch() -> None:
    code = "import sys, kernels.catalogue; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_each_workload_describes_itself() -> None:
    for name, workload in WORKLOADS.items():
        assert workload.name == name
        assert name.startswith(workload.family)
        assert len(workload.summary) > 20
        assert (workload.metric, workload.unit) in {("flop_rate", "FLOP/s"), ("bandwidth", "B/s")}
