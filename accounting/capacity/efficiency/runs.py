"""Wall-clock utilisation of a training run, foretold: total FLOP ÷ (chip-hours × dense peak).

Three named factors, each with a spread and its sources: the training step (MFU of production runs, pooled
over accelerators), scaling with chip count, and availability (share of chip time that becomes steps). The
best matmul does not enter: MFU is measured against the peak, and what it is of the matmul cancels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from accounting.capacity.bases import Draws
from accounting.capacity.calibration import Calibration
from accounting.capacity.draws import expit, standard_normal
from accounting.capacity.efficiency.chain import fraction_of_peak
from accounting.capacity.efficiency.measurements import REGIME_OF, feeds_sustained
from accounting.capacity.efficiency.pooling import Observation, Pool, Prediction, logit
from accounting.capacity.efficiency.scaling import BASE_CHIPS, REFERENCE_CHIPS
from bench.errors import InputError

_DRAWS = 40_000


@dataclass(frozen=True)
class Factor:
    """One link of the chain: a fraction, as 5th, 50th and 95th percentile, and what it rests on."""

    name: str
    low: float
    median: float
    high: float
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Utilisation:
    """A wall-clock utilisation, 5th, 50th and 95th percentile, and the factors it is the product of."""

    low: float
    median: float
    high: float
    factors: tuple[Factor, ...]

    @property
    def ratio(self) -> float:
        """95th ÷ 5th percentile."""
        return self.high / self.low


def predict_run(
    calibration: Calibration, accelerator: str, chips: float, precision: str = "bf16", seed: int = 0
) -> Utilisation:
    """Foretell the wall-clock utilisation of a run of a dense model on ``chips`` accelerators.

    Raises:
        InputError: no training step, or no availability, was measured that would tell it.
    """
    pool = step_pool(calibration, precision)
    running = calibration.efficiency("delivered", accelerator, precision)
    if pool is None or running is None:
        raise InputError(f"no training step in {precision}, or no availability, to foretell a run with")
    step = pool.blend(calibration.chip(accelerator, precision))
    scaling = calibration.scaling
    normal = {name: standard_normal(seed, f"run/{name}", _DRAWS) for name in ("step", "scaling", "running")}
    stepping = expit(step.mean + _sd(calibration, accelerator, step, precision) * normal["step"])
    lost = _scaled(calibration, chips, normal["scaling"])
    up = expit(running.prediction.mean + running.prediction.sd * normal["running"])
    # below the reference count scaling adds: a step on few accelerators still does no more than their peak
    whole = np.minimum(stepping * lost, 1.0) * up
    low, median, high = (float(x) for x in np.quantile(whole, [0.05, 0.5, 0.95]))
    # the step at eight nodes and what is lost from there, so that each link is a fraction
    small = min(chips, BASE_CHIPS)
    at_base = np.minimum(stepping * scaling.factor(small), 1.0)
    beyond = np.minimum(lost / scaling.factor(small), 1.0)
    return Utilisation(
        low,
        median,
        high,
        (
            _factor(
                f"training step on {small:g} accelerators", at_base, _step_sources(calibration, precision)
            ),
            _factor(f"scaling to {chips:g} accelerators", beyond, calibration.scaling.sources),
            _factor("availability", up, _sources(calibration, "availability")),
        ),
    )


def step_pool(calibration: Calibration, precision: str) -> Pool | None:
    """Pool MFU (of peak) in production on ``REFERENCE_CHIPS`` accelerators; None where none was measured."""
    excess = calibration.excess.mean if calibration.excess else 0.0
    rows = []
    for m in calibration.measurements:
        of_peak = (
            fraction_of_peak(m, calibration.facts) if feeds_sustained(m, REGIME_OF.get(precision)) else None
        )
        if of_peak is None:
            continue
        count = m.accelerators.best if m.accelerators else REFERENCE_CHIPS
        value = logit(min(of_peak / calibration.scaling.factor(count), 0.99))
        chip = calibration.chip(m.accelerator, precision)
        value -= excess if m.setting == "benchmark" else 0.0
        rows.append(Observation(chip.accelerator, chip.family, value, chip.designer, chip.log_peak_per_watt))
    return Pool.of(rows) if rows else None


def _sd(calibration: Calibration, accelerator: str, step: Prediction, precision: str) -> float:
    """Return the spread of a run's step; wider where the accelerator is known from benchmarks alone."""
    if calibration.excess is None or calibration.has_production(accelerator, precision):
        return step.sd
    return math.hypot(step.sd, calibration.excess.shared_sd)


def _scaled(calibration: Calibration, chips: float, normal: Draws) -> Draws:
    scaling = calibration.scaling
    return scaling.factor(chips) * np.exp(scaling.log_sd(chips) * normal)


def _factor(name: str, draws: Draws, sources: tuple[str, ...]) -> Factor:
    low, median, high = np.quantile(draws, [0.05, 0.5, 0.95])
    return Factor(name, float(low), float(median), float(high), sources)


def _step_sources(calibration: Calibration, precision: str) -> tuple[str, ...]:
    regime = REGIME_OF.get(precision)
    return tuple(dict.fromkeys(m.source for m in calibration.measurements if feeds_sustained(m, regime)))


def _sources(calibration: Calibration, basis: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(m.source for m in calibration.measurements if m.basis == basis))
