"""The chain peak ≥ achievable ≥ sustained: what a measurement is of the peak, and which ones break it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import zip_longest

from accounting.capacity.bases import MEMORY
from accounting.capacity.efficiency.measurements import PRECISION_OF, Measurement
from accounting.capacity.efficiency.pooling import Prediction, logit
from accounting.capacity.peaks import peak_rate
from accounting.errors import Fault, InputFaults
from accounting.reference.accelerators import Accelerator
from accounting.reference.facts import Facts
from bench.errors import InputError

# two tools measure the best matmul alike within this; a rate just above is not yet a contradiction
_TOLERANCE = 1.02


def precision_of(m: Measurement) -> str | None:
    """Return the precision whose dense peak a measurement is set against, None where it is not known."""
    return m.precision or PRECISION_OF.get(m.regime or "")


def fraction_of_peak(m: Measurement, facts: Facts) -> float | None:
    """Return achieved ÷ dense peak, or ÷ memory bandwidth; None where the sheet states no such peak."""
    if m.fraction is not None:
        return m.fraction.best
    precision, achieved = precision_of(m), m.achieved
    if m.basis == "bandwidth":
        precision, achieved = MEMORY, m.achieved_bandwidth
    if achieved is None or precision is None:
        return None
    peak = peak_rate(facts.accelerators[str(m.accelerator)], precision)
    return None if peak is None else achieved / peak


def refuse_broken(measurements: Sequence[Measurement], facts: Facts, places: Sequence[Fault] = ()) -> None:
    """Refuse measurements that break the chain; ``places`` says where each stands, where that is known.

    Raises:
        InputFaults: a place is known for what is wrong.
        InputError: a dense peak is reached or exceeded, or training in a precision outruns the best matmul
            that was measured in it on the same accelerator.
    """
    best = _best_matmuls(measurements)
    faults = []
    for m, place in zip_longest(measurements, places):
        if reason := _broken(m, facts, best):
            faults.append(replace(place or Fault(m.source, 0, 0, "", ""), message=reason))
    if not faults:
        return
    if places:
        raise InputFaults(faults)
    raise InputError("\n".join(f"{fault.file}: {fault.message}" for fault in faults))


def benchmark_excess(ratios: Iterable[tuple[Measurement, float]]) -> Prediction | None:
    """Return what benchmarks exceed production runs by, in logits; None where no accelerator has both.

    The mean of the differences within accelerators, each weighted by b × p ÷ (b + p) for b benchmarks and p
    runs; its spread is their standard error, from the pooled deviations of all logits from their groups.
    """
    groups: dict[tuple[object, ...], dict[bool, list[float]]] = defaultdict(lambda: defaultdict(list))
    for m, ratio in ratios:
        if m.setting:
            groups[m.accelerator, m.regime][m.setting == "benchmark"].append(logit(ratio))
    both = [group for group in groups.values() if len(group) == 2]
    if not both:
        return None
    weights = [len(g[True]) * len(g[False]) / (len(g[True]) + len(g[False])) for g in both]
    differences = [_mean(g[True]) - _mean(g[False]) for g in both]
    mean = sum(w * d for w, d in zip(weights, differences, strict=True)) / sum(weights)
    sides = [side for group in both for side in group.values()]
    freedom = sum(len(side) - 1 for side in sides)
    squares = math.fsum((x - _mean(side)) ** 2 for side in sides for x in side)
    scatter = math.sqrt(squares / freedom) if freedom else abs(mean)
    count = sum(map(len, sides))
    return Prediction(max(mean, 0.0), scatter / math.sqrt(sum(weights)), 0.0, "all", count, "benchmark")


def _best_matmuls(measurements: Iterable[Measurement]) -> dict[tuple[str, str], Measurement]:
    best: dict[tuple[str, str], Measurement] = {}
    for m in measurements:
        if m.basis == "achievable" and m.achieved is not None:
            key = (str(m.accelerator), str(m.precision))
            if key not in best or m.achieved > (best[key].achieved or 0.0):
                best[key] = m
    return best


def _broken(m: Measurement, facts: Facts, best: dict[tuple[str, str], Measurement]) -> str:
    precision = precision_of(m)
    chip = facts.accelerators.get(str(m.accelerator))
    if chip is not None and m.basis == "bandwidth":
        return _outrun(m, chip)
    if chip is None or precision is None or m.basis not in ("achievable", "sustained", "system"):
        return ""
    peak = chip.peak_flop_per_s(precision)
    if peak is None:
        return ""
    rate = m.fraction.best * peak if m.fraction else m.achieved or 0.0
    said = f"{chip.id} at {rate / 1e12:,.4g} TFLOP/s in {precision}"
    if not 0 < rate < peak:
        return (
            f"{said} against a dense peak of {peak / 1e12:,.4g}: not a fraction below 1; "
            "check unit, precision and accelerator"
        )
    matmul = best.get((chip.id, precision))
    if m.basis == "achievable" or matmul is None or rate <= _TOLERANCE * (matmul.achieved or 0.0):
        return ""
    return (
        f"{said} is above the best matmul measured in it, {(matmul.achieved or 0.0) / 1e12:,.4g} TFLOP/s "
        f"({matmul.source}): a training step cannot outrun its matrix products, so that it ran in a narrower "
        "precision; state the regime it trained in (fp8-mixed, fp4-mixed or unknown)"
    )


def _outrun(m: Measurement, chip: Accelerator) -> str:
    rate, sheet = m.achieved_bandwidth or 0.0, chip.memory_bandwidth
    if sheet is None or 0 < rate < sheet:
        return ""
    return (
        f"{chip.id} at {rate / 1e9:,.4g} GB/s against a memory bandwidth of {sheet / 1e9:,.4g}: not a "
        "fraction below 1; arrays may fit a cache, or bytes be counted twice"
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
