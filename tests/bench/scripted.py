"""Devices and workloads for measuring processes: what each does is in its name, and switches are files.

The folder of the switches is named by the environment variable ``SCRIPTED``. Times are scripted too, so that
a measuring process is done at once; what takes time is starting it, half a second, and so plans are short.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench.devices.fake import FakeClock, FakeDevice, FakeWorkload
from bench.worker.station import Station
from kernels.workload import Verdict

RIGHT = Verdict(correct=True, detail="as it should be")
LARGE, SMALL = 10**9, 10**8


def present() -> Iterable[str]:
    """One device, or as many as the folder says."""
    devices = _folder() / "devices"
    return devices.read_text(encoding="utf-8").split() if devices.exists() else ["cpu"]


def station(device: str) -> Station:
    """A device whose calls take 10 ms of its own time; not to be opened where a file says it is gone."""
    if (_folder() / f"{device.replace(':', '-')}-is-gone").exists():
        raise RuntimeError(f"no device {device} on the bus")
    clock = FakeClock()
    used_by = "a file" if (_folder() / "in-use").exists() else None
    return Station(FakeDevice(clock, id=device, used_by=used_by), workloads(), clock, environment=dict)


def workloads() -> Mapping[str, FakeWorkload]:
    """All of them by name."""
    steady = FakeWorkload(RIGHT, "steady", "steady", sizes=(LARGE,))
    made: dict[str, Callable[[], None]] = {
        "hangs": lambda: time.sleep(600),
        "crashes": lambda: os.kill(os.getpid(), signal.SIGSEGV),
        "exits": lambda: os._exit(3),
        "mumbles": _mumble,
        "raises": _raise,
        "vanishes": _vanish,
    }
    broken = {name: replace(steady, name=name, family=name, on_call=Late(act)) for name, act in made.items()}
    starved = replace(steady, name="starved", family="starved", sizes=(SMALL, LARGE), on_prepare=_starve)
    return {
        "steady": steady,
        "other": replace(steady, name="other", family="other"),
        "starved": starved,
    } | broken


@dataclass
class Late:
    """Acts on a later call of the process, so that choosing goes well and the first round does not.

    Choosing makes five calls; a round in a fresh process at least six, of 10 ms: one to warm up, then 50 ms.
    """

    act: Callable[[], None]
    calls: int = 0

    def __call__(self) -> None:
        self.calls += 1
        if self.calls > 5:
            self.act()


def _raise() -> None:
    raise RuntimeError("device-side assert")


def _mumble() -> None:
    os.write(2, b"the last job here ended with SIGKILL\n")
    os._exit(3)


def _vanish() -> None:
    (_folder() / "cpu-is-gone").touch()
    raise RuntimeError("the GPU has fallen off the bus")


def _starve(size: int) -> None:
    """Memory runs out at the large shape once it has been chosen and measured twice."""
    seen = _folder() / "prepared"
    count = len(seen.read_bytes()) if seen.exists() else 0
    if size == LARGE:
        with seen.open("ab") as file:
            file.write(b".")
        if count > 3:
            raise MemoryError


def _folder() -> Path:
    return Path(os.environ["SCRIPTED"])
