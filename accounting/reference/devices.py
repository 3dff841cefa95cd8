"""From the name a driver reports to the accelerator it is, and so to the right spec peak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from accounting.reference.accelerators import Accelerator
from accounting.reference.facts import Facts, load_facts

# A driver reports a little less than the sheet (ECC, reserved pages); variants differ by 40 % or more.
_MEMORY_TOLERANCE = 0.15


@dataclass(frozen=True)
class DeviceMatch:
    """The accelerator that a device is, with its dense peaks in FLOP/s by precision."""

    accelerator: str
    peak: Mapping[str, float]


def match_device(name: str, memory_bytes: float | None, facts: Facts | None = None) -> DeviceMatch | None:
    """Return the accelerator whose driver names include ``name`` and whose memory fits, else None.

    The memory tells variants apart that report one name (an H200 partition is no H100). A name that
    fits more than one accelerator, or none, gives None: no fraction is better than a wrong one.

    Args:
        name: as NVML, torch or the driver reports it.
        memory_bytes: of the device, where known.
        facts: reference facts; the shipped ones where left out.
    """
    table = (facts or load_facts()).accelerators
    found = [a for a in table.values() if name in a.device_names and _memory_fits(a, memory_bytes)]
    if len(found) != 1:
        return None
    return DeviceMatch(found[0].id, found[0].peaks())


def _memory_fits(accelerator: Accelerator, memory_bytes: float | None) -> bool:
    if memory_bytes is None or accelerator.memory is None:
        return True
    return abs(memory_bytes / accelerator.memory - 1) <= _MEMORY_TOLERANCE
