"""How many accelerators: from a count, a power or a cost, each with its spread, and from several together.

Every clue is a product of lognormals (:mod:`.lognormal`):

    power:  accelerators = power × filled ÷ (TDP × IT overhead × facility overhead)
    cost:   accelerators = cost × share that buys systems ÷ price of one

Where a source does not say whether a power or cost is that of the whole site or of its computers alone, both
readings are mixed, by a stated chance. Several clues are combined on the log scale, each weighted by 1 ÷ its
variance. Where they lie further apart than their spreads allow, the spread of the mean is multiplied by the
Birge ratio √(χ² ÷ (n − 1)) (Birge 1932, Phys. Rev. 40, 207; as the Particle Data Group does, Review of
Particle Physics, introduction, 5.2.2).

One fact may serve many sites, and its error is then common to their counts (``sizing.yaml``, ``common``). The
entry carries that part of its error by name, so that all these counts rise and fall together in the draws.

Where the accelerator is not known, it is taken to be what its designer typically sold in that year. The count
is then in equivalents of the accelerator that was sold most, at dense 16-bit peak, and how far the candidates
differ is part of its spread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from accounting.capacity.sizing.correlated import SizedEntry
from accounting.capacity.sizing.facts import SizingFacts
from accounting.capacity.sizing.lognormal import Lognormal, combine, mixture, product, uncertain
from accounting.census.ledger import Entry
from accounting.quantities import Uncertain
from accounting.reference.facts import Facts
from accounting.validation import Kind, weakest

What = Literal["count", "power", "cost"]
Each = Callable[[str], Lognormal | None]
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
    estimate: Lognormal
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
    found = _Candidates(entry, facts, sizing, candidates, accelerator)
    clues = found.clues()
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


def _candidates(entry: Entry, sizing: SizingFacts) -> Mapping[str, float] | Unsized:
    if entry.accelerator is not None:
        return {entry.accelerator: 1.0}
    if entry.vendor is None:
        return Unsized(NOBODY)
    day = entry.in_service
    found = sizing.candidates(entry.vendor, day.year, entry.territory) if day else None
    return found.shares if found else Unsized(NO_TYPICAL)


def _combined(clues: Sequence[Clue]) -> tuple[Lognormal, float, list[Clue]]:
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
            ("count", entry.count, lambda _: Lognormal(0.0, 0.0, entry.kind)),
            ("power", entry.power, self._watts_each),
            ("cost", entry.cost, self._dollars_each),
        )
        found = [self._clue(what, amount, each) for what, amount, each in said if amount and amount.best]
        return [clue for clue in found if clue is not None]

    def _clue(self, what: What, amount: Uncertain | None, each: Each) -> Clue | None:
        """Divide an amount by what one accelerator takes of it, over all candidates."""
        parts: list[tuple[float, Lognormal]] = []
        kinds: list[Kind] = []
        for name, share in self.shares.items():
            one, worth = each(name), self._worth(name)
            if amount is not None and one is not None and worth is not None:
                parts.append((share, product([Lognormal.of(amount), worth, one.inverse])))
                kinds.append(one.kind)
        if math.fsum(share for share, _ in parts) < _LEAST_KNOWN:
            return None
        if self.entry.accelerator is None:
            kinds.append("assumed")
        return Clue(what, mixture(parts, weakest(kinds)))

    def _worth(self, name: str) -> Lognormal | None:
        """Return how many of the standard accelerator one of ``name`` counts for."""
        if name == self.standard:
            return Lognormal(0.0, 0.0)
        chips = self.facts.accelerators
        rate = chips[name].peak_flop_per_s(REFERENCE_PRECISION)
        standard = chips[self.standard].peak_flop_per_s(REFERENCE_PRECISION)
        return Lognormal(math.log(rate / standard), 0.0) if rate and standard else None

    def _watts_each(self, name: str) -> Lognormal | None:
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

    def _dollars_each(self, name: str) -> Lognormal | None:
        """Return dollars of the stated cost that one accelerator takes."""
        price = self.sizing.price(name, self.entry.in_service)
        if price is None:
            return None
        share = self.sizing.share_of_systems
        return product([price, self._site(share.inverse, self.entry.cost_of, "systems")])

    def _site(self, overhead: Lognormal, said: str | None, computers: str) -> Lognormal:
        """Return what a site adds: its overhead, nothing where the figure is of computers alone."""
        nothing = Lognormal(0.0, 0.0, overhead.kind)
        if said is not None:
            return nothing if said == computers else overhead
        chance = self.sizing.unsaid_is_site.value.best
        return mixture([(chance, overhead), (1.0 - chance, nothing)])
