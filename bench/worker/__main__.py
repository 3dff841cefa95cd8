"""The measuring process: opens one device, then does what comes down the pipe until it closes."""

from __future__ import annotations

import faulthandler
import importlib
import os
import signal
import sys
import threading
import time
from typing import Any, BinaryIO

from bench.choosing.faults import describe
from bench.errors import FlopcensusError
from bench.worker.tasks import Failure, Open, Opened, Survey, Surveyed
from bench.worker.wire import receive, send

PARENT_WATCH_SECONDS = 1.0


def main() -> None:
    """Serve the parent."""
    # Answers go out where stdout was; what libraries print there must not get between them.
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    faulthandler.enable()
    # An interrupt from the keyboard reaches both; what to keep is for the parent to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        _serve(requests, answers)
    except (EOFError, OSError):
        # The parent is gone.
        return


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer one task after another, until the pipe closes."""
    server = _Server()
    while True:
        task = receive(requests)
        try:
            answer = server.answer(task)
        # The parent decides what a failure means.
        except Exception as error:
            answer = Failure(describe(error), error=error if isinstance(error, FlopcensusError) else None)
        send(answers, answer)


class _Server:
    """Answers tasks; ``station`` is the device's, once one was opened."""

    station: Any = None

    def answer(self, task: Any) -> object:
        """Do a task; what goes wrong within the station is an answer too."""
        if isinstance(task, Survey):
            return Surveyed(tuple(importlib.import_module(task.opener).present()))
        if isinstance(task, Open):
            self.station = importlib.import_module(task.opener).station(task.device)
            self.station.folder = task.folder
            return Opened()
        return self.station.do(task)


def _end_with_parent(parent: int) -> None:
    """End even in the middle of a task: a parent that was killed leaves no one to report to."""
    while os.getppid() == parent:
        time.sleep(PARENT_WATCH_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    main()
    sys.exit(0)
