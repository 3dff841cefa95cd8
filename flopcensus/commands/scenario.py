"""``flopcensus scenario``: who gains when capacity changes place, owner, operator or user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from flopcensus.options import calibration_option, draws_option, format_option, overlay_option, seed_option
from flopcensus.output import Format

if TYPE_CHECKING:
    from accounting.planning.scenarios.access import Access
    from accounting.planning.scenarios.access_files import AccessSpec

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
    from flopcensus.answering.scenario import run_scenario

    _emit(*run_scenario(options), output)


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
