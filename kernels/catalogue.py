"""All workloads by name."""

from __future__ import annotations

from collections.abc import Mapping

from kernels.gemm import Gemm
from kernels.memory import Memory
from kernels.workload import Workload

_ALL: tuple[Workload, ...] = (Gemm(), Memory("copy"), Memory("triad"))
WORKLOADS: Mapping[str, Workload] = {workload.name: workload for workload in _ALL}
