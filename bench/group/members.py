"""Which members a process starts: its share of its node's devices, a rank each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.devices.selection import select_devices
from bench.devices.system.processor import usable_cpus
from bench.environment import node_name
from bench.errors import DeviceError, InputError
from bench.group.rendezvous.endpoint import told_endpoint
from bench.group.spec import Spec
from bench.launching.rank import Rank
from bench.plan import Plan
from bench.worker.process import WorkerLostError, survey

# Torchrun keeps the meeting point itself, and says so by this.
AGENT_STORE = "TORCHELASTIC_USE_AGENT_STORE"


@dataclass(frozen=True)
class GroupPlan:
    """What several ranks measure together.

    Attributes:
        plan: Workloads, devices, budget and seed.
        rank: Which process of a launch this is; None where no launcher started it.
        ranks: Members that this process starts on a CPU; None for one, or one a device.
        patience_seconds: How long a rank may keep the others waiting. Unit: s.
    """

    plan: Plan
    rank: Rank | None
    ranks: int | None
    patience_seconds: float


def devices_of(wanted: GroupPlan, opener: str) -> tuple[str, ...]:
    """The devices of this process's members.

    Processes that a launcher started on one node share its devices out; on a CPU each is one member.

    Raises:
        DeviceError: A device asked for is not here, or none can be listed.
        InputError: A number of ranks is given for GPUs.
        MissingExtraError: Torch is not installed.
    """
    rank, selector = wanted.rank, wanted.plan.device
    if wanted.ranks is not None and wanted.ranks < 1:
        raise InputError(f"--ranks must be 1 or more; found {wanted.ranks}")
    if selector == "cpu":
        chosen: tuple[str, ...] = ("cpu",)
    else:
        try:
            present, process = survey(opener)
        except WorkerLostError as lost:
            raise DeviceError(str(lost)) from lost
        with suppress(WorkerLostError):
            process.end()
        chosen = select_devices(selector, present)
    if chosen == ("cpu",):
        return chosen * (wanted.ranks or 1)
    chosen = tuple(name for name in chosen if name != "cpu")
    if wanted.ranks is not None:
        raise InputError("--ranks is for CPUs: GPUs have one rank each; choose them with --device")
    # A launcher that hides the others' devices from each has shared them out already.
    among, mine = (rank.local_world_size, rank.local_rank) if rank is not None else (None, None)
    if among is None or mine is None or len(chosen) < among:
        return chosen
    return chosen[mine::among]


def specs_of(
    wanted: GroupPlan, names: tuple[str, ...], devices: Sequence[str], folder: Path, opener: str
) -> list[Spec]:
    """What each member is told.

    Args:
        wanted: What is measured.
        names: Of the workloads, families resolved.
        devices: A member each.
        folder: Where to meet, unless the launcher says where.
        opener: Module that opens devices.
    """
    rank = wanted.rank
    told = told_endpoint() if rank is not None else None
    agent = os.environ.get(AGENT_STORE) == "True" and told is not None
    here = len(devices) * ((rank.local_world_size or 1) if rank is not None else 1)
    process, processes = (rank.rank, rank.world_size) if rank is not None else (0, 1)
    index = None if rank is None else rank.node_index
    specs = []
    for number, device in enumerate(devices):
        serves = process == number == 0 and not agent
        specs.append(
            Spec(
                process=process,
                processes=processes,
                member=number,
                members=len(devices),
                device=device,
                threads=max(1, len(usable_cpus()) // here) if device == "cpu" else 0,
                node=node_name() + ("" if index is None else f" (node {index})"),
                workloads=names,
                seed=wanted.plan.seed,
                budget_seconds=wanted.plan.budget_seconds,
                patience_seconds=wanted.patience_seconds,
                host=told[0] if told else None,
                port=told[1] if told else 0,
                serves=serves,
                folder=None if told else str(folder),
                opener=opener,
            )
        )
    return specs
