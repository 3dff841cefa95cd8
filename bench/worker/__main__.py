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
    station: Any = None
    while True:
        task = receive(requests)
        try:
            if isinstance(task, Survey):
                answer: object = Surveyed(tuple(_maker(task.opener).present()))
            elif isinstance(task, Open):
                station = _maker(task.opener).station(task.device)
                station.folder = task.folder
                answer = Opened()
            else:
                answer = station.do(task)
        # The parent decides what a failure means.
        except Exception as error:
            answer = Failure(describe(error), error=error if isinstance(error, FlopcensusError) else None)
        send(answers, answer)


def _maker(opener: str) -> Any:
    return importlib.import_module(opener)


def _end_with_parent(parent: int) -> None:
    """End even in the middle of a task: a parent that was killed leaves no one to report to."""
    while os.getppid() == parent:
        time.sleep(PARENT_WATCH_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    main()
    sys.exit(0)
