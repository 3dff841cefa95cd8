"""Meters of NVIDIA devices through NVML. Without pynvml, a driver or permission, they say nothing.

Functions, units and bits: NVML API Reference Guide, sections Device Queries and nvmlClocksEventReasons.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable
from typing import Any

from bench.devices.device import Reading
from bench.devices.meters import nvml_facts
from bench.record import Scalar

ENERGY_SOURCE = "nvml_counter"
# nvml.h, nvmlClocksEventReasons: bit → name.
REASONS = {
    0x001: "gpu_idle",
    0x002: "applications_clocks_setting",
    0x004: "sw_power_cap",
    0x008: "hw_slowdown",
    0x010: "sync_boost",
    0x020: "sw_thermal_slowdown",
    0x040: "hw_thermal_slowdown",
    0x080: "hw_power_brake_slowdown",
    0x100: "display_clock_setting",
    0x200: "board_limit",
    0x400: "reliability",
}
# Heat, hardware slow-down and power brake. The software power cap is how a GPU at full load runs.
THROTTLING = 0x008 | 0x020 | 0x040 | 0x080
GPU_IS_LOST = 15
# Fields of nvmlDeviceGetFieldValues, and the type that power is given in: nvml.h.
FIELD_POWER_INSTANT = 186
TYPE_UNSIGNED_INT = 1


class Nvml:
    """One GPU as NVML knows it; where NVML raises an error of any kind, the answer is None.

    Attributes:
        module: The module pynvml; None where it cannot be had.
        handle: The GPU, or the MIG slice that torch sees; None where it cannot be found.
        parent: The whole GPU, which is asked for clocks, heat and links: a slice has no meters of its own.
        lost: Whether the GPU has fallen off the bus.
    """

    def __init__(self, uuid: str | None) -> None:
        self.lost = False
        self.module, self.handle = _open(uuid)
        self.parent = self._parent()

    @property
    def is_mig(self) -> bool:
        """Whether the device is a slice of a GPU."""
        return self.handle is not None and self.parent is not self.handle

    def ask(self, function: str, *arguments: Any) -> Any:
        """The answer of ``nvmlFUNCTION``; None where it cannot be had."""
        if self.module is None or self.lost:
            return None
        try:
            return getattr(self.module, f"nvml{function}")(*arguments)
        # Besides its own errors, pynvml lets through those of a driver older or newer than itself, and a
        # meter must never end a measurement.
        except Exception as error:
            self.lost = getattr(error, "value", None) == GPU_IS_LOST
            return None

    def of_gpu(self, function: str, *arguments: Any) -> Any:
        """The answer of ``nvmlDeviceFUNCTION`` for the whole GPU."""
        return None if self.parent is None else self.ask(f"Device{function}", self.parent, *arguments)

    def of_slice(self, function: str, *arguments: Any) -> Any:
        """The answer of ``nvmlDeviceFUNCTION`` for what torch sees: the GPU, or a MIG slice of it."""
        return None if self.handle is None else self.ask(f"Device{function}", self.handle, *arguments)

    def _parent(self) -> Any:
        if self.handle is None:
            return None
        mig = self.ask("DeviceIsMigDeviceHandle", self.handle)
        if not getattr(mig, "value", mig):
            return self.handle
        return self.ask("DeviceGetDeviceHandleFromMigDeviceHandle", self.handle)


class NvmlMeter:
    """Clock, power, energy, heat and throttle bits of one GPU, each None where NVML does not tell it."""

    def __init__(self, uuid: str | None) -> None:
        """Find the GPU by its UUID, with or without the prefix that NVML puts before it."""
        self._nvml = Nvml(uuid)

    def read(self) -> Reading:
        """All meters now. Power and energy of a MIG slice are not told apart from its neighbours'."""
        nvml = self._nvml
        if nvml.handle is None:
            return Reading()
        energy_mj = None if nvml.is_mig else nvml.of_gpu("GetTotalEnergyConsumption")
        reasons = self._reasons()
        reading = Reading(
            clock_mhz=nvml.of_gpu("GetClockInfo", nvml_facts.CLOCK_SM) or None,
            power_w=None if nvml.is_mig else self._power_w(),
            energy_j=None if energy_mj is None else energy_mj / 1e3,
            throttled=None if reasons is None else bool(reasons & THROTTLING),
            temperature_c=self._temperature_c(),
            throttle_reasons=() if reasons is None else reason_names(reasons),
            energy_source=None if energy_mj is None else ENERGY_SOURCE,
        )
        return Reading(lost=True) if nvml.lost else reading

    def power_limit_w(self) -> float | None:
        """Enforced power limit. Unit: W."""
        return nvml_facts.watts(self._nvml.of_gpu("GetEnforcedPowerLimit"))

    def max_clock_mhz(self) -> float | None:
        """Highest clock of the multiprocessors. Unit: MHz."""
        return self._nvml.of_gpu("GetMaxClockInfo", nvml_facts.CLOCK_SM) or None

    def driver(self) -> str | None:
        """Version of the driver."""
        if self._nvml.handle is None:
            return None
        return nvml_facts.text(self._nvml.ask("SystemGetDriverVersion"))

    def variant(self) -> str | None:
        """MIG slice or lowered power limit; None for the whole GPU at its default limit."""
        return nvml_facts.variant(self._nvml)

    def details(self) -> dict[str, Scalar]:
        """Versions, link, ECC, retired memory, modes and limits."""
        return nvml_facts.details(self._nvml)

    def local_cpus(self) -> tuple[int, ...]:
        """Logical CPUs nearest to the GPU."""
        return nvml_facts.local_cpus(self._nvml)

    def busy(self, own_pids: Iterable[int] = ()) -> str | None:
        """Other processes on the GPU, or work that is not ours."""
        return nvml_facts.busy(self._nvml, own_pids)

    def _power_w(self) -> float | None:
        """Power now; from drivers that do not tell it, their average over up to a second. Unit: W."""
        fields = self._nvml.of_gpu("GetFieldValues", [FIELD_POWER_INSTANT])
        if fields and fields[0].nvmlReturn == 0 and fields[0].valueType == TYPE_UNSIGNED_INT:
            instant = nvml_facts.watts(fields[0].value.uiVal)
            if instant is not None:
                return instant
        return nvml_facts.watts(self._nvml.of_gpu("GetPowerUsage"))

    def _reasons(self) -> int | None:
        """Bits of nvmlClocksEventReasons, which drivers before 535 know under their old name only."""
        bits = self._nvml.of_gpu("GetCurrentClocksEventReasons")
        if bits is None:
            bits = self._nvml.of_gpu("GetCurrentClocksThrottleReasons")
        return None if bits is None else int(bits)

    def _temperature_c(self) -> float | None:
        """Temperature of the die. NVML's newer call is asked first, as CUDA 14 drops the older. Unit: °C."""
        for function in ("GetTemperatureV", "GetTemperature"):
            celsius = self._nvml.of_gpu(function, nvml_facts.TEMPERATURE_GPU)
            if celsius is not None:
                return float(celsius)
        return None


def reason_names(bits: int) -> tuple[str, ...]:
    """Names of all bits that are set; a bit that is not known yet is named by its value."""
    places = (1 << place for place in range(bits.bit_length()))
    return tuple(REASONS.get(bit, f"bit_{bit:#x}") for bit in places if bits & bit)


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
    except nvml.NVMLError:
        return None, None
    for name in _names(uuid):
        try:
            return nvml, nvml.nvmlDeviceGetHandleByUUID(name)
        except nvml.NVMLError:
            continue
    return None, None


def _names(uuid: str) -> tuple[str, ...]:
    """What NVML may call the device. CUDA gives a MIG slice's UUID without saying that it is one."""
    bare = uuid.removeprefix("GPU-").removeprefix("MIG-")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    # Of MIG slices CUDA shows one at a time, and older runtimes give it the UUID of the whole GPU.
    slices = (visible,) if visible.startswith("MIG-") and "," not in visible else ()
    return (*slices, f"GPU-{bare}", f"MIG-{bare}", uuid)
