"""What export rules make of an accelerator or a country, as plain data and as CSV."""

from __future__ import annotations

from typing import Any

from accounting.planning.export_rules import RuleFinding
from accounting.reference.export_control import NOT_LEGAL_ADVICE, Verdict
from flopcensus.answering.export_control import CountryVerdicts, ModelVerdicts
from flopcensus.output import to_csv

MODEL_SCHEMA = "flopcensus/export-control/1"
COUNTRY_SCHEMA = "flopcensus/export-country/1"
MODEL_COLUMNS = ("rule", "name", "date", "until", "class", "means", "destinations", "citation", "source")
COUNTRY_COLUMNS = (
    *("rule", "in_force", "reached", "accelerators", "accelerators_licensed", "tpp", "tpp_licensed"),
    *("cap_used", "citation"),
)


def model_document(found: ModelVerdicts) -> dict[str, Any]:
    """Return an accelerator's performance as the rules count it, and its class under each."""
    one, performance = found.accelerator, found.performance
    return {
        "schema": MODEL_SCHEMA,
        "accelerator": one.id,
        "name": one.name,
        "status": one.status,
        "tpp": performance.tpp,
        "tpp_precision": performance.tpp_precision,
        "performance_density": performance.performance_density,
        "die_area_mm2": one.die_area,
        "interconnect_gb_per_s": performance.interconnect_gb_per_s,
        "memory_bandwidth_gb_per_s": performance.memory_bandwidth_gb_per_s,
        "data_center": performance.data_center,
        "rules": [_verdict(verdict) for verdict in found.verdicts],
        "notice": NOT_LEGAL_ADVICE,
    }


def model_csv(found: ModelVerdicts) -> str:
    """Return an accelerator's class under each rule as CSV."""
    return to_csv(MODEL_COLUMNS, [_verdict(verdict) for verdict in found.verdicts])


def _verdict(verdict: Verdict) -> dict[str, Any]:
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


def country_document(found: CountryVerdicts) -> dict[str, Any]:
    """Return what each rule makes of a country's accelerators; TPP is the sum over all of them."""
    return {
        "schema": COUNTRY_SCHEMA,
        "country": found.country,
        "on": found.on.isoformat(),
        "rules": [_finding(one) for one in found.findings],
        "notice": NOT_LEGAL_ADVICE,
    }


def country_csv(found: CountryVerdicts) -> str:
    """Return what each rule makes of a country's accelerators as CSV."""
    return to_csv(COUNTRY_COLUMNS, [_finding(one) for one in found.findings])


def _finding(one: RuleFinding) -> dict[str, Any]:
    return {
        "rule": one.rule.id,
        "in_force": one.in_force,
        "reached": one.reached,
        "accelerators": sum(batch.count for batch in one.batches),
        "accelerators_licensed": licensed(one),
        "tpp": one.tpp,
        "tpp_licensed": one.tpp_stopped,
        "cap_used": one.cap_used,
        "citation": one.rule.citation,
    }


def licensed(one: RuleFinding) -> float:
    """Return how many accelerators needed a licence under a rule."""
    return sum(batch.count for batch in one.batches if batch.licence)
