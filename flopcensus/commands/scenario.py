"""``flopcensus scenario``: who gains when capacity changes place, owner, operator or user."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from flopcensus.options import calibration_option, draws_option, format_option, overlay_option, seed_option
from flopcensus.output import Format

if TYPE_CHECKING:
    from accounting.accounts.estimate import Request
    from accounting.planning.scenarios.access import Access
    from accounting.planning.scenarios.offers import AccessSpec

_EXAMPLE = """\b
Examples:
  flopcensus scenario gulf-hosts-us
  flopcensus scenario my-offer.yaml --by user_nation --share opened="10% to 30%"
"""


@click.command("scenario", epilog=_EXAMPLE)
@click.argument("scenario")
@click.option("--by", "levels", multiple=True, help="Level to show; repeatable [default: the main ones].")
@click.option(
    "--census", multiple=True, help="A census as for estimate [default: the shipped one]; repeatable."
)
@click.option("--as-of", help="Date to count at [default: the scenario's, else today].")
@click.option("--status", help="Statuses to count, joined by commas [default: the scenario's].")
@click.option("--share", "shares", multiple=True, metavar="MOVE=SHARE", help="Replace what a move takes.")
@click.option(
    "--basis", default="delivered", show_default=True, help="peak, achievable, sustained, delivered."
)
@click.option("--precision", default="bf16", show_default=True)
@click.option("--unit", type=click.Choice(["flops", "h100e"]), default="h100e", show_default=True)
@overlay_option
@calibration_option
@draws_option
@seed_option
@format_option
def command(output: Format, **options: Any) -> None:
    """Play an access SCENARIO on a census: hosting, renting, pooling, offers on conditions.

    SCENARIO is a YAML file or the id of a shipped one (configs/scenarios). Each level is shown before and
    after, by common draws; what is moved adds up, and the total stays unless the scenario states growth.
    """
    _emit(*run_scenario(options), output)


def run_scenario(options: dict[str, Any]) -> tuple[AccessSpec, Access]:
    """Read census and scenario, and play it. Raises InputError and its kin."""
    import datetime

    from accounting.accounts.levels import LEVELS
    from accounting.capacity.calibration import Calibration, load_calibration
    from accounting.census.sources import load_census
    from accounting.errors import UnknownNameError
    from accounting.planning.scenarios.access import play
    from accounting.planning.scenarios.offers import load_access
    from accounting.planning.scenarios.parts import MOVED
    from accounting.reference.facts import load_facts
    from flopcensus.output import Meter

    facts = load_facts(overlays=options["overlays"])
    spec, scenario = load_access(options["scenario"], facts, datetime.datetime.now().date())
    scenario = replace(scenario, moves=_with_shares(scenario.moves, options["shares"]))
    levels = tuple(dict.fromkeys(level.strip().replace("-", "_") for level in options["levels"]))
    for level in levels:
        if level not in LEVELS and level not in MOVED:
            raise UnknownNameError("level", level, sorted({*LEVELS, *MOVED}))
    request = _request(options, spec)
    needed = request.bases != ("peak",) or options["calibrations"]
    calibration = load_calibration(facts, options["calibrations"]) if needed else Calibration.of((), facts)
    ledger = load_census(options["census"], facts)
    meter = Meter("deployments valued")
    return spec, play(ledger, request, scenario, facts, calibration, levels, meter)


def _with_shares(moves: Any, texts: tuple[str, ...]) -> Any:
    from pydantic_core import PydanticCustomError

    from accounting.errors import UnknownNameError
    from accounting.quantities import read_uncertain
    from bench.errors import InputError

    given = {}
    known = [move.id for move, _ in moves]
    for text in texts:
        name, _, value = text.partition("=")
        if name not in known:
            raise UnknownNameError("move (write MOVE=SHARE)", name, known)
        try:
            given[name] = read_uncertain(value, "fraction")
        except PydanticCustomError as error:
            raise InputError(f"--share {name}: {error} (found '{value}')") from None
    return tuple((move, given.get(move.id, share)) for move, share in moves)


def _request(options: dict[str, Any], spec: AccessSpec) -> Request:
    from typing import get_args

    from accounting.accounts.estimate import Request
    from accounting.capacity.bases import BASES
    from accounting.census.facilities import Status
    from accounting.census.selection import Selection
    from accounting.errors import UnknownNameError
    from accounting.reference.accelerators import PRECISIONS
    from flopcensus.answering.reading import read_day

    if options["basis"] not in BASES:
        raise UnknownNameError("basis", options["basis"], BASES)
    if options["precision"] not in PRECISIONS:
        raise UnknownNameError("precision", options["precision"], PRECISIONS)
    texts = options["status"].split(",") if options["status"] else spec.status
    statuses = frozenset(text.strip() for text in texts)
    for status in statuses:
        if status not in get_args(Status):
            raise UnknownNameError("status", status, get_args(Status))
    day = spec.as_of if spec.as_of and not options["as_of"] else read_day(options["as_of"], "--as-of")
    return Request(
        Selection(day, statuses),
        (options["basis"],),
        options["precision"],
        options["unit"],
        seed=options["seed"],
        draws=options["draws"],
    )


def _emit(spec: AccessSpec, found: Access, output: Format) -> None:
    from flopcensus.documents.scenario import access_csv, access_document
    from flopcensus.output import show
    from flopcensus.tables.scenario import print_access

    show(
        output,
        lambda: access_document(spec, found),
        lambda: access_csv(found),
        lambda: print_access(spec, found),
        found.warnings,
    )
