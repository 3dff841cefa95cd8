"""All workloads by name."""

from __future__ import annotations

from collections.abc import Mapping

from kernels.ceiling import UnitCeiling
from kernels.gemm import Gemm
from kernels.memory import FORMULAS, Memory
from kernels.memory_ceiling import MemoryCeiling
from kernels.memory_ladder import MemoryLadder
from kernels.workload import Workload

_ALL: tuple[Workload, ...] = (
    Gemm(),
    *(Memory(kind) for kind in FORMULAS),
    MemoryLadder(),
    UnitCeiling("vector"),
    UnitCeiling("matrix"),
    MemoryCeiling(),
)
WORKLOADS: Mapping[str, Workload] = {workload.name: workload for workload in _ALL}
