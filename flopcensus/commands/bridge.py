"""``flopcensus bridge``: from a published figure to ours, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from flopcensus.options import calibration_option, draws_option, format_option, seed_option
from flopcensus.output import Format

if TYPE_CHECKING:
    from accounting.accounts.bridge import Bridge, Published, Target
    from accounting.census.ledger import Ledger
    from accounting.reference.facts import Facts

_EXAMPLE = """\b
Example:
  flopcensus bridge epoch-2025 --to ours --file epoch-clusters:clusters.csv --as-of 2026-06-30
"""


@click.command("bridge", epilog=_EXAMPLE)
@click.argument("figure")
@click.option("--to", "end", type=click.Choice(["ours"]), default="ours", show_default=True)
@click.option("--file", "file", help="The file that the figure rests on (epoch-clusters:PATH); not shipped.")
@click.option("--as-of", help="Date of our side, YYYY-MM-DD [default: today].")
@click.option(
    "--basis",
    type=click.Choice(["peak", "achievable", "sustained", "delivered"]),
    default="delivered",
    show_default=True,
    help="Basis of our side.",
)
@click.option("--by", "level", default="territory", show_default=True, help="A level or a crossing.")
@click.option(
    "--unit",
    type=click.Choice(["h100e", "flops"]),
    default="h100e",
    show_default=True,
    help="H100e of each stage's own basis, or operations per second.",
)
@calibration_option
@draws_option
@seed_option
@format_option
def command(output: Format, **options: Any) -> None:
    """Walk from a published FIGURE (epoch-2025) to our own, one step at a time.

    Each step changes one thing: precision, repairs, duplicates, status, date, coverage, measurement. The
    effects add up to the difference, for each holder and in all. Our side is the shipped census.
    """
    from accounting.accounts.bridge import bridge, published
    from accounting.capacity.calibration import load_calibration
    from accounting.census.sources import load_census
    from accounting.reference.facts import load_facts

    start = published(options["figure"])
    target = _target(options)
    facts = load_facts()
    theirs = _theirs(start, options["file"], facts)
    calibration = load_calibration(facts, options["calibrations"])
    found = bridge(start, theirs, load_census([], facts), target, facts, calibration)
    _emit(found, options["unit"], output)


def _target(options: dict[str, Any]) -> Target:
    from accounting.accounts.bridge import Target
    from accounting.accounts.levels import read_levels
    from accounting.census.selection import Selection
    from flopcensus.answering.reading import read_day

    day = read_day(options["as_of"], "--as-of")
    return Target(
        Selection(day), options["basis"], read_levels(options["level"]), options["seed"], options["draws"]
    )


def _theirs(start: Published, file: str | None, facts: Facts) -> Ledger:
    from accounting.census.readers.formats import READERS
    from accounting.census.sources import load_census
    from bench.errors import InputError

    if not file:
        raise InputError(
            f"{start.name} rests on {start.file}, which is not shipped: get it from {start.source} and name "
            f"it with --file {start.prefix}:PATH"
        )
    prefix, colon, _ = file.partition(":")
    if colon and prefix in READERS and prefix != start.prefix:
        raise InputError(f"{start.name} rests on {start.file}: --file {start.prefix}:PATH (found '{file}')")
    return load_census([file], facts)


def _emit(bridge: Bridge, unit: Any, output: Format) -> None:
    from flopcensus.documents.bridge import bridge_csv, bridge_document
    from flopcensus.output import to_json, warn
    from flopcensus.tables.bridge import print_bridge

    if output == "json":
        click.echo(to_json(bridge_document(bridge, unit)), nl=False)
    elif output == "csv":
        click.echo(bridge_csv(bridge, unit), nl=False)
    else:
        print_bridge(bridge, unit)
    for text in dict.fromkeys(bridge.warnings):
        warn(text)
