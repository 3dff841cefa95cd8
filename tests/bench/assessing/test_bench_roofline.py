"""Rooflines: what the ceilings of a run allow, by an independent computation and by laws."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.assessing.roofline import Ceilings, matmul_of, with_rooflines
from bench.figures import PerCall
from bench.record import Result

SIZES = st.floats(1e3, 1e12)
RATES = st.floats(1e6, 1e18)


def result(workload: str, value: float, *, metric: str = "flop_rate", **changes: Any) -> Result:
    units = {"flop_rate": "FLOP/s", "bandwidth": "B/s", "token_rate": "token/s", "call_rate": "1/s"}
    data = {
        "workload": workload,
        "device": "cpu",
        "precision": "bf16",
        "metric": metric,
        "unit": units[metric],
        "value": value,
        "ci95": (0.99 * value, 1.01 * value),
        "status": "ok",
    }
    return Result.model_validate(data | changes)


def call(seconds: float, flop: float, moved: float, size: float = 1e9, **more: float) -> PerCall:
    return PerCall.model_validate(
        {"seconds": seconds, "flop": flop, "bytes": moved, "working_set_bytes": int(size)} | more
    )


def rung(size: float, bandwidth: float) -> Result:
    moved = 10 * size
    per_call = call(moved / bandwidth, 0, moved, size)
    return result("memory_ladder", bandwidth, metric="bandwidth", precision="fp32", per_call=per_call)


CEILINGS = [
    result("ceiling_vector", 2e11),
    result("ceiling_matrix", 1e12),
    result("gemm", 8e11, per_call=call(1e-3, 8e8, 1e6, 1e6)),
    result("memory_triad", 4e10, metric="bandwidth", precision="fp32"),
    result("ceiling_memory", 5e10, metric="bandwidth", precision="fp32"),
    rung(1e5, 8e11),
    rung(1e7, 2e11),
    rung(1e9, 3e10),
]


def judged(one: Result, *others: Result) -> Result:
    return with_rooflines([*CEILINGS, *others, one])[-1]


def test_a_product_of_high_intensity_is_bound_by_the_best_compute_ceiling() -> None:
    one = judged(result("gemm_typical", 7e11, per_call=call(1e-2, 7e9, 1e6, 1e6)))
    assert one.roofline is not None
    assert one.roofline.bound == "compute"
    assert one.roofline.compute_source == "ceiling_matrix"
    assert one.roofline.fraction == pytest.approx(0.7)
    assert one.roofline.attainable == pytest.approx(1e12)
    assert one.fraction_of_matmul == pytest.approx(7 / 8)


def test_decoding_is_bound_by_main_memory() -> None:
    one = judged(
        result("decode_step", 30.0, metric="token_rate", per_call=call(1 / 30, 2e9, 1e9, 2e9, tokens=1))
    )
    assert one.roofline is not None
    assert one.roofline.bound == "memory"
    assert one.roofline.bandwidth_source == "ceiling_memory"
    # 1 GB at 50 GB/s takes 20 ms: 50 tokens a second.
    assert one.roofline.attainable == pytest.approx(50.0)
    assert one.fraction_of_bandwidth == pytest.approx(30e9 / 5e10)
    assert one.roofline.intensity_flop_per_byte == pytest.approx(2.0)


def test_a_short_workload_is_judged_by_the_cache_that_holds_it() -> None:
    one = judged(result("normalisation", 1e11, metric="bandwidth", per_call=call(1e-5, 1e5, 1e6, 1e7)))
    assert one.roofline is not None
    assert one.roofline.bandwidth_source == "memory_ladder"
    assert one.roofline.bandwidth_bytes_per_s == pytest.approx(2e11)
    assert one.roofline.fraction == pytest.approx(0.5)
    assert one.fraction_of_bandwidth is None


def test_a_call_shorter_than_a_launch_is_bound_by_it() -> None:
    launch = result("launch", 2e5, metric="call_rate", per_call=call(5e-4, 0, 0, 4, launches=100))
    one = judged(result("attention_forward", 1e6, per_call=call(1e-5, 10, 10, 1e4)), launch)
    assert one.roofline is not None
    assert one.roofline.launch_seconds == pytest.approx(5e-6)
    assert one.roofline.bound == "launch"
    assert one.roofline.fraction == pytest.approx(0.5)


def test_what_does_not_come_from_memory_has_no_roofline() -> None:
    for name in ("transfer_to_device_pinned", "storage_cold", "memory_ladder", "ceiling_memory"):
        one = judged(result(name, 1e10, metric="bandwidth", per_call=call(0.1, 0, 1e9)))
        assert one.roofline is None, name
        assert one.fraction_of_bandwidth is None, name


def test_a_figure_that_does_not_count_bounds_nothing() -> None:
    wrong = [one.model_copy(update={"status": "incorrect", "reason": "wrong"}) for one in CEILINGS]
    one = with_rooflines([*wrong, result("gemm_typical", 7e11, per_call=call(1e-2, 7e9, 1e6))])[-1]
    assert one.roofline is None
    assert one.fraction_of_matmul is None


def test_ceilings_of_another_device_do_not_count() -> None:
    other = result("gemm_typical", 7e11, device="cuda:0", per_call=call(1e-2, 7e9, 1e6))
    assert judged(other).roofline is None


@given(SIZES, SIZES)
def test_a_larger_working_set_is_never_faster_where_rungs_fall(first: float, second: float) -> None:
    ceilings = Ceilings.of(CEILINGS, "cpu")
    small, large = (ceilings.bandwidth_at(size) for size in sorted((first, second)))
    assert small is not None
    assert large is not None
    # Main memory beyond the last rung was measured apart, with other instructions.
    if max(first, second) <= 1e9:
        assert large.value <= small.value * (1 + 1e-12)


@given(RATES, RATES, st.floats(1e-9, 1e3))
def test_the_roofline_is_the_least_of_the_bounds(flop: float, moved: float, seconds: float) -> None:
    value = flop / seconds
    roofline = judged(result("convolution", value, per_call=call(seconds, flop, moved, 1e12))).roofline
    assert roofline is not None
    # Williams' form: min(compute ceiling, intensity × bandwidth).
    attainable = min(1e12, flop / moved * 5e10)
    assert math.isclose(roofline.attainable, attainable, rel_tol=1e-9)
    assert math.isclose(roofline.fraction, value / attainable, rel_tol=1e-9)


@given(st.permutations(range(len(CEILINGS))))
def test_the_order_of_results_does_not_matter(order: list[int]) -> None:
    one = result("gemm_typical", 7e11, per_call=call(1e-2, 7e9, 1e6, 1e8))
    assert with_rooflines([*(CEILINGS[number] for number in order), one])[-1] == judged(one)


def test_the_best_matrix_product_is_the_fastest_one() -> None:
    slow, fast = result("gemm", 1e11, shape={"m": 256}), result("gemm", 8e11, shape={"m": 8192})
    assert matmul_of([slow, fast], "cpu", "bf16") == matmul_of([fast, slow], "cpu", "bf16") == fast
