"""The linter: all rules over all files given."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence

from accounting.lint import claims, double_counting, overlaps, place_and_date, power, sheets, values, weights
from accounting.lint.material import load_material
from accounting.lint.rule import Finding, Rule, findings
from accounting.reference.facts import Facts

RULES: tuple[Rule, ...] = (
    values.per_chip_rate,
    values.h100e_count,
    values.mixed_chips,
    values.zero_for_missing,
    weights.one_chip_one_weight,
    weights.eight_bit_basis,
    weights.basis_shifts_shares,
    double_counting.superseded_twice,
    double_counting.duplicate_flagged,
    double_counting.duplicate,
    double_counting.status_mixing,
    overlaps.overlap,
    place_and_date.owner_seat,
    place_and_date.planned_as_operational,
    place_and_date.dates_out_of_order,
    power.power_multiple,
    power.power_per_chip,
    claims.sparse_only,
    sheets.tpp_copy,
)
_ORDER = ("error", "warning", "note")


def lint(sources: Sequence[str], facts: Facts, today: datetime.date) -> tuple[Finding, ...]:
    """Check files by every rule; errors first, then warnings and notes, each in the order of the rules.

    Args:
        sources: paths of any format known, or ``PREFIX:PATH``; given together they are also compared.
        facts: the catalogue.
        today: the date of a file whose name states none.

    Raises:
        InputFaults, UnknownNameError: as :func:`accounting.lint.material.load_material`.
    """
    return ordered(findings(RULES, load_material(sources, facts, today)))


def ordered(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings by severity, and keep their order within it."""
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))
