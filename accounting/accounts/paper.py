"""Paper against measured: what accelerators count for on each basis, and how shares move between two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.accounts.levels import Holders
from accounting.accounts.sales.sold import load_sold_chips
from accounting.capacity.bases import BASES, MEMORY, Basis, Draws
from accounting.capacity.calibration import STEPS, Calibration
from accounting.capacity.valuation import Skipped, Valuer
from accounting.census.ledger import Entry
from accounting.reference.facts import Facts
from accounting.validation import Kind, weakest


@dataclass(frozen=True)
class Weight:
    """What one accelerator counts for in H100e of each basis, and how each figure is known.

    ``own`` says whose measurement each basis rests on: the accelerator's own, or its kin's.
    """

    accelerator: str
    h100e: Mapping[Basis, Quantiles]
    kinds: Mapping[Basis, Kind]
    own: Mapping[Basis, bool]


@dataclass(frozen=True)
class Bandwidth:
    """An accelerator's memory bandwidth in B/s: by data sheet (``peak``), and of the best stream, with draws.

    ``flop_per_byte`` is dense peak FLOP/s ÷ sheet B/s, None where the sheet has no such peak. ``own`` says
    whether the stream was measured on this accelerator.
    """

    accelerator: str
    peak: float
    achievable: Quantiles | None
    flop_per_byte: float | None
    own: bool


@dataclass(frozen=True)
class Move:
    """A holder's share on two bases and their difference, in fractions, from the same draws."""

    level: str
    code: str
    name: str
    before: float
    after: float
    difference: Quantiles


def weights(
    calibration: Calibration, constants: Mapping[tuple[str, str], float], precision: str, seed: int, size: int
) -> tuple[Weight, ...]:
    """Return what every accelerator with a measurement of its own counts for, in H100e.

    ``constants`` are those of the H100 in FLOP/s by basis and precision. The draws are those of one site.
    """
    measured = {m.accelerator for m in calibration.measurements if m.accelerator}
    found = (
        _weight(calibration, constants, name, precision, seed, size)
        for name in sorted(measured)
        if calibration.facts.accelerators[name].peak_flop_per_s(precision)
    )
    return tuple(weight for weight in found if any(weight.own[b] for b in ("achievable", "sustained")))


def bandwidths(calibration: Calibration, precision: str, seed: int, size: int) -> tuple[Bandwidth, ...]:
    """Return the memory bandwidth of every accelerator that was measured or that tables of sales name.

    Largest first; left out is what has no published bandwidth. The draws are those of one site.
    """
    facts = calibration.facts
    named = {m.accelerator for m in calibration.measurements if m.accelerator}
    named |= {chip.accelerators[0] for chip in load_sold_chips(facts) if chip.accelerators}
    found = []
    for name in sorted(named):
        chip = facts.accelerators[name]
        if chip.memory_bandwidth is None:
            continue
        step, peak = calibration.efficiency("achievable", name, MEMORY), chip.peak_flop_per_s(precision)
        found.append(
            Bandwidth(
                name,
                chip.memory_bandwidth,
                Quantiles.of(chip.memory_bandwidth * step.draws(seed, "a site", size)) if step else None,
                peak / chip.memory_bandwidth if peak else None,
                step is not None and step.prediction.level == "own",
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.peak, one.accelerator)))


def moves(
    entries: Sequence[Entry],
    valuer: Valuer,
    levels: Sequence[str],
    bases: tuple[Basis, Basis],
    second: Valuer | None = None,
) -> tuple[Move, ...]:
    """Return how each holder's share of the total moves from one basis to another, largest first.

    Both shares of a difference come from the same draws of counts and efficiencies. ``second``, where given,
    values the second basis: in another precision, or memory bandwidth. Entries that one of the two cannot
    value are left out of both.
    """
    sums: dict[tuple[str, str], list[Draws]] = {}
    holders = Holders(valuer.facts)
    totals = [np.zeros(valuer.size), np.zeros(valuer.size)]
    for entry in entries:
        valued = valuer.value(entry)
        other = second.value(entry) if second else valued
        if isinstance(valued, Skipped) or isinstance(other, Skipped):
            continue
        pair = [valued.capacity[bases[0]].draws, other.capacity[bases[1]].draws]
        totals = [total + part for total, part in zip(totals, pair, strict=True)]
        for level in levels:
            for (code,), weight in holders.codes(entry, (level,)):
                held = sums.setdefault((level, code), [np.zeros(valuer.size), np.zeros(valuer.size)])
                held[0] += weight * pair[0]
                held[1] += weight * pair[1]
    found = [_move(level, code, held, totals, valuer.facts) for (level, code), held in sums.items()]
    return tuple(sorted(found, key=lambda m: (list(levels).index(m.level), -m.before, m.code)))


def _weight(
    calibration: Calibration,
    constants: Mapping[tuple[str, str], float],
    accelerator: str,
    precision: str,
    seed: int,
    size: int,
) -> Weight:
    rate: Draws = np.full(size, calibration.facts.accelerators[accelerator].peak_flop_per_s(precision))
    h100e: dict[Basis, Quantiles] = {"peak": Quantiles.of(rate / constants["peak", precision])}
    kinds: dict[Basis, Kind] = {"peak": "published"}
    own: dict[Basis, bool] = {"peak": True}
    kind: Kind = "published"
    for step in STEPS:
        efficiency = calibration.efficiency(step, accelerator, precision)
        if efficiency is None or (step, precision) not in constants:
            break
        rate = rate * efficiency.draws(seed, "a site", size)
        kind = weakest((kind, efficiency.kind))
        h100e[step] = Quantiles.of(rate / constants[step, precision])
        kinds[step] = kind
        own[step] = step != "delivered" and efficiency.prediction.level == "own"
    return Weight(accelerator, h100e, kinds, {basis: own.get(basis, False) for basis in BASES})


def _move(level: str, code: str, held: list[Draws], totals: list[Draws], facts: Facts) -> Move:
    before, after = (float(h.mean() / t.mean()) for h, t in zip(held, totals, strict=True))
    difference = held[1] / totals[1] - held[0] / totals[0]
    return Move(level, code, facts.label(code), before, after, Quantiles.of(difference))
