"""How a device finds its spec sheet. The sheets are accounting's, a floor above, so a lookup is passed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from bench.record import DeviceDescription


class SpecMatch(Protocol):
    """What is known of a device from its model and architecture."""

    @property
    def accelerator(self) -> str | None:
        """Id of the accelerator it is, for example ``nvidia-h100-sxm``; None for CPUs and unknown models."""

    @property
    def peak(self) -> Mapping[str, float]:
        """Dense peak by precision, that of the part which the device is. Unit: FLOP/s."""

    @property
    def flop_per_clock(self) -> Mapping[str, float]:
        """Most that one of its units does in one clock, by precision. Unit: FLOP."""

    @property
    def variant(self) -> str | None:
        """What makes it less than the whole accelerator, in words."""


SpecLookup = Callable[[DeviceDescription], SpecMatch | None]


def with_spec(description: DeviceDescription, lookup: SpecLookup) -> DeviceDescription:
    """The description with accelerator id, peaks, rates per clock and variant, as far as they are known.

    An accelerator is never taken for a CPU: the CPU part of an accelerated processor carries the
    accelerator's name, and a sheet's peak is not that of its cores.
    """
    match = lookup(description)
    if match is None or (description.kind == "cpu" and match.accelerator is not None):
        return description
    known: dict[str, Any] = {
        "accelerator": match.accelerator,
        "peak": dict(match.peak),
        "flop_per_clock": dict(match.flop_per_clock),
        "variant": match.variant or description.variant,
    }
    return description.model_copy(update=known)
