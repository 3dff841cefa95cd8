"""What export rules make of an accelerator or a country, for people."""

from __future__ import annotations

from accounting.reference.export_control import BIT_LENGTH, NOT_LEGAL_ADVICE
from flopcensus.answering.export_control import CountryVerdicts, ModelVerdicts
from flopcensus.documents.export_control import licensed
from flopcensus.output import percent, print_table, say

_MILLION = 1e6


def print_model(found: ModelVerdicts) -> None:
    """Print how the rules count an accelerator's performance, and its class under each."""
    one = found.accelerator
    say(f"{one.name} ({one.id}{'' if one.status == 'shipping' else ', ' + one.status})")
    _print_performance(found)
    rows = [
        (
            verdict.rule.id,
            f"{verdict.rule.since} to {verdict.rule.until or 'now'}",
            verdict.text,
            verdict.rule.citation,
        )
        for verdict in found.verdicts
    ]
    print_table("", ("rule", "in force", "class", "citation"), rows)
    for verdict in found.verdicts:
        for name, means in zip(verdict.classes, verdict.means, strict=False):
            if means:
                say(f"{verdict.rule.id}, {name}: {means} ({verdict.rule.destinations})")
        if verdict.units_under_cap is not None and verdict.units_of_low_volume is not None:
            say(
                f"{verdict.rule.id}: a country's cap was {verdict.units_under_cap:,.0f} of them, "
                f"the low volume {verdict.units_of_low_volume:,.0f} a year"
            )
    say(NOT_LEGAL_ADVICE)


def _print_performance(found: ModelVerdicts) -> None:
    performance = found.performance
    precision = performance.tpp_precision
    bits = BIT_LENGTH[precision]  # type: ignore[index]  # a precision of the accelerator's own peaks
    say(
        f"  TPP {performance.tpp:,.0f}: {performance.tpp / bits:,.6g} dense TOPS in {precision} × {bits} bits"
    )
    density = performance.performance_density
    say(
        f"  performance density {density:,.2f}: TPP ÷ {found.accelerator.die_area:,.0f} mm²"
        if density is not None
        else "  performance density not known: the entry states no die area"
    )
    say("")


def print_country(found: CountryVerdicts) -> None:
    """Print what each rule makes of a country's accelerators."""
    total = found.findings[0].tpp if found.findings else 0.0
    of_census = "of the shipped census in operation"
    say(f"{found.facts.label(found.country)}, {found.on}: {total / _MILLION:,.0f} M TPP {of_census}")
    rows = [
        (
            one.rule.id,
            "in force" if one.in_force else "not then",
            f"{licensed(one):,.0f}" if one.reached else "not reached",
            f"{one.tpp_stopped / _MILLION:,.0f} M" if one.reached else "–",
            percent(one.cap_used) if one.cap_used is not None else "–",
            one.rule.citation,
        )
        for one in found.findings
    ]
    columns = ("accelerators that needed a licence", "TPP of them", "of the country's cap", "citation")
    print_table("", ("rule", str(found.on), *columns), rows)
    say(
        "A rule not in force then says what it would have asked. Batches without model or count are left out."
    )
    say(NOT_LEGAL_ADVICE)
