"""A supply cut as plain data and as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from flopcensus.output import to_csv

if TYPE_CHECKING:
    from accounting.planning.scenarios.cut_parameters import Parameter
    from accounting.planning.scenarios.outcome import Place, SupplyCut

SCHEMA = "flopcensus/supply-cut/1"
COLUMNS = ("place", "level", "date", "years_after", "quantity", "unit", "p5", "p50", "p95", "mean")

# what every reader of such a table must know
ASSUMED = (
    "what nobody has announced yet is of the same origins as what is in service",
    "parts of one deployment that are cut at different places are independent of one another",
    "owners do not keep what they have for longer because nothing new comes, and nobody smuggles or hoards",
    "capacity abroad that a country uses over the network is not in it, nor is what it would lose there",
)


def supply_cut_document(found: SupplyCut) -> dict[str, Any]:
    """Return a supply cut as one document."""
    from flopcensus import __version__

    cut = found.cut
    return {
        "schema": SCHEMA,
        "flopcensus_version": __version__,
        "census": found.census,
        "snapshot": found.snapshot.isoformat(),
        "cut": {
            "from": list(cut.cutting),
            "scope": cut.scope,
            "at": list(cut.at),
            "stops": sorted(cut.stops),
            "on": cut.on.isoformat(),
            "years": cut.years,
        },
        "countries": sorted(found.request.countries),
        "basis": found.denomination.basis,
        "precision": found.denomination.precision,
        "unit": found.denomination.unit,
        "denomination": str(found.denomination),
        "seed": found.request.seed,
        "draws": found.request.draws,
        "deployments": found.deployments,
        "skipped": dict(found.skipped),
        "growth": found.growth,
        "unannounced_share_of_last_baseline": found.added_share,
        "places": [_place(place) for place in found.places],
        "parameters": [parameter_entry(one) for one in found.parameters],
        "assumptions": list(ASSUMED),
        "warnings": list(found.warnings),
    }


def parameter_entry(one: Parameter) -> dict[str, Any]:
    """Return one parameter as plain data: 5th, 50th and 95th percentile, kind and source."""
    value = one.value
    return {
        "name": one.name,
        "p5": value.low,
        "p50": value.best,
        "p95": value.high,
        "unit": one.unit,
        "kind": one.kind,
        "source": one.source,
        "note": one.note,
    }


def _place(place: Place) -> dict[str, Any]:
    from flopcensus.documents.parts import quantiles

    return {
        "at": place.at,
        "level": place.level,
        "share_of_stock": quantiles(place.share_of_stock) if place.share_of_stock else None,
        "share_unknown": place.share_unknown,
        "years": [
            {
                "date": year.day.isoformat(),
                "years_after": year.years_after,
                "baseline": quantiles(year.baseline),
                "cut": quantiles(year.cut),
                "share_lost": quantiles(year.share_lost),
            }
            for year in place.years
        ],
    }


def supply_cut_csv(found: SupplyCut) -> str:
    """Return a supply cut as one long CSV: a row for each place, year and quantity."""
    return to_csv(COLUMNS, [row for place in found.places for row in _rows(found, place)])


def _rows(found: SupplyCut, place: Place) -> Iterator[dict[str, Any]]:
    from flopcensus.documents.parts import quantiles

    for year in place.years:
        base = {
            "place": place.at,
            "level": place.level,
            "date": year.day.isoformat(),
            "years_after": year.years_after,
        }
        unit = found.denomination.unit
        yield base | {"quantity": "baseline", "unit": unit} | quantiles(year.baseline)
        yield base | {"quantity": "cut", "unit": unit} | quantiles(year.cut)
        yield base | {"quantity": "share_lost", "unit": "1"} | quantiles(year.share_lost)
