"""Energy counters of x86 packages through Linux's powercap; unreadable counters count as absent.

Source of the files and their units: Linux kernel documentation, power/powercap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


@dataclass
class PackageEnergy:
    """Energy of all packages, with the wraps of their counters unrolled."""

    powercap: Path = POWERCAP
    _last_uj: dict[Path, int] = field(default_factory=dict)
    _total_uj: int = 0

    def read_j(self) -> float | None:
        """Energy since the first reading. Unit: J. None: no package tells it."""
        for package in self.powercap.glob("intel-rapl:[0-9]*"):
            # Sub-zones (core, dram) are part of a package, and named intel-rapl:0:1.
            if package.name.count(":") == 1 and (now_uj := _number(package / "energy_uj")) is not None:
                self._add(package, now_uj)
        return self._total_uj / 1e6 if self._last_uj else None

    def _add(self, package: Path, now_uj: int) -> None:
        grown = now_uj - self._last_uj.get(package, now_uj)
        if grown < 0:
            grown += _number(package / "max_energy_range_uj") or 0
        self._total_uj += max(0, grown)
        self._last_uj[package] = now_uj


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
