"""Energy from readings, and readings taken in the background."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.devices.device import Reading
from bench.devices.fake import FakeClock
from bench.devices.meters.energy import (
    PERIODS_PER_WINDOW,
    POWER_WINDOW_SECONDS,
    Energy,
    Timed,
    counter_period_seconds,
    energy_over,
    least_window_seconds,
)
from bench.devices.meters.telemetry import Telemetry, summarise_meters

SOON_S = 30.0


class Meter:
    """A device that answers from a list, then with its last entry, and tells how often it was read."""

    def __init__(self, answers: Sequence[Reading | Exception], wanted: int) -> None:
        self._answers = list(answers)
        self._wanted = wanted
        self.count = 0
        self.enough = threading.Event()

    def read(self) -> Reading:
        answer = self._answers[min(self.count, len(self._answers) - 1)]
        self.count += 1
        if self.count >= self._wanted:
            self.enough.set()
        if isinstance(answer, Exception):
            raise answer
        return answer


def points(*readings: tuple[float, Reading]) -> list[Timed]:
    return [Timed(seconds, reading) for seconds, reading in readings]


def test_a_counter_is_believed_before_power() -> None:
    counted = points(
        (0.0, Reading(energy_j=10, power_w=1, energy_source="rapl")),
        (2.0, Reading(energy_j=310, power_w=1, energy_source="rapl")),
    )
    assert energy_over(counted) == Energy(300, "rapl", 2.0)
    assert energy_over(counted).mean_power_w == 150


@pytest.mark.parametrize("last_j", [10.0, 4.0, None])
def test_a_counter_that_does_not_count_gives_way_to_power(last_j: float | None) -> None:
    stuck = points(
        (0.0, Reading(energy_j=10, power_w=100, energy_source="amdsmi_counter")),
        (2.0, Reading(energy_j=last_j, power_w=200, energy_source="amdsmi_counter")),
    )
    assert energy_over(stuck) == Energy(300, "integrated_power", 2.0)


def test_energy_that_nothing_tells_is_not_available_and_never_zero() -> None:
    silent = points((0.0, Reading()), (1.0, Reading()))
    assert energy_over(silent) == Energy(None, "not available", 1.0)
    assert energy_over(silent).mean_power_w is None
    assert energy_over(points((0.0, Reading(power_w=5)))).source == "not available"
    # Samples that cover less than half of the window say too little of it.
    late = points((0.0, Reading()), (9.0, Reading(power_w=5)), (10.0, Reading(power_w=5)))
    assert energy_over(late).joules is None


@given(
    start_w=st.floats(1, 1000),
    slope=st.floats(0, 50),
    gaps=st.lists(st.floats(0.01, 5), min_size=2, max_size=30),
)
def test_trapezoids_are_exact_for_power_that_grows_evenly(
    start_w: float, slope: float, gaps: list[float]
) -> None:
    times = [math.fsum(gaps[:count]) for count in range(len(gaps) + 1)]
    found = energy_over(points(*((time, Reading(power_w=start_w + slope * time)) for time in times)))
    assert found.joules == pytest.approx(start_w * times[-1] + slope * times[-1] ** 2 / 2)
    assert found.source == "integrated_power"


@given(whole=st.integers(2, 40))
def test_a_sine_over_whole_cycles_has_the_energy_of_its_mean(whole: int) -> None:
    times = [cycle * 0.5 / 20 for cycle in range(20 * whole + 1)]
    sine = ((time, Reading(power_w=300 + 100 * math.sin(4 * math.pi * time))) for time in times)
    assert energy_over(points(*sine)).joules == pytest.approx(300 * times[-1])


def stepping(period_s: float, clock: FakeClock) -> Callable[[], Reading]:
    """A counter of 100 W that moves once a period."""
    return lambda: Reading(energy_j=100 * period_s * math.floor(clock() / period_s), power_w=100)


@pytest.mark.parametrize("period_s", [0.02, 0.1])
def test_the_period_of_a_counter_is_seen_and_windows_follow_it(period_s: float) -> None:
    clock = FakeClock(0.013)
    read = stepping(period_s, clock)
    found = counter_period_seconds(read, clock=clock, sleep=clock.advance)
    assert found == pytest.approx(period_s, abs=0.002)
    window = least_window_seconds(read, clock=clock, sleep=clock.advance)
    assert window == pytest.approx(PERIODS_PER_WINDOW * period_s, abs=PERIODS_PER_WINDOW * 0.002)


def test_without_a_counter_that_moves_windows_follow_power_or_there_are_none() -> None:
    clock = FakeClock()
    stuck = least_window_seconds(lambda: Reading(energy_j=5, power_w=3), clock=clock, sleep=clock.advance)
    assert stuck == POWER_WINDOW_SECONDS
    assert least_window_seconds(Reading, clock=clock, sleep=clock.advance) is None


def test_readings_are_taken_at_the_start_between_and_at_the_end() -> None:
    clock = FakeClock(5.0)
    meter = Meter([Reading(clock_mhz=1000), Reading(clock_mhz=3000), Reading(clock_mhz=2000)], wanted=3)
    with Telemetry(meter, interval_seconds=0.001, clock=clock) as telemetry:
        assert meter.enough.wait(SOON_S)
        clock.advance(2.0)
    assert [point.reading.clock_mhz for point in telemetry.points[:3]] == [1000, 3000, 2000]
    assert (telemetry.points[0].seconds, telemetry.points[-1].seconds) == (5.0, 7.0)
    taken = meter.count
    assert len(telemetry.points) == taken
    assert telemetry.summary().clock_mhz == 2000


def test_a_meter_that_raises_costs_its_reading_only() -> None:
    meter = Meter([Reading(power_w=7), RuntimeError("gone"), OSError("again"), Reading(power_w=9)], wanted=4)
    with Telemetry(meter, interval_seconds=0.001) as telemetry:
        assert meter.enough.wait(SOON_S)
    assert telemetry.failures == 2
    assert telemetry.summary().failures == 2
    assert {point.reading.power_w for point in telemetry.points} == {7, 9}


def test_the_block_ends_at_once_however_long_the_interval() -> None:
    meter = Meter([Reading()], wanted=1)
    with Telemetry(meter, interval_seconds=3600) as telemetry:
        pass
    assert len(telemetry.points) == 2


def test_an_error_inside_the_block_passes_through() -> None:
    with pytest.raises(ZeroDivisionError), Telemetry(Meter([Reading()], wanted=1)):
        raise ZeroDivisionError


def test_a_summary_keeps_the_worst_and_every_reason() -> None:
    taken = points(
        (0.0, Reading(clock_mhz=1500, temperature_c=50, throttled=False, throttle_reasons=("sw_power_cap",))),
        (1.0, Reading(clock_mhz=1700, temperature_c=83, throttled=True, throttle_reasons=("hw_slowdown",))),
        (2.0, Reading(lost=True)),
    )
    found = summarise_meters(taken)
    assert (found.clock_mhz, found.temperature_c, found.throttled, found.lost) == (1600, 83, True, True)
    assert found.throttle_reasons == ("hw_slowdown", "sw_power_cap")
    assert (found.power_w, found.energy.source, found.readings) == (None, "not available", 3)
    assert summarise_meters([]).throttled is None
