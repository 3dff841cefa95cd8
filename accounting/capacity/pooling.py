"""Partial pooling of fractions on the logit scale: an accelerator's own measurements, its family's, all.

Observations are grouped accelerator within family. The spread has three parts, each a pooled standard
deviation of logits: within an accelerator (sites, software, runs), between accelerators of a family, and
between families. What is measured speaks for itself with the first; what is not takes its family's mean
with the first two, else the mean of families with all three: wider, and labelled ``assumed``.
A part that the data cannot show (no group with two members) is taken as that of the next finer part.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["own", "family", "all"]


@dataclass(frozen=True)
class Observation:
    """One measured fraction (as a logit) of an accelerator of a family."""

    accelerator: str
    family: str
    logit: float


@dataclass(frozen=True)
class Prediction:
    """A fraction on the logit scale.

    ``shared_sd`` is common to all sites that run the accelerator (``key`` names the draw), ``site_sd``
    is each site's own. ``level`` says whose measurements it rests on, ``observations`` how many.
    """

    mean: float
    shared_sd: float
    site_sd: float
    level: Level
    observations: int
    key: str


@dataclass(frozen=True)
class Pool:
    """Measured fractions, pooled. Build with :meth:`of`."""

    observations: tuple[Observation, ...]
    within_sd: float
    accelerator_sd: float
    family_sd: float

    @classmethod
    def of(cls, observations: Iterable[Observation]) -> Pool:
        """Pool observations; the order does not matter. Raises ValueError where there are none."""
        rows = tuple(sorted(observations, key=lambda o: (o.family, o.accelerator, o.logit)))
        if not rows:
            raise ValueError("no observations to pool")
        families = _by_family(rows)
        within = _pooled_sd([logits for members in families.values() for logits in members.values()])
        accelerator = _pooled_sd([[_mean(v) for v in members.values()] for members in families.values()])
        family = _pooled_sd([[_family_mean(members) for members in families.values()]])
        # a part that cannot be seen is borrowed from its neighbour, never taken as nought
        accelerator = _first(accelerator, within, family)
        return cls(rows, _first(within, accelerator), accelerator, _first(family, accelerator))

    def predict(self, accelerator: str | None, family: str | None) -> Prediction:
        """Return what the pool says of an accelerator; None for one that a source does not name."""
        families = _by_family(self.observations)
        members = families.get(family or "", {})
        own = members.get(accelerator or "", [])
        grand, grand_variance = self._grand_mean(families)
        if not members:
            # a family never seen: anywhere among families, and among the accelerators of one
            spread = math.sqrt(grand_variance + self.family_sd**2 + self.accelerator_sd**2)
            key = accelerator or "unnamed"
            return Prediction(grand, spread, self.within_sd, "all", len(self.observations), key)
        mean, variance = self._family(members, grand)
        spread = math.sqrt(variance + self.accelerator_sd**2)
        if own:
            # a measurement of its own never leaves us less sure than none
            measured = min(self.within_sd / math.sqrt(len(own)), spread)
            return Prediction(_mean(own), measured, self.within_sd, "own", len(own), str(accelerator))
        count = sum(map(len, members.values()))
        return Prediction(mean, spread, self.within_sd, "family", count, str(accelerator))

    def _grand_mean(self, families: dict[str, dict[str, list[float]]]) -> tuple[float, float]:
        means = [_family_mean(members) for members in families.values()]
        return _mean(means), self.family_sd**2 / len(means)

    def _family(self, members: dict[str, list[float]], grand: float) -> tuple[float, float]:
        """Return mean and variance of a family, its own measurements weighed against all families'."""
        own = _family_mean(members)
        sampling = self.accelerator_sd**2 / len(members) + self.within_sd**2 / sum(map(len, members.values()))
        if not sampling:
            return own, 0.0
        weight = self.family_sd**2 / (self.family_sd**2 + sampling)
        return weight * own + (1 - weight) * grand, weight * sampling


def logit(fraction: float) -> float:
    """Return the log-odds of a fraction strictly between 0 and 1."""
    return math.log(fraction / (1.0 - fraction))


def _by_family(rows: Sequence[Observation]) -> dict[str, dict[str, list[float]]]:
    table: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        table[row.family][row.accelerator].append(row.logit)
    return table


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _family_mean(members: dict[str, list[float]]) -> float:
    return _mean([_mean(values) for values in members.values()])


def _pooled_sd(groups: Iterable[Sequence[float]]) -> float | None:
    """Return √(Σ squared deviations from group means ÷ Σ (size − 1)), None without a group of two."""
    squares, freedom = 0.0, 0
    for group in groups:
        if len(group) > 1:
            mean = _mean(group)
            squares += math.fsum((value - mean) ** 2 for value in group)
            freedom += len(group) - 1
    return math.sqrt(squares / freedom) if freedom else None


def _first(*spreads: float | None) -> float:
    """Return the first spread that is known; 0.5 on the logit scale (a factor 1.6 in odds) where none is."""
    return next((spread for spread in spreads if spread is not None), _UNSEEN_SD)


_UNSEEN_SD = 0.5
