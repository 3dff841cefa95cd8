"""Two records of one kind of hardware: the same, faster, slower, or not to be told apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from bench.errors import InputError
from bench.record import DeviceDescription, Record, Result
from bench.rungs import sizes_of

Verdict = Literal["same", "faster", "slower", "cannot tell"]
Key = tuple[str, str, str]
"""Workload, device, precision; the workload with its size where a record has several (rungs of a ladder)."""

# Intervals of repeated runs on one machine overlap to about this much; less is of no practical weight.
DEFAULT_MARGIN = 0.02


@dataclass(frozen=True)
class Difference:
    """One workload on one device in one precision, in the new record ÷ in the old one.

    Attributes:
        ratio: New ÷ old.
        ci95: 95 % interval of the ratio.
        clock_ratio: New ÷ old clock; None where either record has none.
    """

    workload: str
    device: str
    precision: str
    unit: str
    old: float
    new: float
    ratio: float
    ci95: tuple[float, float]
    verdict: Verdict
    clock_ratio: float | None

    @property
    def per_clock(self) -> float | None:
        """New ÷ old per clock cycle: what is left of a difference once the clocks are taken out."""
        return None if self.clock_ratio is None else self.ratio / self.clock_ratio


@dataclass(frozen=True)
class Comparison:
    """All differences, and the results that only one of the records has."""

    differences: tuple[Difference, ...]
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]


def compare_records(old: Record, new: Record, margin: float = DEFAULT_MARGIN) -> Comparison:
    """Compare two records result by result.

    Args:
        old: The record to compare with.
        new: The record to judge.
        margin: Differences within ±margin count as none. A fraction: 0.02 is 2 %.

    Raises:
        InputError: The records are of different hardware, or have no result in common.
    """
    if not 0 < margin < 1:
        raise InputError(f"the margin must lie between 0 and 1 (found {margin:g})")
    before, after = _usable(old), _usable(new)
    common = [key for key in before if key in after]
    reasons = _why_not_comparable(old, new, {device for _, device, _ in common})
    if not common:
        reasons.append(f"no result in common (old has {_names(before)}; new has {_names(after)})")
    if reasons:
        raise InputError("the records are not comparable: " + "; ".join(reasons))
    differences = tuple(_difference(key, before[key], after[key], margin) for key in common)
    return Comparison(
        differences,
        tuple(_label(key) for key in before if key not in after),
        tuple(_label(key) for key in after if key not in before),
    )


def ratio_interval(old: Result, new: Result) -> tuple[float, float]:
    """95 % interval of new ÷ old, from those of the two.

    On the log scale the half-widths of independent intervals add as squares, low and high apart, since
    an interval need not be symmetric. Of results whose rounds agree exactly, the interval is the ratio.
    """
    if old.value is None or new.value is None or old.ci95 is None or new.ci95 is None:
        raise ValueError("a ratio needs the value and interval of both results")
    centre = math.log(new.value / old.value)
    down = math.hypot(math.log(new.value / new.ci95[0]), math.log(old.ci95[1] / old.value))
    up = math.hypot(math.log(new.ci95[1] / new.value), math.log(old.value / old.ci95[0]))
    return math.exp(centre - down), math.exp(centre + up)


def judge(ci95: tuple[float, float], margin: float) -> Verdict:
    """Say what an interval of new ÷ old allows to be said.

    Wholly within ±margin is the same; wholly on one side of 1 is faster or slower; else it cannot be told.
    """
    low, high = ci95
    if 1 - margin <= low and high <= 1 + margin:
        return "same"
    if low > 1:
        return "faster"
    return "slower" if high < 1 else "cannot tell"


def _difference(key: Key, old: Result, new: Result, margin: float) -> Difference:
    ci95 = ratio_interval(old, new)
    clocks = old.clock_mhz, new.clock_mhz
    old_value, new_value = old.value or math.nan, new.value or math.nan
    name, device, precision = key
    return Difference(
        name,
        device,
        precision,
        old.unit,
        old_value,
        new_value,
        new_value / old_value,
        ci95,
        judge(ci95, margin),
        clocks[1] / clocks[0] if clocks[0] and clocks[1] else None,
    )


def _usable(record: Record) -> dict[Key, Result]:
    return {
        (f"{result.workload} {size}".strip(), result.device, result.precision): result
        for result, size in zip(record.results, sizes_of(record.results), strict=True)
        if result.status == "ok"
    }


def _why_not_comparable(old: Record, new: Record, devices: set[str]) -> list[str]:
    """What the two records' devices differ in, where it decides how fast they can be."""
    before = {device.id: device for device in old.devices}
    after = {device.id: device for device in new.devices}
    return [reason for name in sorted(devices) for reason in _device_differences(before[name], after[name])]


def _device_differences(old: DeviceDescription, new: DeviceDescription) -> list[str]:
    checks = (
        ("model", old.name, new.name),
        ("number of usable cores", old.cores_usable, new.cores_usable),
        ("number of units", old.units, new.units),
        ("power limit (W)", old.power_limit_w, new.power_limit_w),
        ("memory (B)", installed_memory(old.memory_bytes), installed_memory(new.memory_bytes)),
    )
    return [
        f"{old.id}: the {what} differs ({a} against {b})"
        for what, a, b in checks
        if a is not None and b is not None and a != b
    ]


def installed_memory(reported_bytes: int | None) -> str | None:
    """The memory that a device was built with, by what it reports. Unit: B.

    A kernel or a driver keeps a few per cent to itself, some megabytes more or fewer with each update: so
    what is reported is rounded up to the next sixteenth of a power of two, as memory is built in.

    >>> installed_memory(134_950_000_000), installed_memory(135_050_000_000)  # of 128 GiB
    ('137438953472', '137438953472')
    """
    if reported_bytes is None:
        return None
    step = max(1, (1 << (reported_bytes - 1).bit_length()) // 32)
    return str(-(-reported_bytes // step) * step)


def _label(key: Key) -> str:
    workload, device, precision = key
    return f"{workload} {precision} on {device}"


def _names(results: dict[Key, Result]) -> str:
    return ", ".join(_label(key) for key in results) or "none that is ok"
