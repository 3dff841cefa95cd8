"""What a supply cut is worked out on, and what comes of it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from accounting.accounts.account import Quantiles
from accounting.accounts.estimate import Request
from accounting.capacity.bases import Denomination
from accounting.capacity.calibration import Calibration
from accounting.capacity.stock.rates import StockRates
from accounting.planning.scenarios.cut import Cut
from accounting.planning.scenarios.cut_parameters import CutParameters, Parameter
from accounting.reference.facts import Facts


@dataclass(frozen=True)
class Year:
    """One day: capacity without and with the cut, and the share that is lost (0 to 1)."""

    day: datetime.date
    years_after: int
    baseline: Quantiles
    cut: Quantiles
    share_lost: Quantiles


@dataclass(frozen=True)
class Place:
    """The cut at one place of the chain, or at all together: how much is of that origin, and the years.

    ``share_of_stock`` and ``share_unknown`` are of what is in service at the snapshot; None for all together.
    """

    at: str
    level: str | None
    share_of_stock: Quantiles | None
    share_unknown: float | None
    years: tuple[Year, ...]


@dataclass(frozen=True)
class SupplyCut:
    """The answer, with all it takes to reproduce it."""

    cut: Cut
    request: Request
    census: str
    denomination: Denomination
    snapshot: datetime.date
    places: tuple[Place, ...]
    parameters: tuple[Parameter, ...]
    growth: str
    deployments: int
    skipped: Mapping[str, int]
    added_share: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grounds:
    """What a cut is worked out on: facts, efficiencies, rates of the stock, parameters, and what day it is.

    ``growth`` is a factor a year for the start; None takes the trend observed of what is counted, or of the
    whole census where ``growth_of`` is ``census``. ``grows`` False leaves out what nobody has announced.
    """

    facts: Facts
    calibration: Calibration
    rates: StockRates
    parameters: CutParameters
    today: datetime.date
    growth: Parameter | None = None
    growth_of: str = "census"
    grows: bool = True
