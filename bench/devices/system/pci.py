"""Where a PCI device hangs, from sysfs. Source: Linux kernel documentation, ABI/testing/sysfs-bus-pci."""

from __future__ import annotations

import re
from pathlib import Path

from bench.devices.system.files import parse_cpu_list, read_text

ADDRESS = re.compile(r"0*([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", re.IGNORECASE)
SYSFS = Path("/sys")


def numa_node(bus_id: str | None, sysfs: Path = SYSFS) -> int | None:
    """Memory node nearest to the device; None where the system has none or does not tell."""
    answer = _read(bus_id, "numa_node", sysfs)
    # -1 stands for unknown.
    return int(answer) if answer.isdigit() else None


def cpu_list(bus_id: str | None, sysfs: Path = SYSFS) -> str | None:
    """Logical CPUs nearest to the device, as ``0-31,64-95``."""
    return _read(bus_id, "local_cpulist", sysfs) or None


def local_cpus(bus_id: str | None, sysfs: Path = SYSFS) -> tuple[int, ...]:
    """Logical CPUs nearest to the device, one by one; empty where nothing tells."""
    return parse_cpu_list(_read(bus_id, "local_cpulist", sysfs))


def _read(bus_id: str | None, file: str, sysfs: Path) -> str:
    # NVML writes the domain with eight digits, Linux with four.
    match = ADDRESS.fullmatch(bus_id or "")
    if match is None:
        return ""
    domain, bus, device, function = (part.lower() for part in match.groups())
    return read_text(sysfs / "bus/pci/devices" / f"{domain}:{bus}:{device}.{function}" / file)
