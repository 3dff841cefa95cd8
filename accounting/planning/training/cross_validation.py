"""Leave-one-out cross-validation: how well the accelerator-hours of published runs are foretold.

Each run is foretold from everything that is not from its own source.

Judged on ln(hours), since runs differ 200-fold in size: by coverage of the 90 % interval, and by the
interval score (Gneiting and Raftery 2007, *JASA* 102:359, section 6.2), beside a constant utilisation of 0.16
to 0.54 for all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from accounting.capacity.calibration import Calibration
from accounting.capacity.efficiency.cross_validation import interval_score
from accounting.capacity.efficiency.evidence import Evidence
from accounting.capacity.efficiency.scaling import REFERENCE_CHIPS
from accounting.planning.training.assumptions import Assumptions, PublishedRun
from accounting.planning.training.utilisation import Foreteller, size_effect
from accounting.reference.facts import Facts
from bench.errors import InputError

CONSTANT = (0.16, 0.54)
_DRAWS = 20_000


@dataclass(frozen=True)
class Foretold:
    """A run's accelerator-hours as stated, and foretold: 5th, 50th, 95th percentile; and by the constant."""

    name: str
    accelerator: str
    chips: float
    parameters: float
    hours: float
    low: float
    median: float
    high: float
    constant: tuple[float, float]

    @property
    def inside(self) -> bool:
        """Whether the hours stated lie in the 90 % interval."""
        return self.low <= self.hours <= self.high

    @property
    def score(self) -> float:
        """Interval score of ln(hours); smaller is better."""
        return _log_score((self.low, self.high), self.hours)

    @property
    def constant_score(self) -> float:
        """Interval score of ln(hours) by the constant utilisation."""
        return _log_score(self.constant, self.hours)


def foretell(
    run: PublishedRun,
    others: Sequence[PublishedRun],
    evidence: Evidence,
    facts: Facts,
    assumptions: Assumptions,
    same: Callable[[str], bool],
) -> Foretold:
    """Return a run's hours, foretold from everything that is not from its own source.

    Args:
        run: the run left out.
        others: the published runs that show what model size does; those of the same name or source drop out.
        evidence: measurements and scaling series, likewise.
        facts: the reference facts.
        assumptions: what interruptions cost.
        same: whether a source is one of the run's.

    Raises:
        InputError: its accelerator's sheet states no 16-bit peak.
    """
    kept = [m for m in evidence.measurements if m.run != run.name and not same(m.source)]
    series = [s for s in evidence.scaling if not same(s.source)]
    calibration = Calibration.of(kept, facts, series)
    rest = [o for o in others if o.name != run.name and not same(o.source)]
    effect = size_effect(rest, calibration, assumptions)
    peak = facts.accelerators[run.accelerator].peak_flop_per_s("bf16")
    if peak is None:
        raise InputError(f"{run.accelerator} has no peak in bf16")
    chips = run.chips or REFERENCE_CHIPS
    foreteller = Foreteller(calibration, assumptions, "bf16", 0, _DRAWS, effect)
    used = foreteller.utilisation(run.accelerator, chips, run.parameters).draws
    whole = run.work_flop / (peak * 3600)
    low, median, high = (float(q) for q in np.quantile(whole / used, [0.05, 0.5, 0.95]))
    constant = (whole / CONSTANT[1], whole / CONSTANT[0])
    return Foretold(run.name, run.accelerator, chips, run.parameters, run.hours, low, median, high, constant)


def _log_score(interval: tuple[float, float], value: float) -> float:
    return interval_score((math.log(interval[0]), math.log(interval[1])), math.log(value))
