"""How much CPU time others took between two moments. Needs no torch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bench.devices.system.processor import usable_cpus
from bench.environment.node import Environment
from bench.extras import require_psutil

Pids = Callable[[], Iterable[int]]
LINUX = sys.platform == "linux"


@dataclass(frozen=True)
class _Spent:
    """CPU time of the usable CPUs by kind, and our own. Unit: s."""

    kinds: dict[str, float]
    own: float


class Load:
    """How busy the CPUs that we may use were from one moment to another."""

    def __init__(self, own_pids: Pids | None = None) -> None:
        """Begin now.

        Args:
            own_pids: Asked at either moment which processes are ours besides this one, for example workers.
        """
        self._psutil = require_psutil()
        self._own_pids: Pids = own_pids or tuple
        self._last_seconds: dict[int, float] = {}
        self._before = self._spent()

    def since(self) -> Environment:
        """Share of CPU time taken by other processes and by the host beneath (steal); None unless told."""
        after, before = self._spent(), self._before
        spent = {kind: after.kinds[kind] - before.kinds.get(kind, 0.0) for kind in after.kinds}
        # Linux counts guest time within user time.
        total = sum(seconds for kind, seconds in spent.items() if not kind.startswith("guest"))
        if total <= 0:
            return {"other_load_fraction": None, "steal_fraction": None}
        steal = spent.get("steal")
        resting = spent.get("idle", 0.0) + spent.get("iowait", 0.0) + (steal or 0.0)
        others = total - resting - (after.own - before.own)
        return {
            "other_load_fraction": max(0.0, others / total),
            "steal_fraction": None if steal is None else max(0.0, steal / total),
        }

    def _spent(self) -> _Spent:
        # Our own time first: what passes between the two readings then counts as others', never below zero.
        own = self._own_seconds()
        return _Spent(self._kinds(), own)

    def _kinds(self) -> dict[str, float]:
        """Times of the CPUs that this process may use; of all of them where they cannot be told apart."""
        each, usable = self._psutil.cpu_times(percpu=True), usable_cpus()
        chosen = [each[cpu] for cpu in usable] if max(usable) < len(each) else each
        return {kind: sum(getattr(times, kind) for times in chosen) for kind in chosen[0]._fields}

    def _own_seconds(self) -> float:
        """This process with the children it has buried, and the living ones of ours. Unit: s."""
        own = self._psutil.Process().cpu_times()
        # Only Linux adds the time of a child to its parent's once it has ended; elsewhere it is remembered.
        buried = own.children_user + own.children_system if LINUX else 0.0
        if LINUX:
            self._last_seconds.clear()
        for pid in set(self._own_pids()) - {self._psutil.Process().pid}:
            self._last_seconds[pid] = self._seconds_of(pid)
        return float(own.user + own.system + buried + sum(self._last_seconds.values()))

    def _seconds_of(self, pid: int) -> float:
        """Of a process and the children it has buried; of an ended one what was last seen. Unit: s."""
        try:
            times: Any = self._psutil.Process(pid).cpu_times()
        except self._psutil.Error:
            return 0.0 if LINUX else self._last_seconds.get(pid, 0.0)
        return float(times.user + times.system + times.children_user + times.children_system)
