"""What a rank measures with all others: the workloads asked for, one kind after the other. Imports torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch

from bench.choosing.faults import describe
from bench.devices.device import Device
from bench.group.measuring.collectives import CollectiveRun
from bench.group.measuring.links import LinkRun
from bench.group.measuring.scaling import Scaling
from bench.group.measuring.subgroups import subgroups
from bench.group.measuring.timing import Ensemble
from bench.group.rendezvous.joining import Joined
from bench.group.rendezvous.watch import Blamed
from bench.group.spec import Kind, Spec
from bench.record import Result
from bench.workloads import load_grouped
from kernels.collectives import Collective
from kernels.data_parallel import DataParallel
from kernels.links import Links
from kernels.tensor_parallel import TensorParallel
from kernels.workload import Place

TELL_SECONDS = 2.0
# Words of an error that says that another rank is gone, and not that this one has failed: libraries between
# ranks, and the exceptions of torch.distributed (DistBackendError and its like), in small letters.
OF_OTHERS = (
    "gloo",
    "nccl",
    "xccl",
    "connection",
    "timed out",
    "distributed",
    *(f"dist{kind}error" for kind in ("", "backend", "network", "store")),
)

Say = Callable[[Kind, Mapping[str, Any]], None]
"""Tells something to the process that started this one."""


class Programme:
    """All runs of this rank, and what they have found so far.

    Args:
        spec: What is measured, and how long.
        joined: All ranks, and which one this is.
        device: This rank's.
        say: Tells results as they come.
    """

    def __init__(self, spec: Spec, joined: Joined, device: Device, say: Say) -> None:
        self._joined, self._say = joined, say
        self._told_at = time.monotonic()
        if spec.threads:
            torch.set_num_threads(spec.threads)
        known = load_grouped()
        wanted = [known[name] for name in spec.workloads]
        self._share_seconds = spec.budget_seconds / len(wanted)
        self._collectives = [one for one in wanted if isinstance(one, Collective)]
        self._has_links = any(isinstance(one, Links) for one in wanted)
        description, self._place = device.description, own_share(device.place(), joined)
        self._ensemble = Ensemble(device.torch_device, description.kind)
        self._collective_run = CollectiveRun(
            joined, self._ensemble, description, self._place, spec.seed, self._tell_now_and_then
        )
        common = joined, self._ensemble, description.id, self._place
        self._link_run = LinkRun(*common, spec.seed, self._tell_now_and_then)
        precision = "fp32" if device.lacks("bf16") else "bf16"
        self._scalings = [
            Scaling(one, *common, precision, spec.seed, self._tell_now_and_then)
            for one in sorted(wanted, key=lambda one: one.name)
            if isinstance(one, DataParallel | TensorParallel)
        ]

    def run(self) -> None:
        """Measure everything, and tell it.

        Raises:
            Blamed: A rank failed, this one or another; what had been found is told.
        """
        try:
            self._measure()
        except Exception as error:  # torch says in many ways that a rank is gone
            reason = self._blame(describe(error))
            self._collective_run.end(reason)
            self._tell()
            raise Blamed(reason) from error
        self._joined.watch.step("the end")
        self._tell()

    def _measure(self) -> None:
        """Each workload in its share of the time, the collectives together in all of theirs."""
        found = subgroups(self._joined)
        # Shapes depend on the memory, so all go by that of the rank with the least.
        (negative,) = self._ensemble.agree(-float(self._place.memory_bytes))
        runs: list[CollectiveRun | LinkRun | Scaling] = [
            self._collective_run,
            self._link_run,
            *self._scalings,
        ]
        for one in runs:
            one.place = replace(self._place, memory_bytes=int(-negative))
        if self._collectives:
            self._collective_run.run(self._collectives, found, self._share_seconds * len(self._collectives))
        if self._has_links:
            self._link_run.run(found, self._share_seconds)
        for scaling in self._scalings:
            scaling.run(self._share_seconds)

    def _blame(self, own: str) -> str:
        """Who is at fault, in words; this rank says so first where nothing points to another."""
        if not any(sign in own.lower() for sign in OF_OTHERS):
            with suppress(Exception):
                self._joined.watch.confess(own)
        return self._joined.watch.blame(own)

    def _results(self) -> list[Result]:
        scaled = [result for scaling in self._scalings for result in scaling.found]
        return [*self._collective_run.results(), *self._link_run.found, *scaled]

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        self._say("results", {"results": [one.model_dump(mode="json") for one in self._results()]})

    def _tell_now_and_then(self) -> None:
        if time.monotonic() - self._told_at > TELL_SECONDS:
            self._tell()


def own_share(place: Place, joined: Joined) -> Place:
    """A rank's part of a place: ranks of one node on the same device share its memory evenly."""
    sharing = sum(joined.facts[rank].device == place.device for rank in joined.own_node)
    return replace(place, memory_bytes=place.memory_bytes // max(1, sharing))
