"""Calibration: from measurements to the steps between the bases, with their uncertainty.

Each basis is the one before times a fraction below 1, so that peak ≥ achievable ≥ sustained ≥ delivered
holds in every draw:

    achievable = peak × (best measured matmul ÷ peak)
    sustained  = achievable × (model FLOP utilisation ÷ (best measured matmul ÷ peak))
    delivered  = sustained × availability

Only MFU (not HFU, nor wall-clock utilisation) of the regime that matches the precision counts: training in
FP8 or FP4 says nothing of bf16. The fractions are pooled on the logit scale (:mod:`.pooling`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from accounting.capacity.bases import Draws
from accounting.capacity.draws import expit, standard_normal
from accounting.capacity.measurements import REGIME_OF, Measurement, is_at_scale, load_measurements
from accounting.capacity.pooling import Observation, Pool, Prediction, logit
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from accounting.validation import Kind, weakest
from bench.errors import InputError

Step = Literal["achievable", "sustained", "delivered"]
STEPS: tuple[Step, ...] = ("achievable", "sustained", "delivered")

# an MFU above the pooled best matmul (of an accelerator whose own is not published) is held just below it
_RATIO_LIMIT = 0.97
# availability is not known by accelerator: one pool serves all
_ANY = "any"


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
        return float(expit(self.prediction.mean))  # type: ignore[arg-type]

    def draws(self, seed: int, site: str, size: int) -> Draws:
        """Draw the fraction for a site: what sites share has one name, the site's own spread another."""
        p = self.prediction
        shared = standard_normal(seed, f"{self.step}/{self.precision}/{p.key}", size)
        own = standard_normal(seed, f"{self.step}/{self.precision}/site/{site}", size)
        return expit(p.mean + p.shared_sd * shared + p.site_sd * own)


@dataclass(frozen=True)
class Calibration:
    """Pools of measured fractions, by step and precision. See :meth:`of`, :func:`load_calibration`."""

    measurements: tuple[Measurement, ...]
    pools: Mapping[tuple[Step, str], Pool]
    kinds: Mapping[tuple[Step, str, str], Kind]
    families: Mapping[str, str]

    @classmethod
    def of(cls, measurements: Sequence[Measurement], facts: Facts) -> Calibration:
        """Pool measurements; their order does not matter."""
        families = {a.id: a.family for a in facts.accelerators.values()}
        pools: dict[tuple[Step, str], Pool] = {}
        kinds: dict[tuple[Step, str, str], Kind] = {}
        for precision in sorted({m.precision for m in measurements if m.precision}):
            rows = [m for m in measurements if m.basis == "achievable" and m.precision == precision]
            _add(
                pools,
                kinds,
                "achievable",
                precision,
                [(m, _of_peak(m, precision, facts)) for m in rows],
                families,
            )
        for name, regime in REGIME_OF.items():
            base = pools.get(("achievable", name))
            rows = [
                m
                for m in measurements
                if m.basis == "sustained" and m.regime == regime and m.metric == "mfu" and is_at_scale(m)
            ]
            if base and rows:
                ratios = [(m, _of_achievable(m, name, facts, base, families)) for m in rows]
                _add(pools, kinds, "sustained", name, ratios, families)
        running = [(m, m.fraction.best) for m in measurements if m.basis == "availability" and m.fraction]
        if running:
            # one observation a source: what is shared by all accelerators is not grouped by any
            pools["delivered", ""] = Pool.of(Observation(_ANY, _ANY, logit(f)) for _, f in running)
            kinds["delivered", "", _ANY] = weakest(m.kind for m, _ in running)
        return cls(tuple(measurements), pools, kinds, families)

    def efficiency(self, step: Step, accelerator: str | None, precision: str) -> Efficiency | None:
        """Return the fraction that a step keeps, or None where nothing at all was measured for it."""
        pool = self.pools.get((step, "" if step == "delivered" else precision))
        if pool is None:
            return None
        if step == "delivered":
            return Efficiency(step, pool.predict(_ANY, _ANY), self.kinds[step, "", _ANY], "")
        family = self.families.get(accelerator or "")
        prediction = pool.predict(accelerator, family)
        own = prediction.level == "own"
        kind: Kind = self.kinds[step, precision, str(accelerator)] if own else "assumed"
        return Efficiency(step, prediction, kind, precision)


def load_calibration(facts: Facts, extra: Sequence[Path] = ()) -> Calibration:
    """Return the shipped calibration, joined with further calibration files or bench records.

    Raises:
        InputFaults, RecordError, InputError: as :func:`load_measurements`.
    """
    shipped = load_measurements(sorted((configs_root() / "calibration").glob("*.yaml")), facts)
    return Calibration.of((*shipped, *load_measurements(list(extra), facts)), facts)


def _add(
    pools: dict[tuple[Step, str], Pool],
    kinds: dict[tuple[Step, str, str], Kind],
    step: Step,
    precision: str,
    rows: Iterable[tuple[Measurement, float | None]],
    families: Mapping[str, str],
) -> None:
    usable = [(m, f) for m, f in rows if f is not None and m.accelerator]
    if not usable:
        return
    pools[step, precision] = Pool.of(
        Observation(str(m.accelerator), families[str(m.accelerator)], logit(f)) for m, f in usable
    )
    for m, _ in usable:
        key = (step, precision, str(m.accelerator))
        kinds[key] = weakest((kinds.get(key, m.kind), m.kind))


def _of_peak(m: Measurement, precision: str, facts: Facts) -> float | None:
    """Return achieved ÷ dense peak, None where the sheet states no such peak.

    Raises:
        InputError: the peak is reached or exceeded, which a dense rate cannot.
    """
    if m.fraction is not None:
        return m.fraction.best
    peak = facts.accelerators[str(m.accelerator)].peak_flop_per_s(precision)
    if peak is None or m.achieved is None:
        return None
    fraction = m.achieved / peak
    if not 0 < fraction < 1:
        raise InputError(
            f"{m.source}: {m.accelerator} at {m.achieved / 1e12:,.4g} TFLOP/s in {precision} against a dense "
            f"peak of {peak / 1e12:,.4g}: not a fraction below 1; check unit, precision and accelerator"
        )
    return fraction


def _of_achievable(
    m: Measurement, precision: str, facts: Facts, base: Pool, families: Mapping[str, str]
) -> float | None:
    of_peak = _of_peak(m, precision, facts)
    if of_peak is None:
        return None
    accelerator = str(m.accelerator)
    best = float(expit(base.predict(accelerator, families[accelerator]).mean))  # type: ignore[arg-type]
    return min(of_peak / best, _RATIO_LIMIT)
