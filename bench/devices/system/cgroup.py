"""Limits that a Linux control group sets, versions 1 and 2. Elsewhere there are none.

Files of version 1: Linux kernel documentation, admin-guide/cgroup-v1; of version 2: admin-guide/cgroup-v2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from bench.devices.system.files import ROOT, read_text

MEMORY_UNLIMITED_BYTES = 1 << 60


def cpu_quota_cores(root: Path = ROOT) -> float | None:
    """CPU time per time that the tightest group allows. Unit: cores. None: no limit."""
    v1 = _tightest(root, "cpu", _quota_v1)
    v2 = _tightest(root, "", _quota_v2)
    return min((quota for quota in (v1, v2) if quota is not None), default=None)


def memory_headroom_bytes(root: Path = ROOT) -> int | None:
    """Memory still to be had under the tightest group. Unit: B. None: no limit.

    Limit − (usage − inactive file pages): a group's usage counts files that the kernel keeps in memory, and
    the inactive ones are given back as soon as somebody needs the room. Kubernetes takes a container's
    working set in the same way (Kubernetes documentation, "Node-pressure Eviction", memory.available).
    """
    v1 = _tightest(root, "memory", _headroom_v1)
    v2 = _tightest(root, "", _headroom_v2)
    headroom = min((room for room in (v1, v2) if room is not None), default=None)
    return None if headroom is None else max(0, int(headroom))


def _tightest(root: Path, controller: str, limit: Callable[[Path], float | None]) -> float | None:
    limits = (limit(folder) for folder in _group_folders(root, controller))
    return min((found for found in limits if found is not None), default=None)


def _group_folders(root: Path, controller: str) -> Iterator[Path]:
    """The group of this process and its ancestors; ``""`` is the one hierarchy of version 2."""
    mount = root / "sys/fs/cgroup" / controller
    folder = mount / _group_path(root, controller).lstrip("/")
    while folder != mount and mount in folder.parents:
        yield folder
        folder = folder.parent
    yield mount


def _group_path(root: Path, controller: str) -> str:
    for line in read_text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        # A path that climbs out of the mount belongs to another namespace: only the mount is visible.
        if controller in controllers.split(",") and ".." not in path:
            return path
    return ""


def _quota_v1(folder: Path) -> float | None:
    return _ratio(read_text(folder / "cpu.cfs_quota_us"), read_text(folder / "cpu.cfs_period_us"))


def _quota_v2(folder: Path) -> float | None:
    quota, _, period = read_text(folder / "cpu.max").partition(" ")
    return _ratio(quota, period)


def _headroom_v1(folder: Path) -> float | None:
    return _headroom(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def _headroom_v2(folder: Path) -> float | None:
    return _headroom(folder, "memory.max", "memory.current", "inactive_file")


def _headroom(folder: Path, limit_file: str, used_file: str, reclaimable: str) -> float | None:
    limit, used = _number(read_text(folder / limit_file)), _number(read_text(folder / used_file))
    if limit is None or used is None or limit >= MEMORY_UNLIMITED_BYTES:
        return None
    lines = (line.partition(" ") for line in read_text(folder / "memory.stat").splitlines())
    freed = next((_number(value) for name, _, value in lines if name == reclaimable), None)
    return limit - max(0.0, used - (freed or 0.0))


def _ratio(quota: str, period: str) -> float | None:
    above, below = _number(quota), _number(period)
    if above is None or not below or above <= 0:
        return None
    return above / below


def _number(text: str) -> float | None:
    """A number; None for ``max`` and for nothing."""
    try:
        return float(text)
    except ValueError:
        return None
