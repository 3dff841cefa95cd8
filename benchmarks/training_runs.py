"""Wall-clock utilisations of published training runs, each foretold with the run itself left out.

python benchmarks/training_runs.py ../shared/reference/training_runs.csv

A run is left out with everything that its source says: MFU, availability and scaling series. Rows whose
hours, FLOP and utilisation do not follow from one another (``independent_check``) are what the intervals are
judged by. Rows whose hours are stated, but of which nothing else is known, are shown beside them: they were
trained by many hands at many sizes. Circular, inferred and borrowed hours are no evidence, and no dense
pool foretells a mixture of experts.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

from accounting.capacity.calibration import Calibration, shipped_evidence
from accounting.capacity.efficiency.runs import Utilisation, predict_run
from accounting.capacity.efficiency.scaling import REFERENCE_CHIPS
from accounting.reference.facts import load_facts

# the chips of the table, as the catalogue names them
CHIPS = {
    "A100": "nvidia-a100-sxm-80gb",
    "H100": "nvidia-h100-sxm",
    "GH200": "nvidia-gh200",
    "TPUv4": "google-tpu-v4",
    "TPUv3": "google-tpu-v3",
}
# what a row's own note says of its memory
MEMORY = {"GLM-130B": "nvidia-a100-sxm-40gb"}
NO_EVIDENCE = ("CIRCULAR", "inferred", "borrowed", "not published")
EIGHT_BIT = frozenset({"fp8"})


@dataclass(frozen=True)
class Run:
    """A run of the table: what was found, and what was foretold of it (None where nothing can be)."""

    name: str
    accelerator: str
    chips: float
    measured: float
    independent: bool
    foretold: Utilisation

    @property
    def inside(self) -> bool:
        """Whether the measured utilisation lies in the 90 % interval."""
        return self.foretold.low <= self.measured <= self.foretold.high


def measure(path: Path) -> tuple[Run, ...]:
    """Return the runs that can be foretold, those with an independent check first."""
    facts = load_facts()
    evidence = shipped_evidence(facts)
    runs = []
    with path.open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if usable(row)]
    for row in rows:
        name, source = row["model"], row["source"]
        kept = [m for m in evidence.measurements if m.run != name and not _same(m.source, source)]
        series = [s for s in evidence.scaling if not _same(s.source, source)]
        chips = float(row["n_chips"] or REFERENCE_CHIPS)
        accelerator = MEMORY.get(name, CHIPS[row["chip"]])
        foretold = predict_run(Calibration.of(kept, facts, series), accelerator, chips)
        measured = float(row["wallclock_util_derived"])
        runs.append(Run(name, accelerator, chips, measured, row["independent_check"] == "yes", foretold))
    return tuple(sorted(runs, key=lambda run: (not run.independent, run.name)))


def usable(row: dict[str, str]) -> bool:
    """Return whether a row is evidence of wall-clock utilisation in 16-bit training of a dense model."""
    bad = any(word in row["chip_hours_source"] for word in NO_EVIDENCE)
    dense = row["precision"] not in EIGHT_BIT and "MoE" not in row["note"]
    return bool(row["wallclock_util_derived"]) and not bad and dense and row["chip"] in CHIPS


def _same(ours: str, theirs: str) -> bool:
    """Whether our source is among those of a row of the table, which have no scheme."""
    parts = (part.strip() for part in theirs.split(";"))
    return any(part and part in ours for part in parts if "/" in part)


def main(path: str) -> None:
    """Print a table in Markdown, and what it comes to."""
    runs = measure(Path(path))
    print("| run | accelerator | chips | wall-clock utilisation | foretold (5, 50, 95 %) | inside | p95/p5 |")
    print("|---|---|---|---|---|---|---|")
    for run in runs:
        u, name = run.foretold, f"**{run.name}**" if run.independent else run.name
        spread = f"{u.low:.3f}, {u.median:.3f}, {u.high:.3f}"
        inside = "yes" if run.inside else "no"
        cells = (name, run.accelerator, f"{run.chips:g}", f"{run.measured:.3f}", spread, inside)
        print("| " + " | ".join([*cells, f"{u.ratio:.2f}"]) + " |")
    for independent, words in ((True, "independent"), (False, "hours stated, nothing else known")):
        held = [run for run in runs if run.independent is independent]
        ratios = [run.foretold.ratio for run in held]
        inside = sum(run.inside for run in held)
        print(f"\n{words}: {inside} of {len(held)} inside, p95/p5 {min(ratios):.2f} to {max(ratios):.2f}")
    print("\nfactors of the independent runs (5, 50, 95 %):")
    for run in runs:
        for factor in run.foretold.factors if run.independent else ():
            print(f"  {run.name}: {factor.name} {factor.low:.2f}, {factor.median:.2f}, {factor.high:.2f}")


if __name__ == "__main__":
    main(sys.argv[1])
