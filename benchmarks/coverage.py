"""How much of the capacity in Epoch AI's clusters stands in the shipped census, by territory.

python benchmarks/coverage.py GPU_CLUSTERS.csv [TERRITORY …]

With territories, the rows that are missing there are listed. Capacity is the file's own 16-bit column.
"""

from __future__ import annotations

import sys
from pathlib import Path

from accounting.census.coverage import Coverage, coverage
from accounting.census.crosswalk import OURS, crosswalk_of
from accounting.census.readers.formats import READERS
from accounting.census.sources import load_census
from accounting.reference.facts import load_facts
from accounting.reference.shipped import configs_root

LARGEST = 20


def measure(path: Path) -> tuple[Coverage, ...]:
    """Return the coverage of Epoch AI's clusters by the shipped census."""
    facts = load_facts()
    ours = load_census([], facts)
    ties = crosswalk_of(ours.entries, configs_root() / "crosswalk.yaml")
    known = {f"{OURS}:{entry.facility}" for entry in ours.entries}
    return coverage("epoch-clusters", READERS["epoch-clusters"](path, facts), ties, known)


def main(path: str, *territories: str) -> None:
    """Print the table."""
    for one in measure(Path(path))[: None if territories else LARGEST]:
        if territories and one.territory not in territories:
            continue
        print(f"{one.territory}  {one.flop_per_s:9.3g} FLOP/s  {one.share:6.1%}")
        for name, value in one.missing if territories else one.missing[:1]:
            print(f"      missing {value:9.3g}  {name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
