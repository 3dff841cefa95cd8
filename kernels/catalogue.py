"""All workloads by name: those of one device, and those of several ranks together."""

from __future__ import annotations

from collections.abc import Mapping

from kernels.attention import Attention
from kernels.ceiling import UnitCeiling
from kernels.collectives import COLLECTIVES
from kernels.convolution import Convolution
from kernels.data_parallel import DataParallel
from kernels.decode_step import DecodeStep
from kernels.embedding import Embedding
from kernels.gemm import Gemm
from kernels.gemm_typical import GemmTypical
from kernels.launch import Launch
from kernels.links import Links
from kernels.memory import FORMULAS, Memory
from kernels.memory_ceiling import MemoryCeiling
from kernels.memory_ladder import MemoryLadder
from kernels.normalisation import Normalisation
from kernels.prefill import Prefill
from kernels.storage import Storage
from kernels.tensor_parallel import TensorParallel
from kernels.training_step import TrainingStep
from kernels.transfer import TRANSFERS
from kernels.transfer_devices import TransferBetweenDevices
from kernels.transfer_nodes import TransferBetweenNodes
from kernels.workload import Workload

_ALL: tuple[Workload, ...] = (
    Gemm(),
    GemmTypical(),
    TrainingStep(),
    TrainingStep(compiled=True),
    DecodeStep(),
    Prefill(),
    Attention("forward"),
    Attention("training"),
    Convolution(),
    Normalisation(),
    Embedding(),
    *(Memory(kind) for kind in FORMULAS),
    MemoryLadder(),
    UnitCeiling("vector"),
    UnitCeiling("matrix"),
    MemoryCeiling(),
    Launch(),
    *TRANSFERS,
    TransferBetweenDevices(),
    TransferBetweenNodes(),
    Storage("cold"),
    Storage("warm"),
)
WORKLOADS: Mapping[str, Workload] = {workload.name: workload for workload in _ALL}
# What ranks do together; each takes a process group, and so a run of its own.
_TOGETHER: tuple[Workload, ...] = (*COLLECTIVES, Links(), DataParallel(), TensorParallel())
GROUPED: Mapping[str, Workload] = {workload.name: workload for workload in _TOGETHER}
