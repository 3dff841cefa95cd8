"""``flopcensus supply-cut``: capacity over the years after a nation or firm stops supplying."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flopcensus.options import calibration_option, draws_option, format_option, overlay_option, seed_option
from flopcensus.output import Format

if TYPE_CHECKING:
    from accounting.accounts.estimate import Request
    from accounting.planning.scenarios.cut import Cut
    from accounting.planning.scenarios.files import SupplyCutSpec
    from accounting.planning.scenarios.outcome import SupplyCut
    from accounting.planning.scenarios.parameters import Parameter
    from accounting.reference.facts import Facts

_EXAMPLE = """\b
Examples:
  flopcensus supply-cut --from-nation US --on 2027-01-01 --country GB
  flopcensus supply-cut --from-firm tsmc --at foundry --stop sales --on 2028-01-01 --group EU
  flopcensus supply-cut us-stops-selling --set service.spares="5% to 15%"
"""


@click.command("supply-cut", epilog=_EXAMPLE)
@click.argument("scenario", required=False)
@click.option("--from-nation", "nations", multiple=True, help="Nation that cuts supply; repeatable.")
@click.option("--from-firm", "firms", multiple=True, help="Firm that cuts supply, in place of a nation.")
@click.option("--at", help="vendor, foundry, memory, packaging, provider, joined by commas [default: all].")
@click.option("--on", help="Day of the cut, YYYY-MM-DD.")
@click.option("--stop", help="sales, service, licence, joined by commas [default: all].")
@click.option("--years", type=int, default=None, help="Years after the cut [default: 10].")
@click.option("--country", "countries", multiple=True, help="Only this territory; repeatable.")
@click.option("--group", help="Only the members of this group (EU, G7, …).")
@click.option(
    "--census", multiple=True, help="A census as for estimate [default: the shipped one]; repeatable."
)
@click.option(
    "--basis", default="delivered", show_default=True, help="peak, achievable, sustained, delivered."
)
@click.option("--precision", default="bf16", show_default=True)
@click.option("--unit", type=click.Choice(["flops", "h100e"]), default="h100e", show_default=True)
@click.option(
    "--growth",
    default="census",
    show_default=True,
    help="Trend of the whole census, of the 'area' counted, 'none', or a factor a year such as '1.2 to 1.8'.",
)
@click.option(
    "--set", "replaced", multiple=True, metavar="NAME=VALUE", help="Replace a parameter; repeatable."
)
@click.option(
    "--parameters", type=click.Path(path_type=Path), help="In place of configs/planning/supply_cut.yaml."
)
@overlay_option
@calibration_option
@draws_option
@seed_option
@format_option
def command(output: Format, **options: Any) -> None:
    """Show capacity over the years with and without a cut of supply, at each place in the chain.

    SCENARIO is a YAML file or the id of a shipped scenario; options go before what it says. Baseline and
    cut share their draws. docs/scenarios.md says what each stop does and what is assumed.
    """
    _emit(run_supply_cut(options), output)


def run_supply_cut(options: dict[str, Any]) -> SupplyCut:
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
    from flopcensus.output import Meter

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
    meter = Meter("deployments valued")
    return supply_cut(ledger, request, _cut(options, spec, facts), grounds, meter)


def _cut(options: dict[str, Any], spec: SupplyCutSpec | None, facts: Facts) -> Cut:
    from accounting.planning.scenarios.cut import STOPS, Cut
    from accounting.planning.scenarios.holding import places
    from flopcensus.dates import read_day

    nations, firms = options["nations"], options["firms"]
    if nations and firms:
        raise click.UsageError("--from-nation and --from-firm exclude each other")
    if not nations and not firms and spec is None:
        raise click.UsageError("name who cuts supply: --from-nation or --from-firm, or a scenario")
    if options["on"] is None and spec is None:
        raise click.UsageError("name the day of the cut: --on YYYY-MM-DD")
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
    found: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.UsageError(
                f'--set: write NAME=VALUE, such as service.spares="5% to 15%" (found {text})'
            )
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


def _emit(found: SupplyCut, output: Format) -> None:
    from flopcensus.output import show
    from flopcensus.supply_cut import print_supply_cut, supply_cut_csv, supply_cut_document

    show(
        output,
        lambda: supply_cut_document(found),
        lambda: supply_cut_csv(found),
        lambda: print_supply_cut(found),
        found.warnings,
    )
