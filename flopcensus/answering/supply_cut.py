"""A cut of supply from its options and its scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flopcensus.output import Meter, MeterOf

if TYPE_CHECKING:
    import datetime

    from accounting.accounts.estimate import Request
    from accounting.planning.scenarios.cut import Cut
    from accounting.planning.scenarios.cut_parameters import Parameter
    from accounting.planning.scenarios.outcome import SupplyCut
    from accounting.planning.scenarios.supply_cut_files import SupplyCutSpec
    from accounting.reference.facts import Facts

# how many years are shown after a cut, where neither an option nor a scenario says so
_YEARS = 10


def run_supply_cut(options: dict[str, Any], meter: MeterOf = Meter) -> SupplyCut:
    """Read census, scenario and parameters, and work the cut out. Raises InputError and its kin."""
    from accounting.capacity.stock.rates import load_stock_rates
    from accounting.census.sources import load_census
    from accounting.planning.scenarios.cut_parameters import load_cut_parameters
    from accounting.planning.scenarios.outcome import Grounds
    from accounting.planning.scenarios.supply_cut import supply_cut
    from accounting.planning.scenarios.supply_cut_files import load_supply_cut
    from accounting.reference.facts import load_facts
    from flopcensus.answering.reading import calibration_for, today

    facts = load_facts(overlays=options["overlays"])
    spec = load_supply_cut(options["scenario"], facts) if options["scenario"] else None
    request = _request(options, spec, facts)
    calibration = calibration_for(request.bases, options["calibrations"], facts)
    replaced = {**(spec.parameters if spec else {}), **_pairs(options["replaced"])}
    growth, of, grows = _growth(options["growth"])
    grounds = Grounds(
        facts,
        calibration,
        load_stock_rates(),
        load_cut_parameters(options["parameters"], replaced),
        today(),
        growth,
        of,
        grows,
    )
    ledger = load_census(options["census"], facts)
    shown = meter("deployments valued")
    return supply_cut(ledger, request, _cut(options, spec, facts), grounds, shown)


def _cut(options: dict[str, Any], spec: SupplyCutSpec | None, facts: Facts) -> Cut:
    from accounting.planning.scenarios.cut import STOPS, Cut
    from accounting.planning.scenarios.origin import places
    from bench.errors import InputError
    from flopcensus.answering.reading import listed, read_day, require_known

    nations, firms = options["nations"], options["firms"]
    if nations and firms:
        raise InputError("--from-nation and --from-firm exclude each other")
    if not nations and not firms and spec is None:
        raise InputError("name who cuts supply: --from-nation or --from-firm, or a scenario")
    if options["on"] is None and spec is None:
        raise InputError("name the day of the cut: --on YYYY-MM-DD")
    names = facts.names
    if nations or firms:
        table = names.organisations if firms else names.countries
        given = firms or nations
        cutting = tuple(n if n == "EU" or table is None else table.resolve(n) for n in given)
    else:
        firms = spec.from_firms if spec else ()
        cutting = (spec.from_nations or spec.from_firms) if spec else ()
    scope = "firm" if firms else "nation"
    at = listed(options["at"]) or (spec.at if spec else ()) or places(scope)
    stops = listed(options["stop"]) or (spec.stop if spec else STOPS)
    require_known("kind of stop", stops, STOPS)
    on = read_day(options["on"], "--on") if options["on"] or spec is None else spec.on
    years = options["years"] if options["years"] is not None else spec.years if spec else _YEARS
    return Cut(cutting, scope, tuple(dict.fromkeys(at)), on, frozenset(stops), years)  # type: ignore[arg-type]


def _request(options: dict[str, Any], spec: SupplyCutSpec | None, facts: Facts) -> Request:
    from accounting.accounts.estimate import Request
    from accounting.census.selection import Selection
    from flopcensus.answering.reading import require_basis, require_precision, today

    require_basis(options["basis"])
    require_precision(options["precision"])
    day = today()
    return Request(
        Selection(day),
        (options["basis"],),
        options["precision"],
        options["unit"],
        countries=territories(options, spec, facts, day),
        seed=options["seed"],
        draws=options["draws"],
    )


def territories(
    options: dict[str, Any], spec: SupplyCutSpec | None, facts: Facts, day: datetime.date
) -> frozenset[str]:
    """Return the territories that options or a scenario ask for; empty is everywhere."""
    from flopcensus.answering.reading import read_territories

    names, group = options["countries"], options["group"]
    if not names and not group and spec is not None:
        names, group = spec.countries, spec.group
    return read_territories(names, group, facts, day)


def _pairs(texts: tuple[str, ...]) -> dict[str, object]:
    from bench.errors import InputError

    found: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f'--set: write NAME=VALUE, such as service.spares="5% to 15%" (found {text})')
        found[name.strip()] = value.strip()
    return found


def _growth(text: str) -> tuple[Parameter | None, str, bool]:
    from accounting.planning.scenarios.baseline import OBSERVED
    from accounting.planning.scenarios.cut_parameters import OVERRIDDEN, Parameter
    from flopcensus.answering.reading import read_range

    if text in ("census", "area", "none"):
        return None, text, text != "none"
    value = read_range(text, "ratio", "--growth", hint="; or census, area, none")
    name = OBSERVED.replace("observed", "stated")
    return Parameter(name, value, "times a year", "assumed", OVERRIDDEN), "stated", True
