"""The parent's side of a worker: starts it, hands it tasks, and never waits longer than it said.

The parent imports no torch: a driver that hangs or crashes takes its worker down, and nothing else.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from typing import IO, Any, Protocol

from bench.worker.tasks import Answer, Failure, Open, Survey, Surveyed, Task
from bench.worker.wire import receive, send

OPENER = "bench.worker.opening"
# Importing torch and opening a driver take seconds; on a cold network file system, minutes.
START_SECONDS = 240.0
KILL_SECONDS = 5.0


class WorkerLostError(Exception):
    """The worker did not answer in time, or is gone; the text says which.

    Attributes:
        device_lost: Whether its device is gone with it: it cannot be opened any more, or the process could
            not even be killed, so that the device is in unknown hands.
        out_of_memory: Whether it was killed, and not by us: that is how a system short of memory does it.
    """

    def __init__(self, reason: str, *, device_lost: bool = False, out_of_memory: bool = False) -> None:
        super().__init__(reason)
        self.device_lost, self.out_of_memory = device_lost, out_of_memory


class Worker(Protocol):
    """One device's measuring process."""

    @property
    def process_number(self) -> int:
        """Number of the process at work, from 0: how many came before it."""

    @property
    def start_seconds(self) -> float:
        """What starting a process took the last time. Unit: s."""

    @property
    def pids(self) -> tuple[int, ...]:
        """The process at work, if any."""

    def do(self, task: Task, seconds: float) -> Answer:
        """Have a task done.

        Args:
            task: The task.
            seconds: How long to wait for the answer. Unit: s.

        Raises:
            WorkerLostError: It did not answer in time, or is gone. The next task gets a fresh process.
        """

    def renew(self) -> None:
        """Have the next task done by a fresh process."""

    def close(self) -> None:
        """End the process."""

    def kill(self) -> None:
        """End the process at once, whatever it does."""


class SpawnedWorker:
    """A worker in a process of its own, started when first needed.

    Args:
        device: Id of the device.
        opener: Module that opens it, see `bench.worker.opening`.
        patience_seconds: How long opening the device may take. Unit: s.
        process: A process to begin with, as `survey` leaves it.
        folder: Where a workload that reads files may put one.
    """

    def __init__(
        self,
        device: str,
        opener: str = OPENER,
        patience_seconds: float = START_SECONDS,
        process: Process | None = None,
        folder: str | None = None,
    ) -> None:
        self._device, self._opener, self._patience_seconds = device, opener, patience_seconds
        self._folder = folder
        self._process, self._opened = process, False
        self._abandoned: str | None = None
        self.process_number, self.start_seconds = 0 if process else -1, 0.0

    @property
    def pids(self) -> tuple[int, ...]:
        """The process at work, if any."""
        return () if self._process is None else (self._process.pid,)

    def do(self, task: Task, seconds: float) -> Answer:
        """See `Worker.do`."""
        process = self._open()
        try:
            answer: Answer = process.ask(task, seconds)
        except WorkerLostError:
            self._process = None
            raise
        return answer

    def renew(self) -> None:
        """See `Worker.renew`."""
        self.close()

    def close(self) -> None:
        """See `Worker.close`."""
        if self._process is not None:
            process, self._process = self._process, None
            try:
                process.end()
            except WorkerLostError as lost:
                self._abandoned = str(lost)

    def kill(self) -> None:
        """See `Worker.kill`."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()

    def _open(self) -> Process:
        if self._abandoned is not None:
            raise WorkerLostError(self._abandoned, device_lost=True)
        if self._process is None:
            self._process, self._opened = Process(), False
            self.process_number += 1
        if not self._opened:
            self._take_charge(self._process)
        return self._process

    def _take_charge(self, process: Process) -> None:
        try:
            answer = process.ask(Open(self._opener, self._device, self._folder), self._patience_seconds)
        except WorkerLostError as lost:
            self._process = None
            raise WorkerLostError(f"{self._device} cannot be opened: {lost}", device_lost=True) from lost
        if isinstance(answer, Failure):
            self.close()
            reason = str(answer.error) if answer.error is not None else answer.reason
            raise WorkerLostError(f"{self._device} cannot be opened: {reason}", device_lost=True)
        self._opened, self.start_seconds = True, process.age_seconds()


def survey(opener: str = OPENER, seconds: float = START_SECONDS) -> tuple[tuple[str, ...], Process]:
    """Ids of the devices of this node, and the process that found them, ready to open one.

    Raises:
        FlopcensusError: What the process found missing, for example torch.
        WorkerLostError: It did not answer.
    """
    process = Process()
    answer = process.ask(Survey(opener), seconds)
    if isinstance(answer, Surveyed):
        return answer.devices, process
    process.end()
    if isinstance(answer, Failure) and answer.error is not None:
        raise answer.error
    raise WorkerLostError(f"no device can be listed: {answer.reason}")


class Process:
    """A process, its pipes, and the thread that reads its answers."""

    def __init__(self) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        # -P: a folder named kernels or bench in the user's current folder must not be taken for ours.
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
        )
        self.pid, self._born = self._popen.pid, time.monotonic()
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(_pipe(self._popen.stdout),), daemon=True).start()

    def ask(self, task: object, seconds: float) -> Any:
        """Send a task and wait so many seconds for its answer.

        Raises:
            WorkerLostError: There was none in time, and the process was killed; or it has ended.
        """
        try:
            send(_pipe(self._popen.stdin), task)
            answer = self._answers.get(timeout=seconds)
        except OSError:
            answer = None
        except queue.Empty:
            raise self._kill(f"no answer within {seconds:.0f} s; its process was killed") from None
        # The thread puts None where the pipe has closed.
        if answer is None:
            lost = self._kill(ending(self._popen, self._said))
            lost.out_of_memory = _was_killed(self._popen)
            raise lost
        return answer

    def age_seconds(self) -> float:
        """Time since it was started. Unit: s."""
        return time.monotonic() - self._born

    def end(self) -> None:
        """Close the pipe, which the process takes as the end; kill it where it does not end in time.

        Raises:
            WorkerLostError: It cannot even be killed.
        """
        self._close_requests()
        try:
            self._popen.wait(KILL_SECONDS)
        except subprocess.TimeoutExpired:
            lost = self._kill("its process did not end")
            if lost.device_lost:
                raise lost from None
        self._let_go()

    def kill(self) -> None:
        """End it at once, whatever it does."""
        self._kill("")

    def _kill(self, reason: str) -> WorkerLostError:
        self._popen.kill()
        try:
            self._popen.wait(KILL_SECONDS)
        except subprocess.TimeoutExpired:
            self._let_go()
            return WorkerLostError(f"{reason}; it could not be killed and was abandoned", device_lost=True)
        self._let_go()
        return WorkerLostError(reason)

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            try:
                while True:
                    self._answers.put(receive(stream))
            except (EOFError, OSError, ValueError):
                self._answers.put(None)

    def _close_requests(self) -> None:
        # What was not yet sent to a process that is gone cannot be flushed.
        with suppress(OSError):
            _pipe(self._popen.stdin).close()

    def _let_go(self) -> None:
        self._close_requests()
        self._said.close()


def ending(process: subprocess.Popen[Any], said: IO[bytes]) -> str:
    """How a process ended, with the last line it wrote to a file."""
    try:
        code = process.wait(KILL_SECONDS)
    except subprocess.TimeoutExpired:
        return "its process closed the pipe"
    said.seek(0)
    lines = said.read().decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"its process ended with {_signal_name(code)}" + (f": {last[:200]}" if last else "")


def _was_killed(process: subprocess.Popen[Any]) -> bool:
    """Whether a process that has ended was ended by SIGKILL, which Windows does not have."""
    return process.returncode is not None and _signal_name(process.returncode) == "SIGKILL"


def _signal_name(code: int) -> str:
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            pass
    return f"exit code {code}"


def _pipe(stream: IO[bytes] | None) -> Any:
    if stream is None:
        raise OSError(os.strerror(32))
    return stream
