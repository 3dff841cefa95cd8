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
    from accounting.accounts.nations.brief import Brief
    from accounting.accounts.nations.world import World
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
    from accounting.accounts.nations.brief import Brief
    from flopcensus.answering.brief import run_brief

    page, facts = run_brief(options)
    if isinstance(page, Brief):
        _emit(page, facts, output)
    else:
        _emit_world(page, facts, output)


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
