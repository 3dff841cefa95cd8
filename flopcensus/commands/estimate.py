"""``flopcensus estimate``: how much AI compute, by whom, on which basis, at which date."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flopcensus.answering.request import BASES
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
    from flopcensus.answering.estimate import EstimateAnswer

_EXAMPLE = """\b
Examples:
  flopcensus estimate --by territory --by provider --by vendor
  flopcensus estimate --group EU --basis delivered --unit h100e
  flopcensus estimate --unit bytes_per_s --by vendor --by territory
  flopcensus estimate --basis delivered --drivers
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
@click.option("--basis", "bases", multiple=True, help=f"{', '.join(BASES)} [default: peak, delivered].")
@click.option(
    "--precision",
    default=None,
    help="fp64, fp32, tf32, bf16, fp8, int8 or fp4 [default: bf16]; none with bytes_per_s.",
)
@click.option("--column", default=None, help="A foreign file's own value column instead (max, h100e, …).")
@click.option(
    "--unit",
    type=click.Choice(["flops", "h100e", "bytes_per_s", "flop_per_year"]),
    default="flops",
    show_default=True,
    help="bytes_per_s is memory bandwidth, on peak and achievable; flop_per_year what is used, a flow.",
)
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
@click.option("--drivers", is_flag=True, help="Also say what drives the spread of each total, by input.")
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
    help="Chip sales and owners, file or folder (Epoch AI's), to hold the census against; repeatable. "
    "Without it the shipped totals serve for the shipped census and lists of the world; none: no sales; "
    "shipped: these totals, in full.",
)
@click.option(
    "--reconcile",
    type=click.Choice(["none", "rake"]),
    default="none",
    show_default=True,
    help="With --sold: rake the census to the sales by model and owner, beside the raw figures.",
)
@joint_option
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
    from flopcensus.answering.estimate import run_estimate

    _emit(run_estimate(options), output)


def _emit(answer: EstimateAnswer, output: Format) -> None:
    from flopcensus.documents.estimate_rows import estimate_csv
    from flopcensus.output import say, to_json, warn
    from flopcensus.tables.estimate import print_estimate
    from flopcensus.tables.series import print_series

    estimates, sales = answer.estimates, answer.sales
    if output == "json":
        click.echo(to_json(answer.document()), nl=False)
    elif output == "csv":
        click.echo(estimate_csv(estimates), nl=False)
    else:
        for one in estimates:
            print_series(one) if one.series and len(one.series.points) > 1 else print_estimate(one)
            if one.drivers:
                from flopcensus.tables.drivers import print_drivers

                denomination = one.accounts.denomination
                print_drivers(one.drivers, str(denomination), denomination.unit)
        if sales is not None:
            from flopcensus.tables.unlocated import print_unlocated, print_unlocated_line

            if answer.sales_in_full:
                print_unlocated(sales)
            else:
                print_unlocated_line(sales, estimates[0].request.countries)
        say("Shares are shares of the mean; intervals are 5th to 95th percentiles.")
    for text in answer.warnings:
        warn(text)
