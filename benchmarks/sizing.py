"""Does a power lead to the published count? Facilities of the shipped census that state both.

python benchmarks/sizing.py

The accelerators that run in a facility are counted from its power alone, and the published count is held
against the 90 % interval. The TOP500's powers are of a benchmark's run, the others of whole sites. Powers and
counts of the TOP500 are independent of one another, Epoch AI's powers often lead to its counts. Left out are
powers that their notes call planned, or those of more than the accelerators counted.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

from accounting.capacity.draws import Z95
from accounting.capacity.sizing.counts import Sized, size
from accounting.capacity.sizing.facts import SizingFacts, load_sizing
from accounting.census.facilities import Facility, load_facilities
from accounting.census.ledger import Entry, from_facilities
from accounting.quantities import Uncertain
from accounting.reference.facts import Facts, load_facts
from accounting.reference.shipped import configs_root

_RUN = re.compile(r"TOP500|Top500|HPL")
_NOT_WHOLE = re.compile(
    r"of the campus|other tenants|CPU part|bitcoin|whole campus|room for|to follow|aim|planned"
)
_RUNNING = "operational"


@dataclass(frozen=True)
class Check:
    """A facility's published count, and the count that its power leads to."""

    facility: str
    accelerator: str
    power_of: str
    independent: bool
    published: float
    predicted: Uncertain

    @property
    def inside(self) -> bool:
        """Whether the published count lies within the 90 % interval."""
        return self.predicted.low <= self.published <= self.predicted.high


def checks(facts: Facts, sizing: SizingFacts) -> Iterator[Check]:
    """Yield the facilities that state a power, and models and counts of all that runs there."""
    for facility in load_facilities([configs_root() / "facilities"], facts):
        if facility.power is None or _NOT_WHOLE.search(facility.power.note or ""):
            continue
        running = [e for e in from_facilities("", [facility], facts).entries if e.status == _RUNNING]
        if running and all(entry.accelerator and entry.count for entry in running):
            found = _checked(facility, running, facts, sizing)
            if found is not None:
                yield found


def _checked(facility: Facility, running: Sequence[Entry], facts: Facts, sizing: SizingFacts) -> Check | None:
    counts: Counter[str] = Counter()
    for entry in running:
        if entry.accelerator and entry.count:
            counts[entry.accelerator] += entry.count.best  # type: ignore[assignment]
    power = facility.power
    note = power.note or "" if power else ""
    run = bool(_RUN.search(note))
    where = "run" if run else "site"
    alone = []
    for name in counts:
        asked = replace(
            running[0], accelerator=name, count=None, power=power.value if power else None, power_of=where
        )
        sized = size(asked, facts, sizing)
        if not isinstance(sized, Sized) or sized.entry.count is None:
            return None
        alone.append(sized.entry.count)
    published = sum(counts.values())
    # n = power ÷ Σ share × power of one: the mix is given, the number is asked for
    low, best, high = (
        published / sum(n / getattr(one, end) for n, one in zip(counts.values(), alone, strict=True))
        for end in ("low", "best", "high")
    )
    independent = run or (power is not None and power.kind == "reported")
    predicted = Uncertain(low, best, high, "lognormal")
    models = "+".join(counts) if len(counts) == 1 else f"{len(counts)} models"
    return Check(facility.id, models, where, independent, published, predicted)


def halves(rows: Sequence[Check]) -> tuple[int, int]:
    """Return (inside, all) where one half of the facilities gives mean and spread of the other's interval."""
    halves = [[c for c in rows if crc32(c.facility.encode()) % 2 == side] for side in (0, 1)]
    inside = 0
    for fitted, tested in (halves, halves[::-1]):
        logs = [math.log(c.published / c.predicted.best) for c in fitted]
        mean, spread = statistics.fmean(logs), statistics.stdev(logs)
        inside += sum(abs(math.log(c.published / c.predicted.best) - mean) <= Z95 * spread for c in tested)
    return inside, len(rows)


def main() -> None:
    """Print the table, and how many of the intervals hold the published count."""
    facts = load_facts()
    rows = sorted(checks(facts, load_sizing(facts)), key=lambda c: (c.power_of, c.accelerator, c.facility))
    print("power of, facility, accelerator, published; predicted 5, 50, 95 %; published ÷ median")
    for c in rows:
        p = c.predicted
        mark = "" if c.inside else "  OUTSIDE"
        print(
            f"{c.power_of:4} {c.facility:32} {c.accelerator:24} {c.published:9,.0f}"
            f"  {p.low:9,.0f} {p.best:9,.0f} {p.high:9,.0f}  {c.published / p.best:5.2f}{mark}"
        )
    for name, chosen in (
        ("all", rows),
        ("run", [c for c in rows if c.power_of == "run"]),
        ("site", [c for c in rows if c.power_of == "site"]),
        ("power not worked out from the count, nor the count from it", [c for c in rows if c.independent]),
    ):
        inside = sum(c.inside for c in chosen)
        middle = statistics.median(c.published / c.predicted.best for c in chosen)
        share = inside / len(chosen)
        print(f"{name}: {inside} of {len(chosen)} inside ({share:.0%}), median ratio {middle:.2f}")
    inside, number = halves([c for c in rows if c.power_of == "run"])
    print(f"run, spread taken from the other half of the facilities: {inside} of {number} inside")


if __name__ == "__main__":
    main()
