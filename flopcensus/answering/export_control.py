"""What export rules make of an accelerator, or of all that stands in a country."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime

    from accounting.planning.export_rules import RuleFinding
    from accounting.reference.accelerators import Accelerator
    from accounting.reference.export_control import Performance, Verdict
    from accounting.reference.facts import Facts


@dataclass(frozen=True)
class ModelVerdicts:
    """An accelerator, its performance as the rules count it, and its class under each rule."""

    accelerator: Accelerator
    performance: Performance
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class CountryVerdicts:
    """What each rule makes of all accelerators of the shipped census that stand in a country on a day."""

    country: str
    on: datetime.date
    findings: tuple[RuleFinding, ...]
    facts: Facts


def classify_model(accelerator: str, on: str | None, overlays: Sequence[Path]) -> ModelVerdicts:
    """Classify one accelerator by all rules, or by those in force on a day. Raises InputError and its kin."""
    from accounting.reference.export_control import classify, load_export_rules, performance
    from accounting.reference.facts import load_facts
    from accounting.reference.shipped import configs_root
    from flopcensus.answering.reading import read_day

    facts = load_facts(overlays=overlays)
    table = facts.names.accelerators
    one = facts.accelerators[table.resolve(accelerator) if table else accelerator]
    found = performance(one)
    verdicts = classify(found, load_export_rules(configs_root() / "export_rules.yaml"))
    if on is not None:
        day = read_day(on, "--on")
        verdicts = tuple(verdict for verdict in verdicts if verdict.rule.in_force(day))
    return ModelVerdicts(one, found, verdicts)


def judge_country(country: str, on: str | None, overlays: Sequence[Path]) -> CountryVerdicts:
    """Judge what stands in a country by all rules, today where no day is named. Raises InputError and kin."""
    from accounting.census.selection import Selection, select
    from accounting.census.sources import load_census
    from accounting.planning.export_rules import judge, load_rules
    from accounting.reference.facts import load_facts
    from flopcensus.answering.reading import read_day

    facts = load_facts(overlays=overlays)
    table = facts.names.countries
    code = table.resolve(country) if table else country
    day = read_day(on, "--on")
    chosen = select(load_census((), facts), Selection(day)).entries
    within = [entry for entry in chosen if entry.territory == code]
    return CountryVerdicts(code, day, judge(within, code, day, facts, load_rules()), facts)
