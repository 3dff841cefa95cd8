"""Meters of NVIDIA devices through NVML. Without pynvml, a driver or permission, they say nothing."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from bench.devices.device import Reading


class NvmlMeter:
    """Clock, power, energy and throttle bits of one GPU, each None where NVML does not tell it."""

    def __init__(self, uuid: str | None) -> None:
        self._nvml, self._handle = _open(uuid)

    def read(self) -> Reading:
        """All meters now."""
        if self._handle is None:
            return Reading()
        nvml, handle = self._nvml, self._handle
        clock = self._ask(lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM))
        power_mw = self._ask(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
        energy_mj = self._ask(lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle))
        reasons = self._ask(lambda: nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle))
        return Reading(
            clock_mhz=clock or None,
            power_w=None if not power_mw else power_mw / 1e3,
            energy_j=None if energy_mj is None else energy_mj / 1e3,
            throttled=None if reasons is None else bool(int(reasons) & self._throttle_bits()),
        )

    def power_limit_w(self) -> float | None:
        """Enforced power limit. Unit: W."""
        limit_mw = self._ask(lambda: self._nvml.nvmlDeviceGetEnforcedPowerLimit(self._handle))
        return None if not limit_mw else limit_mw / 1e3

    def max_clock_mhz(self) -> float | None:
        """Highest clock of the multiprocessors. Unit: MHz."""
        nvml = self._nvml
        return self._ask(lambda: nvml.nvmlDeviceGetMaxClockInfo(self._handle, nvml.NVML_CLOCK_SM)) or None

    def driver(self) -> str | None:
        """Version of the driver."""
        if self._handle is None:
            return None
        try:
            version = self._nvml.nvmlSystemGetDriverVersion()
        except self._nvml.NVMLError:
            return None
        return version.decode() if isinstance(version, bytes) else str(version)

    def _throttle_bits(self) -> int:
        """Heat, hardware slow-down and power brake. The software power cap is how a GPU at full load runs."""
        nvml = self._nvml
        return int(
            nvml.nvmlClocksThrottleReasonHwSlowdown
            | nvml.nvmlClocksThrottleReasonSwThermalSlowdown
            | nvml.nvmlClocksThrottleReasonHwThermalSlowdown
            | nvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown
        )

    def _ask(self, question: Callable[[], Any]) -> float | None:
        if self._handle is None:
            return None
        try:
            return float(question())
        except self._nvml.NVMLError:
            return None


def _open(uuid: str | None) -> tuple[Any, Any]:
    """NVML and the handle of a device; the handle is None where either cannot be had."""
    if uuid is None:
        return None, None
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None, None
    try:
        nvml.nvmlInit()
        return nvml, nvml.nvmlDeviceGetHandleByUUID(uuid)
    except nvml.NVMLError:
        return nvml, None
