"""Meters of AMD devices through AMD SMI. Without its package, a driver or permission, they say nothing.

Functions, keys and units: AMD SMI Python API reference. There ``"N/A"`` or the largest number of a field's
type stands for what a device does not tell; keys have changed between ROCm 6 and 7, and both are taken.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from bench.devices.device import Reading
from bench.devices.meters.words import describe_lowered_limit, describe_users, describe_utilisation
from bench.devices.system import pci
from bench.record import Scalar

ENERGY_SOURCE = "amdsmi_counter"
# Counters of GPU metrics that grow while a limit holds the clock down: key → reason. The function made for
# this, amdsmi_get_violation_status, sleeps for a tenth of a second in every call.
RESIDENCIES = {
    "prochot_residency_acc": "prochot_thermal",
    "ppt_residency_acc": "package_power",
    "socket_thm_residency_acc": "socket_thermal",
    "vr_thm_residency_acc": "voltage_regulator_thermal",
    "hbm_thm_residency_acc": "hbm_thermal",
}
# Running at the power limit is how a GPU at full load runs.
POWER_REASON = "package_power"
UNTOLD = frozenset({0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF})
WHOLE_COMPUTE, WHOLE_MEMORY = "SPX", "NPS1"
# Above this a temperature is in thousandths of a degree, as the reference has it and the library has not.
HIGHEST_TEMPERATURE_C = 1000


class AmdMeter:
    """Clock, power, energy, heat and throttling of one GPU, each None where AMD SMI does not tell it."""

    def __init__(self, bus_id: str | None, serial: int | None, name: str) -> None:
        """Find the GPU.

        Args:
            bus_id: Its place on the PCI bus, ``0000:c1:00``; with or without the function.
            serial: Its unique number, where the place is not known.
            name: Its model name, which tells the chip whose two dies are two devices.
        """
        self._smi = _open()
        self._handle = self._find(bus_id, serial)
        self._name = name
        self._lock = threading.Lock()
        self._residencies: dict[str, float] = {}
        self._shared = self._is_shared()
        self._reasons()

    def read(self) -> Reading:
        """All meters now. Power and energy of a part of a package are not told apart from the rest."""
        if self._handle is None:
            return Reading()
        energy_j = None if self._shared else self._energy_j()
        with self._lock:
            reasons = self._reasons()
        return Reading(
            clock_mhz=_number(self._clock(), "clk", "cur_clk") or None,
            power_w=None if self._shared else self._power_w(),
            energy_j=energy_j,
            throttled=None if reasons is None else bool(set(reasons) - {POWER_REASON}),
            temperature_c=self._temperature_c(),
            throttle_reasons=reasons or (),
            energy_source=None if energy_j is None else ENERGY_SOURCE,
        )

    def power_limit_w(self) -> float | None:
        """Enforced power limit. Unit: W."""
        return self._cap_w("power_cap")

    def max_clock_mhz(self) -> float | None:
        """Highest clock of the compute units. Unit: MHz."""
        return _number(self._clock(), "max_clk") or None

    def driver(self) -> str | None:
        """Version of the kernel driver."""
        return _text(self._ask("get_gpu_driver_info"), "driver_version")

    def variant(self) -> str | None:
        """Partition, half of a package, or lowered power limit; None for the whole model."""
        partition = self._partition()
        parts = [partition] if partition else []
        if _is_half(self._name):
            parts.append(f"one of the two dies of an {_half_of(self._name)}")
        lowered = describe_lowered_limit(self._cap_w("power_cap"), self._cap_w("default_power_cap"))
        return ", ".join([*parts, *([lowered] if lowered else [])]) or None

    def details(self) -> dict[str, Scalar]:
        """Versions, link, ECC, retired memory, partition and limits, None where they are not told."""
        if self._handle is None:
            return {}
        bus_id, pages = self._bus_id(), self._ask("get_gpu_bad_page_info")
        errors = self._ask("get_gpu_total_ecc_count")
        shared = "power and energy are of the whole package: not given to a part of it"
        return {
            "vbios": _text(self._ask("get_gpu_vbios_info"), "version"),
            "pci_bus_id": bus_id,
            **self._link(),
            "numa_node": pci.numa_node(bus_id),
            "cpu_affinity": pci.cpu_list(bus_id),
            "ecc_corrected": _number(errors, "correctable_count"),
            "ecc_uncorrected": _number(errors, "uncorrectable_count"),
            "retired_pages": len(pages) if isinstance(pages, list) else None,
            "compute_partition": self._word("get_gpu_compute_partition"),
            "memory_partition": self._word("get_gpu_memory_partition"),
            "power_limit_default_w": self._cap_w("default_power_cap"),
            "power_limit_enforced_w": self.power_limit_w(),
            "meters_shared": shared if self._shared else None,
        }

    def local_cpus(self) -> tuple[int, ...]:
        """Logical CPUs nearest to the GPU."""
        return pci.local_cpus(self._bus_id())

    def busy(self, own_pids: Iterable[int] = ()) -> str | None:
        """Other processes on the GPU, or work that is not ours."""
        processes = self._ask("get_gpu_process_list")
        listed = processes if isinstance(processes, list) else []
        pids = (_number(process, "pid") for process in listed if isinstance(process, dict))
        users = describe_users((int(pid) for pid in pids if pid is not None), own_pids)
        return users or describe_utilisation(_number(self._ask("get_gpu_activity"), "gfx_activity"))

    def _ask(self, function: str, *arguments: Any) -> Any:
        """The answer of ``amdsmi_FUNCTION`` for the GPU; None where it cannot be had."""
        if self._handle is None:
            return None
        return _call(self._smi, function, self._handle, *arguments)

    def _clock(self) -> Any:
        kinds = getattr(self._smi, "AmdSmiClkType", None)
        return self._ask("get_clock_info", kinds.GFX) if kinds else None

    def _power_w(self) -> float | None:
        """Power of the package: now on MI300 and later, an average before. Unit: W."""
        info = self._ask("get_power_info")
        keys = ("current_socket_power", "average_socket_power", "socket_power")
        powers = (_number(info, key) for key in keys)
        # The second die of a package of two reports 0: its power is in the first one's.
        return next((power for power in powers if power), None)

    def _energy_j(self) -> float | None:
        """Counter × its resolution in µJ. Unit: J."""
        count = self._ask("get_energy_count")
        ticks, resolution_uj = (
            _number(count, "energy_accumulator", "power"),
            _number(count, "counter_resolution"),
        )
        return ticks * resolution_uj / 1e6 if ticks and resolution_uj else None

    def _temperature_c(self) -> float | None:
        """Hottest spot of the die, else its edge. Unit: °C."""
        sensors = getattr(self._smi, "AmdSmiTemperatureType", None)
        metric = getattr(getattr(self._smi, "AmdSmiTemperatureMetric", None), "CURRENT", None)
        for name in ("HOTSPOT", "JUNCTION", "EDGE"):
            sensor = getattr(sensors, name, None)
            celsius = None if sensor is None else _plain(self._ask("get_temp_metric", sensor, metric))
            if celsius:
                return celsius / 1000 if celsius > HIGHEST_TEMPERATURE_C else celsius
        return None

    def _reasons(self) -> tuple[str, ...] | None:
        """Limits whose residency grew since the last reading; None where nothing tells."""
        metrics = self._ask("get_gpu_metrics_info")
        now = {key: value for key in RESIDENCIES if (value := _number(metrics, key)) is not None}
        before, self._residencies = self._residencies, now
        if now:
            return tuple(RESIDENCIES[key] for key in now if now[key] > before.get(key, now[key]))
        flag = metrics.get("throttle_status") if isinstance(metrics, dict) else None
        if not isinstance(flag, bool | int):
            return None
        return ("throttle_status",) if flag else ()

    def _link(self) -> dict[str, Scalar]:
        info = self._ask("get_pcie_info")
        static = info.get("pcie_static") if isinstance(info, dict) else None
        metric = info.get("pcie_metric") if isinstance(info, dict) else None
        speed = _number(metric, "pcie_speed")
        return {
            "pcie_generation_max": _number(static, "pcie_interface_version"),
            "pcie_width": _number(metric, "pcie_width"),
            "pcie_width_max": _number(static, "max_pcie_width"),
            # Given in GT/s by some versions and in MT/s by others.
            "pcie_gigatransfers_per_s": speed / 1000 if speed and speed > 1000 else speed,
        }

    def _partition(self) -> str | None:
        """``CPX/NPS4``; None for the whole package in one piece."""
        compute, memory = self._word("get_gpu_compute_partition"), self._word("get_gpu_memory_partition")
        if compute in (None, WHOLE_COMPUTE) and memory in (None, WHOLE_MEMORY):
            return None
        return f"partition {compute or 'unknown'}/{memory or 'unknown'}"

    def _is_shared(self) -> bool:
        """Whether other devices draw from the same meters."""
        compute = self._word("get_gpu_compute_partition")
        return _is_half(self._name) or compute not in (None, WHOLE_COMPUTE)

    def _word(self, function: str) -> str | None:
        answer = self._ask(function)
        return answer if isinstance(answer, str) and answer not in ("", "N/A") else None

    def _cap_w(self, key: str) -> float | None:
        """A power limit, given in µW. Unit: W."""
        microwatts = _number(self._ask("get_power_cap_info"), key)
        return microwatts / 1e6 if microwatts else None

    def _bus_id(self) -> str | None:
        return self._word("get_gpu_device_bdf")

    def _find(self, bus_id: str | None, serial: int | None) -> Any:
        """The first handle at the place or with the number; the only one there is; else None."""
        handles = _call(self._smi, "get_processor_handles") if self._smi else None
        for handle in handles or ():
            place = _call(self._smi, "get_gpu_device_bdf", handle)
            if bus_id and isinstance(place, str) and place.lower().startswith(bus_id.lower()):
                return handle
            found = _text(_call(self._smi, "get_gpu_asic_info", handle), "asic_serial")
            if serial is not None and found is not None and _hexadecimal(found) == serial:
                return handle
        return handles[0] if handles and len(handles) == 1 and bus_id is None else None


def serial_of(uuid: str | None) -> int | None:
    """The unique number behind a UUID of torch for ROCm, whose bytes are its hexadecimal digits as text."""
    try:
        return int(bytes.fromhex((uuid or "").removeprefix("GPU-").replace("-", "")).decode("ascii"), 16)
    except ValueError:
        return None


def _is_half(name: str) -> bool:
    """Whether torch sees each of two dies as a device: MI250 and MI250X (AMD CDNA 2 white paper)."""
    return "MI250" in name.upper()


def _half_of(name: str) -> str:
    return "MI250X" if "MI250X" in name.upper() else "MI250"


def _open() -> Any:
    try:
        smi = importlib.import_module("amdsmi")
        smi.amdsmi_init()
    # A package without its library raises KeyError or OSError on import, one without a driver its own error.
    except Exception:
        return None
    return smi


def _call(smi: Any, function: str, *arguments: Any) -> Any:
    try:
        return getattr(smi, f"amdsmi_{function}")(*arguments)
    # Errors differ between versions of the package, and a meter must never end a measurement.
    except Exception:
        return None


def _number(answer: Any, *keys: str) -> float | None:
    """The first of the keys that holds a number."""
    if not isinstance(answer, Mapping):
        return None
    numbers = (_plain(answer.get(key)) for key in keys)
    return next((number for number in numbers if number is not None), None)


def _plain(value: Any) -> float | None:
    told = isinstance(value, int | float) and not isinstance(value, bool) and value not in UNTOLD
    return value if told else None


def _text(answer: Any, key: str) -> str | None:
    value = answer.get(key) if isinstance(answer, Mapping) else None
    return value if isinstance(value, str) and value not in ("", "N/A") else None


def _hexadecimal(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None
