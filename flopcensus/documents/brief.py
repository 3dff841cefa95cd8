"""A brief as plain data: what the page, the JSON and the CSV are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from accounting.accounts.account import Quantiles
from accounting.accounts.crosstabs import Share
from accounting.accounts.levels import MEANING
from accounting.accounts.nations.brief import Brief
from accounting.accounts.nations.concentration import Concentration
from accounting.accounts.nations.facility_lines import FacilityLine
from accounting.accounts.nations.grading import Graded, graded, graded_share
from accounting.accounts.nations.targets import Distance
from accounting.reference.facts import Facts
from accounting.reference.names import UNKNOWN
from flopcensus.documents.parts import quantiles
from flopcensus.intervals import span
from flopcensus.output import percent, to_csv

BRIEF_SCHEMA = "flopcensus/brief/1"
BRIEF_COLUMNS = ("section", "name", "unit", "p5", "p50", "p95", "mean", "share", "grade", "source", "note")
_DRIVER = 0.1
ACCOUNT_WORDS = {
    "home": "H home-controlled at home",
    "foreign": "F foreign-controlled at home",
    "abroad": "A controlled abroad",
    "domestic": "D = H + F domestic account",
    "national": "N = H + A national account",
}


def brief_document(brief: Brief, facts: Facts) -> dict[str, Any]:
    """Return a brief as one document."""
    request, profile = brief.request, brief.profile
    return {
        "schema": BRIEF_SCHEMA,
        "country": {"code": request.code, "name": name_of(brief, facts), "members": list(request.members)},
        "census": brief.census,
        "as_of": request.selection.as_of.isoformat(),
        "basis": request.basis,
        "precision": request.precision,
        "unit": brief.unit,
        "joint": request.joint,
        "seed": request.seed,
        "draws": request.draws,
        "headline": {
            "capacity": quantiles(brief.national.quantiles()["domestic"]),
            "share_of_world": asdict(brief.share_of_world),
            "rank": brief.rank,
            "hosts": brief.hosts,
            "per_head": _maybe(brief.per_head),
            "per_gdp_usd": _maybe(brief.per_gdp),
            "growth": _maybe(brief.growth),
            "world_growth": _maybe(brief.world_growth),
            "provenance": dict(brief.kinds),
        },
        "grades": {name: asdict(grade) for name, grade in grades(brief).items()},
        "levels": [
            asdict(level) | {"nations": {code: asdict(share) for code, share in level.nations.items()}}
            for level in profile.levels
        ],
        "profile": {
            "all_levels_domestic": asdict(profile.joint),
            "all_levels_domestic_high": asdict(profile.joint_high),
            "weakest": profile.weakest,
            "exposures": [asdict(exposure) for exposure in profile.exposures],
            "firms": {level: _firms(held, facts) for level, held in brief.firms.items()},
            "largest_site": asdict(brief.site) if brief.site else None,
            "published_categories": asdict(brief.clouds) if brief.clouds else None,
            "own_categories": asdict(brief.own) if brief.own else None,
            "concentration": {name: concentration_entry(one) for name, one in brief.concentration.items()},
        },
        "national_account": {
            "levels": {name: quantiles(q) for name, q in brief.national.quantiles().items()},
            "shares": {name: asdict(share) for name, share in brief.national.shares().items()},
            "controlled_from": _partners(brief.controllers.partners_of_row(request.holder)),
            "controls_in": _partners(brief.controllers.partners_of_column(request.holder)),
        },
        "facilities": [facility_entry(line, facts) for line in brief.facilities],
        "targets": [_target(one) for one in brief.targets],
        "targets_not_comparable": dict(brief.not_comparable),
        "demand": asdict(brief.demand) if brief.demand else None,
        "what_would_change": changes(brief),
        "skipped": dict(brief.skipped),
        "warnings": list(brief.warnings),
    }


def name_of(brief: Brief, facts: Facts) -> str:
    """Return the name people read for the country or group."""
    request = brief.request
    return facts.groups[request.code].name if request.members else facts.label(request.code)


def grades(brief: Brief) -> dict[str, Graded]:
    """Return a grade for each figure of the page that has one."""
    q, soil = brief.national.quantiles(), brief.kinds
    found = {
        "domestic": graded(soil, q["domestic"].p5, q["domestic"].p95),
        "share_of_world": graded_share(soil, brief.share_of_world),
        "all_levels_domestic": graded_share(soil, brief.profile.joint),
    }
    for level in brief.profile.levels:
        found[f"domestic_{level.level}"] = graded_share(soil, level.domestic)
    if brief.per_head is not None:
        found["per_head"] = graded(soil, brief.per_head.p5, brief.per_head.p95)
    if brief.site is not None:
        found["largest_site"] = graded(brief.site_kinds, brief.site.capacity.p5, brief.site.capacity.p95)
    if brief.national_kinds:
        found["national"] = graded(brief.national_kinds, q["national"].p5, q["national"].p95)
    return found


def facility_entry(line: FacilityLine, facts: Facts) -> dict[str, Any]:
    """Return one facility as plain data; counts are as stated."""
    every = [owner for entry in line.entries for owner in entry.owners]
    owners = {facts.label(owner.organisation or UNKNOWN): owner.nation or UNKNOWN for owner in every}
    return {
        "facility": line.id,
        "name": line.name,
        "territory": line.territory,
        **quantiles(line.capacity),
        "share": line.share.share,
        "share_of_variance": line.spread_share,
        "owners": [{"name": name, "nation": nation} for name, nation in owners.items()],
        "deployments": [
            {
                "accelerator": facts.label(entry.accelerator or UNKNOWN),
                "count": entry.count.to_plain() if entry.count else None,
                "in_service": entry.in_service.isoformat() if entry.in_service else None,
                "kind": entry.kind,
                "source": entry.source,
            }
            for entry in line.entries
        ],
        "sources": sources_of(line),
    }


def sources_of(line: FacilityLine) -> list[str]:
    """Return where a facility's figures can be looked up."""
    return sorted({entry.source for entry in line.entries})


def changes(brief: Brief) -> list[dict[str, Any]]:
    """Return what would change the page, each with its words and the figure behind them."""
    found: list[dict[str, Any]] = []
    drivers = sorted(brief.facilities, key=lambda line: -line.spread_share)[:3]
    for line in drivers:
        if line.spread_share >= _DRIVER:
            words = f"knowing {line.name} better: it makes {percent(line.spread_share)} of the variance"
            found.append({"id": "driver", "words": words, "value": line.spread_share})
    assumed = brief.kinds.get("assumed", 0.0)
    if assumed > 0:
        words = (
            f"a measurement or a stated count: {percent(assumed)} of the capacity rests on what is assumed"
        )
        found.append({"id": "assumed", "words": words, "value": assumed})
    for status, q in brief.planned.items():
        words = f"what is {status.replace('_', ' ')} coming into service: {span(q, brief.unit)} more"
        found.append({"id": status, "words": words, "value": q.p50})
    for level in brief.profile.levels:
        if level.unknown.share > 0:
            of = MEANING.get(level.level, level.level)
            words = f"knowing the {of}, of {percent(level.unknown.share)} of the capacity"
            found.append({"id": f"unknown_{level.level}", "words": words, "value": level.unknown.share})
    for reason, count in brief.unvalued.items():
        words = f"{count} deployments here have no value: {reason}"
        found.append({"id": "unvalued", "words": words, "value": float(count)})
    if brief.clouds and brief.clouds.category != brief.clouds.at_most:
        number = brief.clouds.unknown + brief.clouds.unnamed
        words = f"{number} cloud regions whose accelerators are not known: {brief.clouds.at_most} is possible"
        found.append({"id": "clouds", "words": words, "value": float(number)})
    words = "facilities that nobody has located: they are in no figure here, so that totals are lower bounds"
    return [*found, {"id": "coverage", "words": words, "value": None}]


def brief_csv(brief: Brief) -> str:
    """Return the figures of a brief as one long CSV."""
    grade = {name: one.grade for name, one in grades(brief).items()}
    rows: list[dict[str, Any]] = []
    for name, q in brief.national.quantiles().items():
        rows.append(_row("national_account", ACCOUNT_WORDS[name], brief.unit, q) | {"grade": grade.get(name)})
    rows.append(_share("headline", "share of world", brief.share_of_world, grade.get("share_of_world")))
    for level in brief.profile.levels:
        shown = grade[f"domestic_{level.level}"]
        rows.append(_share("levels", f"{level.level} domestic", level.domestic, shown))
        rows += [_share("levels", f"{level.level} {code}", share) for code, share in level.nations.items()]
    rows.append(
        _share("profile", "domestic at all levels", brief.profile.joint, grade["all_levels_domestic"])
    )
    for exposure in brief.profile.exposures:
        rows.append(_share("switched off now by", exposure.nation, exposure.stop_now))
        rows.append(_share("stopped from growing by", exposure.nation, exposure.stop_growth))
    for line in brief.facilities:
        row = _row("facilities", line.name, brief.unit, line.capacity)
        rows.append(row | {"share": line.share.share, "source": " ".join(sources_of(line))})
    for one in brief.targets:
        row = _row("targets reached", f"{one.programme}/{one.aim}", "share of the aim", one.reached)
        rows.append(row | {"source": one.source, "note": one.reading})
    rows += [_change(one) for one in changes(brief)]
    return to_csv(BRIEF_COLUMNS, rows)


def _row(section: str, name: str, unit: str, q: Quantiles) -> dict[str, Any]:
    return {"section": section, "name": name, "unit": unit} | quantiles(q)


def _share(section: str, name: str, share: Share, grade: str | None = None) -> dict[str, Any]:
    # the middle of a share is the share of the mean: it has no median of its own
    row = {"section": section, "name": name, "unit": "share", "p5": share.p5, "p95": share.p95}
    return row | {"share": share.share, "grade": grade}


def _change(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"section": "what would change it", "name": one["id"], "note": one["words"]}


def _firms(held: Mapping[str, Share], facts: Facts) -> list[dict[str, Any]]:
    return [{"code": code, "name": facts.label(code)} | asdict(share) for code, share in held.items()]


def _maybe(q: Quantiles | None) -> dict[str, float] | None:
    return quantiles(q) if q is not None else None


def _partners(found: Mapping[str, tuple[Quantiles, Share]]) -> list[dict[str, Any]]:
    return [{"code": code} | quantiles(q) | {"share": share.share} for code, (q, share) in found.items()]


def concentration_entry(one: Concentration) -> dict[str, Any]:
    """Return how concentrated a level is as plain data."""
    return {
        "holders": one.holders,
        "unknown": quantiles(one.unknown),
        "hhi": quantiles(one.hhi),
        "hhi_low": quantiles(one.hhi_low),
        "hhi_high": quantiles(one.hhi_high),
        "effective_number": quantiles(one.effective_number),
        "top": {str(n): quantiles(q) for n, q in one.top.items()},
        "top_high": {str(n): quantiles(q) for n, q in one.top_high.items()},
    }


def _target(one: Distance) -> dict[str, Any]:
    entry = {name: value for name, value in vars(one).items() if name not in {"by", "target"}}
    entry |= {"by": one.by.isoformat(), "target": one.target.to_plain()}
    for name in ("reached", "growth", "growth_needed"):
        entry[name] = _maybe(getattr(one, name))
    return entry
