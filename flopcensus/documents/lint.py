"""Findings of the linter as people and programs read them: a table, JSON, CSV and SARIF 2.1.0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from accounting.lint.linting import RULES
from accounting.lint.rule import Figure, Finding, Rule
from flopcensus import __version__
from flopcensus.output import print_table, printable, say, to_csv

SCHEMA = "flopcensus/lint/1"
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_COLUMNS = ("severity", "rule", "rows", "found", "expected", "ratio", "factor", "message")
_MOST_ROWS_SHOWN = 3


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
    return to_csv(_COLUMNS, rows)


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


def print_findings(found: Sequence[Finding]) -> None:
    """Print a block for each finding, then how many there are of each rule."""
    for finding in found:
        evidence = finding.evidence
        say(f"{finding.severity}: {finding.rule.id}: {printable(evidence.message)}")
        more = len(evidence.rows) - _MOST_ROWS_SHOWN
        rows = ", ".join(evidence.rows[:_MOST_ROWS_SHOWN]) + (f" and {more} more" if more > 0 else "")
        say(f"  at {printable(rows)}")
        say(f"  found {printable(str(evidence.found))}, expected {printable(str(evidence.expected))}")
        if evidence.factor is not None:
            say(f"  the total stands at {evidence.factor:.4g} times what it should be")
    if not found:
        say("no findings")
        return
    say("")
    counts = Counter(finding.rule for finding in found)
    rows_of = [(rule.id, str(count), rule.title) for rule, count in counts.items()]
    print_table("", ("rule", "findings", "what it says"), rows_of)
