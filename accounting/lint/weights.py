"""Rules about weights: what one chip counts for, within a file, between files and between bases."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from accounting.lint.material import CLUSTERS, Line, Material
from accounting.lint.rates import (
    H100E_BASIS,
    H100E_OP_PER_S,
    RATE_TOLERANCE,
    best_rate,
    counted,
    off,
    total_factor,
)
from accounting.lint.rule import Evidence, Figure, rule

_H100_ID = "nvidia-h100-sxm"
_SIXTEEN: Literal["bf16"] = "bf16"
# a chip whose 8-bit rate is its 16-bit rate is halved by an 8-bit basis; less than this is no matter
BASIS_RATIO = 1.5
# percentage points of a share, below which a change of basis is not worth a note
SHARE_POINTS = 0.02


@dataclass(frozen=True)
class _Weighed:
    place: str
    file: str
    count: float
    weight: float
    line: Line | None = None


@rule(
    "one-chip-one-weight",
    "One chip counted by different weights",
    "error",
    "H100e per chip is a property of the chip: rows or files that weigh it differently cannot be summed "
    "or compared.",
)
def one_chip_one_weight(material: Material) -> Iterator[Evidence]:
    """Find chips with several weights; the weight nearest the catalogue's is taken for right."""
    weighed: defaultdict[str, list[_Weighed]] = defaultdict(list)
    for chip, row in _weighed(material):
        weighed[chip].append(row)
    for chip, rows in weighed.items():
        right = _right(chip, rows, material)
        groups: defaultdict[str, list[_Weighed]] = defaultdict(list)
        for row in rows:
            if off(row.weight, right, RATE_TOLERANCE):
                groups[f"{row.weight:.2g}"].append(row)
        against = next(row for row in rows if not off(row.weight, right, RATE_TOLERANCE))
        for group in groups.values():
            yield _differing(material, chip, group, against)


def _weighed(material: Material) -> Iterator[tuple[str, _Weighed]]:
    for line in material.of(CLUSTERS):
        one, h100e = counted(line, material.facts), line.entry.values.get("h100e")
        if one and h100e:
            yield one[0].id, _Weighed(line.place, line.file, one[1], h100e / one[1], line)
    for chip in material.chips:
        if chip.chip and chip.units and chip.h100e and chip.units.p50 > 0 and chip.h100e.p50 > 0:
            weight = chip.h100e.p50 / chip.units.p50
            yield chip.chip, _Weighed(f"{chip.file}:{chip.line}", chip.file, chip.units.p50, weight)


def _right(chip: str, rows: Sequence[_Weighed], material: Material) -> float:
    rate = best_rate(material.facts.accelerators[chip])
    if rate:
        return min(
            (row.weight for row in rows), key=lambda weight: abs(math.log(weight * H100E_OP_PER_S / rate))
        )
    return Counter(row.weight for row in rows).most_common(1)[0][0]


def _differing(material: Material, chip: str, group: Sequence[_Weighed], against: _Weighed) -> Evidence:
    found, right = group[0].weight, against.weight
    lines = material.by_file(CLUSTERS).get(group[0].file, [])
    repaired = {row.place: row.count * right for row in group}
    name = material.facts.accelerators[chip].name
    return Evidence(
        rows=(*(row.place for row in group), against.place),
        found=Figure(found, "H100e per chip", "as stated"),
        expected=Figure(right, "H100e per chip", f"as in {Path(against.place).name}"),
        message=f"{name} counts {found:.4g} H100e in {len(group)} row{'s' if len(group) > 1 else ''} and "
        f"{right:.4g} elsewhere ({Path(against.place).name})",
        factor=total_factor(lines, "h100e", repaired) if group[0].line else None,
        ratio=found / right,
    )


@rule(
    "eight-bit-basis",
    "An 8-bit basis halves chips without a faster 8-bit rate",
    "note",
    "H100 equivalents of maximum OP/s divide by the 8-bit rate of the H100, which is twice its 16-bit "
    "rate: a chip that gains nothing from 8 bits counts half of what it does in 16-bit work.",
)
def eight_bit_basis(material: Material) -> Iterator[Evidence]:
    """Find chips whose weight in H100e differs between 8-bit and 16-bit peaks."""
    base = material.facts.accelerators[_H100_ID].peak[_SIXTEEN]
    for lines in material.by_file(CLUSTERS).values():
        groups: defaultdict[str, list[Line]] = defaultdict(list)
        for line in lines:
            one, h100e = counted(line, material.facts), line.entry.values.get("h100e")
            if one and h100e and (rate := one[0].peak.get(_SIXTEEN)):
                weight = h100e / one[1]
                as_best = weight * H100E_OP_PER_S / (best_rate(one[0]) or rate)
                if not off(as_best, 1.0, RATE_TOLERANCE) and rate / base >= BASIS_RATIO * weight:
                    groups[one[0].id].append(line)
        for chip, rows in groups.items():
            yield _halved(material, chip, rows, lines, base)


def _halved(
    material: Material, chip: str, rows: Sequence[Line], lines: Sequence[Line], base: float
) -> Evidence:
    accelerator = material.facts.accelerators[chip]
    weight = accelerator.peak[_SIXTEEN] / base
    repaired = {line.place: line.entry.count.best * weight for line in rows if line.entry.count}
    found = math.fsum(line.entry.values["h100e"] for line in rows)
    expected = math.fsum(repaired.values())
    return Evidence(
        rows=tuple(repaired),
        found=Figure(found, "H100e", H100E_BASIS),
        expected=Figure(expected, "H100e", "bf16 dense peak"),
        message=f"{accelerator.name} counts {found / expected * weight:.4g} H100e on an 8-bit basis and "
        f"{weight:.4g} on 16-bit peaks: say which, and never compare the two",
        factor=total_factor(lines, "h100e", repaired),
        ratio=found / expected,
    )


@rule(
    "basis-shifts-shares",
    "Shares that depend on the precision",
    "note",
    "A share of national compute is one of a precision; the same rows give another share on another.",
)
def basis_shifts_shares(material: Material) -> Iterator[Evidence]:
    """Find territories whose share of what is in operation differs between H100e and 16-bit rates."""
    for file, lines in material.by_file(CLUSTERS).items():
        running = _counted_once(lines)
        eight, sixteen = _shares(running, "h100e"), _shares(running, _SIXTEEN)
        shifts = {code: eight[code] - sixteen[code] for code in set(eight) & set(sixteen) if code}
        # rounded, so that two that mirror each other keep one order
        for code in sorted(shifts, key=lambda code: (-round(abs(shifts[code]), 9), code)):
            if abs(shifts[code]) >= SHARE_POINTS:
                name = material.facts.label(code)
                yield Evidence(
                    rows=(f"{file}:1",),
                    found=Figure(eight[code], "share", "H100e, 8-bit"),
                    expected=Figure(sixteen[code], "share", "16-bit OP/s"),
                    message=f"{name} holds {100 * eight[code]:.1f} % of H100 equivalents and "
                    f"{100 * sixteen[code]:.1f} % of 16-bit OP/s: name the precision with the share",
                    ratio=eight[code] / sixteen[code],
                )


def _counted_once(lines: Sequence[Line]) -> list[Line]:
    """Return what is in operation without duplicates, and without phases that a running one includes."""
    running = [line for line in lines if line.entry.status == "operational"]
    ids = {line.entry.id for line in running}
    return [line for line in running if not line.entry.duplicate and line.entry.superseded_by not in ids]


def _shares(lines: Sequence[Line], name: str) -> dict[str, float]:
    """Return each territory's share; what stands nobody knows where is of the whole too."""
    totals: defaultdict[str, float] = defaultdict(float)
    for line in lines:
        totals[line.entry.territory or ""] += line.entry.values.get(name, 0.0)
    whole = math.fsum(totals.values())
    return {code: value / whole for code, value in totals.items() if value > 0} if whole else {}
