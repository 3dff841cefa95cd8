"""From what a device says of itself to the accelerator it is, its spec peak and its rates per clock."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from accounting.reference.accelerators import Accelerator
from accounting.reference.architectures import Architectures, Rates, Whole, load_architectures
from accounting.reference.facts import Facts, load_facts
from bench.record import DeviceDescription

# A driver reports a little less than the sheet (ECC, reserved pages); variants differ by 40 % or more.
_MEMORY_TOLERANCE = 0.15
# A limit within this share of the sheet's power is the sheet's, rounded.
_POWER_TOLERANCE = 0.02
# CUDA adds the profile of a slice to the model's name: "NVIDIA H100 80GB HBM3 MIG 1g.10gb".
_SLICE = re.compile(r"^(?P<model>.+?)\s+(?P<profile>MIG\s.+)$")


@dataclass(frozen=True)
class DeviceMatch:
    """What the reference facts know of a device.

    Attributes:
        accelerator: Id of the accelerator it is; None for CPUs and models that are not known.
        peak: Dense peak by precision, that of the part which the device is. Unit: FLOP/s.
        flop_per_clock: Most that one of its units does in one clock, by precision. Unit: FLOP.
        variant: What makes it less than the whole accelerator, in words.
    """

    accelerator: str | None
    peak: Mapping[str, float] = field(default_factory=dict)
    flop_per_clock: Mapping[str, float] = field(default_factory=dict)
    variant: str | None = None


@dataclass(frozen=True)
class _Part:
    """An accelerator that a device may be, or be a part of.

    ``share`` is the part of the sheet's peak, None where a slice's share of the units is not known.
    """

    accelerator: Accelerator
    whole: Whole | None
    share: float | None
    words: str | None = None
    partial: bool = False


def match_device(
    description: DeviceDescription, facts: Facts | None = None, architectures: Architectures | None = None
) -> DeviceMatch | None:
    """Return what is known of a device, None where nothing is.

    A GPU is looked up by the name its driver reports; memory and units tell apart what reports one name.
    A slice, a partition or a partial die gets its share of the sheet's peak by units, a die of a package
    of two its half; a lowered power limit changes nothing but is said. A name that fits more than one
    accelerator, or none, gives no peak: no fraction is better than a wrong one.

    Args:
        description: as the device reports itself.
        facts: reference facts; the shipped ones where left out.
        architectures: rates per clock and whole units; the shipped ones where left out.
    """
    known = architectures or load_architectures()
    if description.kind == "cpu":
        return _match_cpu(description, known)
    rates = known.gpu_rates(description.architecture)
    part = _find_part(description, facts or load_facts(), known)
    if part is None:
        return DeviceMatch(None, flop_per_clock=rates) if rates else None
    return DeviceMatch(
        part.accelerator.id,
        peak=_scaled(_sixteen_bit(part.accelerator.peaks(), rates), part.share),
        flop_per_clock=rates,
        variant=_variant(part, description),
    )


def _match_cpu(description: DeviceDescription, known: Architectures) -> DeviceMatch | None:
    """Rates of a CPU's cores, and a peak where core, count and highest clock are all known.

    Logical cores of one physical core share its units, so that without the physical count there is no peak.
    """
    core = known.core_rates(description.name, description.isa)
    if not core.rates:
        return None
    usable, clock_mhz = description.cores_usable, description.max_clock_mhz
    if not core.exact or description.units is None or clock_mhz is None:
        return DeviceMatch(None, flop_per_clock=core.rates)
    cores = min(description.units, usable or math.inf)
    return DeviceMatch(None, _scaled(core.rates, cores * clock_mhz * 1e6), core.rates)


def _find_part(description: DeviceDescription, facts: Facts, known: Architectures) -> _Part | None:
    """The one accelerator that a GPU is; one that fits wholly goes before those it may be a part of."""
    model, _ = split_slice(description.name)
    named = (item for item in facts.accelerators.values() if model in item.device_names)
    parts = [_part_of(item, known.wholes.get(item.id), description) for item in named]
    fits = [part for part in parts if part is not None]
    chosen = [part for part in fits if not part.partial] or fits
    return chosen[0] if len(chosen) == 1 else None


def _part_of(accelerator: Accelerator, whole: Whole | None, description: DeviceDescription) -> _Part | None:
    """What part of an accelerator the device may be, None where it cannot be one."""
    devices = whole.devices if whole else 1
    units, full = description.units, whole.units_of_a_device if whole else None
    more_memory, less_memory = _memory_off(accelerator, devices, description.memory_bytes)
    if more_memory or (units is not None and full is not None and units > full):
        return None
    if units is not None and full is not None and units < full:
        return _Part(accelerator, whole, units / full / devices, f"{units} of {full:g} units", partial=True)
    if _is_slice(description):
        share = 1 / devices if units is not None and units == full else None
        return _Part(accelerator, whole, share, partial=True)
    if less_memory:
        return None
    words = f"one of the {devices} dies of a package" if devices > 1 else None
    return _Part(accelerator, whole, 1 / devices, words)


def _memory_off(accelerator: Accelerator, devices: int, reported_bytes: float | None) -> tuple[bool, bool]:
    """Whether a device has more memory, or less, than one of the devices of an accelerator.

    A part may have less: a partition of units sees all of the memory or its share.
    """
    if reported_bytes is None or accelerator.memory is None:
        return False, False
    ratio = reported_bytes * devices / accelerator.memory
    return ratio > 1 + _MEMORY_TOLERANCE, ratio < 1 - _MEMORY_TOLERANCE


def split_slice(name: str) -> tuple[str, str | None]:
    """A device's name as model and MIG profile.

    >>> split_slice("NVIDIA H100 80GB HBM3 MIG 1g.10gb")
    ('NVIDIA H100 80GB HBM3', 'MIG 1g.10gb')
    """
    match = _SLICE.match(name)
    return (match["model"], match["profile"]) if match else (name, None)


def _is_slice(description: DeviceDescription) -> bool:
    return (description.variant or "").startswith("MIG") or split_slice(description.name)[1] is not None


def _sixteen_bit(peaks: dict[str, float], rates: Rates) -> dict[str, float]:
    """The peaks with fp16 and bf16 apart: a sheet's one 16-bit rate is that of both, or of FP16 alone."""
    if "bf16" not in peaks or "fp16" not in rates:
        return peaks
    rest = {precision: rate for precision, rate in peaks.items() if precision != "bf16"}
    if "bf16" not in rates:
        return {**rest, "fp16": peaks["bf16"]}
    both = {"fp16": peaks["bf16"]} if rates["fp16"] == rates["bf16"] else {}
    return {**rest, **both, "bf16": peaks["bf16"]}


def _scaled(peaks: Mapping[str, float], factor: float | None) -> dict[str, float]:
    return {} if factor is None else {precision: rate * factor for precision, rate in peaks.items()}


def _variant(part: _Part, description: DeviceDescription) -> str | None:
    """What the device says of itself, then what its units and its power limit tell beyond that."""
    said = description.variant or split_slice(description.name)[1]
    units = None if said and "dies" in said and "dies" in (part.words or "") else part.words
    clauses = (said, units, _power_words(part, description))
    return ", ".join(clause for clause in clauses if clause) or None


def _power_words(part: _Part, description: DeviceDescription) -> str | None:
    limit_w, sheet_w = description.power_limit_w, part.accelerator.tdp
    of_module = part.whole is not None and part.whole.tdp_is_of_the_module
    said_already = "power" in (description.variant or "").casefold()
    if limit_w is None or sheet_w is None or of_module or said_already:
        return None
    if limit_w >= sheet_w * (1 - _POWER_TOLERANCE):
        return None
    return f"power limit {limit_w:g} of the sheet's {sheet_w:g} W"
