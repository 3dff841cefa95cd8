"""A supply cut as plain data for scripts, as CSV, and as tables for people."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from flopcensus.output import percent, print_table, say, si, to_csv

if TYPE_CHECKING:
    from accounting.planning.scenarios.outcome import Place, SupplyCut, Year
    from accounting.planning.scenarios.parameters import Parameter

SCHEMA = "flopcensus/supply-cut/1"
COLUMNS = ("place", "level", "date", "years_after", "quantity", "unit", "p5", "p50", "p95", "mean")
_MOST_NAMED = 6

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


def print_supply_cut(found: SupplyCut) -> None:
    """Print what is cut, a table for each place, and what it all rests on."""
    cut, where = found.cut, where_counted(found.request.countries)
    who = ", ".join(cut.cutting)
    say(f"{who} stops {', '.join(sorted(cut.stops))} from {cut.on} on; capacity in {where}")
    say(
        f"  {found.denomination}, {found.census}, snapshot {found.snapshot}, "
        f"{found.deployments} deployments; baseline: {found.growth}"
    )
    if found.added_share > 0:
        say(f"  {percent(found.added_share)} of the last baseline is growth that nobody has announced yet")
    say("")
    for place in found.places:
        _print_place(found, place)
    _print_parameters(found)
    say("assumed besides:")
    for text in ASSUMED:
        say(f"  - {text}")


def where_counted(countries: Collection[str]) -> str:
    """Name the territories that are counted, the first of many.

    >>> where_counted({"FR", "DE"}), where_counted(())
    ('DE, FR', 'all territories')
    """
    codes = sorted(countries)
    if len(codes) <= _MOST_NAMED:
        return ", ".join(codes) or "all territories"
    return f"{len(codes)} territories ({', '.join(codes[:3])}, …)"


def _print_place(found: SupplyCut, place: Place) -> None:
    from accounting.planning.scenarios.holding import SUPPLY_MEANING

    unit = found.denomination.unit
    if place.share_of_stock is None:
        title = "all places together"
    else:
        q = place.share_of_stock
        known = percent(q.p50) if q.p5 == q.p95 else f"{percent(q.p50)} ({percent(q.p5)} to {percent(q.p95)})"
        meaning = SUPPLY_MEANING[place.at]
        title = f"at {place.at} ({meaning}): {known} of today's stock is of that origin"
        if place.share_unknown:
            title += f", {percent(place.share_unknown)} of unknown origin"
    rows = [_line(year, unit) for year in place.years]
    columns = ("date", "baseline", "5 to 95 %", "with the cut", "5 to 95 %", "lost", "5 to 95 %")
    print_table(title, columns, rows)


def _line(year: Year, unit: str) -> tuple[str, ...]:
    from flopcensus.tables.estimate import interval, percents

    lost = year.share_lost
    return (
        year.day.isoformat(),
        si(year.baseline.p50, unit),
        interval(year.baseline, unit),
        si(year.cut.p50, unit),
        interval(year.cut, unit),
        percent(lost.p50),
        percents(lost.p5, lost.p95),
    )


def _print_parameters(found: SupplyCut) -> None:
    rows = [
        (one.name, f"{one.value.best:.3g}", _range(one), one.unit, one.kind, _source(one.source))
        for one in found.parameters
    ]
    print_table("rests on", ("parameter", "median", "5 to 95 %", "unit", "kind", "source"), rows)


def _range(one: Parameter) -> str:
    value = one.value
    return "as stated" if value.exact else f"{value.low:.3g} to {value.high:.3g}"


def _source(source: str) -> str:
    """Name the site of a source; the JSON has the whole address.

    >>> _source("https://www.sec.gov/edgar/data")
    'sec.gov'
    """
    if "://" not in source:
        return source
    return source.split("/")[2].removeprefix("www.")
