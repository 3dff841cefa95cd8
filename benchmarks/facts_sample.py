"""Draw a sample of shipped figures to be checked by hand against what they cite.

python benchmarks/facts_sample.py [SEED] [SIZE]

Half are accelerators' figures, half counts of deployments. The same seed gives the same sample while the
facts stay.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

from accounting.census.facilities import load_facilities
from accounting.reference.accelerators import Accelerator
from accounting.reference.facts import load_facts
from accounting.reference.shipped import configs_root

KEYS = ("memory", "memory_bandwidth", "tdp", "die_area", "interconnect_bandwidth")


def figures_of(one: Accelerator) -> Iterator[tuple[str, str, float, str]]:
    """Yield (row, key, value in base units, source) of an accelerator."""
    values = [(f"peak.{precision}", rate, "peak") for precision, rate in one.peak.items()]
    values += [(key, getattr(one, key), key) for key in KEYS if getattr(one, key)]
    for key, value, covers in values:
        source = next(source.url for source in one.sources if covers in source.covers)
        yield one.id, key, value, source


def main(seed: str = "1", size: int = 30) -> None:
    """Print the sample as CSV."""
    facts = load_facts()
    chance = random.Random(seed)
    chips = [row for one in facts.accelerators.values() for row in figures_of(one)]
    counts = [
        (deployment.id, "count", deployment.count.value.best, deployment.count.source)
        for facility in load_facilities([Path(configs_root() / "facilities")], facts)
        for deployment in facility.deployments
        if deployment.count is not None and deployment.count.kind in {"reported", "published", "derived"}
    ]
    print("row,key,value,source")
    for row in (*chance.sample(chips, size // 2), *chance.sample(counts, size - size // 2)):
        print(",".join(map(str, row)))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "1", int(sys.argv[2]) if len(sys.argv) > 2 else 30)
