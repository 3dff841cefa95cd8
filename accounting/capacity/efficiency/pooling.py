"""Partial pooling of fractions on the logit scale: what a measurement of one accelerator says of another.

A normal random-effects model (Gelman et al., *Bayesian Data Analysis*, ch. 5 and 15) with four spreads of
logits: within an accelerator (sites, software, runs), between accelerators of a family, between families of
a designer, and between designers; and a slope on the logarithm of the peak per watt of TDP, since a chip
whose sheet promises more than its power carries runs below its peak. What is measured speaks for itself
with the first spread; what is not takes the model's prediction, wider, and is labelled ``assumed``.

The spread within is the pooled standard deviation of repeated measurements; the other three come from
their posterior on a grid with half-normal priors, since a handful of families does not show them well.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from accounting.capacity.bases import Draws
from accounting.capacity.draws import expit

Level = Literal["own", "family", "designer", "all"]

# prior scale of the spreads between, in logits: a factor 1.6 in odds for one standard deviation
_UNSEEN_SD = 0.5
_GRID = (0.05, 0.2, 0.4, 0.7, 1.1)
# scale of the slope, of either sign: none that matters, or odds in proportion to watts per FLOP and beyond
_SLOPES = (0.05, 0.3, 1.0, 2.0)
# weak prior: the mean of logits anywhere between 0.01 and 0.99
_MEAN_SD = 2.5
_LEAST_SD = 0.02

_Matrix = NDArray[np.float64]
_Spreads = tuple[float, float, float, float]


@dataclass(frozen=True)
class Chip:
    """What pooling knows of an accelerator: its kin, and ln(dense peak ÷ TDP), which is ln(FLOP per joule).

    An empty name stands for what a source does not say; a designer not given is told by the family.
    """

    accelerator: str = ""
    family: str = ""
    designer: str = ""
    log_peak_per_watt: float | None = None

    def __post_init__(self) -> None:
        """Let the family stand for a designer that is not given."""
        object.__setattr__(self, "designer", self.designer or self.family)


@dataclass(frozen=True)
class Observation:
    """One measured fraction (as a logit) of an accelerator of a family, of a designer where known."""

    accelerator: str
    family: str
    logit: float
    designer: str = ""
    log_peak_per_watt: float | None = None

    @property
    def chip(self) -> Chip:
        """The accelerator that was measured."""
        return Chip(self.accelerator, self.family, self.designer, self.log_peak_per_watt)


@dataclass(frozen=True)
class Prediction:
    """A fraction on the logit scale.

    ``shared_sd`` is common to all sites that run the accelerator (``key`` names the draw), ``common_sd`` to
    all accelerators that are known from benchmarks alone, and ``site_sd``
    is each site's own. ``level`` says whose measurements it rests on, ``observations`` how many.
    """

    mean: float
    shared_sd: float
    site_sd: float
    level: Level
    observations: int
    key: str
    common_sd: float = 0.0

    @property
    def sd(self) -> float:
        """The standard deviation of one site's logit: common, shared and own together."""
        return math.hypot(self.shared_sd, self.common_sd, self.site_sd)

    def at(self, shared: Draws, own: Draws, common: Draws | float = 0.0) -> Draws:
        """Return the fraction for normals of the accelerator, of a site, and common ones (shape: draws)."""
        return expit(self.mean + self.shared_sd * shared + self.common_sd * common + self.site_sd * own)


@dataclass(frozen=True)
class Pool:
    """Measured fractions, pooled. Build with :meth:`of`."""

    observations: tuple[Observation, ...]
    within_sd: float
    accelerator_sd: float
    family_sd: float
    designer_sd: float
    slope_sd: float

    @classmethod
    def of(cls, observations: Iterable[Observation]) -> Pool:
        """Pool observations; the order does not matter. Raises ValueError where there are none."""
        rows = tuple(sorted(observations, key=lambda o: (o.designer, o.family, o.accelerator, o.logit)))
        if not rows:
            raise ValueError("no observations to pool")
        within = _within_sd(rows)
        between = _between(rows, _UNSEEN_SD if within is None else within)
        return cls(rows, between[0] if within is None else within, *between)

    def predict(self, chip: Chip) -> Prediction:
        """Return what the pool says of an accelerator: its own mean where it was measured, else its kin's."""
        own = [o.logit for o in self.observations if o.accelerator == chip.accelerator]
        if own:
            # a measurement of its own never leaves us less sure than that of a twin would
            twin = self._model(replace(chip, accelerator=""))[1]
            shared = min(self.within_sd / math.sqrt(len(own)), math.sqrt(twin))
            return Prediction(_mean(own), shared, self.within_sd, "own", len(own), chip.accelerator)
        mean, variance = self._model(chip)
        level, kin = self._kin(chip)
        return Prediction(
            mean, math.sqrt(variance), self.within_sd, level, kin, chip.accelerator or "unnamed"
        )

    def blend(self, chip: Chip) -> Prediction:
        """Return what all measurements say of an accelerator, its own and its kin's weighed together."""
        mean, variance = self._model(chip)
        level, count = self._kin(chip)
        return Prediction(mean, math.sqrt(variance), self.within_sd, level, count, chip.accelerator)

    def _kin(self, chip: Chip) -> tuple[Level, int]:
        family = sum(o.family == chip.family for o in self.observations)
        if family:
            return "family", family
        designer = sum(o.chip.designer == chip.designer for o in self.observations)
        return ("designer", designer) if designer else ("all", len(self.observations))

    def _model(self, chip: Chip) -> tuple[float, float]:
        """Return mean and variance of the chip's own logit given what was seen: Gaussian conditioning."""
        seen, logits = [o.chip for o in self.observations], np.array([o.logit for o in self.observations])
        centre, scatter = _density(self.observations)
        spreads = (self.accelerator_sd, self.family_sd, self.designer_sd, self.slope_sd)
        prior = float(_covariance([chip], [chip], spreads, centre)[0, 0])
        if chip.log_peak_per_watt is None:
            # its TDP is not known: it may lie anywhere among those that are
            prior += (self.slope_sd * scatter) ** 2
        known = _covariance(seen, seen, spreads, centre) + _noise(self.within_sd, len(seen))
        cross = _covariance([chip], seen, spreads, centre)[0]
        weights = np.linalg.solve(known, cross)
        base = _grand(self.observations)
        return base + float(weights @ (logits - base)), max(prior - float(weights @ cross), 1e-12)


def logit(fraction: float) -> float:
    """Return the log-odds of a fraction strictly between 0 and 1."""
    return math.log(fraction / (1.0 - fraction))


def _covariance(a: Sequence[Chip], b: Sequence[Chip], spreads: _Spreads, centre: float) -> _Matrix:
    """Return the covariance of the chips' own logits, the uncertain mean and slope included."""
    parts = _parts(a, b, centre)
    return np.asarray(_MEAN_SD**2 + np.tensordot(np.square(spreads), parts, axes=1))


def _parts(a: Sequence[Chip], b: Sequence[Chip], centre: float) -> _Matrix:
    """Return what each spread's variance is multiplied by: accelerator, family, designer, slope."""
    names = [[(x.accelerator, x.family, x.designer) for x in chips] for chips in (a, b)]
    alike = [[[float(x[part] == y[part]) for y in names[1]] for x in names[0]] for part in range(3)]
    slope = np.outer([_offset(x, centre) for x in a], [_offset(y, centre) for y in b])
    return np.array([*alike, slope])


def _noise(within: float, size: int) -> _Matrix:
    # figures that agree to the last digit are still no better than their rounding
    return max(within, _LEAST_SD) ** 2 * np.eye(size)


def _offset(chip: Chip, centre: float) -> float:
    return 0.0 if chip.log_peak_per_watt is None else chip.log_peak_per_watt - centre


def _density(rows: Sequence[Observation]) -> tuple[float, float]:
    """Return mean and standard deviation of ln(peak ÷ TDP) over the accelerators measured."""
    known = {o.accelerator: o.log_peak_per_watt for o in rows if o.log_peak_per_watt is not None}
    values = list(known.values())
    if not values:
        return 0.0, 0.0
    mean = _mean(values)
    return mean, math.sqrt(_mean([(value - mean) ** 2 for value in values]))


def _between(rows: Sequence[Observation], within: float) -> _Spreads:
    """Return the spreads between accelerators, families and designers, and the scale of the slope.

    Each is the root of the posterior mean variance on a grid: what a prediction's variance asks for.
    """
    chips, (centre, scatter) = [row.chip for row in rows], _density(rows)
    logits = np.array([row.logit for row in rows]) - _grand(rows)
    points = np.array(list(product(_GRID, _GRID, _GRID, _SLOPES if scatter else _SLOPES[:1])))
    parts = np.tensordot(points**2, _parts(chips, chips, centre), axes=1)
    roots = np.linalg.cholesky(parts + _MEAN_SD**2 + _noise(within, len(rows)))
    scaled = np.linalg.solve(roots, np.broadcast_to(logits[:, None], (len(points), len(rows), 1)))[..., 0]
    # log density of the logits, half-normal priors on the spreads, a flat one on the scale of the slope
    scores = -np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1) - (scaled**2).sum(axis=1) / 2
    scores -= ((points[:, :3] / _UNSEEN_SD) ** 2).sum(axis=1) / 2
    weights = np.exp(scores - scores.max())
    accelerator, family, designer, slope = np.sqrt(weights @ points**2 / weights.sum()).tolist()
    return accelerator, family, designer, slope


def _grand(rows: Sequence[Observation]) -> float:
    """Return the mean over families of the means over accelerators."""
    families: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        families[row.family][row.accelerator].append(row.logit)
    return _mean([_mean([_mean(values) for values in members.values()]) for members in families.values()])


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _within_sd(rows: Sequence[Observation]) -> float | None:
    """Return √(Σ squared deviations from accelerators' means ÷ Σ (n − 1)), None without a repetition."""
    groups: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        groups[row.accelerator].append(row.logit)
    repeated = [values for values in groups.values() if len(values) > 1]
    squares = math.fsum((v - _mean(values)) ** 2 for values in repeated for v in values)
    freedom = sum(len(values) - 1 for values in repeated)
    return math.sqrt(squares / freedom) if freedom else None
