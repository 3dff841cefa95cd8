"""What NVML tells of an NVIDIA GPU once: versions, link, ECC, retired memory, modes, limits, who uses it.

Functions, units and codes: NVML API Reference Guide, section Device Queries; codes as in nvml.h.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bench.devices.meters.words import describe_lowered_limit, describe_users, describe_utilisation
from bench.devices.system import pci
from bench.record import Scalar

if TYPE_CHECKING:
    from bench.devices.meters.nvml import Nvml

CLOCK_SM = 1
TEMPERATURE_GPU = 0
UNCORRECTED = 1
VOLATILE, AGGREGATE = 0, 1
PAGE_CAUSES = {0: "retired_pages_single_bit", 1: "retired_pages_double_bit"}
COMPUTE_MODES = {0: "default", 1: "exclusive thread", 2: "prohibited", 3: "exclusive process"}
MOST_LINKS = 36


def details(nvml: Nvml) -> dict[str, Scalar]:
    """Facts for the record, None where NVML does not tell them; empty without NVML."""
    if nvml.handle is None:
        return {}
    return {**_versions(nvml), **_link(nvml), **_memory(nvml), **_modes(nvml), **_limits(nvml)}


def variant(nvml: Nvml) -> str | None:
    """MIG slice and lowered power limit, in words."""
    if nvml.handle is None:
        return None
    found = (_mig_slice(nvml) if nvml.is_mig else None, _lowered_limit(nvml))
    return ", ".join(part for part in found if part) or None


def busy(nvml: Nvml, own_pids: Iterable[int]) -> str | None:
    """Other processes on the GPU; where none is listed, work that is not ours, as the GPU is idle for us."""
    if nvml.handle is None:
        return None
    processes = nvml.of_slice("GetComputeRunningProcesses") or ()
    rates = None if nvml.is_mig else nvml.of_gpu("GetUtilizationRates")
    pids = (int(process.pid) for process in processes)
    return describe_users(pids, own_pids) or describe_utilisation(None if rates is None else rates.gpu)


def local_cpus(nvml: Nvml) -> tuple[int, ...]:
    """Logical CPUs of the memory node that the GPU hangs on."""
    return pci.local_cpus(_bus_id(nvml))


def watts(milliwatts: float | None) -> float | None:
    """From NVML's mW; 0 stands for unknown. Unit: W."""
    return milliwatts / 1e3 if milliwatts else None


def text(answer: Any) -> str | None:
    """Text of an answer: bytes in old versions of pynvml."""
    if answer is None:
        return None
    return answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)


def _versions(nvml: Nvml) -> dict[str, Scalar]:
    cuda = nvml.ask("SystemGetCudaDriverVersion_v2")
    return {
        "cuda_driver_version": None if cuda is None else f"{cuda // 1000}.{cuda % 1000 // 10}",
        "vbios": text(nvml.of_gpu("GetVbiosVersion")),
    }


def _link(nvml: Nvml) -> dict[str, Scalar]:
    bus_id = _bus_id(nvml)
    return {
        "pci_bus_id": bus_id,
        "pcie_generation": nvml.of_gpu("GetCurrPcieLinkGeneration"),
        "pcie_generation_max": nvml.of_gpu("GetMaxPcieLinkGeneration"),
        "pcie_width": nvml.of_gpu("GetCurrPcieLinkWidth"),
        "pcie_width_max": nvml.of_gpu("GetMaxPcieLinkWidth"),
        "nvlink_active": _active_nvlinks(nvml),
        "numa_node": pci.numa_node(bus_id),
        "cpu_affinity": pci.cpu_list(bus_id),
    }


def _memory(nvml: Nvml) -> dict[str, Scalar]:
    ecc = nvml.of_gpu("GetEccMode")
    rows = nvml.of_gpu("GetRemappedRows") or (None,) * 4
    pages = {name: nvml.of_gpu("GetRetiredPages", cause) for cause, name in PAGE_CAUSES.items()}
    return {
        "ecc_enabled": None if ecc is None else bool(ecc[0]),
        "ecc_uncorrected_since_boot": nvml.of_gpu("GetTotalEccErrors", UNCORRECTED, VOLATILE),
        "ecc_uncorrected_ever": nvml.of_gpu("GetTotalEccErrors", UNCORRECTED, AGGREGATE),
        **{name: None if found is None else len(found) for name, found in pages.items()},
        "remapped_rows_correctable": rows[0],
        "remapped_rows_uncorrectable": rows[1],
        "remapped_rows_pending": _flag(rows[2]),
        "remapped_rows_failed": _flag(rows[3]),
    }


def _modes(nvml: Nvml) -> dict[str, Scalar]:
    mig = nvml.of_gpu("GetMigMode")
    mode = nvml.of_gpu("GetComputeMode")
    return {
        "mig_enabled": None if mig is None else bool(mig[0]),
        "persistence_mode": _flag(nvml.of_gpu("GetPersistenceMode")),
        "compute_mode": None if mode is None else COMPUTE_MODES.get(mode, str(mode)),
    }


def _limits(nvml: Nvml) -> dict[str, Scalar]:
    return {
        "power_limit_default_w": watts(nvml.of_gpu("GetPowerManagementDefaultLimit")),
        "power_limit_enforced_w": watts(nvml.of_gpu("GetEnforcedPowerLimit")),
        "application_clock_mhz": nvml.of_gpu("GetApplicationsClock", CLOCK_SM),
        "meters_shared": "power and energy are of the whole GPU: not given to a slice"
        if nvml.is_mig
        else None,
    }


def _mig_slice(nvml: Nvml) -> str:
    """``MIG 3g.40gb``, from the slice's name or from its compute slices and memory."""
    name = text(nvml.of_slice("GetName")) or ""
    _, found, profile = name.partition(" MIG ")
    if found:
        return f"MIG {profile}"
    attributes = nvml.of_slice("GetAttributes_v2")
    if attributes is None:
        return "MIG slice"
    gib = round(attributes.memorySizeMB / 1024)
    return f"MIG {attributes.gpuInstanceSliceCount}g.{gib}gb"


def _lowered_limit(nvml: Nvml) -> str | None:
    default = watts(nvml.of_gpu("GetPowerManagementDefaultLimit"))
    return describe_lowered_limit(watts(nvml.of_gpu("GetEnforcedPowerLimit")), default)


def _active_nvlinks(nvml: Nvml) -> int | None:
    """Links that are up; the first link that the GPU does not have ends the count."""
    active = None
    for link in range(MOST_LINKS):
        state = nvml.of_gpu("GetNvLinkState", link)
        if state is None:
            break
        active = (active or 0) + int(bool(state))
    return active


def _bus_id(nvml: Nvml) -> str | None:
    info = nvml.of_gpu("GetPciInfo")
    return None if info is None else text(info.busId)


def _flag(answer: int | None) -> bool | None:
    return None if answer is None else bool(answer)
