"""Near or far: the threshold, which cores are asked, and that the answer is a time."""

from __future__ import annotations

import ctypes
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.devices.native import load_native
from bench.devices.placement import FAR_FROM_NS, MOST_PARTNERS, measure_placement, placed
from bench.devices.system import processor
from kernels.workload import Place


class Cores:
    """Routines that tell a known time between any two cores."""

    def __init__(self, ns: dict[int, float], refused: int = 0) -> None:
        self.ns, self.refused, self.asked = ns, refused, list[int]()

    def fc_ping_pong(self, first: int, second: int, trips: int, batches: int, found: list[float]) -> int:
        self.asked.append(second)
        found[:] = [self.ns.get(second, 80.0)] * (batches - 1) + [1e9]
        return self.refused


def place(cores: Cores, count: int) -> Place:
    return Place(cpus=tuple(range(count)), native=cast("ctypes.CDLL", cores))


@pytest.mark.parametrize(("ns", "expected"), [(75, "near"), (150, "near"), (170, "far"), (350, "far")])
def test_near_and_far(ns: float, expected: str) -> None:
    assert placed(ns).placement == expected
    found = measure_placement(place(Cores({1: ns}), 2))
    assert found == placed(ns)


def test_threshold_is_the_geometric_mean() -> None:
    assert pytest.approx((75 * 350) ** 0.5, rel=0.01) == FAR_FROM_NS


def test_one_disturbed_batch_does_not_count() -> None:
    found = measure_placement(place(Cores({}), 2))
    assert found is not None
    assert found.core_to_core_ns == 80


@given(count=st.integers(2, 600))
def test_partners_are_few_distinct_and_reach_the_last(count: int) -> None:
    cores = Cores({})
    assert measure_placement(place(cores, count)) is not None
    assert len(set(cores.asked)) == len(cores.asked) == min(count - 1, MOST_PARTNERS)
    assert max(cores.asked) == count - 1
    assert min(cores.asked) >= 1


def test_most_of_the_cores_decide() -> None:
    cores = Cores(dict.fromkeys(range(4, 8), 400.0))
    found = measure_placement(place(cores, 8))
    assert found is not None
    assert found.placement == "far"


def test_nothing_to_measure() -> None:
    assert measure_placement(Place(cpus=(0, 1))) is None
    assert measure_placement(place(Cores({}), 1)) is None
    assert measure_placement(place(Cores({}, refused=-22), 2)) is None


def test_real_cores() -> None:
    native, cpus = load_native(), processor.usable_cpus()
    if native.library is None or len(cpus) < 2:
        pytest.skip(f"needs two cores and compiled routines: {len(cpus)} cores, {native.absent}")
    found = measure_placement(Place(cpus=cpus, native=native.library))
    assert found is not None
    assert 1 < found.core_to_core_ns < 1e6
