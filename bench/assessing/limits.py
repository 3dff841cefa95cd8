"""The limit of physics on a rate: units times operations per clock times highest clock.

A spec sheet is no such limit. It assumes a clock that the device may run above: the 989 TFLOP/s of an
H100 SXM are 132 × 4,096 × 1,830 MHz, and it clocks up to 1,980 MHz (NVIDIA H100 architecture white
paper, table 3).
"""

from __future__ import annotations

import math

from bench.record import DeviceDescription


def limit_of(
    description: DeviceDescription, precision: str, *, seen_clock_mhz: float | None = None
) -> float | None:
    """The most that a device can do, None where units, rate or clock are not known. Unit: FLOP/s.

    Args:
        description: With ``flop_per_clock`` from the reference facts.
        precision: That of the operands.
        seen_clock_mhz: Highest clock read while it ran. It counts where it is above the highest that the
            device reports, as some frequency drivers leave the boost out. Unit: MHz.
    """
    rate = description.flop_per_clock.get(precision)
    units = _units(description)
    reported_mhz = description.max_clock_mhz
    if rate is None or units is None or reported_mhz is None:
        return None
    return units * rate * max(reported_mhz, seen_clock_mhz or 0.0) * 1e6


def implausible(
    value: float,
    low_bound: float,
    description: DeviceDescription,
    precision: str,
    *,
    seen_clock_mhz: float | None = None,
) -> str | None:
    """Why a measured rate cannot be, in words; None where it can, or where the limit is not known.

    Args:
        value: As measured. Unit: FLOP/s.
        low_bound: Low end of its interval, which decides, so that noise alone gives no verdict. Unit: FLOP/s.
        description: Of the device.
        precision: That of the operands.
        seen_clock_mhz: See `limit_of`. Unit: MHz.
    """
    limit = limit_of(description, precision, seen_clock_mhz=seen_clock_mhz)
    if limit is None or low_bound <= limit:
        return None
    clock_mhz = max(description.max_clock_mhz or 0.0, seen_clock_mhz or 0.0)
    rate = description.flop_per_clock[precision]
    return (
        f"{value / limit:.2f} of the physical limit of {limit / 1e12:.4g} TFLOP/s in {precision} "
        f"({_units(description)} units × {rate:g} FLOP per clock × {clock_mhz:g} MHz); "
        "the timing, the count of work or the reported clock is wrong"
    )


def _units(description: DeviceDescription) -> int | None:
    """Units that can work at once: of a CPU no more than the cores it may use, a part of one as a whole."""
    if description.kind != "cpu" or description.cores_usable is None:
        return description.units
    usable = math.ceil(description.cores_usable)
    return usable if description.units is None else min(usable, description.units)
