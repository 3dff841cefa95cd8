"""``flopcensus export-control``: TPP and performance density, and what dated rules make of them."""

from __future__ import annotations

from pathlib import Path

import click

from flopcensus.options import format_option, overlay_option
from flopcensus.output import Format

_EXAMPLE = """\b
Examples:
  flopcensus export-control nvidia-h20
  flopcensus export-control "NVIDIA H200 SXM" --on 2026-02-01
  flopcensus export-control --country AE --on 2025-06-30
"""


@click.command("export-control", epilog=_EXAMPLE)
@click.argument("accelerator", required=False)
@click.option("--country", help="What the rules make of all that stands in a country, in place of one model.")
@click.option(
    "--on", "day", help="Only the rules in force on this date, YYYY-MM-DD [default: all, with dates]."
)
@overlay_option
@format_option
def command(
    accelerator: str | None,
    country: str | None,
    day: str | None,
    overlays: tuple[Path, ...],
    output: Format,
) -> None:
    """Say what export rules make of an ACCELERATOR: performance as they count it, and its class under each.

    With --country, of all accelerators of the shipped census that stand in it: what needed a licence to go
    there, and how much of the country's cap it would use. Not legal advice: destination, end user, exceptions
    and amendments decide too.
    """
    if (accelerator is None) == (country is None):
        raise click.UsageError("give an ACCELERATOR or --country, one of the two")
    from flopcensus.answering.export_control import classify_model, judge_country
    from flopcensus.documents.export_control import country_csv, country_document, model_csv, model_document
    from flopcensus.output import show
    from flopcensus.tables.export_control import print_country, print_model

    if country is not None:
        held = judge_country(country, day, overlays)
        show(output, lambda: country_document(held), lambda: country_csv(held), lambda: print_country(held))
        return
    assert accelerator is not None  # noqa: S101  (one of the two is given)
    found = classify_model(accelerator, day, overlays)
    show(output, lambda: model_document(found), lambda: model_csv(found), lambda: print_model(found))
