"""What a census holds of each origin, on the day of a supply cut and each year after it, plans included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from accounting.accounts.estimate import Request, h100e_constants, valuer_of
from accounting.accounts.over_time.totals import projected_selection
from accounting.accounts.sized import resize
from accounting.capacity.bases import Basis, Draws
from accounting.capacity.stock.projection import Projection
from accounting.capacity.stock.survival import exponential
from accounting.capacity.sums import Progress
from accounting.capacity.valuation import Skipped, Valuer
from accounting.census.ledger import Entry, Ledger
from accounting.census.selection import PLANNED, select
from accounting.planning.scenarios.cut import TOGETHER, Cut, Losses, kept, losses
from accounting.planning.scenarios.origin import Origin, origin, reader, supply_level
from accounting.planning.scenarios.outcome import Grounds

Weights = tuple[Origin, ...]
Shares = tuple[Draws | float, ...]


@dataclass
class Sums:
    """Sums over entries that are of the same origin everywhere (each shape: draws).

    ``seen`` is in service at the snapshot; ``old[n]`` was in service on the day of the cut and is so n
    years after.
    """

    seen: Draws
    old: list[Draws]


@dataclass
class Collected:
    """One pass over the entries of a census, each valued once and added to the sums of its own origins."""

    ledger: Ledger
    request: Request
    cut: Cut
    basis: Grounds
    projection: Projection
    sums: dict[Weights, Sums] = field(default_factory=dict)
    deployments: int = 0

    def __post_init__(self) -> None:
        size = self.request.draws
        self.valuer: Valuer = valuer_of(self.ledger, self.request, self.basis.facts, self.basis.calibration)
        self.of: Basis = self.valuer.asked[-1]
        constants = h100e_constants(self.request)
        self.unit_flop_per_s = constants[self.of] if constants else 1.0
        self.steps = range(self.cut.years + 1)
        self.losses: Mapping[str, Losses] = losses(self.cut, self.basis.parameters, self.request.seed, size)
        self.columns = (*self.cut.at, TOGETHER) if len(self.cut.at) > 1 else self.cut.at
        self.arriving = [np.zeros(size) for _ in self.steps]
        self.kept_arriving = {column: [np.zeros(size) for _ in self.steps] for column in self.columns}
        self.entries, self.skipped = self._chosen()
        self.read = reader(self.basis.facts)

    def _chosen(self) -> tuple[list[Entry], dict[str, int]]:
        """Return what is in service at the snapshot, and what is planned, with bounds on what is sized."""
        wanted, countries = self.request.selection, self.request.countries
        now = replace(wanted, as_of=self.projection.snapshot, project=False)
        ahead = projected_selection(wanted, max(self.cut.days[-1], self.projection.snapshot))
        later = select(self.ledger, ahead)
        found = {e.id: e for part in (select(self.ledger, now), later) for e in part.entries}
        inside = [e for e in found.values() if not countries or e.territory in countries]
        skipped = dict(later.skipped)
        if countries:
            skipped["in another territory"] = len(found) - len(inside)
        if self.request.sized == "drop" or self.ledger.valued_by != "chips":
            return inside, skipped
        resized = resize(inside, self.basis.facts, self.request.precision)
        return list(resized.entries), {**skipped, **resized.skipped}

    def value(self, progress: Progress | None = None) -> None:
        """Value each entry once, and add it to what is of the same origins."""
        for done, entry in enumerate(self.entries, 1):
            if progress is not None:
                progress(done, len(self.entries))
            valued = self.valuer.value(entry)
            if isinstance(valued, Skipped):
                self.skipped[valued.reason] = self.skipped.get(valued.reason, 0) + 1
                continue
            self.deployments += 1
            draws = valued.capacity[self.of].draws / self.unit_flop_per_s
            present = list(self.projection.history(entry, self.cut.days))
            self._add(entry, draws, present)

    def _add(self, entry: Entry, draws: Draws, present: Sequence[Draws]) -> None:
        weights = tuple(
            origin(self.read(entry, supply_level(at, self.cut.scope)), set(self.cut.cutting))
            for at in self.cut.at
        )
        planned = entry.status in PLANNED
        size = self.request.draws
        sums = self.sums.get(weights)
        if sums is None:
            sums = self.sums[weights] = Sums(np.zeros(size), [np.zeros(size) for _ in self.steps])
        if not planned:
            sums.seen += draws
        before = present[0]
        for n in self.steps:
            sums.old[n] += draws * present[n] * before if planned else draws * present[n]
        if planned:
            self._arrive(draws, present, weights)

    def _arrive(self, draws: Draws, present: Sequence[Draws], weights: Weights) -> None:
        """Add a plan in the draws in which it comes after the cut, year by year of its coming."""
        waiting = 1.0 - present[0]
        shares = self.shares(weights)
        for step in self.steps[1:]:
            came = waiting * present[step]
            if not came.any():
                continue
            waiting = waiting - came
            for n in self.steps[step:]:
                there = draws * came * present[n]
                self.arriving[n] += there
                for column in self.columns:
                    self.kept_arriving[column][n] += there * self.kept_new(column, shares, n - step)

    def shares(self, weights: Weights) -> Shares:
        """Return the part of an entry that is cut at each place; what may be of several is drawn.

        The shares of alternatives are uniform on all divisions: those of ``ways`` of ``of`` are together
        Beta(ways, of - ways).
        """
        found: list[Draws | float] = []
        for at, one in zip(self.cut.at, weights, strict=True):
            share: Draws | float = one.sure
            for code, part, ways, of in one.possible:
                share = share + part * self._division(f"{at}/{code}", ways, of)
            found.append(share)
        return tuple(found)

    def _division(self, name: str, ways: int, of: int) -> Draws:
        seed, size = self.request.seed, self.request.draws
        parts = [exponential(seed, f"supply-cut/origin/{name}/{k}", size) for k in range(of)]
        return np.asarray(sum(parts[:ways]) / sum(parts))

    def kept_new(self, column: str, shares: Sequence[Draws | float], lag: int) -> Draws | float:
        """Return the part kept of what would have come ``lag`` and a half years before, at a place or all."""
        places, weights = self._column(column, shares)
        return kept(weights, [self.losses[at].new[lag] for at in places])

    def kept_old(self, column: str, shares: Sequence[Draws | float], years: int) -> Draws | float:
        """Return the part kept of what was in service on the day, ``years`` after it."""
        places, weights = self._column(column, shares)
        return kept(weights, [self.losses[at].old[years] for at in places])

    def _column(
        self, column: str, shares: Sequence[Draws | float]
    ) -> tuple[Sequence[str], Sequence[Draws | float]]:
        if column == TOGETHER:
            return self.cut.at, shares
        return (column,), (shares[self.cut.at.index(column)],)
