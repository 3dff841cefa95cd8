"""What a worker needs to begin with: the devices of this node, and a station for one of them.

Tests name another module with the same two functions.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from bench.devices.device import Device
from bench.devices.present import present_devices
from bench.devices.system.processor import usable_cpus
from bench.worker.station import Station
from bench.workloads import load_workloads


def present() -> Iterable[str]:
    """Ids of the devices here.

    Raises:
        MissingExtraError: Torch is not installed.
    """
    return present_devices().keys()


def station(device: str) -> Station:
    """A station for a device.

    Raises:
        KernelsShadowedError: Another package named ``kernels`` hides ours.
    """
    workloads = load_workloads()
    opened = present_devices()[device]()
    _stay_near(opened)
    return Station(opened, workloads)


def _stay_near(device: Device) -> None:
    """Keep this process on the memory node that a GPU hangs on: launches from another one take longer."""
    near: set[int] = set(getattr(device, "local_cpus", tuple)()) & set(usable_cpus())
    if near and sys.platform == "linux":
        os.sched_setaffinity(0, near)
