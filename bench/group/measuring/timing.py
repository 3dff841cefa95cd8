"""Times of calls that several ranks make together, and what they agree on. Imports torch."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist


class Ensemble:
    """All ranks, as they agree on figures: each decides the same, and none has to lead.

    Args:
        device: Of this rank, in torch.
        kind: Of the device.
    """

    def __init__(self, device: str, kind: str) -> None:
        self._device, self._kind = torch.device(device), kind
        exact = kind in ("cpu", "cuda", "rocm")
        self._dtype = torch.float64 if exact else torch.float32
        self._start = time.monotonic()
        self._now = 0.0

    def highest(self, values: Sequence[float], group: Any = None) -> tuple[float, ...]:
        """The highest of each value over all ranks; those of a group where one is named."""
        shared = torch.tensor(values, dtype=self._dtype, device=self._device)
        dist.all_reduce(shared, op=dist.ReduceOp.MAX, group=group)
        return tuple(shared.tolist())

    def agree(self, *values: float) -> tuple[float, ...]:
        """As `highest` over all ranks, and the clock goes on for all alike: a barrier, too."""
        now, *agreed = self.highest([time.monotonic() - self._start, *values])
        self._now = now
        return tuple(agreed)

    def clock(self) -> float:
        """Time since the start as of the last agreement: the same on all ranks. Unit: s."""
        return self._now

    def time_calls(self, call: Callable[[], None], count: int) -> tuple[float, ...]:
        """Time of each call on this rank. Unit: s.

        On a CPU by the clock; on CUDA and ROCm between events on the stream; elsewhere the mean of the batch.
        """
        if self._kind == "cpu":
            return tuple(_seconds_of(call) for _ in range(count))
        backend: Any = torch.cuda if self._kind in ("cuda", "rocm") else torch.xpu
        backend.synchronize()
        if self._kind == "xpu":
            start = time.perf_counter()
            for _ in range(count):
                call()
            backend.synchronize()
            return ((time.perf_counter() - start) / count,) * count
        events = [backend.Event(enable_timing=True) for _ in range(count + 1)]
        events[0].record()
        for event in events[1:]:
            call()
            event.record()
        backend.synchronize()
        return tuple(one.elapsed_time(two) / 1e3 for one, two in itertools.pairwise(events))


def _seconds_of(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
