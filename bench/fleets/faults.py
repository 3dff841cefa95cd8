"""What one record alone says is wrong with a device: no peers are needed.

Wrong results; heat or a power brake held it down; memory errors that were not corrected; a link narrower
than it can be. Of memory errors, what NVIDIA's documents act on ("GPU Memory Error Management", sections on
row remapping and RMA policy; "Dynamic Page Retirement"): a row that could not be remapped, one that waits for
a reset, an error since boot; and of older GPUs 60 retired pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from bench.fleets.decoding import Device, Result

Kind = Literal[
    "wrong", "failing", "throttling", "ecc", "link", "hot", "slow", "flaky", "drifting", "power", "regressed"
]
MOST_RETIRED_PAGES = 60
# A matrix product in 16 bit below this share of the data sheet is slow whatever the peers do (assumed: sound
# devices give half of it and more).
LEAST_OF_PEAK = 0.3
_PAGES = ("retired_pages_single_bit", "retired_pages_double_bit", "retired_pages")


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a device.

    Attributes:
        kind: What it is called.
        words: What the record says.
        workload: Name and precision of the workload that shows it; empty where none does.
    """

    kind: Kind
    words: str
    workload: str = ""


def result_faults(result: Result) -> list[Fault]:
    """What a result says is wrong with the device that gave it."""
    name = f"{result.workload} {result.precision}"
    found = []
    if result.status == "incorrect" or result.correct is False:
        found.append(Fault("wrong", f"{name}: {result.reason or 'wrong output'}", name))
    elif result.status == "failed":
        found.append(Fault("failing", f"{name}: {result.reason}", name))
    share = result.fraction_of_peak
    if result.workload == "gemm" and result.precision in ("bf16", "fp16") and share and share < LEAST_OF_PEAK:
        found.append(Fault("slow", f"{name}: {100 * share:.0f} % of the data sheet", name))
    if result.throttled:
        why = ", ".join(result.throttle_reasons) or "no reason given"
        found.append(Fault("throttling", f"{name}: {why}", name))
    return found


def device_faults(device: Device) -> list[Fault]:
    """What a device's description says is wrong with it."""
    details = device.details
    return [*_memory(details), *_link(details)] if details else []


def _memory(details: dict[str, Any]) -> list[Fault]:
    found = []
    if count := details.get("ecc_uncorrected_since_boot") or details.get("ecc_uncorrected"):
        found.append(Fault("ecc", f"{_number(count):g} uncorrected memory errors since boot"))
    if details.get("remapped_rows_failed"):
        found.append(Fault("ecc", "a memory row could not be remapped"))
    if details.get("remapped_rows_pending"):
        found.append(Fault("ecc", "a memory row waits to be remapped: reset the device"))
    pages = sum(_number(details.get(name)) for name in _PAGES)
    if pages >= MOST_RETIRED_PAGES:
        found.append(Fault("ecc", f"{pages:g} retired memory pages"))
    return found


def _link(details: dict[str, Any]) -> list[Fault]:
    width, most = details.get("pcie_width"), details.get("pcie_width_max")
    if width != most and 0 < _number(width) < _number(most):
        return [Fault("link", f"PCIe width {width} of {most}")]
    return []


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
