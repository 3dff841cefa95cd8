"""Calibration: from measurements to the steps between the bases, with their uncertainty.

Each basis is the one before times a fraction below 1, so that peak ≥ achievable ≥ sustained ≥ delivered
holds in every draw:

    achievable = peak × (best measured matmul ÷ peak)
    sustained  = achievable × (model FLOP utilisation ÷ (best measured matmul ÷ peak))
    delivered  = sustained × availability

Only MFU (not HFU, nor wall-clock utilisation) of dense models in the regime that matches the precision
counts: training in FP8 or FP4 says nothing of bf16. A step is that of a production run on
``REFERENCE_CHIPS`` accelerators; figures of other counts are brought there by the scaling series, those of
benchmarks by what benchmarks exceed production runs by on accelerators that have both. The fractions are
pooled on the logit scale (:mod:`.pooling`).

Memory bandwidth has a pool of its own (precision ``memory``) and one step: best measured stream ÷ sheet.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from accounting.capacity.bases import MEMORY, Draws
from accounting.capacity.draws import expit, standard_normal
from accounting.capacity.efficiency.chain import benchmark_excess, fraction_of_peak, refuse_broken
from accounting.capacity.efficiency.evidence import Evidence, load_evidence
from accounting.capacity.efficiency.measurements import REGIME_OF, Measurement, feeds_sustained
from accounting.capacity.efficiency.pooling import Chip, Observation, Pool, Prediction, logit
from accounting.capacity.efficiency.scaling import Scaling, ScalingSeries
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from accounting.validation import Kind, weakest

Step = Literal["achievable", "sustained", "delivered"]
STEPS: tuple[Step, ...] = ("achievable", "sustained", "delivered")

# an MFU above the pooled best matmul (of an accelerator whose own is not published) is held just below it
_RATIO_LIMIT = 0.97
# the draw of how far benchmarks lie above production runs: one for all accelerators
EXCESS = "sustained/excess"
# availability is not known by accelerator: one pool serves all
_ANY = "any"
_Key = tuple[Step, str]


@dataclass(frozen=True)
class Efficiency:
    """The fraction that one step keeps, for one accelerator: a prediction and how it is known."""

    step: Step
    prediction: Prediction
    kind: Kind
    precision: str

    @property
    def median(self) -> float:
        """The median fraction."""
        return float(expit(self.prediction.mean))

    @property
    def shared_name(self) -> str:
        """The name of the draw that all sites of the accelerator share."""
        return f"{self.step}/{self.precision}/{self.prediction.key}"

    @property
    def site_name(self) -> str:
        """What a site's own draw is named after, before the id of the site."""
        return f"{self.step}/{self.precision}/site/"

    def draws(self, seed: int, site: str, size: int) -> Draws:
        """Draw the fraction for a site (shape: size)."""
        shared = standard_normal(seed, self.shared_name, size)
        own = standard_normal(seed, self.site_name + site, size)
        common = standard_normal(seed, EXCESS, size) if self.prediction.common_sd else 0.0
        return self.prediction.at(shared, own, common)


@dataclass(frozen=True)
class Calibration:
    """Pools of measured fractions, by step and precision. See :meth:`of`, :func:`load_calibration`.

    ``excess`` is how far benchmarks lie above production runs, in logits of sustained ÷ achievable.
    """

    measurements: tuple[Measurement, ...]
    facts: Facts
    scaling: Scaling = field(default_factory=Scaling)
    excess: Prediction | None = None
    pools: dict[_Key, Pool] = field(default_factory=dict)
    kinds: dict[tuple[Step, str, str], Kind] = field(default_factory=dict)
    _known: dict[tuple[Step, str | None, str], Efficiency | None] = field(
        default_factory=dict, compare=False, repr=False
    )

    @classmethod
    def of(
        cls, measurements: Sequence[Measurement], facts: Facts, scaling: Sequence[ScalingSeries] = ()
    ) -> Calibration:
        """Pool measurements; their order does not matter.

        Raises:
            InputError: a measurement breaks the chain, as :func:`.chain.refuse_broken` says.
        """
        refuse_broken(measurements, facts)
        found = cls(tuple(measurements), facts, Scaling.of(scaling))
        for precision in sorted({m.precision for m in measurements if m.precision}):
            matmuls = [m for m in measurements if m.basis == "achievable" and m.precision == precision]
            found._add("achievable", precision, [(m, fraction_of_peak(m, facts)) for m in matmuls])
        streams = [m for m in measurements if m.basis == "bandwidth"]
        found._add("achievable", MEMORY, [(m, fraction_of_peak(m, facts)) for m in streams])
        ratios = {name: list(found._ratios(name)) for name in REGIME_OF}
        excess = benchmark_excess([pair for rows in ratios.values() for pair in rows])
        found = replace(found, excess=excess)
        for name, rows in ratios.items():
            found._add("sustained", name, [(m, found._in_production(m, f)) for m, f in rows])
        found._add_availability()
        return found

    def efficiency(self, step: Step, accelerator: str | None, precision: str) -> Efficiency | None:
        """Return the fraction that a step keeps, or None where nothing at all was measured for it."""
        key = (step, accelerator, precision)
        if key not in self._known:
            self._known[key] = self._efficiency(step, accelerator, precision)
        return self._known[key]

    def _efficiency(self, step: Step, accelerator: str | None, precision: str) -> Efficiency | None:
        pool = self.pools.get((step, "" if step == "delivered" else precision))
        if pool is None or (step == "delivered" and precision == MEMORY):
            return None
        if step == "delivered":
            return Efficiency(step, pool.predict(Chip(_ANY, _ANY)), self.kinds[step, "", _ANY], "")
        prediction = pool.predict(self.chip(accelerator, precision))
        own = prediction.level == "own"
        if step == "sustained" and self.excess and not (own and self.has_production(accelerator, precision)):
            # one figure was taken off all benchmarks: where it is wrong, it is so for all of them
            prediction = replace(prediction, common_sd=self.excess.shared_sd)
        kind: Kind = self.kinds[step, precision, str(accelerator)] if own else "assumed"
        return Efficiency(step, prediction, kind, precision)

    def chip(self, accelerator: str | None, precision: str) -> Chip:
        """Return what pooling knows of an accelerator: nothing but its name where the catalogue has none."""
        found = self.facts.accelerators.get(accelerator or "")
        if found is None:
            return Chip(accelerator or "")
        # power limits how fast a chip computes, not how fast its memory is read: bandwidth has no such slope
        peak = None if precision == MEMORY else found.peak_flop_per_s(precision)
        density = math.log(peak / found.tdp) if peak and found.tdp else None
        return Chip(found.id, found.family, found.designer, density)

    def _add(self, step: Step, precision: str, rows: Iterable[tuple[Measurement, float | None]]) -> None:
        usable = [(m, f) for m, f in rows if f is not None and m.accelerator]
        if not usable:
            return
        self.pools[step, precision] = Pool.of(self._observation(m, precision, f) for m, f in usable)
        for m, _ in usable:
            key = (step, precision, str(m.accelerator))
            self.kinds[key] = weakest((self.kinds.get(key, m.kind), m.kind))

    def _observation(self, m: Measurement, precision: str, fraction: float) -> Observation:
        chip = self.chip(m.accelerator, precision)
        return Observation(
            chip.accelerator, chip.family, logit(fraction), chip.designer, chip.log_peak_per_watt
        )

    def _add_availability(self) -> None:
        running = [
            (m, m.fraction.best) for m in self.measurements if m.basis == "availability" and m.fraction
        ]
        if running:
            # one observation a source: what is shared by all accelerators is not grouped by any
            self.pools["delivered", ""] = Pool.of(Observation(_ANY, _ANY, logit(f)) for _, f in running)
            self.kinds["delivered", "", _ANY] = weakest(m.kind for m, _ in running)

    def _ratios(self, precision: str) -> Iterable[tuple[Measurement, float]]:
        """Yield each MFU ÷ best matmul, brought to the reference count of accelerators."""
        base = self.pools.get(("achievable", precision))
        for m in self.measurements:
            if base is None or not feeds_sustained(m, REGIME_OF[precision]):
                continue
            of_peak = fraction_of_peak(m, self.facts)
            if of_peak is None:
                continue
            count = m.accelerators.best if m.accelerators else None
            scale = 1 / self.scaling.factor(count) if count else 1.0
            best = base.predict(self.chip(m.accelerator, precision)).mean
            yield m, min(scale * of_peak / float(expit(best)), _RATIO_LIMIT)

    def _in_production(self, m: Measurement, ratio: float) -> float:
        excess = self.excess.mean if self.excess and m.setting == "benchmark" else 0.0
        return float(expit(logit(ratio) - excess))

    def has_production(self, accelerator: str | None, precision: str) -> bool:
        """Return whether a training step of the accelerator was measured elsewhere than in a benchmark."""
        regime = REGIME_OF.get(precision)
        return any(
            m.accelerator == accelerator and m.setting != "benchmark" and feeds_sustained(m, regime)
            for m in self.measurements
        )


def load_calibration(facts: Facts, extra: Sequence[Path] = ()) -> Calibration:
    """Return the shipped calibration, joined with further calibration files or bench records.

    Raises:
        InputFaults, RecordError, InputError: as :func:`.evidence.load_evidence`; a measurement that breaks
            the chain is refused with its file and line.
    """
    evidence = shipped_evidence(facts) + load_evidence(list(extra), facts)
    refuse_broken(evidence.measurements, facts, evidence.places)
    return Calibration.of(evidence.measurements, facts, evidence.scaling)


def shipped_evidence(facts: Facts) -> Evidence:
    """Return the evidence of ``configs/calibration/``, read once for facts without overlay."""
    return _shipped(configs_root()) if facts.overlay is None else _read(configs_root(), facts)


@lru_cache(maxsize=4)
def _shipped(root: Path) -> Evidence:
    from accounting.reference.facts import load_facts  # noqa: PLC0415  (cached there as well)

    return _read(root, load_facts(root))


def _read(root: Path, facts: Facts) -> Evidence:
    return load_evidence(sorted((root / "calibration").glob("*.yaml")), facts)
