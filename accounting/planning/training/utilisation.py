"""The wall-clock utilisation of a planned run: total FLOP ÷ (accelerator-hours × dense peak), by factor.

It is what :func:`accounting.capacity.efficiency.runs.predict_run` foretells (the training step, scaling,
availability; same names, so the same draws), with two things more:

- interruptions at the size of the run in place of those at the size of what was measured (:mod:`.failures`);
- the size of the model. Small models do not fill many large accelerators, and those who train them mind it
  less. Wall-clock utilisations u of published runs (``configs/planning/training_runs.yaml``) are set against
  what is foretold without their size, û:

      ln(u ÷ û) = c − ln(1 + h ÷ N) + error

  with N parameters, h the size at which half is left, c what all of them lie above or below. The posterior
  of c and ln h stands on a grid: flat in ln h from 0.1 to 100 billion, c normal around 0 with 0.2, errors
  normal with the standard deviation of ln û, independent. Both are drawn for the run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from accounting.capacity.bases import Draws
from accounting.capacity.calibration import Calibration
from accounting.capacity.draws import draw, expit, standard_normal
from accounting.capacity.efficiency.pooling import Pool
from accounting.capacity.efficiency.runs import step_pool
from accounting.capacity.efficiency.scaling import REFERENCE_CHIPS
from accounting.planning.training.assumptions import Assumptions, PublishedRun
from accounting.planning.training.failures import Failures, availability
from bench.errors import InputError

# what restarts after an interruption: all of the run, the replica, or the one or the other by size of run
Recovery = Literal["by size", "whole", "replica"]
# grid of the posterior: ln h, and c
_HALF = np.log(np.geomspace(1e8, 1e11, 61))
_OFFSET = np.linspace(-0.6, 0.6, 49)
_OFFSET_SD = 0.2
_DRAWS_OF_FIT = 4_000
_MINUTE_S = 60.0


@dataclass(frozen=True)
class SizeEffect:
    """What model size does to utilisation: posterior means and standard deviations of c and ln h.

    ``runs`` counts the published runs that it rests on; without any, size is taken to do nothing.
    """

    offset: float = 0.0
    offset_sd: float = 0.0
    log_half: float = 0.0
    log_half_sd: float = 0.0
    runs: int = 0

    def draws(self, parameters: Draws | float, seed: int, size: int) -> Draws:
        """Draw the factor for a model of so many parameters (shape: size)."""
        if not self.runs:
            return np.ones(size)
        offset = self.offset + self.offset_sd * standard_normal(seed, "training/size-offset", size)
        half = np.exp(self.log_half + self.log_half_sd * standard_normal(seed, "training/size-half", size))
        return np.asarray(np.exp(offset) / (1.0 + half / parameters))


@dataclass(frozen=True)
class Utilisation:
    """Draws of each factor (shape: draws); their product is the wall-clock utilisation."""

    step: Draws
    scaling: Draws
    model_size: Draws
    other_availability: Draws
    interruptions: Draws

    @property
    def draws(self) -> Draws:
        """The wall-clock utilisation, never above 1."""
        product = self.step * self.scaling * self.model_size * self.other_availability * self.interruptions
        return np.minimum(product, 1.0)


@dataclass(frozen=True)
class Foreteller:
    """Foretells utilisations in one precision; the team that runs it is one, and so are its draws."""

    calibration: Calibration
    assumptions: Assumptions
    precision: str = "bf16"
    seed: int = 0
    size: int = 10_000
    effect: SizeEffect = field(default_factory=SizeEffect)
    fixed: Draws | None = None
    recovery: Recovery = "by size"
    _steps: dict[str, Draws] = field(default_factory=dict, init=False, repr=False, compare=False)
    _pools: list[Pool] = field(default_factory=list, init=False, repr=False, compare=False)

    def utilisation(self, accelerator: str, chips: float, parameters: Draws | float) -> Utilisation:
        """Return the factors of a run of a model of so many parameters on ``chips`` accelerators.

        Raises:
            InputError: no training step, or no availability, was measured that would tell it.
        """
        ones = np.ones(self.size)
        if self.fixed is not None:
            # a utilisation that was given holds all that a run loses on one site
            return Utilisation(self.fixed, ones, ones, ones, ones)
        failures = self.failures(parameters)
        at_run = failures.goodput(chips)
        measured = self._measured_availability()
        # what was measured restarted as a whole
        then = replace(failures, replica_from=math.inf).goodput(self.measured_on)
        whole = availability(measured, then, at_run)
        other = np.divide(whole, at_run, out=np.zeros(self.size), where=at_run > 0)
        effect = self.effect.draws(parameters, self.seed, self.size)
        return Utilisation(self._step(accelerator), self._scaling(chips), effect, other, at_run)

    def failures(self, parameters: Draws | float) -> Failures:
        """Return the draws of what interruptions cost a model of so many parameters."""
        of = self.value
        return Failures(
            rate=of("failures_per_accelerator_day"),
            restart=of("restart_minutes") * _MINUTE_S,
            pause=of("pause_seconds"),
            state=of("checkpoint_bytes_per_parameter") * parameters,
            write=of("write_rate_per_accelerator"),
            stall=of("stall_minutes") * _MINUTE_S,
            replica=of("replica_accelerators"),
            replica_from=self._replica_from(),
        )

    def _replica_from(self) -> float:
        chosen = {"whole": math.inf, "replica": 1.0}
        return chosen.get(self.recovery, self.assumptions.replica_restarts_from.value.best)

    def value(self, name: str) -> Draws:
        """Draw one of the assumptions by its name."""
        known = getattr(self.assumptions, name)
        return draw(known.value, standard_normal(self.seed, f"training/{name}", self.size))

    @property
    def measured_on(self) -> float:
        """Accelerators that availability was measured on: the geometric mean of those stated."""
        logs = [
            math.log(m.accelerators.best)
            for m in self.calibration.measurements
            if m.basis == "availability" and m.accelerators
        ]
        return math.exp(math.fsum(logs) / len(logs)) if logs else REFERENCE_CHIPS

    def _measured_availability(self) -> Draws:
        running = self.calibration.efficiency("delivered", None, self.precision)
        if running is None:
            raise InputError("no availability was measured to foretell a run with")
        p = running.prediction
        return expit(p.mean + p.sd * self._normal("running"))

    def _step(self, accelerator: str) -> Draws:
        if accelerator not in self._steps:
            step = self._pool().blend(self.calibration.chip(accelerator, self.precision))
            excess, sd = self.calibration.excess, step.sd
            if excess is not None and not self.calibration.has_production(accelerator, self.precision):
                # known from benchmarks alone, or not at all
                sd = math.hypot(sd, excess.shared_sd)
            self._steps[accelerator] = expit(step.mean + sd * self._normal("step"))
        return self._steps[accelerator]

    def _pool(self) -> Pool:
        if not self._pools:
            pool = step_pool(self.calibration, self.precision)
            if pool is None:
                raise InputError(f"no training step was measured in {self.precision} to foretell a run with")
            self._pools.append(pool)
        return self._pools[0]

    def _scaling(self, chips: float) -> Draws:
        scaling = self.calibration.scaling
        return scaling.factor(chips) * np.exp(scaling.log_sd(chips) * self._normal("scaling"))

    def _normal(self, name: str) -> Draws:
        return standard_normal(self.seed, f"run/{name}", self.size)


def size_effect(
    runs: Sequence[PublishedRun], calibration: Calibration, assumptions: Assumptions
) -> SizeEffect:
    """Return what published runs say of model size, in bf16; nothing where none has a peak in it."""
    plain = Foreteller(calibration, assumptions, "bf16", 0, _DRAWS_OF_FIT)
    accelerators = calibration.facts.accelerators
    score = -0.5 * (_OFFSET[:, None] / _OFFSET_SD) ** 2 + np.zeros((len(_OFFSET), len(_HALF)))
    peaks = {run.accelerator: accelerators[run.accelerator].peak_flop_per_s("bf16") for run in runs}
    used = [(run, peak) for run in runs if (peak := peaks[run.accelerator]) is not None]
    if not used:
        return SizeEffect()
    for run, peak in used:
        found = plain.utilisation(run.accelerator, run.chips or REFERENCE_CHIPS, run.parameters)
        logs = np.log(found.draws)
        residual = math.log(run.utilisation(peak)) - float(np.median(logs))
        expected = _OFFSET[:, None] - np.log1p(np.exp(_HALF)[None, :] / run.parameters)
        score = score - 0.5 * ((residual - expected) / float(logs.std())) ** 2
    weights = np.exp(score - score.max())
    weights /= weights.sum()
    return SizeEffect(
        *_moments(_OFFSET, weights.sum(axis=1)), *_moments(_HALF, weights.sum(axis=0)), len(used)
    )


def _moments(values: Draws, weights: Draws) -> tuple[float, float]:
    mean = float(values @ weights)
    return mean, math.sqrt(max(float((values - mean) ** 2 @ weights), 0.0))
