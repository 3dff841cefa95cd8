"""Findings of the linter for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from accounting.lint.rule import Finding
from flopcensus.output import print_table, printable, say

_MOST_ROWS_SHOWN = 3


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
