"""How a device finds its spec sheet. The facts live in a floor above, so the search is passed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from bench.record import DeviceDescription


class SpecMatch(Protocol):
    """A known accelerator that a device was recognised as."""

    @property
    def accelerator(self) -> str:
        """Its id, for example ``nvidia-h100-sxm``."""

    @property
    def peak(self) -> Mapping[str, float]:
        """Dense spec peak by precision. Unit: FLOP/s."""


SpecLookup = Callable[[DeviceDescription], SpecMatch | None]


def with_spec(description: DeviceDescription, lookup: SpecLookup) -> DeviceDescription:
    """The description with its accelerator id and peaks, where the device is a known accelerator.

    A CPU is never looked up: the CPU part of an accelerated processor carries the accelerator's name,
    and its matrix peak is not on a spec sheet.
    """
    match = None if description.kind == "cpu" else lookup(description)
    if match is None:
        return description
    return description.model_copy(update={"accelerator": match.accelerator, "peak": dict(match.peak)})
