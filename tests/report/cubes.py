"""A small cube of made-up accounts: sums hold, nothing is round, and some of it is missing."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

BASES = {"peak": 1.0, "achievable": 0.71, "sustained": 0.37, "delivered": 0.31}
PRECISIONS = {"bf16": 1.0, "fp8": 1.9}
# what memory bandwidth, in B/s, is known on
MEMORY_BASES = ("peak", "achievable")
DATES = {"2024-12-31": 0.3, "2026-06-30": 1.0}
PLANNED = {"2027-12-31": 0.6, "2028-12-31": 1.4}
H100 = {"bf16": 989.4e12, "fp8": 1978.9e12}
NAMES = {
    "territory": {
        "US": "United States",
        "FR": "France",
        "SG": "Singapore",
        "MT": "Malta",
        "BR": "Brazil",
        "unknown": "unknown",
    },
    "provider": {"US": "United States", "FR": "France", "CN": "China", "other": "others, each small"},
    "vendor": {"nvidia": "NVIDIA", "amd": "AMD", "evil": "=cmd|' /C calc'!A0"},
    "vendor_nation": {"US": "United States", "CN": "China"},
}
CROSSING = "territory,provider,vendor_nation"


def cube(
    seed: int = 1,
    bases: Sequence[str] = tuple(BASES),
    parts: Mapping[str, dict[str, float]] | None = None,
) -> dict[str, Any]:
    """Return a cube as results hold it, on ``bases`` alone; ``parts`` gives shares by level and code."""
    chance = random.Random(seed)
    parts = {level: _parts(chance, codes) for level, codes in NAMES.items()} | dict(parts or {})
    crossed, names = _crossed(parts)
    parts[CROSSING] = crossed
    rows: list[dict[str, Any]] = []
    views = [(day, "operational", size) for day, size in DATES.items()]
    views += [(day, "planned", size) for day, size in PLANNED.items()]
    for day, status, size in views:
        for precision, more in {**PRECISIONS, "memory": 3e-3}.items():
            for basis in bases:
                if precision == "memory" and basis not in MEMORY_BASES:
                    continue
                efficiency = BASES[basis]
                view = {"as_of": day, "status": status, "precision": precision, "basis": basis}
                total = 3.3e19 * size * more * efficiency
                rows.append(view | _cell("total", "total", total, 1.0))
                rows += [
                    view | _cell(lv, code, total, part)
                    for lv, by in parts.items()
                    for code, part in by.items()
                ]
    return {
        "unit": "FLOP/s",
        "digits": 4,
        "share_decimals": 6,
        "seed": seed,
        "draws": 1000,
        "own": {"as_of": "2026-06-30", "precision": "bf16", "status": "operational", "draws": 1000},
        "years": [*DATES, *PLANNED],
        "precisions": list(PRECISIONS),
        "bases": list(bases),
        "memory_bases": [basis for basis in MEMORY_BASES if basis in bases],
        "levels": ["total", *parts],
        "statuses": ["operational", "planned"],
        # an H100 has no constant for delivered fp8: nothing is known there, which is not nothing
        "h100e": {basis: _constants(basis) for basis in bases},
        "lacking": [],
        "folded": {"code": "other", "below": 0.01, "below_before": 0.1, "codes": {"provider": 4}},
        "coverage": [],
        "names": {"total": {"total": "total"}, **NAMES, CROSSING: names},
        "columns": {name: [row[name] for row in rows] for name in rows[0]},
    }  # fmt: skip


def _constants(basis: str) -> dict[str, float]:
    return {p: v * BASES[basis] for p, v in H100.items() if (basis, p) != ("delivered", "fp8")}


def _parts(chance: random.Random, codes: dict[str, str]) -> dict[str, float]:
    sizes = [chance.random() ** 3 + 0.01 for _ in codes]
    return {code: size / sum(sizes) for code, size in zip(codes, sizes, strict=True)}


def _crossed(parts: dict[str, dict[str, float]]) -> tuple[dict[str, float], dict[str, str]]:
    found, names = {}, {}
    for a, part_a in parts["territory"].items():
        for b, part_b in parts["provider"].items():
            for c, part_c in parts["vendor_nation"].items():
                code = f"{a}|{b}|{c}"
                found[code] = part_a * part_b * part_c
                said = (NAMES["territory"][a], NAMES["provider"][b], NAMES["vendor_nation"][c])
                names[code] = " / ".join(said)
    return found, names


def _cell(level: str, code: str, total: float, part: float) -> dict[str, Any]:
    mean = total * part
    amounts = {"p5": 0.8 * mean, "p50": 0.99 * mean, "p95": 1.25 * mean, "mean": mean}
    shares = {"share": part, "share_p5": 0.9 * part, "share_p95": min(1.1 * part, 1.0)}
    return {"level": level, "code": code} | {k: float(f"{v:.4g}") for k, v in (amounts | shares).items()}
