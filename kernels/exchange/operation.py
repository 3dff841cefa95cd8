"""The collectives in torch.distributed, ready to be called by every rank of a group. Imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.distributed as dist

from kernels.exchange.kinds import LIBRARIES, Kind
from kernels.exchange.pattern import Closed, compare, fill, mark, marks, modulus, scattered
from kernels.workload import Place, Verdict

# The names since torch 2.12, and before.
GATHER: Callable[..., Any] = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
SCATTER: Callable[..., Any] = getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor
NAMES = {"nccl": {"cuda": "nccl", "rocm": "rccl"}}


class PreparedCollective:
    """What a rank gives and what it gets.

    Attributes:
        given: What this rank gives.
        got: What it gets; of a sum in place, and of a broadcast, what it gives as well.
    """

    def __init__(self, kind: Kind, given: torch.Tensor, got: torch.Tensor, place: Place) -> None:
        self.kind, self.given, self.got, self._place = kind, given, got, place
        self._group: Any = place.group
        self._call: Callable[[], None] = getattr(self, f"_{kind}")
        self.expected: Closed = _nothing

    @property
    def backend(self) -> str:
        """``torch/gloo``, ``torch/nccl``, ``torch/rccl``, ``torch/xccl``."""
        return library_of(self._place)

    def setting(self) -> AbstractContextManager[None]:
        """Nothing to set."""
        return nullcontext()

    def poison(self) -> None:
        """Fill what receives with NaN; what is summed in place begins with what this rank gives."""
        if self.kind == "all_reduce" or (self.kind == "broadcast" and self._place.rank == 0):
            self.got.copy_(self.given)
        else:
            self.got.fill_(math.nan)

    def run(self) -> None:
        """One call, together with all ranks of the group.

        A sum in place adds up what it has added up before: the next calls move as many bytes and make as many
        additions. Before a check the array is filled anew.
        """
        self._call()

    def check(self) -> Verdict:
        """Every element of what the last call after `poison` left on this rank, against its closed form."""
        return compare(self.got, self.expected)

    def digest(self) -> str | None:
        """Nothing to promise: ``check`` compares all elements anyway."""
        return None

    def _all_reduce(self) -> None:
        dist.all_reduce(self.got, group=self._group)

    def _broadcast(self) -> None:
        dist.broadcast(self.got, src=self._global(0), group=self._group)

    def _all_gather(self) -> None:
        GATHER(self.got, self.given, group=self._group)

    def _reduce_scatter(self) -> None:
        SCATTER(self.got, self.given, group=self._group)

    def _all_to_all(self) -> None:
        dist.all_to_all_single(self.got, self.given, group=self._group)

    def _send_recv(self) -> None:
        ranks, me = self._place.ranks, self._place.rank
        both = [
            dist.P2POp(dist.isend, self.given, self._global((me + 1) % ranks), self._group),
            dist.P2POp(dist.irecv, self.got, self._global((me - 1) % ranks), self._group),
        ]
        for work in dist.batch_isend_irecv(both):
            work.wait()

    def _global(self, rank: int) -> int:
        return rank if self._group is None else dist.get_global_rank(self._group, rank)


def library_of(place: Place) -> str:
    """What does the work, as a record names it."""
    library = LIBRARIES[place.kind]
    return f"torch/{NAMES.get(library, {}).get(place.kind, library)}"


def prepared(kind: Kind, elements: int, place: Place, seed: int) -> PreparedCollective:
    """A collective over arrays of so many elements, as `kernels.collectives` counts them."""
    ranks, me = place.ranks, place.rank
    part = elements // ranks
    lengths = {"all_gather": (part, elements), "reduce_scatter": (elements, part)}
    given, got = (
        torch.empty(length, dtype=torch.float32, device=place.device)
        for length in lengths.get(kind, (elements, elements))
    )
    # The parts of an array that is gathered lie one after the other: rank r's begins at r parts.
    begin = me * part if kind == "all_gather" else 0
    fill(given, lambda indices: scattered(indices + begin, seed) + mark(me, ranks))
    ready = PreparedCollective(kind, given, got, place)
    ready.expected = _expected(kind, part, place, seed)
    ready.poison()
    return ready


def _expected(kind: Kind, part: int, place: Place, seed: int) -> Closed:
    ranks, me = place.ranks, place.rank
    if kind in ("all_reduce", "reduce_scatter"):
        begin = me * part if kind == "reduce_scatter" else 0
        return lambda indices: ranks * scattered(indices + begin, seed) + marks(ranks)
    if kind == "broadcast":
        return lambda indices: scattered(indices, seed) + mark(0, ranks)
    if kind == "send_recv":
        return lambda indices: scattered(indices, seed) + mark((me - 1) % ranks, ranks)
    length = modulus(ranks)
    if kind == "all_gather":
        return lambda indices: scattered(indices, seed) + (indices // part) % length
    # Part j of what rank r gives is what rank j gets as its part r.
    return lambda indices: scattered(indices % part + me * part, seed) + (indices // part) % length


def _nothing(indices: torch.Tensor) -> torch.Tensor:
    raise RuntimeError("the closed form was not set")
