"""The catalogue of workloads: descriptions that need no torch."""

from __future__ import annotations

import subprocess
import sys

from kernels.catalogue import WORKLOADS


def test_catalogue_needs_no_torch() -> None:
    code = "import sys, kernels.catalogue; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_each_workload_describes_itself() -> None:
    for name, workload in WORKLOADS.items():
        assert workload.name == name
        assert name.startswith(workload.family)
        assert len(workload.summary) > 20
        assert (workload.metric, workload.unit) in {("flop_rate", "FLOP/s"), ("bandwidth", "B/s")}
