"""Where a PCI device hangs, from sysfs. Source: Linux kernel documentation, ABI/testing/sysfs-bus-pci."""

from __future__ import annotations

import re
from pathlib import Path

ADDRESS = re.compile(r"0*([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", re.IGNORECASE)


def numa_node(bus_id: str | None, sysfs: Path) -> int | None:
    """Memory node nearest to the device; None where the system has none or does not tell."""
    answer = _read(bus_id, "numa_node", sysfs)
    # -1 stands for unknown.
    return int(answer) if answer.isdigit() else None


def cpu_list(bus_id: str | None, sysfs: Path) -> str | None:
    """Logical CPUs nearest to the device, as ``0-31,64-95``."""
    return _read(bus_id, "local_cpulist", sysfs) or None


def local_cpus(bus_id: str | None, sysfs: Path) -> tuple[int, ...]:
    """Logical CPUs nearest to the device, one by one; empty where nothing tells."""
    return parse_cpu_list(_read(bus_id, "local_cpulist", sysfs))


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """``0-2,8`` as 0, 1, 2, 8; empty for text of another form."""
    cpus: list[int] = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        if not first.isdigit() or not (last or first).isdigit():
            return ()
        cpus.extend(range(int(first), int(last or first) + 1))
    return tuple(cpus)


def _read(bus_id: str | None, file: str, sysfs: Path) -> str:
    # NVML writes the domain with eight digits, Linux with four.
    match = ADDRESS.fullmatch(bus_id or "")
    if match is None:
        return ""
    domain, bus, device, function = (part.lower() for part in match.groups())
    path = sysfs / "bus/pci/devices" / f"{domain}:{bus}:{device}.{function}" / file
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
