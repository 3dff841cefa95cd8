"""Paper against measured: what ``flopcensus calibrate --table`` works out of all measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime

    from accounting.accounts.paper import Bandwidth, Move, Weight
    from accounting.reference.facts import Facts

LEVELS = ("territory", "vendor")


@dataclass(frozen=True)
class PaperAgainstMeasured:
    """What each accelerator is worth on paper and by measurement, and how shares of the census move.

    Attributes:
        weights: each measured accelerator in H100e, by basis.
        bandwidths: its memory bandwidth, stated and measured, in B/s.
        shares: a holder's share of the shipped census at peak and delivered, of FLOP/s.
        bytes_beside_flop: a holder's share at peak, of FLOP/s and of bytes per second.
    """

    weights: tuple[Weight, ...]
    bandwidths: tuple[Bandwidth, ...]
    shares: tuple[Move, ...]
    bytes_beside_flop: tuple[Move, ...]
    facts: Facts
    precision: str
    day: datetime.date


def run_paper(calibrations: Sequence[Path], precision: str, draws: int, seed: int) -> PaperAgainstMeasured:
    """Set paper against measurements, the shipped ones and those of files. Raises InputError and its kin."""
    from accounting.accounts.paper import bandwidths, moves, weights
    from accounting.capacity.bases import MEMORY
    from accounting.capacity.calibration import load_calibration
    from accounting.capacity.h100e import load_h100e
    from accounting.capacity.valuation import Valuer
    from accounting.census.selection import Selection, select
    from accounting.census.sources import load_census
    from accounting.reference.facts import load_facts
    from accounting.reference.shipped import configs_root
    from flopcensus.answering.reading import today

    facts = load_facts()
    calibration = load_calibration(facts, calibrations)
    constants = load_h100e(configs_root() / "h100e.yaml")
    day = today()
    entries = select(load_census([], facts), Selection(as_of=day)).entries
    valuer = Valuer(facts, calibration, precision, ("peak", "delivered"), seed, draws)
    memory = Valuer(facts, calibration, MEMORY, ("peak",), seed, draws)
    return PaperAgainstMeasured(
        weights(calibration, constants, precision, seed, draws),
        bandwidths(calibration, precision, seed, draws),
        moves(entries, valuer, LEVELS, ("peak", "delivered")),
        moves(entries, valuer, LEVELS, ("peak", "peak"), memory),
        facts,
        precision,
        day,
    )
