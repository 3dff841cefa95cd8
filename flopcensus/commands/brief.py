"""``flopcensus brief``: one page on one country, with grades of data quality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from flopcensus.options import (
    calibration_option,
    draws_option,
    format_option,
    joint_option,
    overlay_option,
    seed_option,
)
from flopcensus.output import Format

if TYPE_CHECKING:
    from accounting.accounts.brief_parts import BriefRequest
    from accounting.accounts.briefing import Brief
    from accounting.accounts.world import World
    from accounting.reference.facts import Facts

_EXAMPLE = """\b
Examples:
  flopcensus brief GB
  flopcensus brief EU --demand 20% --basis peak
  flopcensus brief WORLD --joint access
"""


@click.command("brief", epilog=_EXAMPLE)
@click.argument("country")
@click.argument("census", nargs=-1)
@click.option("--as-of", help="Date to count at, YYYY-MM-DD [default: today].")
@click.option(
    "--basis",
    type=click.Choice(["peak", "achievable", "sustained", "delivered"]),
    default="delivered",
    show_default=True,
)
@click.option("--precision", default="bf16", show_default=True, help="fp64, fp32, tf32, bf16, fp8, …")
@click.option("--unit", type=click.Choice(["flops", "h100e"]), default="h100e", show_default=True)
@click.option("--demand", default=None, help="Its share of world demand, as somebody claims: 20%.")
@joint_option
@overlay_option
@calibration_option
@draws_option
@seed_option
@format_option
def command(output: Format, **options: Any) -> None:
    """Brief on a COUNTRY (code or name) or group (EU, …): how much, whose, how sure, what would change it.

    WORLD gives inequality between nations, concentration, and who hosts and uses what of whom. CENSUS is as
    in estimate; the shipped one where left out.
    """
    from accounting.accounts.briefing import brief
    from accounting.accounts.world import WORLD, world
    from accounting.capacity.calibration import Calibration, load_calibration
    from accounting.census.sources import load_census
    from accounting.reference.facts import load_facts

    facts = load_facts(overlays=options["overlays"])
    request = _request(options, facts)
    needed = request.basis != "peak" or options["calibrations"]
    calibration = load_calibration(facts, options["calibrations"]) if needed else Calibration.of((), facts)
    ledger = load_census(options["census"], facts)
    if request.code == WORLD:
        _emit_world(world(ledger, request, facts, calibration), facts, output)
    else:
        _emit(brief(ledger, request, facts, calibration), facts, output)


def _request(options: dict[str, Any], facts: Facts) -> BriefRequest:
    from accounting.accounts.brief_parts import BriefRequest
    from accounting.accounts.world import WORLD
    from accounting.census.selection import Selection
    from accounting.errors import UnknownNameError
    from accounting.reference.accelerators import PRECISIONS
    from bench.errors import InputError
    from flopcensus.answering.reading import read_day

    day = read_day(options["as_of"], "--as-of")
    if options["precision"] not in PRECISIONS:
        raise UnknownNameError("precision", options["precision"], PRECISIONS)
    members = facts.groups_on(day).get(options["country"], ())
    table = facts.names.countries
    named = members or table is None or options["country"] == WORLD
    code = options["country"] if named or table is None else table.resolve(options["country"])
    if code == WORLD and options["demand"] is not None:
        raise InputError("--demand: a share of world demand is one country's or group's, not the WORLD's")
    return BriefRequest(
        code=code,
        selection=Selection(day),
        members=members,
        basis=options["basis"],
        precision=options["precision"],
        unit=options["unit"],
        demand=_demand(options["demand"]),
        seed=options["seed"],
        draws=options["draws"],
        joint=options["joint"],
    )


def _demand(text: str | None) -> float | None:
    from pydantic_core import PydanticCustomError

    from accounting.quantities import read_quantity
    from bench.errors import InputError

    if text is None:
        return None
    try:
        return read_quantity(text, "fraction")
    except PydanticCustomError as error:
        raise InputError(f"--demand: {error} (found '{text}')") from None


def _emit(brief: Brief, facts: Facts, output: Format) -> None:
    from flopcensus.documents.brief import brief_csv, brief_document
    from flopcensus.output import show
    from flopcensus.tables.brief import print_brief

    show(
        output,
        lambda: brief_document(brief, facts),
        lambda: brief_csv(brief),
        lambda: print_brief(brief, facts),
        brief.warnings,
    )


def _emit_world(page: World, facts: Facts, output: Format) -> None:
    from flopcensus.documents.world import world_csv, world_document
    from flopcensus.output import show
    from flopcensus.tables.world import print_world

    show(
        output,
        lambda: world_document(page, facts),
        lambda: world_csv(page),
        lambda: print_world(page, facts),
        page.warnings,
    )
