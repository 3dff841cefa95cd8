"""What is used, entry by entry: the chain of the bases with occupancy as its last step, times a year.

Occupancy is drawn as the other steps are: what all fleets share has one name, a site's own spread another. It
is pooled from the fleets that :mod:`.occupancy` has, without regard to accelerator, nation or owner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from accounting.capacity.bases import FLOW_BASES, Basis, Denomination
from accounting.capacity.efficiency.evidence import load_evidence
from accounting.capacity.efficiency.occupancy import Occupancy, occupancy
from accounting.capacity.valuation import Chain, Factor, Skipped, Term, Valuer
from accounting.census.ledger import Entry
from accounting.dimensions import YEAR_S
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from accounting.validation import weakest
from bench.errors import InputError


def shipped_occupancy(facts: Facts, more: Sequence[Path] = ()) -> tuple[Occupancy, ...]:
    """Return the fleets whose occupancy is shipped, and those of calibration files besides."""
    files = [configs_root() / "calibration" / "occupancy.yaml", *(p for p in more if p.suffix != ".json")]
    return load_evidence(files, facts).occupancy


@dataclass(frozen=True)
class UsedValuer(Valuer):
    """Values entries by what is computed with them in a year (FLOP): delivered × occupancy × one year.

    Raises:
        InputError: it is asked for another basis than delivered, or no fleet's occupancy is known.
    """

    fleets: tuple[Occupancy, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what has no flow."""
        super().__post_init__()
        if self.asked != FLOW_BASES:
            raise InputError(
                f"what is used is a flow of what is delivered (found basis {', '.join(self.asked)})"
            )
        occupancy(self.fleets)

    def denomination(self, basis: Basis) -> Denomination:
        """Return what the values are stated in: FLOP in a year."""
        return Denomination(self.precision, basis, "FLOP/year")

    def term(self, entry: Entry) -> Term | Skipped:
        """Return what is drawn for an entry, or why it has no value."""
        term = super().term(entry)
        return term if isinstance(term, Skipped) else replace(term, unit=term.unit * YEAR_S)

    def _chain(self, accelerator: str | None) -> Chain | Skipped:
        chain = super()._chain(accelerator)
        if isinstance(chain, Skipped):
            return chain
        *before, delivered = chain.factors
        p = occupancy(self.fleets)
        used = Factor("delivered", p.mean, p.shared_sd, p.site_sd, "occupancy", "occupancy/site/")
        # what is delivered is a step on the way here, and no result
        factors = (*before, replace(delivered, basis="sustained"), used)
        known = (*chain.known[:-1], weakest((chain.known[-1], *(fleet.kind for fleet in self.fleets))))
        return Chain(factors, known, chain.bases)
