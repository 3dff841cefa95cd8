"""What a deployment can do: its count, its chip's peak and the measured steps between the bases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from accounting.capacity.bases import BASES, Basis, Capacity, Denomination, Draws, Unit
from accounting.capacity.calibration import Calibration
from accounting.capacity.draws import draw, standard_normal
from accounting.census.ledger import Entry
from accounting.reference.facts import Facts
from accounting.validation import Kind, weakest
from bench.errors import InputError

Values = Literal["chips", "file"]
MAX_DRAWS = 1_000_000


@dataclass(frozen=True)
class Valued:
    """A deployment's capacity on each basis, and how each figure is known."""

    capacity: Mapping[Basis, Capacity]
    kinds: Mapping[Basis, Kind]


@dataclass(frozen=True)
class Skipped:
    """A deployment that could not be valued, and why."""

    reason: str


@dataclass(frozen=True)
class Valuer:
    """Values entries in one precision.

    ``values`` says whose peaks serve: our catalogue's by chip and count (the file's own column where it
    gives no chip), or the foreign file's own column of that name. ``precision`` is then a column name
    (``bf16``, ``max``, ``h100e``, …).
    """

    facts: Facts
    calibration: Calibration
    precision: str = "bf16"
    bases: tuple[Basis, ...] = ("peak", "delivered")
    seed: int = 0
    size: int = 10_000
    values: Values = "chips"

    def __post_init__(self) -> None:
        """Refuse a number of draws that gives no quantiles, or would fill the memory."""
        if not 1 <= self.size <= MAX_DRAWS:
            raise InputError(f"draws must lie between 1 and {MAX_DRAWS} (found {self.size})")

    def denomination(self, basis: Basis) -> Denomination:
        """Return what the values of ``basis`` are stated in; the file's H100e are on its 8-bit peak."""
        unit: Unit = "H100e" if self.precision == "h100e" else "FLOP/s"
        precision = "8-bit" if self.precision == "h100e" else self.precision
        return Denomination(precision, basis, unit)

    def value(self, entry: Entry) -> Valued | Skipped:
        """Return the entry's capacity on every basis asked for, or why it has none."""
        peak = self._peak(entry)
        if isinstance(peak, Skipped):
            return peak
        last = max(BASES.index(basis) for basis in self.bases)
        capacity: dict[Basis, Capacity] = {}
        kinds: dict[Basis, Kind] = {}
        draws, kind = peak, entry.kind
        for step in BASES[: last + 1]:
            if step != "peak":
                efficiency = self.calibration.efficiency(step, entry.accelerator, self.precision)
                if efficiency is None:
                    return Skipped(f"no {step} measurement in {self.precision} to calibrate with")
                draws = draws * efficiency.draws(self.seed, entry.facility, self.size)
                kind = weakest((kind, efficiency.kind))
            if step in self.bases:
                capacity[step] = Capacity(draws, self.denomination(step))
                kinds[step] = kind
        return Valued(capacity, kinds)

    def _peak(self, entry: Entry) -> Draws | Skipped:
        if self.values == "file":
            own = entry.values.get(self.precision)
            if own is None:
                return Skipped(f"no value in the file's column for {self.precision}")
            return np.full(self.size, own)
        if entry.accelerator is None or entry.count is None:
            if (own := entry.values.get(self.precision)) is not None:
                return np.full(self.size, own)
            return Skipped("no known accelerator and count")
        peak = self.facts.accelerators[entry.accelerator].peak_flop_per_s(self.precision)
        if peak is None:
            return Skipped(f"its accelerator has no {self.precision}")
        normal = standard_normal(self.seed, f"count/{entry.id}", self.size)
        return draw(entry.count, normal) * peak
