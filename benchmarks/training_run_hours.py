"""Accelerator-hours of published training runs, each foretold with its own source left out.

python benchmarks/training_run_hours.py ../shared/reference/training_runs.csv

All rows of the table that state hours which are not circular (worked out from a utilisation). Rows in bold
are those that ``training_runs.py`` takes as evidence. The others' hours are inferred or borrowed; DeepSeek-V3
was trained in FP8 with a mixture of experts, and is foretold as if it were dense, in 16 bits, with its active
parameters.
"""

from __future__ import annotations

import csv
import runpy
import sys
from pathlib import Path
from typing import Any

from accounting.capacity.calibration import shipped_evidence
from accounting.planning.training.assumptions import PublishedRun, load_assumptions, load_published_runs
from accounting.planning.training.cross_validation import Foretold, foretell
from accounting.reference.facts import load_facts

_TABLE = runpy.run_path(str(Path(__file__).with_name("training_runs.py")))
_CHIPS: dict[str, str] = {**_TABLE["CHIPS"], "H800": "nvidia-h800-sxm"}


def measure(path: Path) -> tuple[tuple[Foretold, bool], ...]:
    """Return each run with hours that are not circular, and whether it is evidence."""
    facts = load_facts()
    evidence, assumptions, others = shipped_evidence(facts), load_assumptions(), load_published_runs(facts)
    with path.open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if _stated(row)]
    found = []
    for row in rows:
        run = _run(row)
        listed = {one.source for one in others if one.name == run.name}

        def same(source: str, row: dict[str, str] = row, listed: set[str] = listed) -> bool:
            return source in listed or bool(_TABLE["_same"](source, row["source"]))

        found.append((foretell(run, others, evidence, facts, assumptions, same), bool(_TABLE["usable"](row))))
    return tuple(found)


def _stated(row: dict[str, str]) -> bool:
    circular = "CIRCULAR" in row["chip_hours_source"]
    return bool(row["chip_hours"]) and not circular and row["chip"] in _CHIPS


def _run(row: dict[str, str]) -> PublishedRun:
    plain: dict[str, Any] = {
        "name": row["model"],
        "accelerator": _TABLE["MEMORY"].get(row["model"], _CHIPS[row["chip"]]),
        "hours": float(row["chip_hours"]),
        "parameters": float(row["params_B_active"]) * 1e9,
        "flop": float(row["flop_used"]),
        "kind": "reported",
        "source": "https://" + row["source"].split(";")[0].strip().replace(" ", "-"),
        "date": row["date"],
    }
    if row["n_chips"]:
        plain["chips"] = float(row["n_chips"])
    return PublishedRun.model_validate(plain)


def main(path: str) -> None:
    """Print a table in Markdown, and what it comes to."""
    found = measure(Path(path))
    print("| run | accelerator | chips | parameters | chip-hours | foretold (5, 50, 95 %) | inside |")
    print("|---|---|---|---|---|---|---|")
    for run, evidence in found:
        name = f"**{run.name}**" if evidence else run.name
        spread = ", ".join(f"{hours / 1e6:.3g}" for hours in (run.low, run.median, run.high))
        cells = [name, run.accelerator, f"{run.chips:g}", f"{run.parameters / 1e9:.3g} B"]
        cells += [f"{run.hours / 1e6:.3g} M", f"{spread} M", "yes" if run.inside else "no"]
        print("| " + " | ".join(cells) + " |")
    for words, held in (
        ("all that are not circular", [run for run, _ in found]),
        ("evidence alone", [run for run, evidence in found if evidence]),
    ):
        inside = sum(run.inside for run in held)
        ours = sum(run.score for run in held) / len(held)
        constant = sum(run.constant_score for run in held) / len(held)
        kept = sum(run.constant[0] <= run.hours <= run.constant[1] for run in held)
        print(
            f"\n{words}: {inside} of {len(held)} inside, interval score of ln(hours) {ours:.3f}; "
            f"constant 0.16 to 0.54: {kept} inside, {constant:.3f}"
        )


if __name__ == "__main__":
    main(sys.argv[1])
