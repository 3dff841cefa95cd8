"""How many accelerators: from a count, a power or a cost, each with its spread, and from several together.

Every clue is a product of lognormal factors, so that its logarithm is normal with the sums of log-means and
log-variances:

    power:  accelerators = power × filled ÷ (TDP × IT overhead × facility overhead)
    cost:   accelerators = cost × share that buys systems ÷ price of one

A power or cost whose source does not say whether it is the site's is one of two, by a stated chance. Several
clues are weighted by 1 ÷ variance on the log scale; where they lie further apart than their spreads allow,
the spread of the mean is multiplied by the Birge ratio √(χ² ÷ (n − 1)) (Birge 1932, Phys. Rev. 40, 207; as
the Particle Data Group does, Review of Particle Physics, introduction, 5.2.2).

What is common to the sites that a fact serves (``sizing.yaml``, ``common``) goes with the entry by name, so
that the counts of all of them rise and fall together in the draws. Of several clues it is weighted as they
are; of a mixture it is the weighted mean, which is its covariance with what is common.

An accelerator that is not known is that which its designer typically sold in the year. The count is then
in equivalents of the most sold one at dense 16-bit peak, and the spread between candidates is part of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from accounting.capacity.draws import Z95
from accounting.capacity.sizing.correlated import SizedEntry
from accounting.capacity.sizing.facts import Factor, SizingFacts, product, weighed
from accounting.census.ledger import Entry
from accounting.quantities import Uncertain
from accounting.reference.facts import Facts
from accounting.validation import Kind, weakest

What = Literal["count", "power", "cost"]
Each = Callable[[str], Factor | None]
REFERENCE_PRECISION = "bf16"
# a price or TDP that is known of less than half of what a designer sold says nothing of the rest
_LEAST_KNOWN = 0.5

NOBODY = "neither its accelerator nor its designer is known"
NO_TYPICAL = "no typical accelerator of its designer and year is known"
NO_FACTOR = "neither power nor price of its accelerator is known"
NO_CLUE = "no count, power or cost"


@dataclass(frozen=True)
class Clue:
    """What one clue says: accelerators on the log scale, and how far that is from what the others say.

    ``z`` is the difference from the other clues together in standard deviations of it; None where the clue
    stands alone. ``used`` is False for a clue that is only compared.
    """

    what: What
    estimate: Factor
    z: float | None = None
    used: bool = True


@dataclass(frozen=True)
class Sized:
    """An entry with accelerator and count, and what they rest on.

    ``widening`` is the Birge ratio, 1 where the clues agree. ``typical``: the accelerator is assumed.
    """

    entry: Entry
    clues: tuple[Clue, ...]
    widening: float = 1.0
    typical: bool = False


@dataclass(frozen=True)
class Unsized:
    """An entry without accelerator or count that nothing leads to, and why."""

    reason: str


def needs_sizing(entry: Entry) -> bool:
    """Return whether accelerator or count are missing, or there is more than one clue to the count."""
    if entry.count is not None and not entry.count.best:
        # none are none, whatever the power that the site has for others
        return False
    return entry.accelerator is None or entry.count is None or bool(entry.power or entry.cost)


def size(entry: Entry, facts: Facts, sizing: SizingFacts) -> Sized | Unsized:
    """Return an entry that :func:`needs_sizing` with accelerator and count.

    A count that is exact, or itself derived or assumed (often from the very power), stands as it is, and
    power and cost are only compared with it.
    """
    candidates = _candidates(entry, sizing)
    if isinstance(candidates, Unsized):
        return candidates
    # the most sold stands for all
    accelerator = max(candidates, key=lambda name: (candidates[name], name))
    weighed = _Candidates(entry, facts, sizing, candidates, accelerator)
    clues = weighed.clues()
    if not clues:
        return Unsized(NO_FACTOR if entry.power or entry.cost else NO_CLUE)
    typical = entry.accelerator is None
    stands = entry.count is not None and (entry.count.exact or entry.kind in {"derived", "assumed"})
    if stands:
        clues = [clue if clue.what == "count" else replace(clue, used=False) for clue in clues]
    total, widening, clues = _combined(clues)
    kind = weakest([entry.kind, *(clue.estimate.kind for clue in clues if clue.used)])
    kept = entry.count if stands and not typical else None
    common = () if kept else total.common
    sized = replace(entry, accelerator=accelerator, count=kept or uncertain(total), kind=kind)
    return Sized(SizedEntry.of(sized, common), tuple(clues), widening, typical)


def combine(factors: Sequence[Factor]) -> tuple[Factor, float]:
    """Weight lognormal estimates by precision: mean Σ(x ÷ s²) ÷ Σ(1 ÷ s²), variance 1 ÷ Σ(1 ÷ s²).

    Returns:
        The combination, its spread widened by the Birge ratio where that exceeds 1, and the ratio. An
        estimate without spread stands alone.

    >>> total, ratio = combine([Factor(0.0, 1.0), Factor(1.0, 1.0)])
    >>> total.mean, round(total.sd, 3), ratio
    (0.5, 0.707, 1.0)
    """
    certain = [factor for factor in factors if not factor.sd]
    if certain:
        return certain[0], 1.0
    weights = [factor.sd**-2 for factor in factors]
    whole = math.fsum(weights)
    mean = math.fsum(w * f.mean for w, f in zip(weights, factors, strict=True)) / whole
    squares = math.fsum(w * (f.mean - mean) ** 2 for w, f in zip(weights, factors, strict=True))
    ratio = max(1.0, math.sqrt(squares / (len(factors) - 1))) if len(factors) > 1 else 1.0
    # what the clues disagree in is this site's: it widens the part that is its own
    common = weighed((w / whole, f.common) for w, f in zip(weights, factors, strict=True))
    return Factor(mean, ratio * whole**-0.5, common=common), ratio


def uncertain(factor: Factor) -> Uncertain:
    """Return a lognormal as its 5th, 50th and 95th percentile."""
    low, best, high = (math.exp(factor.mean + side * Z95 * factor.sd) for side in (-1, 0, 1))
    return Uncertain(low, best, high, "lognormal")


def mixture(parts: Iterable[tuple[float, Factor]], kind: Kind = "assumed") -> Factor:
    """Return the lognormal with mean and variance of a mixture of (weight, part) on the log scale."""
    rows = list(parts)
    whole = math.fsum(weight for weight, _ in rows)
    mean = math.fsum(weight * part.mean for weight, part in rows) / whole
    variance = math.fsum(weight * (part.sd**2 + (part.mean - mean) ** 2) for weight, part in rows) / whole
    common = weighed((weight / whole, part.common) for weight, part in rows)
    return Factor(mean, math.sqrt(variance), kind, common)


def _candidates(entry: Entry, sizing: SizingFacts) -> Mapping[str, float] | Unsized:
    if entry.accelerator is not None:
        return {entry.accelerator: 1.0}
    if entry.vendor is None:
        return Unsized(NOBODY)
    day = entry.in_service
    found = sizing.candidates(entry.vendor, day.year, entry.territory) if day else None
    return found.shares if found else Unsized(NO_TYPICAL)


def _combined(clues: Sequence[Clue]) -> tuple[Factor, float, list[Clue]]:
    total, widening = combine([clue.estimate for clue in clues if clue.used])
    return total, widening, [_compared(clue, clues) for clue in clues]


def _compared(clue: Clue, clues: Sequence[Clue]) -> Clue:
    """Say how far a clue is from what the used ones among the others say."""
    others = [other.estimate for other in clues if other is not clue and other.used]
    rest = combine(others)[0] if others else None
    spread = math.hypot(clue.estimate.sd, rest.sd) if rest else 0.0
    if rest is None or not spread:
        return clue
    return replace(clue, z=(clue.estimate.mean - rest.mean) / spread)


@dataclass(frozen=True)
class _Candidates:
    """The accelerators that an entry may hold, and what each clue says over all of them."""

    entry: Entry
    facts: Facts
    sizing: SizingFacts
    shares: Mapping[str, float]
    standard: str

    def clues(self) -> list[Clue]:
        entry = self.entry
        said: tuple[tuple[What, Uncertain | None, Each], ...] = (
            ("count", entry.count, lambda _: Factor(0.0, 0.0, entry.kind)),
            ("power", entry.power, self._watts_each),
            ("cost", entry.cost, self._dollars_each),
        )
        found = [self._clue(what, amount, each) for what, amount, each in said if amount and amount.best]
        return [clue for clue in found if clue is not None]

    def _clue(self, what: What, amount: Uncertain | None, each: Each) -> Clue | None:
        """Divide an amount by what one accelerator takes of it, over all candidates."""
        parts: list[tuple[float, Factor]] = []
        kinds: list[Kind] = []
        for name, share in self.shares.items():
            one, worth = each(name), self._worth(name)
            if amount is not None and one is not None and worth is not None:
                parts.append((share, product([Factor.of(amount), worth, one.inverse])))
                kinds.append(one.kind)
        if math.fsum(share for share, _ in parts) < _LEAST_KNOWN:
            return None
        if self.entry.accelerator is None:
            kinds.append("assumed")
        return Clue(what, mixture(parts, weakest(kinds)))

    def _worth(self, name: str) -> Factor | None:
        """Return how many of the standard accelerator one of ``name`` counts for."""
        if name == self.standard:
            return Factor(0.0, 0.0)
        chips = self.facts.accelerators
        rate = chips[name].peak_flop_per_s(REFERENCE_PRECISION)
        standard = chips[self.standard].peak_flop_per_s(REFERENCE_PRECISION)
        return Factor(math.log(rate / standard), 0.0) if rate and standard else None

    def _watts_each(self, name: str) -> Factor | None:
        """Return watts of the stated power that one accelerator takes."""
        entry, facts = self.entry, self.sizing
        chip = facts.chip_watts(name, self.facts)
        if chip is None:
            return None
        computers = product([chip, facts.overhead(name, self.facts.accelerators[name].family)])
        if entry.power_of == "run":
            return product([computers, facts.load_of_runs])
        site = self._site(facts.facility_overhead(entry.territory, entry.sector), entry.power_of, "it")
        return product([computers, site, facts.filled_share.inverse])

    def _dollars_each(self, name: str) -> Factor | None:
        """Return dollars of the stated cost that one accelerator takes."""
        price = self.sizing.price(name, self.entry.in_service)
        if price is None:
            return None
        share = self.sizing.share_of_systems
        return product([price, self._site(share.inverse, self.entry.cost_of, "systems")])

    def _site(self, overhead: Factor, said: str | None, computers: str) -> Factor:
        """Return what a site adds: its overhead, nothing where the figure is of computers alone."""
        nothing = Factor(0.0, 0.0, overhead.kind)
        if said is not None:
            return nothing if said == computers else overhead
        chance = self.sizing.unsaid_is_site.value.best
        return mixture([(chance, overhead), (1.0 - chance, nothing)])
