"""Capacity over the years with and without a supply cut, by common draws.

Baseline and cut share every draw: sizes, efficiencies, lives, plans, growth. In each draw the cut leaves between
nothing and all of the baseline.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.accounts.estimate import Request, h100e_constants, refuse_what_cannot_be, valuer_of
from accounting.accounts.series import projected_selection, projection_of
from accounting.accounts.sized import resize
from accounting.capacity.bases import Basis, Denomination, Draws
from accounting.capacity.calibration import Calibration
from accounting.capacity.stock.projection import Projection, years_between
from accounting.capacity.stock.rates import StockRates
from accounting.capacity.stock.survival import exponential
from accounting.capacity.valuation import Skipped, Valuer
from accounting.census.ledger import Entry, Ledger
from accounting.census.selection import PLANNED, select
from accounting.planning.scenarios.baseline import Additions, additions, growth_factor, observed_growth
from accounting.planning.scenarios.cut import TOGETHER, Cut, Losses, drawn, kept, losses, parameter_names
from accounting.planning.scenarios.holding import Origin, origin, reader, supply_level
from accounting.planning.scenarios.parameters import CutParameters, Parameter
from accounting.reference.facts import Facts
from accounting.validation import weakest
from bench.errors import InputError

Weights = tuple[Origin, ...]


@dataclass(frozen=True)
class Year:
    """One day: capacity without and with the cut, and the share that is lost (0 to 1)."""

    day: datetime.date
    years_after: int
    baseline: Quantiles
    cut: Quantiles
    share_lost: Quantiles


@dataclass(frozen=True)
class Place:
    """The cut at one place of the chain (or all together): what of the stock is of that origin, and the years.

    ``share_of_stock`` and ``share_unknown`` are of what is in service at the snapshot; None for all together.
    """

    at: str
    level: str | None
    share_of_stock: Quantiles | None
    share_unknown: float | None
    years: tuple[Year, ...]


@dataclass(frozen=True)
class SupplyCut:
    """The answer, with all it takes to reproduce it."""

    cut: Cut
    request: Request
    census: str
    denomination: Denomination
    snapshot: datetime.date
    places: tuple[Place, ...]
    parameters: tuple[Parameter, ...]
    growth: str
    deployments: int
    skipped: Mapping[str, int]
    added_share: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grounds:
    """What a cut is worked out on: facts, efficiencies, rates of the stock, parameters, and the day it is today.

    ``growth`` is a factor a year for the start; None takes the trend observed of what is counted, or of the whole
    census where ``growth_of`` is ``census``. ``grows`` False leaves out what nobody has announced.
    """

    facts: Facts
    calibration: Calibration
    rates: StockRates
    parameters: CutParameters
    today: datetime.date
    growth: Parameter | None = None
    growth_of: str = "census"
    grows: bool = True


def supply_cut(ledger: Ledger, request: Request, cut: Cut, basis: Grounds) -> SupplyCut:
    """Work out a cut.

    Args:
        ledger: the census.
        request: what to count and how to value it, on one basis; its date is that of the snapshot.
        cut: who stops what, when.
        basis: what it rests on.

    Raises:
        InputError: the cut lies before the snapshot, nothing is counted, or growth is not known.
    """
    refuse_what_cannot_be(ledger, request)
    projection = projection_of(ledger, request, basis.rates, basis.today)
    if cut.on < projection.snapshot:
        raise InputError(
            f"the cut of {cut.on} lies before the census' snapshot of {projection.snapshot}; choose a later day"
        )
    run = _Run(ledger, request, cut, basis, projection)
    run.value()
    return run.close()


@dataclass
class _Sums:
    """Sums over entries that are of the same origin everywhere (each shape: draws).

    ``seen`` is in service at the snapshot; ``old[n]`` was in service on the day of the cut and is so n years after.
    """

    seen: Draws
    old: list[Draws]


@dataclass
class _Run:
    """One pass over the entries."""

    ledger: Ledger
    request: Request
    cut: Cut
    basis: Grounds
    projection: Projection
    sums: dict[Weights, _Sums] = field(default_factory=dict)
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
        self.used: dict[str, Parameter] = {}

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

    def value(self) -> None:
        """Value each entry once, and add it to what is of the same origins."""
        for entry in self.entries:
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
            sums = self.sums[weights] = _Sums(np.zeros(size), [np.zeros(size) for _ in self.steps])
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
        shares = self._shares(weights)
        for step in self.steps[1:]:
            came = waiting * present[step]
            if not came.any():
                continue
            waiting = waiting - came
            for n in self.steps[step:]:
                there = draws * came * present[n]
                self.arriving[n] += there
                for column in self.columns:
                    self.kept_arriving[column][n] += there * self._kept_new(column, shares, n - step)

    def _shares(self, weights: Weights) -> tuple[Draws | float, ...]:
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

    def _kept_new(self, column: str, shares: Sequence[Draws | float], lag: int) -> Draws | float:
        places, weights = self._column(column, shares)
        return kept(weights, [self.losses[at].new[lag] for at in places])

    def _kept_old(self, column: str, shares: Sequence[Draws | float], years: int) -> Draws | float:
        places, weights = self._column(column, shares)
        return kept(weights, [self.losses[at].old[years] for at in places])

    def _column(
        self, column: str, shares: Sequence[Draws | float]
    ) -> tuple[Sequence[str], Sequence[Draws | float]]:
        if column == TOGETHER:
            return self.cut.at, shares
        return (column,), (shares[self.cut.at.index(column)],)

    def close(self) -> SupplyCut:
        """Add what nobody has announced, and set the cut against the baseline."""
        size = self.request.draws
        seen = sum((s.seen for s in self.sums.values()), np.zeros(size))
        if not seen.any():
            raise InputError(
                "nothing that is counted is in service at the snapshot: there is nothing to cut off"
            )
        shares = {weights: self._shares(weights) for weights in self.sums}
        old = [sum((s.old[n] for s in self.sums.values()), np.zeros(size)) for n in self.steps]
        known = [old[n] + self.arriving[n] for n in self.steps]
        added = self._additions(seen, known)
        baseline = [known[n] + self._added(added, n) for n in self.steps]
        places = []
        for column in self.columns:
            left = [self._left(column, n, shares, seen, added) for n in self.steps]
            places.append(self._place(column, baseline, left, shares, seen))
        last = float(np.mean(baseline[-1]))
        added_share = float(np.mean(self._added(added, self.cut.years))) / last if last else 0.0
        return SupplyCut(
            cut=self.cut,
            request=self.request,
            census=self.ledger.name,
            denomination=self._denomination(),
            snapshot=self.projection.snapshot,
            places=tuple(places),
            parameters=self._parameters(),
            growth=self._growth_words(),
            deployments=self.deployments,
            skipped=self.skipped,
            added_share=added_share,
            warnings=self._warnings(places),
        )

    def _additions(self, seen: Draws, known: Sequence[Draws]) -> Additions:
        gap = years_between(self.projection.snapshot, self.cut.on)
        if not self.basis.grows:
            return Additions(tuple(np.zeros_like(seen) for _ in known), gap, self.projection)
        first = self._first_growth()
        size, seed = self.request.draws, self.request.seed
        names = ("growth.long_run", "growth.half_life_years")
        fixed = self.basis.growth is not None
        # a growth that the user states holds for all years
        long_run, half = (
            (drawn(first, seed, size), np.ones(size))
            if fixed
            else tuple(drawn(self.basis.parameters[name], seed, size) for name in names)
        )
        self.used[first.name] = first
        if not fixed:
            self.used |= {name: self.basis.parameters[name] for name in names}
        start = drawn(first, seed, size)
        trend = [seen * growth_factor(gap + n, start, long_run, half) for n in self.steps]
        return additions(trend, known, gap, self.projection)

    def _first_growth(self) -> Parameter:
        if self.basis.growth is not None:
            return self.basis.growth
        request = self.request
        if self.basis.growth_of == "census":
            request = replace(request, countries=frozenset())
        b = self.basis
        return observed_growth(self.ledger, request, b.facts, b.calibration, self.projection)

    def _added(self, added: Additions, years: int) -> Draws:
        found = np.zeros(self.request.draws)
        for step in range(years + 1):
            found = found + added.present(step, years)
        return found

    def _left(
        self,
        column: str,
        years: int,
        shares: Mapping[Weights, tuple[Draws | float, ...]],
        seen: Draws,
        added: Additions,
    ) -> Draws:
        left = np.array(self.kept_arriving[column][years])
        for weights, sums in self.sums.items():
            left += sums.old[years] * self._kept_old(column, shares[weights], years)
        # what nobody has announced is of the origins of what is in service
        for step in range(years + 1):
            mixed = np.zeros_like(left)
            for weights, sums in self.sums.items():
                of = (
                    self._kept_old(column, shares[weights], years)
                    if step == 0
                    else self._kept_new(column, shares[weights], years - step)
                )
                mixed += sums.seen * of
            part = np.divide(mixed, seen, out=np.ones_like(seen), where=seen > 0)
            left = left + added.present(step, years) * part
        return left

    def _place(
        self,
        column: str,
        baseline: Sequence[Draws],
        left: Sequence[Draws],
        shares: Mapping[Weights, tuple[Draws | float, ...]],
        seen: Draws,
    ) -> Place:
        years = tuple(
            Year(day, n, Quantiles.of(baseline[n]), Quantiles.of(left[n]), _lost(baseline[n], left[n]))
            for n, day in enumerate(self.cut.days)
        )
        if column == TOGETHER:
            return Place(column, None, None, None, years)
        place = self.cut.at.index(column)
        of, unknown = np.zeros_like(seen), 0.0
        for weights, sums in self.sums.items():
            of = of + sums.seen * shares[weights][place]
            unknown += float(np.mean(sums.seen)) * weights[place].unknown
        part = np.divide(of, seen, out=np.zeros_like(seen), where=seen > 0)
        level = supply_level(column, self.cut.scope)
        return Place(column, level, Quantiles.of(part), unknown / float(np.mean(seen)), years)

    def _denomination(self) -> Denomination:
        plain = self.valuer.denomination(self.of)
        return replace(plain, unit="H100e") if self.request.unit == "h100e" else plain

    def _parameters(self) -> tuple[Parameter, ...]:
        self.used |= {name: self.basis.parameters[name] for name in parameter_names(self.cut)}
        life = self.basis.rates.lifetime
        for name, fact, unit in (
            ("stock.median_life", life.median_years, "years"),
            ("stock.shape_of_life", life.shape, ""),
        ):
            self.used[name] = Parameter(name, fact.value, unit, fact.kind, fact.source, fact.note)
        return tuple(self.used.values())

    def _growth_words(self) -> str:
        if not self.basis.grows:
            return "only what is announced comes"
        if self.basis.growth is not None:
            return "a growth stated by the user, in all years"
        where = "the whole census" if self.basis.growth_of == "census" else "what is counted"
        return f"the observed trend of {where}, fading to a long run"

    def _warnings(self, places: Sequence[Place]) -> tuple[str, ...]:
        worst = weakest(p.kind for p in self.used.values())
        said = [*self.ledger.warnings]
        said.append(
            f"nobody has seen such a cut whole: the weakest of the parameters is {worst}; "
            "they are listed with their sources, and any can be replaced (--set)"
        )
        said += [
            f"{place.share_unknown:.0%} of the stock is of unknown origin at {place.at}, and counts as not cut"
            for place in places
            if place.share_unknown is not None and place.share_unknown >= 0.05
        ]
        return tuple(said)


def _lost(baseline: Draws, left: Draws) -> Quantiles:
    share = np.divide(baseline - left, baseline, out=np.zeros_like(baseline), where=baseline > 0)
    # sums of parts may exceed the whole by rounding
    return Quantiles.of(np.clip(share, 0.0, 1.0))
