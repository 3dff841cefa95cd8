"""``flopcensus estimate``: how much AI compute, by whom, on which basis, at which date."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flopcensus.options import calibration_option, draws_option, format_option, overlay_option, seed_option
from flopcensus.output import Format

if TYPE_CHECKING:
    import datetime

    from accounting.accounts.estimate import Estimate, Request
    from accounting.accounts.origins import Origins
    from accounting.accounts.sold import Unlocated
    from accounting.capacity.calibration import Calibration
    from accounting.census.ledger import Ledger
    from accounting.reference.facts import Facts

_BASES = ("peak", "achievable", "sustained", "delivered")
_EXAMPLE = """\b
Examples:
  flopcensus estimate --by territory --by provider --by vendor
  flopcensus estimate --group EU --basis delivered --unit h100e
  flopcensus estimate --years 2019:2030 --basis peak
  flopcensus estimate epoch-clusters:clusters.csv --recipe epoch-2025 --as-of 2025-05-31 --basis peak
"""


@click.command("estimate", epilog=_EXAMPLE)
@click.argument("census", nargs=-1)
@click.option("--country", "countries", multiple=True, help="Only this territory (code or name); repeatable.")
@click.option(
    "--group", help="Only the members of this group at the date (EU, G7, OECD, …: catalogue groups)."
)
@click.option("--as-of", help="Date to count at, YYYY-MM-DD [default: today].")
@click.option("--years", help="A series at the ends of years, A:B [2015 to 2035]; later ones are projected.")
@click.option("--project", is_flag=True, help="Project to an --as-of after the snapshot, plans included.")
@click.option("--basis", "bases", multiple=True, help=f"{', '.join(_BASES)} [default: peak, delivered].")
@click.option("--precision", default=None, help="fp64, fp32, tf32, bf16, fp8, int8 or fp4 [default: bf16].")
@click.option("--column", default=None, help="A foreign file's own value column instead (max, h100e, …).")
@click.option("--unit", type=click.Choice(["flops", "h100e"]), default="flops", show_default=True)
@click.option(
    "--by", "levels", multiple=True, help="A level, or levels joined by commas to cross them; repeatable."
)
@click.option("--status", default=None, help="Statuses to count, joined by commas [default: operational].")
@click.option("--since", default=None, help="Leave out what came into service before this date.")
@click.option(
    "--subset", type=click.Choice(["all", "standard"]), default=None, help="A foreign file's own subset."
)
@click.option(
    "--superseded", type=click.Choice(["drop", "keep"]), default=None, help="Phases replaced by a later one."
)
@click.option(
    "--duplicates", type=click.Choice(["drop", "keep"]), default=None, help="Rows flagged as duplicates."
)
@click.option("--unknown", type=click.Choice(["drop", "keep"]), default=None, help="Rows without a country.")
@click.option(
    "--sized",
    type=click.Choice(["keep", "drop"]),
    default="keep",
    show_default=True,
    help="Deployments known by power, cost or a bare number of chips.",
)
@click.option("--recipe", default=None, help="Options that a published figure stands for: epoch-2025.")
@click.option(
    "--unrecorded",
    multiple=True,
    help="Also count an estimate of smuggled or unlisted accelerators, by its id (catalogue unrecorded).",
)
@click.option(
    "--sold",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Chip sales and owners, file or folder (Epoch AI's): adds what is sold and not located; repeatable.",
)
@click.option(
    "--reconcile",
    type=click.Choice(["none", "rake"]),
    default="none",
    show_default=True,
    help="With --sold: rake the census to the sales by model and owner, beside the raw figures.",
)
@overlay_option
@calibration_option
@draws_option
@seed_option
@format_option
def command(output: Format, **options: Any) -> None:
    """Estimate the capacity of a CENSUS (the shipped one where left out), with its uncertainty.

    CENSUS is a YAML file or folder of facilities, "shipped", or a foreign file, CSV or XLSX, told by its
    columns or by a prefix (epoch-clusters:PATH, epoch-data-centers:PATH, top500:PATH, fleet:DIR). Of
    several, the first that has a site is believed about it.
    """
    if options["reconcile"] != "none" and not options["sold"]:
        raise click.UsageError("--reconcile needs --sold")
    _emit(run_estimate(options, traced=output == "json"), output)


@dataclass(frozen=True)
class Answer:
    """Estimates, what is sold and not located where that was asked for, and what stands behind each row."""

    estimates: tuple[Estimate, ...]
    sales: Unlocated | None
    origins: Origins | None


def run_estimate(options: dict[str, Any], *, traced: bool = False) -> Answer:
    """Read the census, estimate it and hold it against sales; ``traced`` says what stands behind each row.

    Raises InputError and its kin.
    """
    from accounting.accounts.estimate import estimate
    from accounting.accounts.origins import trace
    from accounting.capacity.calibration import Calibration, load_calibration
    from accounting.capacity.sums import Work
    from accounting.census.sources import load_census
    from accounting.reference.facts import load_facts
    from flopcensus.output import Meter

    facts = load_facts(overlays=options["overlays"])
    request = _request(options, facts)
    ledger = _with_unrecorded(load_census(options["census"], facts), options["unrecorded"], facts)
    # a peak needs no measurement
    needed = request.bases != ("peak",) or options["calibrations"]
    calibration = load_calibration(facts, options["calibrations"]) if needed else Calibration.of((), facts)
    work = Work(progress=Meter("deployments valued"))
    if options.get("years") or options.get("project"):
        estimates = over_time(ledger, request, facts, calibration, options)
    else:
        estimates = tuple(_unprojected(e) for e in estimate(ledger, request, facts, calibration, work=work))
    origins = trace(ledger, request, facts, calibration) if traced else None
    return Answer(estimates, _unlocated(options, ledger, request, facts), origins)


def _unprojected(found: Estimate) -> Estimate:
    import datetime
    from dataclasses import replace

    day = found.request.selection.as_of
    if day <= datetime.datetime.now().date():
        return found
    text = (
        f"{day} is yet to come: what operates today is counted as if none of it left service; see --project"
    )
    return replace(found, warnings=(*found.warnings, text))


def over_time(
    ledger: Ledger, request: Request, facts: Facts, calibration: Calibration, options: dict[str, Any]
) -> tuple[Estimate, ...]:
    """Estimate at the date asked for, projected where it lies ahead, with the series of the years."""
    import datetime
    from dataclasses import replace

    from accounting.accounts.estimate import estimate
    from accounting.accounts.series import (
        dates_of,
        projected_selection,
        projection_of,
        series,
        warnings_of,
    )
    from accounting.capacity.stock.projection import ProjectedValuer
    from accounting.capacity.stock.rates import load_stock_rates

    day = request.selection.as_of
    dates = dates_of(*_years(options["years"]), day) if options["years"] else (day,)
    projection = projection_of(ledger, request, load_stock_rates(), datetime.datetime.now().date())
    levels = request.levels if options["levels"] else ()
    found = series(ledger, request, dates, facts, calibration, projection, levels)
    if day > projection.snapshot:
        ahead = replace(request, selection=projected_selection(request.selection, day))
        estimates = estimate(
            ledger, ahead, facts, calibration, lambda valuer: ProjectedValuer.on(day, valuer, projection)
        )
    else:
        estimates = estimate(ledger, request, facts, calibration)
    return tuple(
        replace(
            e, series=found[e.basis], warnings=(*e.warnings, *warnings_of(found[e.basis], projection.rates))
        )
        for e in estimates
    )


def _years(text: str) -> tuple[int, int]:
    from bench.errors import InputError

    first, _, last = text.partition(":")
    try:
        return int(first), int(last or first)
    except ValueError:
        raise InputError(f"--years: write FIRST:LAST, such as 2019:2030 (found '{text}')") from None


def _with_unrecorded(ledger: Ledger, ids: tuple[str, ...], facts: Facts) -> Ledger:
    from accounting.census.unrecorded import load_unrecorded, with_unrecorded
    from accounting.errors import UnknownNameError
    from accounting.reference.shipped import configs_root

    if not ids:
        return ledger
    known = {one.id: one for one in load_unrecorded(configs_root() / "unrecorded", facts)}
    for name in ids:
        if name not in known:
            raise UnknownNameError("estimate of unrecorded accelerators", name, known)
    return with_unrecorded(ledger, [known[name] for name in dict.fromkeys(ids)], facts)


def _unlocated(options: dict[str, Any], ledger: Ledger, request: Request, facts: Facts) -> Unlocated | None:
    if not options["sold"]:
        return None
    from accounting.accounts.sized import stated
    from accounting.accounts.unlocated import unlocated
    from accounting.census.readers.epoch_chips import control_totals

    return unlocated(
        stated(ledger) if options["sized"] == "drop" else ledger,
        control_totals(options["sold"], facts),
        request.selection,
        facts,
        seed=request.seed,
        draws=request.draws,
        reconcile=options["reconcile"],
    )


def _request(options: dict[str, Any], facts: Facts) -> Request:
    from accounting.accounts.estimate import DEFAULT_BASES, DEFAULT_LEVELS, Request
    from accounting.accounts.levels import read_levels

    selection = _selection(options)
    levels = tuple(dict.fromkeys(read_levels(text) for text in options["levels"]))
    return Request(
        selection=selection,
        bases=_bases(options["bases"]) or DEFAULT_BASES,
        precision=_precision(options),
        unit=options["unit"],
        levels=levels or DEFAULT_LEVELS,
        countries=_countries(options, facts, selection.as_of),
        seed=options["seed"],
        draws=options["draws"],
        recipe=options["recipe"],
        sized=options["sized"],
    )


def _selection(options: dict[str, Any]) -> Any:
    import datetime

    from accounting.census.selection import RECIPES, Selection
    from accounting.errors import UnknownNameError

    recipe = options["recipe"]
    if recipe is not None and recipe not in RECIPES:
        raise UnknownNameError("recipe", recipe, RECIPES)
    chosen = dict(RECIPES.get(recipe, {}))
    names = ("since", "subset", "superseded", "duplicates", "unknown")
    chosen |= {name: options[name] for name in names if options[name] is not None}
    return Selection(
        as_of=_date(options["as_of"], "--as-of") if options["as_of"] else datetime.datetime.now().date(),
        statuses=_statuses(options["status"]),
        with_plans=options["status"] is None,
        since=_date(chosen["since"], "--since") if chosen.get("since") else None,
        standard_only=chosen.get("subset") == "standard",
        drop_superseded=chosen.get("superseded", "drop") == "drop",
        drop_duplicates=chosen.get("duplicates", "drop") == "drop",
        known_only=chosen.get("unknown") == "drop",
    )


def _date(text: str, option: str) -> datetime.date:
    from pydantic_core import PydanticCustomError

    from accounting.validation import read_date
    from bench.errors import InputError

    try:
        return read_date(text)
    except PydanticCustomError as error:
        raise InputError(f"{option}: {error} (found '{text}')") from None


def _statuses(text: str | None) -> frozenset[str]:
    from typing import get_args

    from accounting.census.facilities import Status
    from accounting.errors import UnknownNameError

    statuses = frozenset(part.strip() for part in (text or "operational").split(","))
    for status in statuses:
        if status not in get_args(Status):
            raise UnknownNameError("status", status, get_args(Status))
    return statuses


def _bases(texts: tuple[str, ...]) -> tuple[Any, ...]:
    from accounting.errors import UnknownNameError

    asked = [part.strip() for text in texts for part in text.split(",")]
    for basis in asked:
        if basis not in _BASES:
            raise UnknownNameError("basis", basis, _BASES)
    return tuple(basis for basis in _BASES if basis in asked)


def _precision(options: dict[str, Any]) -> str:
    if options["precision"] and options["column"]:
        raise click.UsageError("--precision and --column exclude each other")
    return str(options["column"] or options["precision"] or "bf16")


def _countries(options: dict[str, Any], facts: Facts, as_of: datetime.date) -> frozenset[str]:
    from accounting.errors import UnknownNameError

    table = facts.names.countries
    codes = {table.resolve(name) for name in options["countries"]} if table else set()
    if options["group"]:
        groups = facts.groups_on(as_of)
        if options["group"] not in groups:
            raise UnknownNameError("group", options["group"], groups)
        codes |= set(groups[options["group"]])
    return frozenset(codes)


def _emit(answer: Answer, output: Format) -> None:
    from flopcensus.output import say, to_json, warn
    from flopcensus.results import estimate_document
    from flopcensus.series import print_series
    from flopcensus.tables import estimate_csv, print_estimate

    estimates, sales = answer.estimates, answer.sales
    if output == "json":
        document = estimate_document(estimates, answer.origins)
        if sales is not None:
            from flopcensus.unlocated import unlocated_entry

            document["unlocated"] = unlocated_entry(sales)
        click.echo(to_json(document), nl=False)
    elif output == "csv":
        click.echo(estimate_csv(estimates), nl=False)
    else:
        for one in estimates:
            print_series(one) if one.series and len(one.series.points) > 1 else print_estimate(one)
        if sales is not None:
            from flopcensus.unlocated import print_unlocated

            print_unlocated(sales)
        say("Shares are shares of the mean; intervals are 5th to 95th percentiles.")
    said = [w for one in estimates for w in one.warnings] + list(sales.warnings if sales else ())
    for text in dict.fromkeys(said):
        warn(text)
