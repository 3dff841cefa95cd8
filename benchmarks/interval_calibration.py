"""Do the 90 % intervals hold the truth in 90 % of worlds? See also tests/accounting/test_draws_intervals.py.

python benchmarks/interval_calibration.py [WORLDS] [DRAWS]

A world has facilities of four accelerator models, listed by two sources. Its truth is drawn by numpy's own
generator from what the sources and the calibration state: a bias for each source, a true count for each
facility, a true efficiency for each model, step and site. The estimate is made from the statements alone. A
world counts as covered, for a row and basis, where the truth lies between its 5th and 95th percentile.

What this tests is that nothing shared is lost on the way: where the estimate does not know of the bias,
totals cover less (the last line says how much).
"""

from __future__ import annotations

import datetime
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from accounting.accounts.account import account
from accounting.capacity.bases import BASES, Basis
from accounting.capacity.calibration import Calibration, load_calibration
from accounting.capacity.draws import Z95
from accounting.capacity.sums import Work
from accounting.capacity.valuation import Term, Valuer
from accounting.census.ledger import Entry, Owner
from accounting.quantities import Uncertain
from accounting.reference.facts import Facts, load_facts

DAY = datetime.date(2026, 1, 1)
CHIPS = ("nvidia-h100-sxm", "amd-mi300x", "google-tpu-v4", "huawei-ascend-910b")
COUNTRIES = ("FR", "US", "CN")
SOURCES = {"https://a.example": 2.0, "https://b.example": 1.5}
FACILITIES = 24


@dataclass(frozen=True)
class Outcome:
    """How many worlds there were, and how many intervals held the truth, by row and basis."""

    worlds: int
    covered: Counter[tuple[str, Basis]]

    def share(self) -> float:
        """Return the share of all intervals that held the truth."""
        return sum(self.covered.values()) / (self.worlds * len(self.covered))


@cache
def facts_and_calibration() -> tuple[Facts, Calibration]:
    """Return what is shipped."""
    facts = load_facts()
    return facts, load_calibration(facts)


def statements(random: np.random.Generator) -> list[Entry]:
    """Return what the sources of a world state: counts with intervals of either source's width."""
    entries = []
    for i in range(FACILITIES):
        # a few large, many small, as in a census
        best = math.exp(random.normal(8, 1.5))
        up, down = random.uniform(1.05, 2.0), random.uniform(1.05, 2.0)
        country = COUNTRIES[random.integers(len(COUNTRIES))]
        entries.append(
            Entry(
                f"e{i}", f"f{i}", "", country, (Owner("a", country, 1.0),), None, None,
                CHIPS[random.integers(len(CHIPS))], "nvidia", "US",
                Uncertain(best / down, best, best * up, "lognormal"), DAY, None, "operational", "reported",
                list(SOURCES)[random.integers(len(SOURCES))],
            )
        )  # fmt: skip
    return entries


def truth(
    entries: Sequence[Entry], valuer: Valuer, random: np.random.Generator
) -> Counter[tuple[str, Basis]]:
    """Draw one world that the statements allow, written out plainly in float64."""
    bias = {source: width ** (random.normal() / Z95) for source, width in SOURCES.items()}
    shared: dict[str, float] = {}
    true: Counter[tuple[str, Basis]] = Counter()
    for entry in entries:
        term = valuer.term(entry)
        assert isinstance(term, Term)
        assert entry.count is not None
        z, count = random.normal(), entry.count
        ratio = count.high / count.best if z > 0 else count.best / count.low
        value = term.unit * count.best * ratio ** (z / Z95) * bias[entry.source]
        for basis in BASES:
            for factor in term.chain.factors:
                if factor.basis == basis:
                    normal = shared.setdefault(factor.shared_name, random.normal())
                    logit = factor.mean + factor.shared_sd * normal + factor.site_sd * random.normal()
                    value /= 1 + math.exp(-logit)
            true["total", basis] += value  # type: ignore[assignment]
            true[str(entry.territory), basis] += value  # type: ignore[assignment]
    return true


def run(worlds: int, draws: int, *, biased: bool = True, first: int = 0) -> Outcome:
    """Make worlds and estimates of them; ``biased`` says whether the estimates know of the sources' bias."""
    facts, calibration = facts_and_calibration()
    widths = {source: Uncertain(1 / width, 1.0, width, "lognormal") for source, width in SOURCES.items()}
    valuer = Valuer(facts, calibration, bases=BASES, size=draws, source_bias=widths if biased else {})
    covered: Counter[tuple[str, Basis]] = Counter()
    for world in range(first, first + worlds):
        random = np.random.default_rng([20261122, world])
        entries = statements(random)
        true = truth(entries, valuer, random)
        # draws of another seed in each world: else all would share their Monte Carlo error
        found = account(
            entries, replace(valuer, seed=world), (("territory",),), as_of=DAY, work=Work(workers=1)
        )
        for basis, one in found.items():
            held = {"total": one.total, **{row.code: row.quantiles for row in one.accounts[0].rows}}
            for name in ("total", *COUNTRIES):
                # a country without facilities is estimated as nought, which is the truth
                q, value = held.get(name), true[name, basis]
                covered[name, basis] += value == 0 if q is None else q.p5 <= value <= q.p95
    return Outcome(worlds, covered)


def main(worlds: int = 1000, draws: int = 2000) -> None:
    """Print the coverage of every row and basis, and of all."""
    outcome = run(worlds, draws)
    print(
        f"{worlds:,} worlds of {FACILITIES} facilities, {draws:,} draws: 90 % intervals that hold the truth"
    )
    print(f"{'':8}" + "".join(f"{basis:>12}" for basis in BASES))
    for name in ("total", *COUNTRIES):
        print(f"{name:8}" + "".join(f"{outcome.covered[name, b] / worlds:12.1%}" for b in BASES))
    print(f"all: {outcome.share():.1%}; one of them is right to ±{1.96 * math.sqrt(0.09 / worlds):.1%}")
    blind = run(worlds // 4, draws, biased=False)
    shares = ", ".join(f"{basis} {blind.covered['total', basis] / blind.worlds:.1%}" for basis in BASES)
    print(f"totals where the estimate does not know of the sources' bias: {shares}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
