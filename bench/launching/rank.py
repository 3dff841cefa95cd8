"""Which of how many processes this one is, as the launcher that started it says in environment variables.

Sources: torchrun, https://pytorch.org/docs/stable/elastic/run.html#environment-variables; srun,
https://slurm.schedmd.com/srun.html#SECTION_OUTPUT-ENVIRONMENT-VARIABLES; mpirun of Open MPI,
https://docs.open-mpi.org/en/main/tuning-apps/environment-var.html; Hydra of MPICH, ``PMI_RANK`` and
``MPI_LOCALRANKID``; PMIx, ``PMIX_RANK`` and ``PMIX_NAMESPACE``; Indexed Jobs,
https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.environment.node import Environment
from bench.errors import InputError

# What `flopcensus launch` sets, where the launcher itself has no name for a launch that is used once only.
LAUNCH_ID = "FLOPCENSUS_LAUNCH_ID"
# How the names begin that `flopcensus launch` makes up.
_OURS = ("ssh-", "slurm-")
_NUMBERED = frozenset({"torchrun", "slurm", "openmpi", "kubernetes"})
_UNNAMED = re.compile(r"none(?:\.|$)")


@dataclass(frozen=True)
class Rank:
    """One process among those that a launcher started together.

    Attributes:
        launcher: torchrun, slurm, openmpi, mpich, pmi, pmix, kubernetes; ``variables`` where RANK and
            WORLD_SIZE were set by something that leaves no other trace.
        launch_id: Name of the launch, the same for all its ranks; None where nothing tells.
        rank: Number of this process, from 0.
        world_size: How many processes there are.
        local_rank: Number of this process on its node, from 0; None where nothing tells.
        local_world_size: Processes on this node; None where nothing tells.
        node_index: Number of the node, from 0; None where nothing tells.
    """

    launcher: str
    launch_id: str | None
    rank: int
    world_size: int
    local_rank: int | None = None
    local_world_size: int | None = None
    node_index: int | None = None

    def __post_init__(self) -> None:
        _require(self.launcher, "rank", self.rank, self.world_size)
        if self.local_rank is not None and self.local_world_size is not None:
            _require(self.launcher, "local rank", self.local_rank, self.local_world_size)

    @property
    def once_only(self) -> bool:
        """Whether no other launch ever has this name, unlike torchrun's default name and an address."""
        if self.launch_id is None or _UNNAMED.match(self.launch_id):
            return False
        return self.launcher in _NUMBERED or self.launch_id.startswith(_OURS)

    @property
    def facts(self) -> Environment:
        """For the record's environment."""
        return {
            "launcher": self.launcher,
            "launch_id": self.launch_id,
            "rank": self.rank,
            "world_size": self.world_size,
            "local_rank": self.local_rank,
            "local_world_size": self.local_world_size,
            "node_index": self.node_index,
        }


def read_rank(variables: Mapping[str, str] = os.environ) -> Rank | None:
    """This process's rank; None where no launcher started it.

    The innermost launcher is believed. torchrun under srun leaves SLURM_PROCID of the agent, and mpirun in a
    batch job that of its daemon (one a node, whatever number of ranks it starts), so that these two come
    before Slurm. A batch script itself has SLURM_PROCID too, but is no step: it counts as started by no
    launcher.

    Raises:
        InputError: A variable is no number, or a rank lies outside its world.

    Example:
        >>> rank = read_rank({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"})
        >>> rank.rank, rank.world_size, rank.local_rank
        (3, 4, 1)
    """
    # Some schedulers set what they do not know to nothing.
    told = {name: value.strip() for name, value in variables.items() if value.strip()}
    for needs, read in _LAUNCHERS:
        if all(name in told for name in needs):
            return read(told)
    return None


def _torchrun(told: Mapping[str, str]) -> Rank:
    elastic = "TORCHELASTIC_RUN_ID" in told
    parts = ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RESTART_COUNT")
    local_size = _number(told, "LOCAL_WORLD_SIZE")
    rank = _needed(told, "RANK")
    return Rank(
        "torchrun" if elastic else "variables",
        told.get(LAUNCH_ID) or _joined(told, parts),
        rank,
        _needed(told, "WORLD_SIZE"),
        _number(told, "LOCAL_RANK"),
        local_size,
        # One process a node: its number is the node's.
        _number(told, "GROUP_RANK") if "GROUP_RANK" in told else rank if local_size == 1 else None,
    )


def _slurm(told: Mapping[str, str]) -> Rank:
    node = _number(told, "SLURM_NODEID")
    return Rank(
        "slurm",
        _joined(told, ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT")),
        _needed(told, "SLURM_PROCID"),
        _number(told, "SLURM_STEP_NUM_TASKS") or _needed(told, "SLURM_NTASKS"),
        _number(told, "SLURM_LOCALID"),
        _tasks_here(told.get("SLURM_STEP_TASKS_PER_NODE"), node),
        node,
    )


def _openmpi(told: Mapping[str, str]) -> Rank:
    return Rank(
        "openmpi",
        told.get("PMIX_NAMESPACE") or told.get("OMPI_MCA_ess_base_jobid"),
        _needed(told, "OMPI_COMM_WORLD_RANK"),
        _needed(told, "OMPI_COMM_WORLD_SIZE"),
        _number(told, "OMPI_COMM_WORLD_LOCAL_RANK"),
        _number(told, "OMPI_COMM_WORLD_LOCAL_SIZE"),
    )


def _mpich(told: Mapping[str, str]) -> Rank:
    return Rank(
        "mpich",
        told.get("PMI_JOBID") or _job(told),
        _needed(told, "PMI_RANK"),
        _needed(told, "PMI_SIZE"),
        _number(told, "MPI_LOCALRANKID"),
        _number(told, "MPI_LOCALNRANKS"),
    )


def _pmi(told: Mapping[str, str]) -> Rank:
    return Rank(
        "pmi",
        told.get("PMI_JOBID") or told.get("PALS_APID") or _job(told),
        _needed(told, "PMI_RANK"),
        _needed(told, "PMI_SIZE"),
        _number(told, "PMI_LOCAL_RANK"),
        _number(told, "PMI_LOCAL_SIZE"),
        _number(told, "PALS_NODEID"),
    )


def _pmix(told: Mapping[str, str]) -> Rank:
    return Rank("pmix", told["PMIX_NAMESPACE"], _needed(told, "PMIX_RANK"), _needed(told, "WORLD_SIZE"))


def _kubernetes(told: Mapping[str, str]) -> Rank:
    index = _needed(told, "JOB_COMPLETION_INDEX")
    # A pod is a machine of its own to the processes in it.
    return Rank("kubernetes", told.get(LAUNCH_ID), index, _needed(told, "WORLD_SIZE"), 0, 1, index)


_Reader = Callable[[Mapping[str, str]], Rank]
_LAUNCHERS: tuple[tuple[tuple[str, ...], _Reader], ...] = (
    (("RANK", "WORLD_SIZE"), _torchrun),
    (("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), _openmpi),
    (("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"), _mpich),
    (("SLURM_PROCID", "SLURM_STEP_ID"), _slurm),
    (("PMI_RANK", "PMI_SIZE"), _pmi),
    (("PMIX_RANK", "PMIX_NAMESPACE", "WORLD_SIZE"), _pmix),
    (("JOB_COMPLETION_INDEX", "WORLD_SIZE"), _kubernetes),
)


def _tasks_here(per_node: str | None, node: int | None) -> int | None:
    """Tasks of one node of ``2(x3),1``: two on each of three nodes, then one."""
    counts: list[int] = []
    for part in (per_node or "").split(","):
        count, _, times = part.partition("(x")
        if not (count.isdecimal() and (times.rstrip(")") or "1").isdecimal()):
            return None
        # Never more than asked for: the text may promise any number of nodes.
        counts += [int(count)] * min(int(times.rstrip(")") or 1), (node or 0) + 1)
    return counts[node] if node is not None and node < len(counts) else None


def _job(told: Mapping[str, str]) -> str | None:
    return told.get("SLURM_JOB_ID") or told.get("PBS_JOBID") or told.get("LSB_JOBID")


def _joined(told: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return ".".join(told[name] for name in names if name in told) or None


def _needed(told: Mapping[str, str], name: str) -> int:
    number = _number(told, name)
    if number is None:
        raise InputError(f"{name} is not set, though others of its launcher are; or say --alone")
    return number


def _number(told: Mapping[str, str], name: str) -> int | None:
    text = told.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise InputError(
            f"{name} must be a whole number from 0 (found {text[:40]!r}); unset it, or say --alone where no "
            "launcher started this"
        )
    return int(text)


def _require(launcher: str, what: str, rank: int, size: int) -> None:
    if not 0 <= rank < size:
        raise InputError(
            f"{launcher}: {what} {rank} lies outside a world of {size}; unset what another launch left, "
            "or say --alone"
        )
