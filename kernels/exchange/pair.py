"""An array from one rank to another. Imports torch."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.distributed as dist

from kernels.exchange.operation import library_of
from kernels.exchange.pattern import compare, fill, mark, scattered
from kernels.workload import Place, Verdict


class Pairing:
    """What a rank sends to whomever it meets, and where it receives."""

    def __init__(self, elements: int, place: Place, seed: int) -> None:
        self._place, self._seed = place, seed
        self._group: Any = place.group
        self.given = torch.empty(elements, device=place.device)
        self.got = torch.empty_like(self.given)
        fill(self.given, lambda indices: scattered(indices, seed) + mark(place.rank, place.ranks))
        self.poison()

    @property
    def backend(self) -> str:
        """``torch/gloo``, ``torch/nccl`` and so on."""
        return library_of(self._place)

    def poison(self) -> None:
        """Fill what receives with NaN."""
        self.got.fill_(math.nan)

    def send(self, peer: int) -> None:
        """Send to a rank of the group."""
        self._pass(dist.isend, self.given, peer)

    def receive(self, peer: int) -> None:
        """Receive from a rank of the group."""
        self._pass(dist.irecv, self.got, peer)

    def check(self, peer: int) -> Verdict:
        """Every element of what came from a rank of the group, against its closed form."""
        place = self._place
        return compare(self.got, lambda indices: scattered(indices, self._seed) + mark(peer, place.ranks))

    def _pass(self, how: Any, array: torch.Tensor, peer: int) -> None:
        rank = peer if self._group is None else dist.get_global_rank(self._group, peer)
        for work in dist.batch_isend_irecv([dist.P2POp(how, array, rank, self._group)]):
            work.wait()
