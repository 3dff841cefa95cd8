"""Capacity over the years with and without a supply cut, by common draws.

Baseline and cut share every draw: sizes, efficiencies, lives, plans, growth. In each draw the cut leaves
between nothing and all of the baseline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.accounts.estimate import Request, check_request
from accounting.accounts.over_time.series import projection_of
from accounting.capacity.bases import Denomination, Draws
from accounting.capacity.sums import Progress
from accounting.census.ledger import Ledger
from accounting.dimensions import years_between
from accounting.planning.scenarios.baseline import Additions, additions, growth_factor, observed_growth
from accounting.planning.scenarios.census_by_origin import Collected, Shares, Weights
from accounting.planning.scenarios.cut import TOGETHER, Cut, drawn, parameter_names
from accounting.planning.scenarios.cut_parameters import Parameter
from accounting.planning.scenarios.origin import supply_level
from accounting.planning.scenarios.outcome import Grounds, Place, SupplyCut, Year
from accounting.validation import weakest
from bench.errors import InputError


def supply_cut(
    ledger: Ledger, request: Request, cut: Cut, basis: Grounds, progress: Progress | None = None
) -> SupplyCut:
    """Work out a cut.

    Args:
        ledger: the census.
        request: what to count and how to value it, on one basis; its date is that of the snapshot.
        cut: who stops what, when.
        basis: what it rests on.
        progress: called with the deployments valued so far and those in all.

    Raises:
        InputError: the cut lies before the snapshot, nothing is counted, or growth is not known.
    """
    check_request(ledger, request)
    projection = projection_of(ledger, request, basis.rates, basis.today)
    if cut.on < projection.snapshot:
        raise InputError(
            f"the cut of {cut.on} lies before the census' snapshot of {projection.snapshot}; name a later day"
        )
    collected = Collected(ledger, request, cut, basis, projection)
    collected.value(progress)
    return _Comparison(collected).close()


@dataclass
class _Comparison:
    """Sets the cut against the baseline."""

    of: Collected
    used: dict[str, Parameter] = field(default_factory=dict)

    def close(self) -> SupplyCut:
        """Add what nobody has announced, and set the cut against the baseline."""
        size = self.of.request.draws
        seen = sum((s.seen for s in self.of.sums.values()), np.zeros(size))
        if not seen.any():
            raise InputError(
                "nothing that is counted is in service at the snapshot: there is nothing to cut off"
            )
        shares = {weights: self.of.shares(weights) for weights in self.of.sums}
        old = [sum((s.old[n] for s in self.of.sums.values()), np.zeros(size)) for n in self.of.steps]
        known = [old[n] + self.of.arriving[n] for n in self.of.steps]
        added = self._additions(seen, known)
        baseline = [known[n] + self._added(added, n) for n in self.of.steps]
        places = []
        for column in self.of.columns:
            # sums of parts may exceed the whole by rounding
            left = [
                np.minimum(self._left(column, n, shares, seen, added), baseline[n]) for n in self.of.steps
            ]
            places.append(self._place(column, baseline, left, shares, seen))
        last = float(np.mean(baseline[-1]))
        added_share = float(np.mean(self._added(added, self.of.cut.years))) / last if last else 0.0
        return SupplyCut(
            cut=self.of.cut,
            request=self.of.request,
            census=self.of.ledger.name,
            denomination=self._denomination(),
            snapshot=self.of.projection.snapshot,
            places=tuple(places),
            parameters=self._parameters(),
            growth=self._growth_words(),
            deployments=self.of.deployments,
            skipped=self.of.skipped,
            added_share=added_share,
            warnings=self._warnings(places),
        )

    def _additions(self, seen: Draws, known: Sequence[Draws]) -> Additions:
        gap = years_between(self.of.projection.snapshot, self.of.cut.on)
        if not self.of.basis.grows:
            return Additions(tuple(np.zeros_like(seen) for _ in known), gap, self.of.projection)
        first = self._first_growth()
        size, seed = self.of.request.draws, self.of.request.seed
        names = ("growth.long_run", "growth.half_life_years")
        fixed = self.of.basis.growth is not None
        # a growth that the user states holds for all years
        long_run, half = (
            (drawn(first, seed, size), np.ones(size))
            if fixed
            else tuple(drawn(self.of.basis.parameters[name], seed, size) for name in names)
        )
        self.used[first.name] = first
        if not fixed:
            self.used |= {name: self.of.basis.parameters[name] for name in names}
        start = drawn(first, seed, size)
        trend = [seen * growth_factor(gap + n, start, long_run, half) for n in self.of.steps]
        return additions(trend, known, gap, self.of.projection)

    def _first_growth(self) -> Parameter:
        if self.of.basis.growth is not None:
            return self.of.basis.growth
        request = self.of.request
        if self.of.basis.growth_of == "census":
            request = replace(request, countries=frozenset())
        b = self.of.basis
        return observed_growth(self.of.ledger, request, b.facts, b.calibration, self.of.projection)

    def _added(self, added: Additions, years: int) -> Draws:
        found = np.zeros(self.of.request.draws)
        for step in range(years + 1):
            found = found + added.present(step, years)
        return found

    def _left(
        self,
        column: str,
        years: int,
        shares: Mapping[Weights, Shares],
        seen: Draws,
        added: Additions,
    ) -> Draws:
        left = np.array(self.of.kept_arriving[column][years])
        for weights, sums in self.of.sums.items():
            left += sums.old[years] * self.of.kept_old(column, shares[weights], years)
        # what nobody has announced is of the origins of what is in service
        for step in range(years + 1):
            mixed = np.zeros_like(left)
            for weights, sums in self.of.sums.items():
                of = (
                    self.of.kept_old(column, shares[weights], years)
                    if step == 0
                    else self.of.kept_new(column, shares[weights], years - step)
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
        shares: Mapping[Weights, Shares],
        seen: Draws,
    ) -> Place:
        years = tuple(
            Year(day, n, Quantiles.of(baseline[n]), Quantiles.of(left[n]), _lost(baseline[n], left[n]))
            for n, day in enumerate(self.of.cut.days)
        )
        if column == TOGETHER:
            return Place(column, None, None, None, years)
        place = self.of.cut.at.index(column)
        of, unknown = np.zeros_like(seen), 0.0
        for weights, sums in self.of.sums.items():
            of = of + sums.seen * shares[weights][place]
            unknown += float(np.mean(sums.seen)) * weights[place].unknown
        part = np.divide(of, seen, out=np.zeros_like(seen), where=seen > 0)
        level = supply_level(column, self.of.cut.scope)
        return Place(column, level, Quantiles.of(part), unknown / float(np.mean(seen)), years)

    def _denomination(self) -> Denomination:
        plain = self.of.valuer.denomination(self.of.of)
        return replace(plain, unit="H100e") if self.of.request.unit == "h100e" else plain

    def _parameters(self) -> tuple[Parameter, ...]:
        self.used |= {name: self.of.basis.parameters[name] for name in parameter_names(self.of.cut)}
        life = self.of.basis.rates.lifetime
        for name, fact, unit in (
            ("stock.median_life", life.median_years, "years"),
            ("stock.shape_of_life", life.shape, ""),
        ):
            self.used[name] = Parameter(name, fact.value, unit, fact.kind, fact.source, fact.note)
        return tuple(self.used.values())

    def _growth_words(self) -> str:
        if not self.of.basis.grows:
            return "only what is announced comes"
        if self.of.basis.growth is not None:
            return "a growth stated by the user, in all years"
        where = "the whole census" if self.of.basis.growth_of == "census" else "what is counted"
        return f"the observed trend of {where}, fading to a long run"

    def _warnings(self, places: Sequence[Place]) -> tuple[str, ...]:
        worst = weakest(p.kind for p in self.used.values())
        said = [*self.of.ledger.warnings]
        said.append(
            f"nobody has seen such a cut whole: the weakest of the parameters is {worst}; "
            "they are listed with their sources, and any can be replaced (--set)"
        )
        said += [
            f"{place.share_unknown:.0%} of the stock is of unknown origin at {place.at}, and is not cut"
            for place in places
            if place.share_unknown is not None and place.share_unknown >= 0.05
        ]
        return tuple(said)


def _lost(baseline: Draws, left: Draws) -> Quantiles:
    share = np.divide(baseline - left, baseline, out=np.zeros_like(baseline), where=baseline > 0)
    return Quantiles.of(share)
