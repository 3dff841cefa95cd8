"""What export rules make of what stands in a country: what needed a licence, how much of a cap it uses."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import click

from accounting.census.selection import Selection, select
from accounting.census.sources import load_census
from accounting.planning.export_rules import RuleFinding, judge, load_rules
from accounting.reference.export_control import NOT_LEGAL_ADVICE
from accounting.reference.facts import Facts, load_facts
from flopcensus.answering.reading import read_day
from flopcensus.output import Format, print_table, say, to_csv, to_json

_MILLION = 1e6
COLUMNS = (
    *("rule", "in_force", "reached", "accelerators", "accelerators_licensed", "tpp", "tpp_licensed"),
    *("cap_used", "citation"),
)


def emit_country(country: str, day: str | None, overlays: tuple[Path, ...], output: Format) -> None:
    """Print what the rules make of a country's accelerators on a day (today where None).

    Raises:
        InputError: a country or a day that there is not.
    """
    facts = load_facts(overlays=overlays)
    table = facts.names.countries
    code = table.resolve(country) if table else country
    on = read_day(day, "--on") if day else datetime.date.today()
    chosen = select(load_census((), facts), Selection(on)).entries
    within = [entry for entry in chosen if entry.territory == code]
    found = judge(within, code, on, facts, load_rules())
    rows = [_row(one) for one in found]
    if output == "json":
        head = {"schema": "flopcensus/export-country/1", "country": code, "on": on.isoformat()}
        click.echo(to_json(head | {"rules": rows, "notice": NOT_LEGAL_ADVICE}), nl=False)
    elif output == "csv":
        click.echo(to_csv(COLUMNS, rows), nl=False)
    else:
        _print(code, on, found, facts)


def _row(one: RuleFinding) -> dict[str, Any]:
    return {
        "rule": one.rule.id,
        "in_force": one.in_force,
        "reached": one.reached,
        "accelerators": sum(b.count for b in one.batches),
        "accelerators_licensed": sum(b.count for b in one.batches if b.licence),
        "tpp": one.tpp,
        "tpp_licensed": one.tpp_stopped,
        "cap_used": one.cap_used,
        "citation": one.rule.citation,
    }


def _print(code: str, on: datetime.date, found: tuple[RuleFinding, ...], facts: Facts) -> None:
    total = found[0].tpp if found else 0.0
    say(f"{facts.label(code)}, {on}: {total / _MILLION:,.0f} M TPP of the shipped census in operation")
    rows = [
        (
            one.rule.id,
            "in force" if one.in_force else "not then",
            f"{sum(b.count for b in one.batches if b.licence):,.0f}" if one.reached else "not reached",
            f"{one.tpp_stopped / _MILLION:,.0f} M" if one.reached else "–",
            f"{100 * one.cap_used:.1f} %" if one.cap_used is not None else "–",
            one.rule.citation,
        )
        for one in found
    ]
    heads = (
        "rule",
        str(on),
        "accelerators that needed a licence",
        "TPP of them",
        "of the country's cap",
        "citation",
    )
    print_table("", heads, rows)
    say(
        "A rule not in force then says what it would have asked. Batches without model or count are left out."
    )
    say(NOT_LEGAL_ADVICE)
