"""``flopcensus compare``: clusters side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flopcensus.options import calibration_option, draws_option, format_option, overlay_option, seed_option
from flopcensus.output import Format

if TYPE_CHECKING:
    from accounting.planning.comparison import Comparison

_EXAMPLE = """\b
Examples:
  flopcensus compare all-nvidia hedged
  flopcensus compare mine.yaml gulf-campus --precision bf16,fp8 --basis delivered --assumptions
"""


@click.command("compare", epilog=_EXAMPLE)
@click.argument("clusters", nargs=-1, required=True)
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    default=("bf16",),
    show_default="bf16",
    help="Repeatable, or joined by commas; the first one is that of cost, training run and origin.",
)
@click.option(
    "--basis",
    "bases",
    multiple=True,
    help="Repeatable, or joined by commas [default: all four].",
)
@click.option("--assumptions", is_flag=True, help="Also print every parameter, and which are defaults.")
@overlay_option
@calibration_option
@draws_option
@seed_option
@format_option
def command(
    clusters: tuple[str, ...],
    precisions: tuple[str, ...],
    bases: tuple[str, ...],
    assumptions: bool,
    overlays: tuple[Path, ...],
    calibrations: tuple[Path, ...],
    draws: int,
    seed: int,
    output: Format,
) -> None:
    """Compare CLUSTERS (YAML files, or shipped ids).

    Capacity, origin, power, cost, carbon, water, export rules, and how sure the differences are.
    """
    from flopcensus.answering.compare import run_comparison

    comparison = run_comparison(clusters, precisions, bases, overlays, calibrations, draws=draws, seed=seed)
    _emit(comparison, output, assumptions=assumptions)


def _emit(comparison: Comparison, output: Format, *, assumptions: bool) -> None:
    from flopcensus.documents.compare import comparison_csv, comparison_document
    from flopcensus.output import to_json
    from flopcensus.tables.compare import print_assumptions, print_comparison

    if output == "json":
        click.echo(to_json(comparison_document(comparison)), nl=False)
    elif output == "csv":
        click.echo(comparison_csv(comparison), nl=False)
    else:
        print_comparison(comparison)
        if assumptions:
            print_assumptions(comparison)
