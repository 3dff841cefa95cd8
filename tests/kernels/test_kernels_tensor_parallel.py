"""The training step split over ranks: its arithmetic, and parts against the whole, ranks being threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.distributed as dist

from kernels.tensor_parallel import TensorParallel, splits
from kernels.training.tensor_parallel import PreparedTensorParallel
from kernels.training_step import SHAPES, TrainingStep
from kernels.workload import Place, Verdict

SMALL = {**SHAPES[0], "sequence": 32, "ranks": 2}


class Threads:
    """Sums and gathers between two threads, in place of a library's."""

    def __init__(self, lost: bool = False) -> None:
        self.here = threading.local()
        self._lost = lost
        self._barrier = threading.Barrier(2, timeout=60)
        self._given: dict[int, torch.Tensor] = {}

    def _shared(self, mine: torch.Tensor) -> list[torch.Tensor]:
        # Backward passes run on the thread that asked for them on a CPU.
        self._given[self.here.rank] = mine.clone()
        self._barrier.wait()
        both = [self._given[0], self._given[1]]
        self._barrier.wait()
        return both

    def all_reduce(self, values: torch.Tensor, op: Any = dist.ReduceOp.SUM, group: Any = None) -> None:
        both = self._shared(values)
        if op == dist.ReduceOp.MAX:
            values.copy_(torch.maximum(*both))
        elif not self._lost:
            values.copy_(both[0] + both[1])

    def all_gather(self, parts: list[torch.Tensor], mine: torch.Tensor, group: Any = None) -> None:
        for part, found in zip(parts, self._shared(mine), strict=True):
            part.copy_(found)


def on_both(threads: Threads, do: Callable[[PreparedTensorParallel], Any]) -> list[Any]:
    found: dict[int, Any] = {}

    def go(rank: int) -> None:
        threads.here.rank = rank
        place = Place(ranks=2, rank=rank)
        found[rank] = do(TensorParallel().prepare("fp32", SMALL, place, seed=1))

    ranks = [threading.Thread(target=go, args=(rank,)) for rank in (0, 1)]
    for one in ranks:
        one.start()
    for one in ranks:
        one.join()
    return [found[0], found[1]]


def checked(prepared: PreparedTensorParallel) -> tuple[Verdict, float]:
    prepared.run()
    return prepared.check(), prepared.fingerprint()


def test_two_parts_learn_what_the_whole_does(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = Threads()
    monkeypatch.setattr("kernels.training.tensor_parallel.dist.all_reduce", threads.all_reduce)
    monkeypatch.setattr("kernels.training.tensor_parallel.dist.all_gather", threads.all_gather)
    (one, mine), (two, other) = on_both(threads, checked)
    assert one.correct, one
    assert two.correct, two
    assert mine == other


def test_parts_that_are_not_summed_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = Threads(lost=True)
    monkeypatch.setattr("kernels.training.tensor_parallel.dist.all_reduce", threads.all_reduce)
    monkeypatch.setattr("kernels.training.tensor_parallel.dist.all_gather", threads.all_gather)
    (one, _), (two, _) = on_both(threads, checked)
    assert not one.correct
    assert not two.correct


def test_the_work_is_that_of_the_whole_model() -> None:
    assert TensorParallel().flop(SMALL) == TrainingStep().flop(SMALL)
    assert TensorParallel().bytes_moved(SMALL, "bf16") == TrainingStep().bytes_moved(SMALL, "bf16") / 2
    # 2 layers, twice each way, and the head: 9 arrays of 2 × 32 × 256 in bf16, which two ranks exchange once.
    assert TensorParallel().sent_bytes(SMALL, "bf16") == 9 * 2 * 32 * 256 * 2


def test_heads_are_shared_out_evenly_or_not_at_all() -> None:
    assert splits(SHAPES[0], 2)
    assert not splits(SHAPES[0], 4)
    assert all(shape["kv_heads"] % 4 == 0 for shape in TensorParallel().ladder("bf16", Place(ranks=4)))
    with pytest.raises(ValueError, match=r"cannot be split over 4 ranks: kv_heads 2$"):
        TensorParallel().prepare("fp32", SMALL, Place(ranks=4), seed=0)
    odd = {**SMALL, "vocabulary": 2047, "intermediate": 769}
    with pytest.raises(ValueError, match=r"over 2 ranks: intermediate 769, vocabulary 2047$"):
        TensorParallel().prepare("fp32", odd, Place(ranks=2), seed=0)
