"""``flopcensus training-run``: whether some sites can do a training run, in how long, at what cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from flopcensus.options import calibration_option, draws_option, format_option, overlay_option, seed_option
from flopcensus.output import Format

_EXAMPLE = """\b
Examples:
  flopcensus training-run --flop 3.8e25 --accelerator nvidia-h100-sxm --count 16384 --parameters 405e9
  flopcensus training-run --flop 1e26 --on shipped --country GB --days 90
  flopcensus training-run --flop 1e25 --on nordic-alliance --days 30
"""


@click.command("training-run", epilog=_EXAMPLE)
@click.option("--flop", required=True, help="FLOP of the run: 1e26, or a range '1e25 to 3e25'.")
@click.option("--on", "on", help="A cluster (YAML, or a shipped id) or a census [default: the shipped one].")
@click.option("--accelerator", help="One site of this accelerator instead, with --count.")
@click.option("--count", help="Accelerators of that site, or a range.")
@click.option("--country", "countries", multiple=True, help="Only sites of this territory; repeatable.")
@click.option("--as-of", help="Date that a census is taken at, YYYY-MM-DD [default: today].")
@click.option("--days", type=float, default=90.0, show_default=True, help="Days it may take.")
@click.option("--sites", default="best", show_default=True, help="Sites to link: a number, best, or all.")
@click.option("--share", type=float, default=1.0, show_default=True, help="Share of each site it may have.")
@click.option("--parameters", help="Parameters of the model [default: those that learn most from the FLOP].")
@click.option(
    "--confidence", type=float, default=0.5, show_default=True, help="Probability from which it can be done."
)
@click.option("--precision", default="bf16", show_default=True)
@click.option("--utilisation", help="Wall-clock utilisation of a site, in place of what is foretold: 35 %.")
@click.option(
    "--restart",
    type=click.Choice(["by size", "whole", "replica"]),
    default="by size",
    show_default=True,
    help="What restarts after an interruption.",
)
@click.option("--link", help="Bandwidth of a site towards the others: 400 Gbit/s.")
@click.option("--pue", help="Facility power ÷ IT power.")
@click.option("--usd-per-kwh", help="Price of electricity, US dollars a kWh.")
@click.option("--usd-per-hour", help="Price of an accelerator-hour without electricity, US dollars.")
@click.option(
    "--assumptions", type=click.Path(path_type=Path), help="A file of your own over configs/planning/."
)
@overlay_option
@calibration_option
@draws_option
@seed_option
@format_option
def command(output: Format, **options: Any) -> int:
    """Say whether a training run can be done, in how long, at what cost and energy.

    The exit code is 1 where it is not done within --days with the probability --confidence, or where the
    model fits no site.
    """
    from flopcensus.answering.training_run import run_training
    from flopcensus.documents.training_run import csv, document
    from flopcensus.output import show
    from flopcensus.tables.training_run import print_answer, verdict

    found = run_training(options)
    show(
        output,
        lambda: document(found),
        lambda: csv(found),
        lambda: print_answer(found),
        found.outcome.warnings,
    )
    if found.outcome.done:
        return 0
    if output != "table":
        # a table begins with it
        click.echo(verdict(found.outcome), err=True)
    return 1
