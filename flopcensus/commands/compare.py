"""``flopcensus compare``: clusters side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flopcensus.options import calibration_option, draws_option, format_option, overlay_option, seed_option
from flopcensus.output import Format

if TYPE_CHECKING:
    from accounting.planning.comparison import Comparison
    from accounting.planning.outlook import Planner

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
    from accounting.planning.clusters import load_cluster
    from accounting.planning.compare import compare

    by = _planner(precisions, bases, overlays, calibrations, (draws, seed))
    comparison = compare([load_cluster(source, by.facts) for source in clusters], by)
    _emit(comparison, output, assumptions=assumptions)


def _planner(
    precisions: tuple[str, ...],
    bases: tuple[str, ...],
    overlays: tuple[Path, ...],
    calibrations: tuple[Path, ...],
    drawn: tuple[int, int],
) -> Planner:
    from accounting.capacity.bases import BASES
    from accounting.capacity.calibration import load_calibration
    from accounting.capacity.h100e import load_h100e
    from accounting.planning.outlook import planner
    from accounting.reference.accelerators import PRECISIONS
    from accounting.reference.facts import load_facts
    from accounting.reference.shipped import configs_root

    asked = _words(precisions, "precision", PRECISIONS)
    named = _words(bases, "basis", BASES)
    facts = load_facts(overlays=overlays)
    return planner(
        facts,
        load_calibration(facts, calibrations),
        precisions=asked,
        bases=tuple(basis for basis in BASES if basis in named) or BASES,
        size=drawn[0],
        seed=drawn[1],
        h100e=load_h100e(configs_root() / "h100e.yaml"),
    )


def _words(texts: tuple[str, ...], what: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Split words at commas, each once. Raises UnknownNameError."""
    from accounting.errors import UnknownNameError

    words = tuple(dict.fromkeys(word.strip() for text in texts for word in text.split(",")))
    for word in words:
        if word not in known:
            raise UnknownNameError(what, word, known)
    return words


def _emit(comparison: Comparison, output: Format, *, assumptions: bool) -> None:
    from flopcensus.compared import comparison_csv, comparison_document
    from flopcensus.compared_words import print_assumptions, print_comparison
    from flopcensus.output import to_json

    if output == "json":
        click.echo(to_json(comparison_document(comparison)), nl=False)
    elif output == "csv":
        click.echo(comparison_csv(comparison), nl=False)
    else:
        print_comparison(comparison)
        if assumptions:
            print_assumptions(comparison)
