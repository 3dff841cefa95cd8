"""Made-up parts of a results document: countries, sales, and a walk from a published figure."""

from __future__ import annotations

import random
from typing import Any

NAMES = {"US": "United States", "FR": "France", "SG": "Singapore", "TW": "Taiwan"}
LEVELS = ("provider", "foundry_nation")
AMOUNTS = ("p5", "p50", "p95", "mean")
PEOPLE = {"US": 340e6, "FR": 68e6}
DOLLARS = {"US": 29e12, "FR": 3e12}


def spread(middle: float) -> dict[str, float]:
    """Return quantiles of a figure that is known to a quarter."""
    return dict(zip(AMOUNTS, (0.75 * middle, middle, 1.25 * middle, 1.02 * middle), strict=True))


def share(middle: float) -> dict[str, float]:
    """Return a share with its interval."""
    return {"share": middle, "p5": 0.8 * middle, "p95": min(1.2 * middle, 1.0)}


def countries(seed: int = 3) -> dict[str, Any]:
    """Return pages of two countries and of a group that the first is in."""
    chance = random.Random(seed)
    made = [_country(code, (), chance) for code in PEOPLE]
    made.append(_country("G2", tuple(PEOPLE), chance) | {"name": "Group of two"})
    return {
        "basis": "delivered",
        "precision": "bf16",
        "unit": "FLOP/s",
        "as_of": "2026-06-30",
        "seed": seed,
        "draws": 1000,
        "least_share": 0.001,
        "facilities_at_most": 30,
        "names": NAMES,
        "countries": made,
    }


def _country(code: str, members: tuple[str, ...], chance: random.Random) -> dict[str, Any]:
    size = 1e20 * chance.random()
    names = ("home", "foreign", "abroad", "domestic", "national")
    return {
        "code": code,
        "name": NAMES.get(code, code),
        "members": members,
        "headline": _headline(code, size),
        "grades": {
            "domestic": _grade("D"),
            "domestic_provider": _grade("B"),
            "all_levels_domestic": _grade("A"),
        },
        "levels": [_level(level, chance) for level in LEVELS],
        "profile": _profile(chance),
        "national_account": {
            "levels": {name: spread(size * chance.random()) for name in names},
            "shares": {name: share(chance.random()) for name in names},
            "controlled_from": [],
            "controls_in": [],
        },
        "planned": {},
        "facilities": [_facility(n, size * chance.random()) for n in range(14)],
        "facilities_in_all": 14,
        "targets": [_target(chance)],
        "targets_not_comparable": {"plan/sites": "it states sites and no capacity"},
        "what_would_change": [],
        "unvalued": {},
        "reasons": {},
    }


def _headline(code: str, size: float) -> dict[str, Any]:
    capacity = spread(size)
    per = {key: value / PEOPLE.get(code, 1.0) for key, value in capacity.items()}
    dollar = {key: value / DOLLARS.get(code, 1.0) for key, value in capacity.items()}
    known = {"share_of_world": share(0.3), "rank": 1, "hosts": 2, "growth": None, "provenance": {}}
    return {"capacity": capacity, "per_head": per, "per_gdp_usd": dollar, **known}


def _grade(grade: str) -> dict[str, str]:
    return {"grade": grade, "by_kind": grade, "by_spread": "A"}


def _level(level: str, chance: random.Random) -> dict[str, Any]:
    domestic = chance.random() / 2
    return {
        "level": level,
        "domestic": share(domestic),
        "domestic_high": share(domestic + 0.2),
        "unknown": share(0.2),
        "nations": {"TW": share(0.1), "SG+TW": share(0.15)},
        "probability_weakest": chance.random(),
    }


def _profile(chance: random.Random) -> dict[str, Any]:
    stopped = {"by_level": {}, "stop_now": share(chance.random()), "stop_growth": share(chance.random())}
    harmless = {"by_level": {}, "stop_now": share(0.0), "stop_growth": share(0.0)}
    return {
        "all_levels_domestic": share(0.01),
        "all_levels_domestic_high": share(0.02),
        "weakest": "foundry_nation",
        "exposures": [{"nation": "TW", **stopped}, {"nation": "SG", **harmless}],
        "firms": {},
        "largest_site": None,
        "published_categories": None,
        "own_categories": None,
        "concentration": {},
    }


def _facility(number: int, size: float) -> dict[str, Any]:
    batch = {"accelerator": "NVIDIA H100", "count": 100.0, "in_service": "2024-01-01"}
    known = {"kind": "reported", "source": f"https://www.example.org/{number}"}
    return {
        "facility": f"site-{number}",
        "name": f"Site {number}",
        "share": 0.05,
        "share_of_variance": -0.001 if number == 0 else 0.1,
        "owners": [{"name": "Some Firm", "nation": "US"}],
        "deployments": [batch | known, batch | known],
        "sources": [known["source"]],
        **spread(size),
    }


def _target(chance: random.Random) -> dict[str, Any]:
    reached = {key: value * chance.random() for key, value in spread(1.0).items()}
    return {
        "programme": "plan",
        "aim": "exaflops",
        "name": "So many exaflops",
        "state": "in_force",
        "by": "2030-12-31",
        "target": {"low": 1e20, "best": 2e20, "high": 3e20},
        "kind": "reported",
        "reading": "16-bit peak",
        "source": "https://example.org/plan",
        "reached": dict(zip(AMOUNTS, sorted(reached.values()), strict=True)),
        "years_left": 4.5,
        "growth_needed": None,
        "growth": spread(2.0),
        "probability": chance.random(),
        "counts": "domestic",
    }


def sold(seed: int = 4) -> dict[str, Any]:
    """Return chips sold and located; of one designer more is located than was sold."""
    chance = random.Random(seed)
    designers = [_line(code, chance) for code in ("nvidia", "amd", "google")]
    designers[-1]["h100e"]["located"] = spread(1.5 * designers[-1]["h100e"]["sold"]["p50"])
    return {
        "on": "2025-12-31",
        "sales_since": {"nvidia": "2022-01-01", "amd": "2024-01-01"},
        "h100e": "of 8-bit peak",
        "designer": designers,
        "model": [_line(code, chance) for code in ("A100", "H100")],
        "owner": [],
        "bounds": {"territory": [_bound(code, chance) for code in ("FR", "US")], "provider": []},
        "located_outside_of_the_sales": 1234.0,
        "kind": "published",
        "warnings": ["sales end early"],
        "seed": seed,
        "draws": 1000,
    }


def _line(code: str, chance: random.Random) -> dict[str, Any]:
    parts = {}
    for quantity in ("chips", "h100e"):
        whole, part = 1e6 * chance.random(), chance.random()
        parts[quantity] = {
            "sold": spread(whole), "located": spread(whole * part), "unlocated": spread(whole * (1 - part))
        }  # fmt: skip
    return {"code": code, "name": code.upper(), **parts}


def _bound(code: str, chance: random.Random) -> dict[str, Any]:
    part = chance.random() / 2
    bounds = {"share": spread(part), "lowest": spread(part / 2), "highest": spread(part + 0.2)}
    return {"code": code, "name": NAMES[code], "h100e": spread(1e6 * part), **bounds}


def bridges() -> dict[str, Any]:
    """Return the walk in FLOP/s and in H100e."""
    return {"flops": bridge("FLOP/s", 1e15), "h100e": bridge("H100e", 1.0)}


def bridge(unit: str, size: float) -> dict[str, Any]:
    """Return a walk of four stages, of which one step changes nothing."""
    totals = (3e6, 2e6, 2e6, 2.5e6)
    ids = ("published", "repairs", "duplicates", "measurement")
    return {
        "from": "Somebody's table",
        "file": "table.csv",
        "source": "https://example.org/table",
        "published_as_of": "2025-06-30",
        "as_of": "2026-06-30",
        "basis": "delivered",
        "level": "territory",
        "unit": unit,
        "stages": [
            {
                "id": name,
                "denomination": "bf16 dense peak FLOP/s",
                "deployments": 10,
                "total": spread(total * size),
                "rows": [],
            }
            for name, total in zip(ids, totals, strict=True)
        ],
        "steps": [{"id": name, "what": f"what {name} does", "effect_on_total": 0.0} for name in ids[1:]],
        "warnings": [],
    }
