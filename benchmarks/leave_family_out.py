"""What pooling says of families of accelerators that it has not seen, against a constant interval.

python benchmarks/leave_family_out.py

For each basis and precision: the measurements left out family by family, the share inside their 90 %
interval, and the mean interval score (smaller is better) beside those of two constants fitted to the rest.
Writes the tables of docs/calibration.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from accounting.capacity.calibration import shipped_evidence
from accounting.capacity.efficiency.cross_validation import (
    IntervalKind,
    LeftOut,
    coverage,
    leave_families_out,
    mean_score,
)
from accounting.reference.facts import load_facts

CASES = (("achievable", "bf16"), ("achievable", "fp8"), ("sustained", "bf16"))
KINDS: tuple[IntervalKind, ...] = ("pooled", "quantiles", "normal")


def measure() -> dict[tuple[str, str], tuple[LeftOut, ...]]:
    """Return what was left out and foretold, by basis and precision."""
    facts = load_facts()
    evidence = shipped_evidence(facts)
    return {case: leave_families_out(evidence, facts, *case) for case in CASES}


def main() -> None:
    """Print two tables in Markdown."""
    found = measure()
    print(
        "| what | n | families | inside: pooled | constant quantiles | constant normal "
        "| score: pooled | constant quantiles | constant normal |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for case, rows in found.items():
        _line(" ".join(case), rows)
    _line("all", [row for rows in found.values() for row in rows])
    print("\n| what | family left out | accelerator | measured | foretold (5 to 95 %) | inside |")
    print("|---|---|---|---|---|---|")
    for case, rows in found.items():
        for row in rows:
            low, high = row.pooled
            inside = "yes" if low <= row.value <= high else "no"
            cells = (" ".join(case), row.family, row.accelerator, f"{row.value:.3f}")
            print("| " + " | ".join([*cells, f"{low:.2f} to {high:.2f}", inside]) + " |")


def _line(name: str, rows: Sequence[LeftOut]) -> None:
    families = len({row.family for row in rows})
    inside = [f"{coverage(rows, kind):.0%}" for kind in KINDS]
    scores = [f"{mean_score(rows, kind):.3f}" for kind in KINDS]
    print("| " + " | ".join([name, str(len(rows)), str(families), *inside, *scores]) + " |")


if __name__ == "__main__":
    main()
