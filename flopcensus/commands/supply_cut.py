"""``flopcensus supply-cut``: capacity over the years after a nation or firm stops supplying."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flopcensus.options import calibration_option, draws_option, format_option, overlay_option, seed_option
from flopcensus.output import Format

if TYPE_CHECKING:
    from accounting.planning.scenarios.outcome import SupplyCut

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
    from flopcensus.answering.supply_cut import run_supply_cut

    _emit(run_supply_cut(options), output)


def _emit(found: SupplyCut, output: Format) -> None:
    from flopcensus.documents.supply_cut import supply_cut_csv, supply_cut_document
    from flopcensus.output import show
    from flopcensus.tables.supply_cut import print_supply_cut

    show(
        output,
        lambda: supply_cut_document(found),
        lambda: supply_cut_csv(found),
        lambda: print_supply_cut(found),
        found.warnings,
    )
