"""A worker without a process, for devices that only exist as objects: tests, and scripts of one's own."""

from __future__ import annotations

from bench.worker.station import Station
from bench.worker.tasks import Answer, Task


class LocalWorker:
    """Does tasks here and now; a hang hangs the caller."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self.process_number, self.start_seconds = 0, 0.0
        self.pids: tuple[int, ...] = ()

    def do(self, task: Task, seconds: float) -> Answer:
        """Do the task; the deadline cannot be kept."""
        return self._station.do(task)

    def renew(self) -> None:
        """Let go of everything, as a fresh process would have nothing."""
        self._station.release()
        self.process_number += 1

    def close(self) -> None:
        """Let go of everything."""
        self._station.release()

    def kill(self) -> None:
        """Let go of everything."""
        self._station.release()
