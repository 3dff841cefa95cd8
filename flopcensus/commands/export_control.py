"""``flopcensus export-control``: TPP and performance density, and what dated rules make of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flopcensus.options import format_option, overlay_option
from flopcensus.output import Format

if TYPE_CHECKING:
    from accounting.reference.accelerators import Accelerator
    from accounting.reference.export_control import Performance, Verdict

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
    if country is not None:
        from flopcensus.tables.export_control import emit_country

        emit_country(country, day, overlays, output)
        return
    assert accelerator is not None  # noqa: S101  (one of the two is given)
    _one_model(accelerator, day, overlays, output)


def _one_model(accelerator: str, day: str | None, overlays: tuple[Path, ...], output: Format) -> None:
    from accounting.reference.export_control import classify, load_export_rules, performance
    from accounting.reference.facts import load_facts
    from accounting.reference.shipped import configs_root
    from flopcensus.answering.reading import read_day
    from flopcensus.output import to_csv, to_json

    facts = load_facts(overlays=overlays)
    table = facts.names.accelerators
    one = facts.accelerators[table.resolve(accelerator) if table else accelerator]
    found = performance(one)
    verdicts = classify(found, load_export_rules(configs_root() / "export_rules.yaml"))
    if day is not None:
        on = read_day(day, "--on")
        verdicts = tuple(verdict for verdict in verdicts if verdict.rule.in_force(on))
    rows = [_row(verdict) for verdict in verdicts]
    if output == "json":
        click.echo(to_json(_document(one, found, rows)), nl=False)
    elif output == "csv":
        click.echo(to_csv(list(COLUMNS), rows), nl=False)
    else:
        _print(one, found, verdicts)


COLUMNS = ("rule", "name", "date", "until", "class", "means", "destinations", "citation", "source")


def _row(verdict: Verdict) -> dict[str, Any]:
    rule = verdict.rule
    row: dict[str, Any] = {
        "rule": rule.id,
        "name": rule.name,
        "date": rule.since.isoformat(),
        "until": rule.until.isoformat() if rule.until else None,
        "class": verdict.text,
        "means": "; ".join(filter(None, dict.fromkeys(verdict.means))),
        "destinations": rule.destinations,
        "citation": rule.citation,
        "source": rule.source,
        "note": rule.note,
    }
    if verdict.units_under_cap is not None:
        row["units_under_country_cap"] = verdict.units_under_cap
        row["units_of_low_volume_per_year"] = verdict.units_of_low_volume
    return row


def _document(one: Accelerator, found: Performance, rows: list[dict[str, Any]]) -> dict[str, Any]:
    from accounting.reference.export_control import NOT_LEGAL_ADVICE

    return {
        "schema": "flopcensus/export-control/1",
        "accelerator": one.id,
        "name": one.name,
        "status": one.status,
        "tpp": found.tpp,
        "tpp_precision": found.tpp_precision,
        "performance_density": found.performance_density,
        "die_area_mm2": one.die_area,
        "interconnect_gb_per_s": found.interconnect_gb_per_s,
        "memory_bandwidth_gb_per_s": found.memory_bandwidth_gb_per_s,
        "data_center": found.data_center,
        "rules": rows,
        "notice": NOT_LEGAL_ADVICE,
    }


def _print(one: Accelerator, found: Performance, verdicts: tuple[Verdict, ...]) -> None:
    from accounting.reference.export_control import BIT_LENGTH, NOT_LEGAL_ADVICE
    from flopcensus.output import print_table, say

    precision = found.tpp_precision
    bits = BIT_LENGTH[precision]  # type: ignore[index]  # a precision of the accelerator's own peaks
    say(f"{one.name} ({one.id}{'' if one.status == 'shipping' else ', ' + one.status})")
    say(f"  TPP {found.tpp:,.0f}: {found.tpp / bits:,.6g} dense TOPS in {precision} × {bits} bits")
    density = found.performance_density
    say(
        f"  performance density {density:,.2f}: TPP ÷ {one.die_area:,.0f} mm²"
        if density is not None
        else "  performance density not known: the entry states no die area"
    )
    say("")
    rows = [
        (
            verdict.rule.id,
            f"{verdict.rule.since} to {verdict.rule.until or 'now'}",
            verdict.text,
            verdict.rule.citation,
        )
        for verdict in verdicts
    ]
    print_table("", ("rule", "in force", "class", "citation"), rows)
    for verdict in verdicts:
        for name, means in zip(verdict.classes, verdict.means, strict=False):
            if means:
                say(f"{verdict.rule.id}, {name}: {means} ({verdict.rule.destinations})")
        if verdict.units_under_cap is not None and verdict.units_of_low_volume is not None:
            say(
                f"{verdict.rule.id}: a country's cap was {verdict.units_under_cap:,.0f} of them, "
                f"the low volume {verdict.units_of_low_volume:,.0f} a year"
            )
    say(NOT_LEGAL_ADVICE)
