"""Findings of the linter as JSON, CSV and SARIF 2.1.0."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from accounting.lint.linting import RULES
from accounting.lint.rule import Figure, Finding, Rule
from flopcensus import __version__
from flopcensus.output import to_csv

SCHEMA = "flopcensus/lint/1"
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
COLUMNS = ("severity", "rule", "rows", "found", "expected", "ratio", "factor", "message")


def document(found: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings for JSON."""
    return {"schema": SCHEMA, "findings": [_entry(finding) for finding in found]}


def _entry(finding: Finding) -> dict[str, Any]:
    evidence = finding.evidence
    return {
        "rule": finding.rule.id,
        "severity": finding.severity,
        "rows": list(evidence.rows),
        "found": _figure(evidence.found),
        "expected": _figure(evidence.expected),
        "ratio": evidence.ratio,
        "factor": evidence.factor,
        "message": evidence.message,
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {"value": figure.value, "unit": figure.unit, "basis": figure.basis}


def csv(found: Sequence[Finding]) -> str:
    """Return the findings as CSV, one a line."""
    rows = [
        _entry(finding)
        | {
            "rows": "; ".join(finding.evidence.rows),
            "found": str(finding.evidence.found),
            "expected": str(finding.evidence.expected),
        }
        for finding in found
    ]
    return to_csv(COLUMNS, rows)


def sarif(found: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings as a SARIF 2.1.0 log (OASIS standard, 2020)."""
    places = {rule.id: place for place, rule in enumerate(RULES)}
    driver = {"name": "flopcensus", "version": __version__, "rules": [_sarif_rule(rule) for rule in RULES]}
    results = [_result(finding, places[finding.rule.id]) for finding in found]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.explains},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(finding: Finding, place: int) -> dict[str, Any]:
    entry = _entry(finding)
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": place,
        "level": finding.severity,
        "message": {"text": finding.evidence.message},
        "locations": [_location(row) for row in finding.evidence.rows],
        "properties": {name: entry[name] for name in ("found", "expected", "ratio", "factor")},
    }


def _location(row: str) -> dict[str, Any]:
    file, _, line = row.rpartition(":")
    uri = quote(PurePath(file).as_posix())
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": int(line)}}}
