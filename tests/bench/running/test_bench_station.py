"""What a station answers about one round, on a device whose clock moves only inside calls."""

from __future__ import annotations

from typing import Any

from bench.choosing.choice import Chosen
from bench.devices.fake import FakeClock, FakeDevice
from bench.worker.station import Station
from bench.worker.tasks import Answer, Case, Failure, RoundTaken, TakeRound
from tests.bench.faked import workload


def round_of(call_seconds: float = 0.01, *, repeat: bool = False, **changes: Any) -> Answer:
    """The answer to one round of a workload with changes, in a slot of ten calls."""
    clock = FakeClock()
    fake = workload(**changes)
    device = FakeDevice(clock, lambda _number: call_seconds)
    station = Station(device, {fake.name: fake}, clock, environment=dict)
    chosen = Chosen({"size": 10**9}, "fake", 0.01)
    return station.do(TakeRound(Case(fake.name, "fp32"), chosen, 0, slot_seconds=0.1, repeat=repeat))


def test_the_time_of_a_check_leaves_out_the_calls_that_are_repeated() -> None:
    """The check itself takes no time here, while the two repeated calls take 20 ms."""
    taken = round_of(repeat=True, digest=lambda: "same")
    assert isinstance(taken, RoundTaken)
    assert taken.repeatable
    assert taken.check_seconds == 0


def test_calls_that_take_no_time_at_all_are_a_fault_of_the_clock() -> None:
    failed = round_of(call_seconds=0.0)
    assert isinstance(failed, Failure)
    assert failed.reason == "UnsoundClockError: the clock jumped: a call took 0 s"
