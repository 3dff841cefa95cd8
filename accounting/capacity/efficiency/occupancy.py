"""Occupancy, and what is used of a capacity in a year: delivered × occupancy × one year, in FLOP a year.

Occupancy is the share of accelerator-hours that a scheduler has given to jobs. How much of those hours the
jobs turn into FLOP is in ``delivered`` already. What is used is a flow and no capacity, so that it is never
stated in H100e.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from accounting.capacity.bases import Capacity, Draws
from accounting.capacity.draws import standard_normal
from accounting.capacity.efficiency.pooling import Chip, Observation, Pool, Prediction, logit
from accounting.dimensions import YEAR_S
from accounting.errors import MixedValuesError
from accounting.quantities import Count, Fraction, Uncertain
from accounting.validation import Date, FactModel, Kind, Text
from bench.errors import InputError

_ANY = "any"


class Occupancy(FactModel):
    """The share of accelerator-hours given to jobs, in one fleet over one period."""

    where: Text = Field(description="the fleet")
    occupancy: Fraction = Field(description="share of accelerator-hours given to jobs")
    accelerators: Count | None = Field(None, description="accelerators of the fleet")
    source: Text
    date: Date
    kind: Kind
    note: Text | None = None

    @field_validator("occupancy")
    @classmethod
    def _neither_none_nor_all(cls, value: Uncertain) -> Uncertain:
        # its logit is pooled, and has no value at either end
        if not 0 < value.best < 1:
            message = "an occupancy lies between 0 and 1, and is neither"
            raise PydanticCustomError("occupancy", message, {"found": value.best})
        return value


def occupancy(rows: Sequence[Occupancy]) -> Prediction:
    """Return the pooled occupancy of a fleet, on the logit scale, one observation a fleet.

    Raises:
        InputError: no fleet's occupancy is known.
    """
    if not rows:
        raise InputError("no occupancy is known: give 'occupancy' in a calibration file")
    return Pool.of(Observation(_ANY, _ANY, logit(row.occupancy.best)) for row in rows).predict(
        Chip(_ANY, _ANY)
    )


def used_flop_per_year(delivered: Capacity, rows: Sequence[Occupancy], seed: int, site: str) -> Draws:
    """Return what is computed in a year, as draws (FLOP per year): delivered × occupancy × one year.

    Raises:
        MixedValuesError: the capacity is on another basis than delivered, or not in FLOP/s.
        InputError: no fleet's occupancy is known.
    """
    stated = delivered.denomination
    if stated.basis != "delivered" or stated.unit != "FLOP/s":
        raise MixedValuesError(
            f"what is used is a flow of what is delivered, in FLOP/s (found {stated}); "
            "value the entries with Valuer(…, bases=('delivered',)) and leave H100e out"
        )
    p, size = occupancy(rows), np.size(delivered.draws)
    shared = standard_normal(seed, "occupancy", size)
    own = standard_normal(seed, f"occupancy/site/{site}", size)
    return delivered.draws * p.at(shared, own) * YEAR_S
