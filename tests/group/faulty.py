"""Opens devices as bench does; a member that is told to by FAULTY dies or stops once the group is open."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable

from bench.worker import opening
from bench.worker.station import Station

KINDS = {"killed": signal.SIGKILL, "stopped": signal.SIGSTOP}


def present() -> Iterable[str]:
    return opening.present()


def station(device: str) -> Station:
    if kind := os.environ.get("FAULTY"):
        threading.Thread(target=_fail, args=(KINDS[kind],), daemon=True).start()
    return opening.station(device)


def _fail(kind: signal.Signals) -> None:
    import torch.distributed as dist

    while not dist.is_initialized():
        time.sleep(0.01)
    os.kill(os.getpid(), kind)
