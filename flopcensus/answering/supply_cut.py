"""A cut of supply from its options and its scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flopcensus.output import Meter, MeterOf

if TYPE_CHECKING:
    from accounting.accounts.estimate import Request
    from accounting.planning.scenarios.cut import Cut
    from accounting.planning.scenarios.files import SupplyCutSpec
    from accounting.planning.scenarios.outcome import SupplyCut
    from accounting.planning.scenarios.parameters import Parameter
    from accounting.reference.facts import Facts


def run_supply_cut(options: dict[str, Any], meter: MeterOf = Meter) -> SupplyCut:
    """Read census, scenario and parameters, and work the cut out. Raises InputError and its kin."""
    import datetime

    from accounting.capacity.calibration import Calibration, load_calibration
    from accounting.capacity.stock.rates import load_stock_rates
    from accounting.census.sources import load_census
    from accounting.planning.scenarios.files import load_supply_cut
    from accounting.planning.scenarios.outcome import Grounds
    from accounting.planning.scenarios.parameters import load_cut_parameters
    from accounting.planning.scenarios.supply import supply_cut
    from accounting.reference.facts import load_facts

    facts = load_facts(overlays=options["overlays"])
    spec = load_supply_cut(options["scenario"], facts) if options["scenario"] else None
    request = _request(options, spec, facts)
    needed = request.bases != ("peak",) or options["calibrations"]
    calibration = load_calibration(facts, options["calibrations"]) if needed else Calibration.of((), facts)
    replaced = {**(spec.parameters if spec else {}), **_pairs(options["replaced"])}
    growth, of, grows = _growth(options["growth"])
    grounds = Grounds(
        facts,
        calibration,
        load_stock_rates(),
        load_cut_parameters(options["parameters"], replaced),
        datetime.datetime.now().date(),
        growth,
        of,
        grows,
    )
    ledger = load_census(options["census"], facts)
    shown = meter("deployments valued")
    return supply_cut(ledger, request, _cut(options, spec, facts), grounds, shown)


def _cut(options: dict[str, Any], spec: SupplyCutSpec | None, facts: Facts) -> Cut:
    from accounting.planning.scenarios.cut import STOPS, Cut
    from accounting.planning.scenarios.holding import places
    from bench.errors import InputError
    from flopcensus.answering.dates import read_day

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
    at = _listed(options["at"]) or (spec.at if spec else ()) or places(scope)
    stops = _listed(options["stop"]) or (spec.stop if spec else STOPS)
    _check_stops(stops)
    on = read_day(options["on"], "--on") if options["on"] or spec is None else spec.on
    years = options["years"] or (spec.years if spec else 10)
    return Cut(cutting, scope, tuple(dict.fromkeys(at)), on, frozenset(stops), years)  # type: ignore[arg-type]


def _check_stops(stops: tuple[str, ...]) -> None:
    from accounting.errors import UnknownNameError
    from accounting.planning.scenarios.cut import STOPS

    for stop in stops:
        if stop not in STOPS:
            raise UnknownNameError("kind of stop", stop, STOPS)


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",")) if text else ()


def _request(options: dict[str, Any], spec: SupplyCutSpec | None, facts: Facts) -> Request:
    import datetime

    from accounting.accounts.estimate import Request
    from accounting.capacity.bases import BASES
    from accounting.census.selection import Selection
    from accounting.errors import UnknownNameError
    from accounting.reference.accelerators import PRECISIONS

    if options["basis"] not in BASES:
        raise UnknownNameError("basis", options["basis"], BASES)
    if options["precision"] not in PRECISIONS:
        raise UnknownNameError("precision", options["precision"], PRECISIONS)
    today = datetime.datetime.now().date()
    return Request(
        Selection(today),
        (options["basis"],),
        options["precision"],
        options["unit"],
        countries=territories(options, spec, facts, today),
        seed=options["seed"],
        draws=options["draws"],
    )


def territories(
    options: dict[str, Any], spec: SupplyCutSpec | None, facts: Facts, day: Any
) -> frozenset[str]:
    """Return the territories that options or a scenario ask for; empty is everywhere."""
    from accounting.errors import UnknownNameError

    names, group = options["countries"], options["group"]
    if not names and not group and spec is not None:
        names, group = spec.countries, spec.group
    table = facts.names.countries
    codes = {table.resolve(name) for name in names} if table else set()
    if group:
        groups = facts.groups_on(day)
        if group not in groups:
            raise UnknownNameError("group", group, groups)
        codes |= set(groups[group])
    return frozenset(codes)


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
    from pydantic_core import PydanticCustomError

    from accounting.planning.scenarios.baseline import OBSERVED
    from accounting.planning.scenarios.parameters import OVERRIDDEN, Parameter
    from accounting.quantities import read_uncertain
    from bench.errors import InputError

    if text in ("census", "area", "none"):
        return None, text, text != "none"
    try:
        value = read_uncertain(text, "ratio")
    except PydanticCustomError as error:
        raise InputError(f"--growth: {error} (found '{text}'); or census, area, none") from None
    name = OBSERVED.replace("observed", "stated")
    return Parameter(name, value, "times a year", "assumed", OVERRIDDEN), "stated", True
