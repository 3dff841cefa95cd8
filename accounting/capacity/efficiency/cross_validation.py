"""Cross-validation of the pooling: each family of accelerators is left out, and foretold from the others.

A measurement is foretold on its own terms: for its setting and its number of accelerators. Intervals are
judged by coverage and by the interval score of Gneiting and Raftery (2007, *JASA* 102:359, section 6.2):
width plus 2/α for each unit by which the value lies outside; smaller is better.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from accounting.capacity.calibration import Calibration
from accounting.capacity.draws import Z95, expit
from accounting.capacity.efficiency.chain import fraction_of_peak
from accounting.capacity.efficiency.evidence import Evidence
from accounting.capacity.efficiency.measurements import REGIME_OF, Measurement, feeds_sustained
from accounting.capacity.efficiency.pooling import logit
from accounting.capacity.efficiency.runs import step_pool
from accounting.capacity.efficiency.scaling import REFERENCE_CHIPS
from accounting.reference.facts import Facts

Interval = tuple[float, float]
IntervalKind = Literal["pooled", "quantiles", "normal"]
ALPHA = 0.1


@dataclass(frozen=True)
class LeftOut:
    """A measured fraction of peak, and the 90 % intervals that the other families gave for it.

    ``quantiles`` and ``normal`` are constants fitted to the rest: its 5th to 95th percentile, and the mean
    ± 1.645 standard deviations of its logits.
    """

    basis: str
    precision: str
    family: str
    accelerator: str
    value: float
    pooled: Interval
    quantiles: Interval
    normal: Interval

    def interval(self, which: IntervalKind) -> Interval:
        """Return one of the three by its name."""
        return {"pooled": self.pooled, "quantiles": self.quantiles, "normal": self.normal}[which]


def interval_score(interval: Interval, value: float, alpha: float = ALPHA) -> float:
    """Return the interval score of a central 1 − α interval, in the unit of the value.

    >>> interval_score((0.0, 1.0), 0.5), round(interval_score((0.0, 1.0), 1.1), 6)
    (1.0, 3.0)
    """
    low, high = interval
    return high - low + 2 / alpha * (max(low - value, 0.0) + max(value - high, 0.0))


def coverage(rows: Sequence[LeftOut], which: IntervalKind) -> float:
    """Return the share of values inside their interval of the kind named."""
    intervals = [(row.interval(which), row.value) for row in rows]
    return sum(low <= value <= high for (low, high), value in intervals) / len(rows)


def mean_score(rows: Sequence[LeftOut], which: IntervalKind) -> float:
    """Return the mean interval score of the kind named."""
    return math.fsum(interval_score(row.interval(which), row.value) for row in rows) / len(rows)


def leave_families_out(evidence: Evidence, facts: Facts, basis: str, precision: str) -> tuple[LeftOut, ...]:
    """Return every measurement of a basis (achievable or sustained), foretold without its family."""
    used = [
        m
        for m in evidence.measurements
        if _feeds(m, basis, precision) and fraction_of_peak(m, facts) is not None
    ]
    found: list[LeftOut] = []
    for family in sorted({facts.accelerators[str(m.accelerator)].family for m in used}):
        inside = [m for m in used if facts.accelerators[str(m.accelerator)].family == family]
        rest = [m for m in used if m not in inside]
        if not rest:
            continue
        others = [m for m in evidence.measurements if not _of_family(m, family, facts)]
        calibration = Calibration.of(others, facts, evidence.scaling)
        constants = _constants([_fraction(m, facts) for m in rest])
        found += [
            LeftOut(basis, precision, family, str(m.accelerator), _fraction(m, facts), interval, *constants)
            for m in inside
            if (interval := _foretold(m, calibration, basis, precision)) is not None
        ]
    return tuple(found)


def _feeds(m: Measurement, basis: str, precision: str) -> bool:
    if basis == "achievable":
        return m.basis == basis and m.precision == precision
    return feeds_sustained(m, REGIME_OF.get(precision))


def _of_family(m: Measurement, family: str, facts: Facts) -> bool:
    return m.accelerator is not None and facts.accelerators[m.accelerator].family == family


def _fraction(m: Measurement, facts: Facts) -> float:
    # those without a peak were left out before
    return fraction_of_peak(m, facts) or 0.0


def _foretold(m: Measurement, calibration: Calibration, basis: str, precision: str) -> Interval | None:
    if basis == "achievable":
        efficiency = calibration.efficiency("achievable", m.accelerator, precision)
        if efficiency is None:
            return None
        return _interval(efficiency.prediction.mean, efficiency.prediction.sd)
    pool = step_pool(calibration, precision)
    if pool is None:
        return None
    # on the measurement's own terms: its setting and its count of accelerators
    step = pool.blend(calibration.chip(m.accelerator, precision))
    excess = calibration.excess if m.setting == "benchmark" else None
    mean = step.mean + (excess.mean if excess else 0.0)
    sd = math.hypot(step.sd, excess.shared_sd if excess else 0.0)
    scale = calibration.scaling.factor(m.accelerators.best if m.accelerators else REFERENCE_CHIPS)
    low, high = _interval(mean, sd)
    return scale * low, min(scale * high, 1.0)


def _constants(fractions: Iterable[float]) -> tuple[Interval, Interval]:
    rest = np.array(list(fractions))
    low, high = np.quantile(rest, [ALPHA / 2, 1 - ALPHA / 2])
    logits = np.array([logit(value) for value in rest])
    spread = float(logits.std(ddof=1)) if len(logits) > 1 else 0.0
    return (float(low), float(high)), _interval(float(logits.mean()), spread)


def _interval(mean: float, sd: float) -> Interval:
    low, high = expit(np.array([mean - Z95 * sd, mean + Z95 * sd]))
    return float(low), float(high)
