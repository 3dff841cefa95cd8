"""Where a run took place: versions, threads, limits, and what else the node was doing."""

from __future__ import annotations

import os
import platform
import socket

from bench.devices import cgroup, processor
from bench.extras import require_psutil, require_torch

Environment = dict[str, str | int | float | bool | None]


def node_name() -> str:
    """Host name of this node."""
    return socket.gethostname() or "unknown"


def describe_environment() -> Environment:
    """Facts that a reader needs to judge or repeat a run; None where the system does not tell."""
    torch = require_torch()
    return {
        "os": platform.platform(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda,
        "rocm": torch.version.hip,
        "torch_threads": int(torch.get_num_threads()),
        "mkl": bool(torch.backends.mkl.is_available()),
        "onednn": bool(torch.backends.mkldnn.is_available()),
        "cpu_capability": str(torch.backends.cpu.get_cpu_capability()),
        "virtual_machine": processor.is_virtual(),
        "governor": processor.governor(),
        "cgroup_cpu_quota_cores": cgroup.cpu_quota_cores(),
        "cgroup_memory_headroom_bytes": cgroup.memory_headroom_bytes(),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
    }


class Load:
    """How busy the node's CPUs were from one moment to another, ourselves included."""

    def __init__(self) -> None:
        self._psutil = require_psutil()
        self._before = self._psutil.cpu_times()
        self._own_before = self._own_seconds()

    def since(self) -> Environment:
        """Share of CPU time taken by other processes and by the host beneath (steal); None unless told."""
        after, before = self._psutil.cpu_times(), self._before
        spent = {name: getattr(after, name) - getattr(before, name) for name in after._fields}
        # Linux counts guest time within user time.
        total = sum(seconds for name, seconds in spent.items() if not name.startswith("guest"))
        if total <= 0:
            return {"other_load_fraction": None, "steal_fraction": None}
        resting = spent.get("idle", 0.0) + spent.get("iowait", 0.0) + spent.get("steal", 0.0)
        others = total - resting - (self._own_seconds() - self._own_before)
        steal = spent.get("steal")
        return {
            "other_load_fraction": max(0.0, others / total),
            "steal_fraction": None if steal is None else max(0.0, steal / total),
        }

    def _own_seconds(self) -> float:
        own = self._psutil.Process().cpu_times()
        return float(own.user + own.system)
