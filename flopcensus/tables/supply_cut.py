"""A supply cut for people: a table for each place in the chain."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from flopcensus.output import percent, print_table, say, si

if TYPE_CHECKING:
    from accounting.planning.scenarios.cut_parameters import Parameter
    from accounting.planning.scenarios.outcome import Place, SupplyCut, Year
from flopcensus.documents.supply_cut import ASSUMED

_MOST_NAMED = 6


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
    from accounting.planning.scenarios.origin import SUPPLY_MEANING

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
    from flopcensus.intervals import interval, percents

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
