"""How a training step scales with the number of ranks: strong, weak, and what is left of each rank's rate.

Strong: the whole batch is the same, whatever the number of ranks. Weak: each rank's part of it is. The
efficiency on n ranks is the rate of all ÷ (n × the rate of the first rank alone), by rounds taken one after
the other in each sweep; its interval is that of these ratios.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch.distributed as dist

from bench.figures import ScalingPoint
from bench.group.measuring.timing import Ensemble
from bench.group.rendezvous.joining import Joined
from bench.plan import MIN_ROUNDS
from bench.record import Result
from bench.statistics import summarise
from kernels.data_parallel import DataParallel
from kernels.tensor_parallel import TensorParallel
from kernels.training.data_parallel import PreparedDataParallel
from kernels.training.tensor_parallel import PreparedTensorParallel
from kernels.workload import Place, Shape, Verdict

Parallel = DataParallel | TensorParallel
# A step that takes less is all launches and latency; the next wider model is tried. Of the time for a round.
ENOUGH_SHARE = 0.3
MOST_ROUNDS = 20
MOST_STEPS = 200


@dataclass
class Setup:
    """The step on so many ranks, with a batch of so many sequences in all."""

    ranks: int
    shape: Shape
    group: Any
    prepared: PreparedDataParallel | PreparedTensorParallel | None = None
    rates: list[float] = field(default_factory=list)
    call_seconds: float = 0.0


@dataclass
class Scaling:
    """State of the measurement on this rank; rank 0 tells what was found.

    Attributes:
        workload: How the step is spread over ranks.
        joined: All ranks, and which one this is.
        ensemble: How they agree.
        device: Id of this rank's device.
        place: Where it runs.
        precision: What it trains in.
        seed: Draws weights, tokens and the order of rounds.
        told: Called when results may be told.
    """

    workload: Parallel
    joined: Joined
    ensemble: Ensemble
    device: str
    place: Place
    precision: str
    seed: int
    told: Callable[[], None]
    found: list[Result] = field(default_factory=list)

    def run(self, seconds: float) -> None:
        """Choose a model, check the step on each number of ranks, and take rounds. Unit: s."""
        begin = self.ensemble.clock()
        counts = counts_up_to(len(self.joined.facts))
        lacking = self.workload.lacks(self.precision, self.place)
        if lacking is None and len(counts) < 2:
            lacking = "takes two ranks or more"
        if lacking is not None:
            self._tell({"status": "skipped", "reason": lacking})
            return
        if isinstance(self.workload, TensorParallel):
            # A model can be split over as many ranks only as it has parts.
            most = max((count for count in counts if self._ladder(count)), default=1)
            counts = [count for count in counts if count <= most]
        groups = {count: dist.new_group(list(range(count))) for count in counts if count > 1}
        base = self._model(counts[-1], seconds / (4 * len(counts) * MIN_ROUNDS))
        if base is None:
            self._tell({"status": "skipped", "reason": "no model of the ladder fits the memory"})
            return
        setups = self._setups(base, counts, groups)
        verdicts = [self._checked(setup) for setup in setups]
        self._sweep(setups, begin + seconds)
        wrong = next((one.detail for one in verdicts if not one.correct), None)
        # A model that is split has the same batch on any number of ranks.
        for strong in (False, True) if isinstance(self.workload, DataParallel) else (True,):
            self._result(base, setups, counts, strong=strong, wrong=wrong)
        self.told()

    def _sweep(self, setups: list[Setup], deadline: float) -> None:
        """Rounds of all setups, in an order drawn anew each time, until the deadline. Unit: s."""
        order = random.Random(self.seed)  # noqa: S311 - an order, not a secret
        slot = max(0.0, deadline - self.ensemble.clock()) / (len(setups) * MIN_ROUNDS)
        while len(setups[0].rates) < MIN_ROUNDS or (
            self.ensemble.clock() < deadline and len(setups[0].rates) < MOST_ROUNDS
        ):
            for setup in order.sample(setups, len(setups)):
                self._round(setup, slot)

    def _model(self, most: int, slot: float) -> Shape | None:
        """The widest model of which a step of one rank alone with a part of the batch fills a round."""
        chosen = None
        grown = most if isinstance(self.workload, DataParallel) else 1
        for found in self._ladder(1 if grown > 1 else most):
            rung = {**found, "ranks": 1}
            whole = {**rung, "batch": rung["batch"] * grown}
            if self.workload.footprint_bytes(whole, self.precision) > self.place.memory_bytes / 2:
                break
            chosen = rung
            setup = Setup(1, rung, None)
            self._take(setup, 2)
            if setup.call_seconds > ENOUGH_SHARE * slot:
                break
        return chosen

    def _ladder(self, ranks: int) -> Sequence[Shape]:
        return self.workload.ladder(self.precision, replace(self.place, ranks=ranks))

    def _setups(self, base: Shape, counts: list[int], groups: dict[int, Any]) -> list[Setup]:
        """Each number of ranks with each batch; the largest number has but one."""
        most = counts[-1]
        sizes = {
            count: (count, most) if isinstance(self.workload, DataParallel) else (1,) for count in counts
        }
        batches = {(count, base["batch"] * size) for count in counts for size in sizes[count]}
        return [
            Setup(count, {**base, "batch": batch, "ranks": count}, groups.get(count))
            for count, batch in sorted(batches)
        ]

    def _checked(self, setup: Setup) -> Verdict:
        """Whether gradients are those of one rank, and all ranks have learnt alike."""
        self.joined.watch.step(f"{self.workload.name} on {setup.ranks} ranks, first step")
        self._take(setup, 1)
        wrong, mark = 0.0, -1e300
        detail = ""
        if setup.prepared is not None:
            verdict = setup.prepared.check()
            wrong, detail = float(not verdict.correct), verdict.detail
            mark = setup.prepared.fingerprint()
        here = setup.prepared is not None
        own = float(self.joined.rank + 1) if wrong else 0.0
        worst, high, low = self.ensemble.agree(own, mark, -mark if here else -1e300)
        if high != -low:
            return Verdict(False, f"on {setup.ranks} ranks weights have drifted apart by {high + low:g}")
        if not worst:
            return Verdict(True, f"on {setup.ranks} ranks: {detail}")
        # Rank 0 reports for all, and knows the figures of its own check only.
        where = f"on {setup.ranks} ranks: {self.joined.name_of(int(worst) - 1)} is wrong"
        return Verdict(False, f"{where}; here: {detail}" if wrong else where)

    def _round(self, setup: Setup, slot: float) -> None:
        self.joined.watch.step(f"{self.workload.name} on {setup.ranks} ranks")
        count = max(1, min(MOST_STEPS, int(slot / max(setup.call_seconds, 1e-9))))
        times = self._take(setup, count)
        setup.rates.append(self.workload.flop(setup.shape) / statistics.median(times))

    def _take(self, setup: Setup, count: int) -> tuple[float, ...]:
        """Steps after one another, the longest time of any rank for each; ranks beyond wait."""
        if setup.prepared is None and self.joined.rank < setup.ranks:
            place = replace(self.place, ranks=setup.ranks, rank=self.joined.rank, group=setup.group)
            setup.prepared = self.workload.prepare(self.precision, setup.shape, place, seed=self.seed)
            setup.prepared.run()
        self.ensemble.agree()
        seconds: tuple[float, ...] = (0.0,) * count
        if setup.prepared is not None:
            with setup.prepared.setting():
                seconds = self.ensemble.time_calls(setup.prepared.run, count)
        seconds = self.ensemble.highest(seconds)
        setup.call_seconds = statistics.median(seconds)
        self.ensemble.agree()
        return seconds

    def _result(
        self, base: Shape, setups: list[Setup], counts: list[int], *, strong: bool, wrong: str | None
    ) -> None:
        most = counts[-1]
        chosen = {
            setup.ranks: setup
            for setup in setups
            if isinstance(self.workload, TensorParallel)
            or setup.shape["batch"] == base["batch"] * (most if strong else setup.ranks)
        }
        rates = {count: chosen[count].rates for count in counts}
        values = rates[most]
        shape = {**chosen[most].shape, "strong": int(strong)}
        about: dict[str, Any] = {"shape": shape, "rounds": tuple(values), "correct": wrong is None}
        about["backend"] = chosen[most].prepared.backend if chosen[most].prepared else None  # type: ignore[union-attr]
        if wrong is not None:
            self._tell(about | {"status": "incorrect", "reason": f"wrong output: {wrong}"})
            return
        summary = summarise(values)
        nodes = {count: len({fact.node for fact in self.joined.facts[:count]}) for count in counts}
        about["scaling"] = points_of(rates, nodes)
        self._tell(about | {"status": "ok", "value": summary.median, "ci95": (summary.low, summary.high)})

    def _tell(self, about: dict[str, Any]) -> None:
        if self.joined.rank == 0:
            same = {"device": self.device, "precision": self.precision}
            known = {
                "workload": self.workload.name,
                "metric": self.workload.metric,
                "unit": self.workload.unit,
            }
            self.found.append(Result.model_validate(known | same | about))


def counts_up_to(ranks: int) -> list[int]:
    """Powers of two that are at most so many.

    Example:
        >>> counts_up_to(6)
        [1, 2, 4]
    """
    return [1 << power for power in range(ranks.bit_length())]


def points_of(rates: dict[int, list[float]], nodes: dict[int, int]) -> tuple[ScalingPoint, ...]:
    """Each number of ranks with its rate, and with what is left of the first rank's own.

    Args:
        rates: Of all ranks together, by their number, in rounds taken together. Unit: FLOP/s.
        nodes: On how many nodes they are.
    """
    found = []
    for count, values in rates.items():
        rate = summarise(values)
        ratios = [one / (count * alone) for one, alone in zip(values, rates[1], strict=True)]
        left = summarise(ratios) if count > 1 else None
        found.append(
            ScalingPoint(
                ranks=count,
                nodes=nodes[count],
                value=rate.median,
                ci95=(rate.low, rate.high),
                efficiency=left.median if left else 1.0,
                efficiency_ci95=(left.low, left.high) if left else (1.0, 1.0),
            )
        )
    return tuple(found)
