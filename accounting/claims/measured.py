"""What claimed accelerators are worth in measured terms: 16-bit, on the bases below peak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accounting.capacity.bases import BASES, Basis, Capacity
from accounting.capacity.calibration import Calibration
from accounting.capacity.valuation import Skipped, Valuer
from accounting.census.ledger import Entry
from accounting.quantities import exact
from accounting.reference.facts import Facts
from accounting.validation import Kind, weakest

PRECISION = "bf16"
_SITE = "claim"


@dataclass(frozen=True)
class MeasuredTerms:
    """A capacity below peak, as draws, and how the efficiencies behind it are known."""

    capacity: Capacity
    kind: Kind


def measured_terms(
    counts: Mapping[str, float],
    facts: Facts,
    calibration: Calibration,
    *,
    seed: int = 0,
    draws: int = 10_000,
) -> dict[Basis, MeasuredTerms]:
    """Value accelerators on every basis below peak, in dense 16-bit; empty where one of them cannot be.

    The arithmetic is that of an estimate, for one site whose counts are exact.

    Args:
        counts: accelerators by id.
        facts: the catalogue.
        calibration: measured efficiencies.
        seed: of the draws.
        draws: how many.

    Raises:
        InputError: no such number of draws.
    """
    valuer = Valuer(facts, calibration, PRECISION, BASES, seed, draws)
    terms: dict[Basis, MeasuredTerms] = {}
    for identifier, count in counts.items():
        valued = valuer.value(_entry(identifier, count, facts))
        if isinstance(valued, Skipped):
            return {}
        for basis in BASES[1:]:
            capacity, kind = valued.capacity[basis], valued.kinds[basis]
            if basis in terms:
                capacity, kind = terms[basis].capacity + capacity, weakest((terms[basis].kind, kind))
            terms[basis] = MeasuredTerms(capacity, kind)
    return terms


def best_known(accelerators: Sequence[str], calibration: Calibration) -> str:
    """Return the first whose best matmul is measured; where none is, the first.

    For several of the same rates that a name does not tell apart, a measured figure of one goes before
    the family's, which would be as uncertain for all.
    """
    measured = (a for a in accelerators if _is_measured(a, calibration))
    return next(measured, accelerators[0])


def _is_measured(accelerator: str, calibration: Calibration) -> bool:
    efficiency = calibration.efficiency("achievable", accelerator, PRECISION)
    return efficiency is not None and efficiency.prediction.level == "own"


def _entry(identifier: str, count: float, facts: Facts) -> Entry:
    designer = facts.accelerators[identifier].designer
    return Entry(
        id=f"{_SITE}/{identifier}",
        facility=_SITE,
        facility_name="as claimed",
        territory=None,
        owners=(),
        operator=None,
        sector=None,
        accelerator=identifier,
        vendor=designer,
        vendor_nation=facts.nation_of(designer),
        count=exact(count),
        in_service=None,
        retired=None,
        status="announced",
        # the count is a given of the question; what is in doubt is what it delivers
        kind="published",
        source="claim",
    )
