"""Countries of a study: what ``flopcensus brief`` knows of each, trimmed to what a page shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from accounting.accounts.crossing import crossings
from accounting.accounts.crosstabs import PARTNERS
from accounting.accounts.levels import Levels
from accounting.accounts.nations.brief import Brief, brief
from accounting.accounts.nations.page_data import WorldData
from accounting.accounts.nations.request import BriefRequest
from accounting.census.selection import Selection
from accounting.reference.facts import Facts
from accounting.reference.names import ALTERNATIVES
from flopcensus.documents.brief import brief_document
from flopcensus.documents.parts import quantiles
from flopcensus.studies.rounding import rounded

if TYPE_CHECKING:
    from flopcensus.studies.study import Study

# countries with less of the capacity, as host and as owner, have no page unless the study names them
LEAST_SHARE = 0.001
MOST_FACILITIES = 30
MOST_FIRMS = 8
MOST_NATIONS = 8
MOST_PARTNERS = 12

_CONCENTRATION = ("holders", "unknown", "hhi", "hhi_low", "hhi_high", "effective_number", "top")
NOT_KNOWN = {
    "per_head": "no population is known of it, or of one of its members",
    "per_gdp_usd": "no gross domestic product is known of it, or of one of its members",
    "growth": "nothing was in service here a year before, or nothing is now, in some draws",
    "world_growth": "nothing was in service a year before in some draws",
    "rank": "nothing that can be valued is in service here",
    "largest_site": "nothing that can be valued is in service here",
    "published_categories": "the published categories are of countries, not of groups",
    "own_categories": "nothing that can be valued is in service here",
}

NULL_MEANS = {
    "targets.growth_needed": "the day of the aim has passed, or there is nothing to grow from",
    "what_would_change.value": "nobody can put a figure to it",
}


def countries_document(study: Study, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Return the countries of a study as plain data, on its last basis, in its precision; FLOP/s.

    Raises:
        UnknownNameError: a country or group of the study that there is not.
    """
    request = request_of(study, "WORLD")
    common = WorldData(study.ledger, request, study.facts, study.calibration)
    chosen = list(codes_of(study, common))
    found = []
    for done, (code, members) in enumerate(chosen, 1):
        asked = replace(request, code=code, members=members)
        page = brief(study.ledger, asked, study.facts, study.calibration, common)
        found.append(rounded(country_entry(page, study.facts)))
        if progress:
            progress(done, len(chosen))
    return {
        "basis": request.basis,
        "precision": request.precision,
        "unit": "FLOP/s",
        "as_of": request.selection.as_of.isoformat(),
        "seed": request.seed,
        "draws": request.draws,
        "least_share": None if study.spec.countries else LEAST_SHARE,
        "facilities_at_most": MOST_FACILITIES,
        "names": {code: study.facts.label(code) for code in sorted(_nations(found))},
        "null_means": NULL_MEANS,
        "countries": found,
    }


def request_of(study: Study, code: str) -> BriefRequest:
    """Return what the study asks of a country: its last basis, which has all steps in it."""
    spec = study.spec
    return BriefRequest(
        code=code,
        selection=Selection(as_of=spec.as_of),
        basis=spec.bases_in_order()[-1],
        precision=spec.precision,
        unit="flops",
        seed=spec.seed,
        draws=min(spec.view_draws, spec.draws),
    )


def codes_of(study: Study, common: WorldData) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Yield the countries and groups of a study with their members, the largest first where none is named.

    Raises:
        UnknownNameError: a country or group that there is not.
    """
    groups = study.facts.groups_on(study.spec.as_of)
    table = study.facts.names.countries
    for name in dict.fromkeys(study.spec.countries):
        if name in groups:
            yield name, tuple(groups[name])
        else:
            yield (table.resolve(name) if table else name), ()
    if not study.spec.countries:
        aims = {programme.nation for programme in common.programmes.values()}
        yield from ((code, ()) for code in _largest(common, aims))


def _largest(common: WorldData, aims: set[str]) -> list[str]:
    """Return the nations that host or own ``LEAST_SHARE`` of all, and those that state aims and hold any."""
    valuer, unit = common.valued_in
    levels: list[Levels] = [("territory",), ("provider",)]
    sums = crossings(common.resized.entries, valuer, levels, common.request.basis, unit)
    held: dict[str, float] = {}
    for level in levels:
        whole = sum(float(draws.mean()) for draws in sums[level].values())
        for (code,), draws in sums[level].items():
            if code not in PARTNERS and ALTERNATIVES not in code and whole:
                held[code] = max(held.get(code, 0.0), float(draws.mean()) / whole)
    chosen = [code for code, share in held.items() if share >= LEAST_SHARE or code in aims]
    return sorted(chosen, key=lambda code: (-held[code], code))


def country_entry(page: Brief, facts: Facts) -> dict[str, Any]:
    """Return one country as plain data; what is not known is null, and ``reasons`` says why."""
    whole = brief_document(page, facts)
    profile = whole["profile"]
    exposures = sorted(
        profile["exposures"], key=lambda one: -max(one["stop_now"]["share"], one["stop_growth"]["share"])
    )
    entry = {
        **whole["country"],
        "headline": {name: one for name, one in whole["headline"].items() if name != "world_growth"},
        "grades": {
            name: {key: one[key] for key in ("grade", "by_kind", "by_spread")}
            for name, one in whole["grades"].items()
        },
        "levels": [level | {"nations": _first(level["nations"], MOST_NATIONS)} for level in whole["levels"]],
        "profile": {
            "all_levels_domestic": profile["all_levels_domestic"],
            "all_levels_domestic_high": profile["all_levels_domestic_high"],
            "weakest": profile["weakest"],
            "exposures": exposures[:MOST_NATIONS],
            "firms": {level: held[:MOST_FIRMS] for level, held in profile["firms"].items()},
            "largest_site": _site(page),
            "published_categories": profile["published_categories"],
            "own_categories": profile["own_categories"],
            "concentration": {
                level: {name: one[name] for name in _CONCENTRATION}
                for level, one in profile["concentration"].items()
            },
        },
        "national_account": whole["national_account"]
        | {
            name: whole["national_account"][name][:MOST_PARTNERS]
            for name in ("controlled_from", "controls_in")
        },
        "planned": {status: quantiles(q) for status, q in page.planned.items()},
        "facilities": [_facility(one) for one in whole["facilities"][:MOST_FACILITIES]],
        "facilities_in_all": len(whole["facilities"]),
        "targets": whole["targets"],
        "targets_not_comparable": whole["targets_not_comparable"],
        "what_would_change": whole["what_would_change"],
        "unvalued": dict(page.unvalued),
    }
    return entry | {"reasons": _reasons(entry)}


def _nations(found: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the codes of all nations that the countries' parts name."""
    codes: set[str] = set()
    for one in found:
        codes |= {one["code"], *one["members"]}
        codes |= {nation for level in one["levels"] for nation in level["nations"]}
        codes |= {exposure["nation"] for exposure in one["profile"]["exposures"]}
        partners = one["national_account"]
        codes |= {p["code"] for name in ("controlled_from", "controls_in") for p in partners[name]}
        codes |= {owner["nation"] for facility in one["facilities"] for owner in facility["owners"]}
    return codes


def _first(held: Mapping[str, Any], most: int) -> dict[str, Any]:
    return dict(list(held.items())[:most])


def _site(page: Brief) -> dict[str, Any] | None:
    if page.site is None:
        return None
    site = page.site
    names = {line.id: line.name for line in page.facilities}
    return {
        "facility": site.code,
        "name": names.get(site.code, site.code),
        "capacity": quantiles(site.capacity),
        "share": {"share": site.share.share, "p5": site.share.p5, "p95": site.share.p95},
        "probability_largest": site.probability_largest,
    }


def _facility(one: Mapping[str, Any]) -> dict[str, Any]:
    dropped = {"territory"}
    return {name: value for name, value in one.items() if name not in dropped}


def _reasons(entry: Mapping[str, Any]) -> dict[str, str]:
    """Say of each figure that is null why it is."""
    figures = {**entry["headline"], **entry["profile"]}
    return {name: NOT_KNOWN.get(name, "not known") for name, value in figures.items() if value is None}
