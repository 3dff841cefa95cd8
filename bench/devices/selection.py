"""From what the user asks for to devices: ``auto``, ``all``, ``cpu``, ``cuda``, ``cuda:0,cuda:1``."""

from __future__ import annotations

from collections.abc import Sequence

from bench.errors import DeviceError


def select_devices(selector: str, present: Sequence[str]) -> tuple[str, ...]:
    """Ids of the devices that a selector names.

    ``auto`` is every GPU present, else the CPU; ``all`` is the CPU and every GPU; a bare kind is all of
    that kind; names may be joined by commas.

    Raises:
        DeviceError: A device asked for is not here; the message lists those that are.
    """
    return tuple(
        dict.fromkeys(name for part in selector.split(",") for name in _named(part.strip(), present))
    )


def _named(part: str, present: Sequence[str]) -> list[str]:
    gpus = [name for name in present if name != "cpu"]
    if part == "auto":
        return gpus or ["cpu"]
    if part == "all":
        return list(present)
    found = [name for name in present if part in (name, name.partition(":")[0])]
    if not found:
        raise DeviceError(f"no device {part!r} here; found {', '.join(present)}; or say auto or all")
    return found
