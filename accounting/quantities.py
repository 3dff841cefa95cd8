"""Units, and values that are not exactly known.

A quantity is text with its unit ("400 MW"), read against the dimension that its place asks for, so that
an energy cannot stand where a power belongs. A value may be exact, a range "A to B" (its 5th to 95th
percentile), or ``{low, best, high}`` (5th, 50th and 95th percentile).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from accounting.dimensions import DIMENSIONS, Dimension, Family

# a comma only between thousands: "1,5 MW" is refused, never read as 15 MW
_NUMBER = r"[+-]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*((?:[^\s\d.,+-]\S*)?)\s*")
_RANGE = re.compile(r"\s+to\s+")
_TRIPLE = ("low", "best", "high")
_DATA_SHAPES = "a quantity, a range 'A to B', or {low, best, high}"


@dataclass(frozen=True)
class Uncertain:
    """A value in its base unit: 5th, 50th and 95th percentile, and the family its draws follow.

    An exact value has all three equal.

    >>> read_uncertain("15k to 20k", "count").low
    15000.0
    """

    low: float
    best: float
    high: float
    family: Family

    @property
    def exact(self) -> bool:
        """Whether the value is stated without uncertainty."""
        return self.low == self.high

    def to_plain(self) -> float | dict[str, float]:
        """Return a number where exact, else ``{low, best, high}``, as written back to files."""
        return self.best if self.exact else {"low": self.low, "best": self.best, "high": self.high}


def exact(value: float, dimension: str = "count") -> Uncertain:
    """Return ``value`` (base unit of ``dimension``) as an exactly known value."""
    return Uncertain(value, value, value, DIMENSIONS[dimension].family)


def read_quantity(raw: object, dimension: str) -> float:
    """Read one value with its unit and return it in the base unit of ``dimension``.

    Args:
        raw: text such as ``"400 MW"``, or a bare number where the dimension takes one.
        dimension: a key of ``DIMENSIONS``.

    Raises:
        PydanticCustomError: not a number, no unit, a unit of another kind, NaN or out of bounds.

    >>> read_quantity("400 MW", "power")
    400000000.0
    """
    kind = DIMENSIONS[dimension]
    return _bounded(_parse(raw, kind), kind, raw)


def read_uncertain(raw: object, dimension: str) -> Uncertain:
    """Read a value, a range ``A to B`` or ``{low, best, high}``; else as :func:`read_quantity`."""
    kind = DIMENSIONS[dimension]
    if isinstance(raw, Uncertain):
        return raw
    if isinstance(raw, Mapping):
        return _from_triple(raw, kind)
    if isinstance(raw, str) and len(parts := _RANGE.split(raw.strip())) == 2:
        return _from_range(parts[0], parts[1], kind, raw)
    value = read_quantity(raw, dimension)
    return Uncertain(value, value, value, kind.family)


def _from_range(low_text: str, high_text: str, kind: Dimension, raw: str) -> Uncertain:
    unit = _split(high_text, kind)[1]
    low_has_unit = _split(low_text, kind)[1]
    low = _bounded(_parse(low_text if low_has_unit or not unit else f"{low_text} {unit}", kind), kind, raw)
    high = _bounded(_parse(high_text, kind), kind, raw)
    best = _middle(low, high, kind, raw)
    return _ordered(Uncertain(low, best, high, kind.family), raw)


def _middle(low: float, high: float, kind: Dimension, raw: object) -> float:
    """Return the median of the family whose 5th and 95th percentiles are given."""
    if low > high:
        raise _error("low, best and high must rise", raw)
    if low == high:
        return low
    if not kind.minimum < low <= high < kind.maximum:
        bounds = f"above {kind.minimum:g}" + (
            f" and below {kind.maximum:g}" if kind.maximum < math.inf else ""
        )
        raise _error(f"the ends of a range of {kind.name} must be {bounds}", raw)
    if kind.family == "logit-normal":
        logit = (math.log(low / (1 - low)) + math.log(high / (1 - high))) / 2
        return 1 / (1 + math.exp(-logit))
    origin = 1.0 if kind.family == "one-plus-lognormal" else 0.0
    return origin + math.sqrt((low - origin) * (high - origin))


def _from_triple(raw: Mapping[Any, Any], kind: Dimension) -> Uncertain:
    if set(raw) != set(_TRIPLE):
        raise _error(f"{kind.name} must be {_DATA_SHAPES}", sorted(map(str, raw)))
    low, best, high = (_bounded(_parse(raw[key], kind), kind, raw[key]) for key in _TRIPLE)
    if low != high:
        _middle(low, high, kind, dict(raw))
    return _ordered(Uncertain(low, best, high, kind.family), dict(raw))


def _ordered(value: Uncertain, raw: object) -> Uncertain:
    if not value.low <= value.best <= value.high:
        raise _error("low, best and high must rise", raw)
    if value.low != value.high and value.best in {value.low, value.high}:
        raise _error("best must lie between low and high, not on one of them", raw)
    return value


def _split(text: str, kind: Dimension) -> tuple[float, str]:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise _error(f"not a {kind.name}; write for example '{kind.example}'", text)
    return float(match[1].replace(",", "").replace("_", "")), match[2]


def _parse(raw: object, kind: Dimension) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        raise _error(f"{kind.name} must be {_DATA_SHAPES}", raw)
    if not isinstance(raw, str):
        if not kind.bare:
            raise _error(f"a {kind.name} needs its unit; write for example '{kind.example}'", raw)
        try:
            return float(raw)
        except OverflowError:
            raise _error(f"too large for a {kind.name}", raw) from None
    number, unit = _split(raw, kind)
    if unit in kind.units and (unit or kind.bare):
        return number * kind.units[unit]
    raise _wrong_unit(unit, kind, raw)


def _wrong_unit(unit: str, kind: Dimension, raw: object) -> PydanticCustomError:
    if not unit:
        return _error(f"a {kind.name} needs its unit; write for example '{kind.example}'", raw)
    for other in DIMENSIONS.values():
        if unit in other.units:
            message = f"'{unit}' is a unit of {other.name}, but a {kind.name} belongs here; write for example"
            return _error(f"{message} '{kind.example}'", raw)
    return _error(f"unknown unit '{unit}' for a {kind.name}; write for example '{kind.example}'", raw)


def _bounded(value: float, kind: Dimension, raw: object) -> float:
    if math.isnan(value) or math.isinf(value):
        raise _error(f"a {kind.name} must be a finite number", raw)
    if value < kind.minimum or (value == kind.minimum and not kind.minimum_allowed):
        limit = f"at least {kind.minimum:g}" if kind.minimum_allowed else f"above {kind.minimum:g}"
        raise _error(f"a {kind.name} must be {limit}", raw)
    if value > kind.maximum:
        raise _error(f"a {kind.name} must be at most {kind.maximum:g}", raw)
    return value


def _error(message: str, raw: object) -> PydanticCustomError:
    return PydanticCustomError("quantity", message, {"found": raw})


def _plain(value: Uncertain) -> float | dict[str, float]:
    return value.to_plain()


def _quantity(dimension: str) -> Any:
    return BeforeValidator(partial(read_quantity, dimension=dimension))


def _uncertain(dimension: str) -> Any:
    return BeforeValidator(partial(read_uncertain, dimension=dimension))


def written_as(dimension: str, *, uncertain: bool) -> WithJsonSchema:
    """Say to editors what a quantity looks like in a file, with its units."""
    kind = DIMENSIONS[dimension]
    units = [
        re.escape(unit).replace("/", "\\/") for unit in sorted(kind.units, key=len, reverse=True) if unit
    ]
    unit = rf"\s*(?:{'|'.join(units)})" if units else ""
    one = _NUMBER + (f"(?:{unit})?" if kind.bare and unit else unit)
    ranged = rf"(?:{_NUMBER}(?:{unit})?\s+to\s+)?" if uncertain else ""
    text: dict[str, Any] = {"type": "string", "pattern": rf"^\s*{ranged}{one}\s*$"}
    least = "minimum" if kind.minimum_allowed else "exclusiveMinimum"
    number: dict[str, Any] = {"type": "number", least: kind.minimum}
    if kind.maximum < math.inf:
        number["maximum"] = kind.maximum
    plain: list[dict[str, Any]] = [text, number] if kind.bare else [text]
    written = f"; units: {', '.join(unit for unit in kind.units if unit)}" if units else ""
    stated = f"{kind.name}, in {kind.base_unit}" if kind.base_unit else kind.name
    made: dict[str, Any] = {
        "title": kind.name,
        "description": f"{stated}{written}",
        "examples": [kind.example],
    }
    if not uncertain:
        return WithJsonSchema({**made, "anyOf": plain})
    ends: dict[str, Any] = {"type": "object", "additionalProperties": False, "required": list(_TRIPLE)}
    points = zip(_TRIPLE, (5, 50, 95), strict=True)
    ends["properties"] = {name: {"description": f"{p}th percentile", "anyOf": plain} for name, p in points}
    made["description"] += "; a value, a range 'A to B' (5th to 95th percentile), or {low, best, high}"
    return WithJsonSchema({**made, "anyOf": [*plain, ends]})


_WRITE = PlainSerializer(_plain)

Rate = Annotated[float, _quantity("rate"), written_as("rate", uncertain=False)]
Memory = Annotated[float, _quantity("memory"), written_as("memory", uncertain=False)]
Bandwidth = Annotated[float, _quantity("bandwidth"), written_as("bandwidth", uncertain=False)]
Area = Annotated[float, _quantity("area"), written_as("area", uncertain=False)]
ExactPower = Annotated[float, _quantity("power"), written_as("power", uncertain=False)]
Power = Annotated[Uncertain, _uncertain("power"), _WRITE, written_as("power", uncertain=True)]
Count = Annotated[Uncertain, _uncertain("count"), _WRITE, written_as("count", uncertain=True)]
Fraction = Annotated[Uncertain, _uncertain("fraction"), _WRITE, written_as("fraction", uncertain=True)]
Pue = Annotated[Uncertain, _uncertain("pue"), _WRITE, written_as("pue", uncertain=True)]
Ratio = Annotated[Uncertain, _uncertain("ratio"), _WRITE, written_as("ratio", uncertain=True)]
Money = Annotated[Uncertain, _uncertain("money"), _WRITE, written_as("money", uncertain=True)]
Duration = Annotated[Uncertain, _uncertain("duration"), _WRITE, written_as("duration", uncertain=True)]
EnergyPrice = Annotated[
    Uncertain, _uncertain("energy price"), _WRITE, written_as("energy price", uncertain=True)
]
PowerPrice = Annotated[
    Uncertain, _uncertain("power price"), _WRITE, written_as("power price", uncertain=True)
]
CarbonIntensity = Annotated[
    Uncertain, _uncertain("carbon intensity"), _WRITE, written_as("carbon intensity", uncertain=True)
]
WaterIntensity = Annotated[
    Uncertain, _uncertain("water intensity"), _WRITE, written_as("water intensity", uncertain=True)
]
Mass = Annotated[Uncertain, _uncertain("mass"), _WRITE, written_as("mass", uncertain=True)]
