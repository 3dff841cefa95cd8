"""``flopcensus compare``: hypothetical clusters side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flopcensus.options import calibration_option, draws_option, format_option, overlay_option, seed_option
from flopcensus.output import Format

if TYPE_CHECKING:
    from accounting.planning.compare import Comparison

_EXAMPLE = """\b
Example:
  flopcensus compare all-nvidia hedged
"""


@click.command("compare", epilog=_EXAMPLE)
@click.argument("clusters", nargs=-1, required=True)
@click.option("--precision", default="bf16", show_default=True)
@overlay_option
@calibration_option
@draws_option
@seed_option
@format_option
def command(
    clusters: tuple[str, ...],
    precision: str,
    overlays: tuple[Path, ...],
    calibrations: tuple[Path, ...],
    draws: int,
    seed: int,
    output: Format,
) -> None:
    """Compare CLUSTERS (YAML files, or shipped ids): capacity on four bases, vendor origin, power."""
    from accounting.errors import UnknownNameError
    from accounting.reference.accelerators import PRECISIONS

    if precision not in PRECISIONS:
        raise UnknownNameError("precision", precision, PRECISIONS)
    comparison = compare_clusters(clusters, precision, calibrations, draws, seed, overlays)
    _emit(comparison, output)


def compare_clusters(
    clusters: tuple[str, ...],
    precision: str,
    calibrations: tuple[Path, ...],
    draws: int,
    seed: int,
    overlays: tuple[Path, ...] = (),
) -> Comparison:
    """Load clusters and compare them. Raises InputError and its kin."""
    from accounting.capacity.calibration import load_calibration
    from accounting.planning.clusters import load_cluster
    from accounting.planning.compare import compare
    from accounting.reference.facts import load_facts

    facts = load_facts(overlays=overlays)
    loaded = [load_cluster(source, facts) for source in clusters]
    calibration = load_calibration(facts, calibrations)
    return compare(loaded, facts, calibration, precision=precision, seed=seed, draws=draws)


def _emit(comparison: Comparison, output: Format) -> None:
    from flopcensus.output import to_json
    from flopcensus.results import comparison_document
    from flopcensus.tables import comparison_csv, print_comparison

    if output == "json":
        click.echo(to_json(comparison_document(comparison)), nl=False)
    elif output == "csv":
        click.echo(comparison_csv(comparison), nl=False)
    else:
        print_comparison(comparison)
