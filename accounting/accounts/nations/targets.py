"""Distance to national programmes: what an aim comes to on a stated basis, and the growth that reaches it.

An aim is read as a number of H100: accelerators by their peak in the account's precision, a rate by what one
chip is said to do in the precision and sparsity that the rate was read in (420 AI exaFLOPS in FP8 with
sparsity are 106,120 H100 at 3.958 PFLOP/s). On a basis below peak an aim is taken to deliver what that many
H100 do: one H100e is a constant there too (``configs/h100e.yaml``). Watts, sites and utilisations are no
capacity and are not set against any.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.accounts.crosstabs import ratio
from accounting.capacity.bases import Draws
from accounting.dimensions import years_between
from accounting.quantities import Uncertain
from accounting.reference.accelerators import Accelerator
from accounting.reference.facts import Facts
from accounting.reference.programmes import Aim, Counted, Programme, Rate
from accounting.validation import Kind, weakest

H100 = "nvidia-h100-sxm"
# what reads a rate in a precision that the H100 has not: the first chip sold for it
_FP4 = "nvidia-b200-sxm"


@dataclass(frozen=True)
class Stated:
    """What an aim comes to in H100 (5th, 50th, 95th percentile as stated), how that is known, and why."""

    h100: Uncertain
    kind: Kind
    reading: str


@dataclass(frozen=True)
class NotComparable:
    """An aim that is no capacity, and why."""

    reason: str


@dataclass(frozen=True)
class Distance:
    """How far a nation is from an aim; ``target`` and ``current`` are in the unit and basis of the account.

    ``counts`` says whether it is set against all capacity on the soil or that of the public sector.
    ``growth_needed`` is a factor a year, None where the day has passed or there is nothing to grow from.
    ``probability`` is that of reaching the aim by its day at ``growth`` (that of the world, or a scenario's);
    where the day has passed, that of having reached it.
    """

    programme: str
    aim: str
    name: str
    state: str
    by: datetime.date
    target: Uncertain
    kind: Kind
    reading: str
    source: str
    reached: Quantiles
    years_left: float
    growth_needed: Quantiles | None
    growth: Quantiles
    probability: float
    counts: Counted = "all"


def counted(programme: Programme, aim: Aim) -> Counted:
    """Return whose capacity an aim is of: its own word, else the programme's."""
    return aim.counts or programme.counts


def stated(aim: Aim, facts: Facts, precision: str) -> Stated | NotComparable:
    """Read an aim as a number of H100 by the peaks of ``precision``."""
    if aim.accelerators is not None and aim.accelerator is not None:
        chip = facts.accelerators[aim.accelerator]
        weight = _weight(chip, facts, precision)
        if weight is not None:
            reading = (
                f"{aim.accelerators.best:,.0f} {chip.name} at {weight:.2f} H100 each by {precision} peak"
            )
            return Stated(_times(aim.accelerators, weight), aim.kind, reading)
    if aim.rate is not None:
        return _of_rate(aim.rate, aim, facts, precision)
    if aim.accelerators is not None:
        reading = f"{aim.accelerators.best:,.0f} accelerators of no stated model, each counted as one H100"
        return Stated(aim.accelerators, "assumed", reading)
    given = [name for name in ("power", "sites", "utilisation") if getattr(aim, name) is not None]
    return NotComparable(f"states {' and '.join(given)}, no capacity")


def _of_rate(rate: Rate, aim: Aim, facts: Facts, precision: str) -> Stated | NotComparable:
    for name in (aim.accelerator, H100, _FP4):
        chip = facts.accelerators[name] if name else None
        one = chip.rate_flop_per_s(rate.precision, sparse=rate.sparse) if chip else None
        weight = _weight(chip, facts, precision) if chip else None
        if chip and one and weight:
            sparsity = "sparse" if rate.sparse else "dense"
            number = f"{rate.flop_per_s.best / one:,.0f} {chip.name}"
            reading = f"{rate.claim} read as {rate.precision} {sparsity}: {number}"
            return Stated(_times(rate.flop_per_s, weight / one), weakest((rate.kind, aim.kind)), reading)
    return NotComparable(f"states a rate in {rate.precision} that no reference chip has")


def _weight(chip: Accelerator, facts: Facts, precision: str) -> float | None:
    own = chip.peak_flop_per_s(precision)
    unit = facts.accelerators[H100].peak_flop_per_s(precision)
    return own / unit if own and unit else None


def _times(value: Uncertain, factor: float) -> Uncertain:
    return Uncertain(value.low * factor, value.best * factor, value.high * factor, value.family)


def distance(
    programme: Programme,
    aim: Aim,
    meant: Stated,
    current: Draws,
    growth: Draws,
    *,
    as_of: datetime.date,
    unit_per_h100: float,
) -> Distance:
    """Set what a nation has against an aim.

    Args:
        programme: whose aim it is.
        aim: the aim.
        meant: what it comes to (:func:`stated`); its median is the target.
        current: the nation's capacity now (shape: draws), public where the aim is (:func:`counted`).
        growth: a factor a year: the world's, or a scenario's (shape: draws).
        as_of: the day of ``current``.
        unit_per_h100: what one H100 is in the unit and basis of ``current``; 1 where that is H100e.
    """
    target = _times(meant.h100, unit_per_h100)
    years = years_between(as_of, aim.by)
    reached = ratio(current, np.full_like(current, target.best))
    needed = None
    if years > 0 and (reached > 0).all():
        needed = Quantiles.of(growth_needed(reached, years))
    return Distance(
        programme=programme.id,
        aim=aim.id,
        name=programme.name,
        state=aim.state,
        by=aim.by,
        target=target,
        kind=meant.kind,
        reading=meant.reading,
        source=aim.source,
        reached=Quantiles.of(reached),
        years_left=max(years, 0.0),
        growth_needed=needed,
        growth=Quantiles.of(growth),
        probability=probability(reached, growth, max(years, 0.0)),
        counts=counted(programme, aim),
    )


def growth_needed(reached: Draws, years: float) -> Draws:
    """Return the factor a year that takes ``reached`` (current ÷ target, above 0) to 1 in ``years``.

    >>> growth_needed(np.array([0.25]), 2.0).tolist()
    [2.0]
    """
    return np.asarray((1.0 / reached) ** (1.0 / years))


def probability(reached: Draws, growth: Draws, years: float) -> float:
    """Return the share of draws in which ``reached`` (current ÷ target) grown for ``years`` is 1 or more.

    >>> probability(np.array([0.2, 0.5]), np.array([2.0, 2.0]), 1.0)
    0.5
    """
    return float(np.mean(reached * growth**years >= 1.0))
