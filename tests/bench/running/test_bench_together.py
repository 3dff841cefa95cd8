"""All devices at once: what one case leaves broken must not meet the next."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from bench.choosing.choice import Chosen
from bench.plan import Plan
from bench.running.together import take_together
from bench.running.trial import Trial
from bench.worker.tasks import Answer, Case, Failure, LongRunTaken, RunLong, Settled
from tests.bench.faked import workload


class Context:
    """A worker whose context a failing call breaks until its process is renewed."""

    def __init__(self, fails: str) -> None:
        self.fails, self.broken = fails, False

    def do(self, task: RunLong, seconds: float) -> Answer:
        self.broken = self.broken or task.case.workload == self.fails
        return Failure("device-side assert") if self.broken else LongRunTaken(2e11, 1e11, ())

    def renew(self) -> None:
        self.broken = False


def turn(device: str, fails: str = "") -> Any:
    fakes = [workload(name, headline=True) for name in ("first", "second")]
    trials = [Trial(Case(one.name, "fp32"), one, device) for one in fakes]
    for one in trials:
        one.settle(Settled(Chosen({"size": 1}, "fake", 0.01)))
    rates: dict[str, float] = {}
    return SimpleNamespace(
        trials=trials,
        worker=Context(fails),
        rates=rates,
        add_together=lambda trial, rate: rates.__setitem__(trial.case.workload, rate),
    )


def test_a_case_that_fails_on_a_device_leaves_the_next_one_its_rate() -> None:
    turns = [turn("cuda:0"), turn("cuda:1", fails="first")]
    take_together(turns, Plan("custom", 60.0), 2.0)
    assert turns[0].rates == {"first": 1e11, "second": 1e11}
    assert turns[1].rates == {"second": 1e11}
