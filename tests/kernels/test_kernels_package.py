"""The catalogue of workloads: descriptions that need no torch."""

from __future__ import annotations

import subprocess
import sys

from kernels.catalogue import WORKLOADS
from kernels.workload import Counted

UNITS = {"flop_rate": "FLOP/s", "bandwidth": "B/s", "token_rate": "token/s", "call_rate": "1/s"}


def test_catalogue_needs_no_torch() -> None:
    code = "import sys, kernels.catalogue; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_each_workload_describes_itself() -> None:
    for name, workload in WORKLOADS.items():
        assert workload.name == name
        assert workload.family not in WORKLOADS or WORKLOADS[workload.family].family == workload.family
        assert len(workload.summary) > 20
        assert UNITS[workload.metric] == workload.unit
        # What counts neither arithmetic nor bytes must say how much of it a call does.
        assert workload.metric in ("flop_rate", "bandwidth") or isinstance(workload, Counted)
