"""Energy counters of x86 packages through Linux's powercap; unreadable counters count as absent.

Source of the files and their units: Linux kernel documentation, power/powercap. The driver bears Intel's
name and serves AMD's packages too (since Linux 5.8). Since 5.10 only root may read the counters
(CVE-2020-8694), so that on most nodes there are none.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.devices.system.files import read_text

POWERCAP = Path("/sys/class/powercap")
ENERGY_SOURCE = "rapl"


@dataclass
class PackageEnergy:
    """Energy of all packages, with the wraps of their counters unrolled. Memory has counters of its own."""

    powercap: Path = POWERCAP
    _last_uj: dict[Path, int] = field(default_factory=dict)
    _total_uj: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read_j(self) -> float | None:
        """Energy since the first reading. Unit: J. None: not all packages tell it."""
        with self._lock:
            now_uj = {package: _number(package / "energy_uj") for package in self._packages()}
            for package, energy_uj in now_uj.items():
                if energy_uj is not None:
                    self._add(package, energy_uj)
            told = bool(now_uj) and None not in now_uj.values()
            return self._total_uj / 1e6 if told else None

    def _packages(self) -> Iterator[Path]:
        for zone in sorted(self.powercap.glob("intel-rapl:[0-9]*")):
            # Sub-zones (core, dram) are part of a package or beside it, and named intel-rapl:0:1; psys is the
            # whole platform, its packages included.
            if zone.name.count(":") == 1 and read_text(zone / "name") != "psys":
                yield zone

    def _add(self, package: Path, now_uj: int) -> None:
        grown = now_uj - self._last_uj.get(package, now_uj)
        if grown < 0:
            grown += _number(package / "max_energy_range_uj") or 0
        self._total_uj += max(0, grown)
        self._last_uj[package] = now_uj


def _number(path: Path) -> int | None:
    text = read_text(path)
    return int(text) if text.isdigit() else None
