"""Dimensions: the kinds of quantity of this field, the units each is written in, and lengths of time.

Pint would convert units too, but it costs 0.25 s at start-up and would treat FLOP/s, OP/s and H100e as
interchangeable counts; the few dimensions of this field are written out below instead.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Family = Literal["lognormal", "logit-normal", "one-plus-lognormal"]

_SI = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18, "Z": 1e21}
# billions and trillions, as prices are written: not the G and T of units
_MONEY = {"": 1.0, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_BINARY = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50}

DAY_S = 86_400.0
# Julian years, so that 4 years are 1,461 days
YEAR_DAYS = 365.25
YEAR_S = YEAR_DAYS * DAY_S
_DURATIONS = {
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "day": DAY_S,
    "days": DAY_S,
    "year": YEAR_S,
    "years": YEAR_S,
}
_PER_WATT = {"USD/W": 1.0, "$/W": 1.0, "USD/kW": 1e-3, "$/kW": 1e-3, "M$/MW": 1.0}


def _scaled(units: Mapping[str, float], prefixes: Mapping[str, float] = _SI) -> dict[str, float]:
    return {
        prefix + unit: factor * size for unit, size in units.items() for prefix, factor in prefixes.items()
    }


@dataclass(frozen=True)
class Dimension:
    """A kind of quantity: its base unit, the units it is written in, and the bounds a value must keep.

    ``bare`` says whether a number without unit is accepted (counts, fractions and ratios only).
    """

    name: str
    base_unit: str
    units: Mapping[str, float]
    example: str
    family: Family = "lognormal"
    bare: bool = False
    minimum: float = 0.0
    maximum: float = math.inf
    minimum_allowed: bool = True


DIMENSIONS: dict[str, Dimension] = {
    dimension.name: dimension
    for dimension in (
        Dimension("power", "W", _scaled({"W": 1.0}), "400 MW"),
        Dimension("energy", "J", _scaled({"J": 1.0, "Wh": 3600.0}), "30 GWh"),
        Dimension("rate", "FLOP/s", _scaled({"FLOP/s": 1.0, "FLOPS": 1.0, "OP/s": 1.0}), "989.4 TFLOP/s"),
        Dimension("memory", "B", {**_scaled({"B": 1.0}), **_scaled({"B": 1.0}, _BINARY)}, "80 GB"),
        Dimension(
            "bandwidth",
            "B/s",
            {**_scaled({"B/s": 1.0, "bit/s": 0.125}), **_scaled({"B/s": 1.0}, _BINARY)},
            "3.35 TB/s",
        ),
        Dimension("area", "mm2", {"mm2": 1.0, "mm²": 1.0, "cm2": 100.0}, "814 mm2", minimum_allowed=False),
        # of FLOP too, which are many; what is more is no number of anything, and overflows in products
        Dimension("count", "", {"": 1.0, "k": 1e3, "M": 1e6}, "5448", maximum=1e100, bare=True),
        Dimension("fraction", "", {"": 1.0, "%": 0.01}, "43%", family="logit-normal", bare=True, maximum=1.0),
        Dimension("pue", "", {"": 1.0}, "1.2 to 1.4", family="one-plus-lognormal", bare=True, minimum=1.0),
        Dimension("ratio", "", {"": 1.0}, "1.4 to 1.8", bare=True, minimum_allowed=False),
        Dimension("money", "USD", _scaled({"USD": 1.0, "$": 1.0}, _MONEY), "300 M$"),
        Dimension("duration", "s", _DURATIONS, "5 years", minimum_allowed=False),
        Dimension(
            "energy price",
            "USD/kWh",
            {"USD/kWh": 1.0, "$/kWh": 1.0, "USD/MWh": 1e-3, "$/MWh": 1e-3},
            "0.08 $/kWh",
            minimum_allowed=False,
        ),
        Dimension("power price", "USD/W", _PER_WATT, "11 $/W", minimum_allowed=False),
        Dimension("carbon intensity", "g/kWh", {"g/kWh": 1.0, "kg/kWh": 1e3, "kg/MWh": 1.0}, "98 g/kWh"),
        Dimension("water intensity", "L/kWh", {"L/kWh": 1.0, "m3/MWh": 1.0}, "0.4 L/kWh"),
        Dimension("mass", "kg", {"kg": 1.0, "t": 1e3}, "165 kg"),
    )
}


def years_between(first: datetime.date, last: datetime.date) -> float:
    """Return the years from one day to another, of 365.25 days; negative where they are not in order.

    >>> years_between(datetime.date(2020, 1, 1), datetime.date(2024, 1, 1))
    4.0
    """
    return (last - first).days / YEAR_DAYS
