"""What a page on a country, a group or the world asks for, and what values a census as it asks."""

from __future__ import annotations

from dataclasses import dataclass

from accounting.accounts.joint import Joint
from accounting.capacity.bases import Basis
from accounting.capacity.calibration import Calibration
from accounting.capacity.h100e import constant, load_h100e
from accounting.capacity.valuation import Valuer
from accounting.census.ledger import Ledger
from accounting.census.selection import Selection
from accounting.reference.facts import Facts
from accounting.reference.names import EU
from accounting.reference.shipped import configs_root


@dataclass(frozen=True)
class BriefRequest:
    """What to brief on: a country, or a group by its ``members``; ``demand`` is a claimed share (0 to 1)."""

    code: str
    selection: Selection
    members: tuple[str, ...] = ()
    basis: Basis = "delivered"
    precision: str = "bf16"
    unit: str = "h100e"
    demand: float | None = None
    seed: int = 0
    draws: int = 10_000
    joint: Joint = "owner"

    @property
    def holder(self) -> str:
        """The code that stands for the country or group in the crossings."""
        return f"group {self.code}" if self.members else self.code

    @property
    def inside(self) -> frozenset[str]:
        """The codes that are home: the country, or the members and, for the EU, its bodies."""
        bodies = {EU} if self.code == EU else set()
        return frozenset({*self.members, *bodies} if self.members else {self.code})


def valuer_and_unit(
    ledger: Ledger, request: BriefRequest, facts: Facts, calibration: Calibration
) -> tuple[Valuer, float]:
    """Return what values a ledger as requested, and the unit of the page in FLOP/s."""
    bases, values = (request.basis,), ledger.valued_by
    valuer = Valuer(facts, calibration, request.precision, bases, request.seed, request.draws, values)
    if request.unit != "h100e":
        return valuer, 1.0
    return valuer, constant(load_h100e(configs_root() / "h100e.yaml"), request.basis, request.precision)
