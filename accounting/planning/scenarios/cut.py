"""A supply cut: who stops what, from which day on, and what each kind of stop takes at each place.

    sales     nothing of that origin comes into service after the day, at any place
    service   at vendor, foundry, memory and packaging: failed hardware is no longer replaced; spares are used
              up first. At provider: nothing, as who owns a site also runs it
    licence   at vendor: what runs under a licence that is checked stops on the day. At provider: what its
              firms own is switched off on the day. At foundry, memory and packaging: nothing, they license
              nothing that runs

What comes into service after the day is lost by a stop of sales alone; substitutes (:mod:`.losses`) make good
part of all that is lost.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from accounting.capacity.bases import Draws
from accounting.capacity.draws import draw, standard_normal
from accounting.planning.scenarios.cut_parameters import CutParameters, Parameter
from accounting.planning.scenarios.losses import Replacement, Wear
from accounting.planning.scenarios.origin import Scope, supply_level
from bench.errors import InputError

Stop = Literal["sales", "service", "licence"]
STOPS: tuple[Stop, ...] = ("sales", "service", "licence")
MOST_YEARS = 30
# together: all places at once
TOGETHER = "together"
_SERVICED = frozenset({"vendor", "foundry", "memory", "packaging"})
_LICENSED = frozenset({"vendor", "provider"})


@dataclass(frozen=True)
class Cut:
    """Who (``cutting``: nations, or organisations) stops what, where in the chain, and from when on.

    Raises:
        InputError: nobody cuts, nothing is stopped, or the years are not between 1 and 30.
        UnknownNameError: a place that accounts have no level for.
    """

    cutting: tuple[str, ...]
    scope: Scope
    at: tuple[str, ...]
    on: datetime.date
    stops: frozenset[Stop] = frozenset(STOPS)
    years: int = 10

    def __post_init__(self) -> None:
        """Refuse a cut that is none."""
        if not self.cutting:
            raise InputError("name a nation or a firm that cuts supply")
        if not self.stops or not self.at:
            raise InputError("name at least one kind of stop and one place in the chain")
        if not 1 <= self.years <= MOST_YEARS:
            raise InputError(f"years must lie between 1 and {MOST_YEARS} (found {self.years})")
        for place in self.at:
            supply_level(place, self.scope)

    @property
    def days(self) -> tuple[datetime.date, ...]:
        """The day of the cut and its anniversaries."""
        return tuple(_years_later(self.on, n) for n in range(self.years + 1))


def _years_later(day: datetime.date, years: int) -> datetime.date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        # the 29th of February
        return day.replace(year=day.year + years, day=28)


def parameter_names(cut: Cut) -> Iterator[str]:
    """Yield the names of the parameters that a cut takes, growth apart."""
    if "service" in cut.stops and _SERVICED & set(cut.at):
        yield from (f"service.{name}" for name in ("failures", "worsening", "mended_locally", "spares"))
    for place in cut.at:
        if "licence" in cut.stops and place in _LICENSED:
            yield f"licence.{place}"
        yield from (f"substitutes.{place}.{cut.scope}.{n}" for n in ("share", "delay_years", "capacity"))


def drawn(parameter: Parameter, seed: int, size: int) -> Draws:
    """Draw a parameter; draws are keyed by its name, so that scenarios share them."""
    if parameter.value.exact:
        return np.full(size, parameter.value.best)
    return draw(parameter.value, standard_normal(seed, f"supply-cut/{parameter.name}", size))


@dataclass(frozen=True)
class Losses:
    """Which part of capacity is missing at one place, by year after the cut (each shape: draws).

    ``old`` is of what was in service on the day, n years after it; ``new`` of what would have come into
    service n and a half years before the day that is asked about.
    """

    old: tuple[Draws, ...]
    new: tuple[Draws, ...]


def losses(cut: Cut, parameters: CutParameters, seed: int, size: int) -> Mapping[str, Losses]:
    """Return the losses by place, for capacity that is wholly of the origin that is cut."""
    values = {name: drawn(parameters[name], seed, size) for name in parameter_names(cut)}
    return {place: _at(cut, place, values, size) for place in cut.at}


def _at(cut: Cut, place: str, values: Mapping[str, Draws], size: int) -> Losses:
    key = f"substitutes.{place}.{cut.scope}"
    replacement = Replacement(values[f"{key}.share"], values[f"{key}.delay_years"], values[f"{key}.capacity"])
    nothing = np.zeros(size)
    off = values.get(f"licence.{place}", nothing)
    wear = _wear(values) if "service" in cut.stops and place in _SERVICED else None
    old = []
    for years in range(cut.years + 1):
        failed = wear.missing(float(years), replacement) if wear else nothing
        old.append(off * (1.0 - replacement.made_good(float(years))) + (1.0 - off) * failed)
    if "sales" not in cut.stops:
        return Losses(tuple(old), (nothing,) * cut.years)
    new = tuple(1.0 - replacement.made_good(n + 0.5) for n in range(cut.years))
    return Losses(tuple(old), new)


def _wear(values: Mapping[str, Draws]) -> Wear:
    return Wear.of(*(values[f"service.{n}"] for n in ("failures", "worsening", "mended_locally", "spares")))


def kept(weights: Sequence[Draws | float], missing: Sequence[Draws]) -> Draws | float:
    """Return the part that is left of capacity of which ``weights`` are cut at each of several places.

    Parts cut at different places are taken as independent within a deployment: what is left is the product of
    1 - weight × missing.

    >>> float(kept([0.5, 1.0], [np.array(1.0), np.array(0.5)]))
    0.25
    """
    left: Draws | float = 1.0
    for weight, gone in zip(weights, missing, strict=True):
        if isinstance(weight, float) and weight == 0.0:
            continue
        left = left * (1.0 - weight * gone)
    return left
