"""What is put into the cube, and its cells."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from accounting.accounts.account import Quantiles
from accounting.accounts.joint import Joint
from accounting.accounts.levels import Levels
from accounting.capacity.bases import Basis

Status = Literal["operational", "planned"]


STATUSES: tuple[Status, ...] = ("operational", "planned")


OTHER = "other"


# on levels that are not kept whole, codes are one row that have less than this share of the total at the
# study's date and after it, and less than the other at every date before
FOLD_BELOW = 0.01


FOLD_BELOW_BEFORE = 0.1


@dataclass(frozen=True)
class Slot:
    """What is counted together: a date, and whether what operates or what is planned."""

    day: datetime.date
    status: Status


@dataclass(frozen=True)
class CubeRequest:
    """What to put into the cube.

    ``days`` are dates up to ``as_of`` for what operates, and from ``as_of`` on for what is planned. The view
    of ``as_of`` in ``precision`` is worked out with ``draws``, all others with ``view_draws``. On the levels
    ``whole`` no code is folded into ``other``, however small.
    """

    as_of: datetime.date
    precision: str
    days: tuple[datetime.date, ...]
    precisions: tuple[str, ...]
    bases: tuple[Basis, ...]
    seed: int = 0
    draws: int = 10_000
    view_draws: int = 2_000
    joint: Joint = "owner"
    whole: frozenset[Levels] = frozenset({("territory",), ("provider",)})

    def slots(self) -> tuple[Slot, ...]:
        """Return what is counted: operating up to the date of the study, planned from then on."""
        days = sorted({*self.days, self.as_of})
        operating = [Slot(day, "operational") for day in days if day <= self.as_of]
        return (*operating, *(Slot(day, "planned") for day in days if day >= self.as_of))


@dataclass(frozen=True)
class CubeRow:
    """One cell: the capacity of one holder in one view, and its share of the view's total.

    Capacities are in FLOP/s, and in B/s where the precision is ``memory``.
    """

    slot: Slot
    precision: str
    basis: Basis
    levels: Levels
    codes: tuple[str, ...]
    quantiles: Quantiles
    share: float
    share_p5: float
    share_p95: float


@dataclass(frozen=True)
class Coverage:
    """How many deployments a view values, and how many not, by reason."""

    slot: Slot
    precision: str
    deployments: int
    skipped: Mapping[str, int]


@dataclass(frozen=True)
class Cube:
    """All cells that are not nought. ``levels`` are those of which anything is known; () is the total.

    ``lacking`` gives by (precision, basis) why there is no cell of it. ``folded`` counts by level the codes
    that are one row, ``other``.
    """

    request: CubeRequest
    levels: tuple[Levels, ...]
    rows: tuple[CubeRow, ...]
    coverage: tuple[Coverage, ...]
    lacking: Mapping[tuple[str, Basis], str]
    folded: Mapping[Levels, int]
