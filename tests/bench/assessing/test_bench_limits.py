"""The limit of physics: units times rate times clock, and no verdict where one is missing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.assessing.limits import implausible, limit_of
from bench.record import DeviceDescription


def h100(**changes: Any) -> DeviceDescription:
    known: dict[str, Any] = {
        "id": "cuda:0",
        "kind": "cuda",
        "name": "NVIDIA H100 80GB HBM3",
        "units": 132,
        "flop_per_clock": {"bf16": 4096.0},
        "max_clock_mhz": 1980.0,
    }
    return DeviceDescription(**{**known, **changes})


def cpu(**changes: Any) -> DeviceDescription:
    known: dict[str, Any] = {
        "id": "cpu",
        "kind": "cpu",
        "name": "some CPU",
        "cores_usable": 1.5,
        "flop_per_clock": {"fp32": 32.0},
        "max_clock_mhz": 3000.0,
    }
    return DeviceDescription(**{**known, **changes})


def test_the_limit_lies_above_the_sheet() -> None:
    """An H100's 989.4 TFLOP/s assume 1,830 MHz; 1,020 at 1,980 MHz are possible, 1,080 are not."""
    limit = limit_of(h100(), "bf16")
    assert limit == pytest.approx(1070.5e12, rel=1e-3)
    assert implausible(1020e12, 1010e12, h100(), "bf16") is None


def test_a_reason_says_all_three_factors() -> None:
    reason = implausible(1605.8e12, 1500e12, h100(), "bf16")
    assert reason is not None
    assert reason.startswith("1.50 of the physical limit of 1071 TFLOP/s in bf16")
    assert "132 units × 4096 FLOP per clock × 1980 MHz" in reason


def test_noise_alone_gives_no_verdict() -> None:
    assert implausible(1100e12, 1060e12, h100(), "bf16") is None
    assert implausible(1100e12, 1080e12, h100(), "bf16") is not None


@pytest.mark.parametrize("missing", [{"units": None}, {"flop_per_clock": {}}, {"max_clock_mhz": None}])
def test_no_verdict_where_a_factor_is_missing(missing: dict[str, Any]) -> None:
    assert limit_of(h100(**missing), "bf16") is None
    assert implausible(1e30, 1e30, h100(**missing), "bf16") is None


def test_no_verdict_in_a_precision_without_a_rate() -> None:
    assert implausible(1e30, 1e30, h100(), "fp4") is None


def test_a_cpus_units_are_the_cores_it_may_use() -> None:
    assert limit_of(cpu(), "fp32") == pytest.approx(2 * 32 * 3e9)
    assert limit_of(cpu(cores_usable=128.0, units=64), "fp32") == pytest.approx(64 * 32 * 3e9)
    assert limit_of(cpu(cores_usable=None, units=64), "fp32") == pytest.approx(64 * 32 * 3e9)
    assert limit_of(cpu(cores_usable=None), "fp32") is None


def test_a_clock_that_was_seen_counts_where_it_is_higher() -> None:
    assert limit_of(cpu(), "fp32", seen_clock_mhz=3600.0) == pytest.approx(2 * 32 * 3.6e9)
    assert limit_of(cpu(), "fp32", seen_clock_mhz=1000.0) == pytest.approx(2 * 32 * 3e9)
    assert implausible(220e9, 210e9, cpu(), "fp32", seen_clock_mhz=3600.0) is None
    assert limit_of(cpu(max_clock_mhz=None), "fp32", seen_clock_mhz=3600.0) is None


@given(
    st.integers(1, 1000), st.floats(1, 1e5), st.floats(100, 5000), st.floats(1e9, 1e16), st.floats(0.5, 1.0)
)
def test_the_verdict_is_that_of_the_low_bound(
    units: int, rate: float, clock_mhz: float, value: float, low: float
) -> None:
    device = h100(units=units, flop_per_clock={"bf16": rate}, max_clock_mhz=clock_mhz)
    limit = limit_of(device, "bf16")
    assert limit is not None
    assert (implausible(value, value * low, device, "bf16") is None) == (value * low <= limit)
