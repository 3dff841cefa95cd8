"""What drives the spread of a total: shares of its variance by input, and what each input alone does to it.

Draws are keyed by name, so that a group of inputs is redrawn by drawing its names again and keeping all
others. With f a total under draws A, f' under independent draws B, and f_g under A with the group g of B:

    first order: mean(f' × (f_g − f)) ÷ V     Saltelli et al. 2010, doi:10.1016/j.cpc.2009.09.018, table 2
    total:       mean((f − f_g)²) ÷ 2V        Jansen 1999, doi:10.1016/S0010-4655(98)00154-4

with f and f' less their common mean, V their variance. The first is the share of variance that would go if
the group were known; the second adds what it does together with others. Errors are those of a ratio of means.

A total is a sum, so that only the deployments that a group touches are drawn again. Its effect is what the
total's 5th and 95th percentile are while all other inputs stand at their medians.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accounting.accounts.account import percentiles
from accounting.accounts.inputs import Input, InputGroup, inputs_of, known, redrawn
from accounting.capacity.bases import Draws
from accounting.capacity.passes import Cell
from accounting.capacity.sums import Summation
from accounting.capacity.valuation import Term, Valuer
from accounting.census.ledger import Entry
from accounting.reference.facts import Facts

# inputs that stand alone; the others of a kind are taken together
MOST = 12
_SCREENING_DRAWS = 1_000
_CELL = Cell(())


@dataclass(frozen=True)
class VarianceShare:
    """A share of variance and its standard error from the number of draws."""

    value: float
    error: float


@dataclass(frozen=True)
class Driver:
    """An input, or several of a kind: its shares of variance and its effect (in the unit of the total).

    ``low`` and ``high`` are the total's 5th and 95th percentile with all other inputs at their medians.
    """

    key: str
    name: str
    inputs: int
    first: VarianceShare
    total: VarianceShare
    low: float
    high: float


@dataclass(frozen=True)
class Drivers:
    """What drives one total. ``centre`` is the total with all inputs at their medians, ``sd`` its spread.

    ``together`` is the share of variance that no input has alone.
    """

    centre: float
    sd: float
    drivers: tuple[Driver, ...]

    @property
    def together(self) -> VarianceShare:
        """1 − Σ first-order shares: what inputs do only together, within its error."""
        firsts = [driver.first for driver in self.drivers]
        error = math.sqrt(math.fsum(share.error**2 for share in firsts))
        return VarianceShare(1.0 - math.fsum(share.value for share in firsts) if firsts else 0.0, error)


def drivers(
    entries: Iterable[Entry], valuer: Valuer, facts: Facts, *, most: int = MOST, unit: float = 1.0
) -> Drivers:
    """Return what drives the total of entries on the one basis that ``valuer`` is asked for.

    Args:
        entries: what is counted.
        valuer: how it is valued; of its bases the first counts.
        facts: names for people.
        most: how many inputs stand alone.
        unit: what results are divided by (an H100e constant).
    """
    work = _Work(valuer, entries, unit)
    groups = work.grouped(most, facts)
    if not groups:
        centre = float(work.total([term for _, term in work.terms])[0]) if work.terms else 0.0
        return Drivers(centre, 0.0, ())
    return work.shares(groups)


class _Work:
    """The terms of a total, and sums of them under other draws."""

    def __init__(self, valuer: Valuer, entries: Iterable[Entry], unit: float) -> None:
        self.valuer = replace(valuer, bases=(valuer.asked[0],))
        terms = ((entry, self.valuer.term(entry)) for entry in entries)
        self.terms = [(entry, term) for entry, term in terms if isinstance(term, Term)]
        self.unit = unit

    def total(self, terms: Sequence[Term], valuer: Valuer | None = None) -> Draws:
        """Sum terms on the one basis; nothing gives 0."""
        if not terms:
            return np.zeros(1)
        rows = Summation([(term, _CELL) for term in terms], valuer or self.valuer).rows()
        # a generator that is not run to its end holds no more than this sum
        _, (draws,) = next(iter(rows))
        return draws / self.unit

    def grouped(self, most: int, facts: Facts) -> list[InputGroup]:
        """Return the inputs that vary: the largest alone, the others of each kind together."""
        found: dict[Input, list[int]] = defaultdict(list)
        for place, (_, term) in enumerate(self.terms):
            for one in inputs_of(term, self.valuer):
                found[one].append(place)
        few = replace(self.valuer, size=min(_SCREENING_DRAWS, self.valuer.size))
        spread = {one: self._alone({one}, places, few).std() for one, places in found.items()}
        ranked = sorted(found, key=lambda one: (-spread[one], one))
        ranked = [one for one in ranked if spread[one] > 0]
        alone = [InputGroup((one,), tuple(found[one])) for one in ranked[:most]]
        rest: dict[str, list[Input]] = defaultdict(list)
        for one in ranked[most:]:
            rest[one.kind].append(one)
        together = [
            InputGroup(tuple(ones), tuple(sorted({place for one in ones for place in found[one]})))
            for _, ones in sorted(rest.items())
        ]
        return [group.named(facts) for group in (*alone, *together)]

    def _alone(self, inputs: set[Input], places: Sequence[int], valuer: Valuer) -> Draws:
        """Return the sum of what inputs touch, with all other inputs at their medians."""
        kept: Callable[[Input], bool] = inputs.__contains__
        return self.total([known(*self._at(place, valuer), valuer, kept) for place in places], valuer)

    def _at(self, place: int, valuer: Valuer) -> tuple[Entry, Term]:
        entry, term = self.terms[place]
        if valuer is self.valuer:
            return entry, term
        again = valuer.term(entry)
        return entry, again if isinstance(again, Term) else term

    def shares(self, groups: Sequence[InputGroup]) -> Drivers:
        """Return the shares of variance of all groups, largest first."""
        plain = [term for _, term in self.terms]
        a = self.total(plain)
        b = self.total([redrawn(*pair, self.valuer, lambda _: True) for pair in self.terms])
        middles = [known(*pair, self.valuer, lambda _: False) for pair in self.terms]
        centre = self.total(middles)
        # what is at its median without a spread is one number
        middle = float(np.mean(centre))
        mean = float((a.mean() + b.mean()) / 2)
        a, b = a - mean, b - mean
        variance = (a**2 + b**2) / 2
        found = []
        for group in groups:
            touched = [self.terms[place] for place in group.places]
            inside = set(group.inputs).__contains__
            again = self.total([redrawn(*pair, self.valuer, inside) for pair in touched])
            change = again - self.total([term for _, term in touched])
            alone = self._alone(set(group.inputs), group.places, self.valuer)
            low, _, high = percentiles(alone - np.mean(self.total([middles[p] for p in group.places])))
            found.append(
                Driver(
                    group.key,
                    group.name,
                    len(group.inputs),
                    _share(b * change, variance),
                    _share(change**2 / 2, variance),
                    middle + low,
                    middle + high,
                )
            )
        found.sort(key=lambda driver: (-driver.total.value, driver.key))
        return Drivers(middle, math.sqrt(float(variance.mean())), tuple(found))


def _share(part: Draws, variance: Draws) -> VarianceShare:
    """Return a ratio of means with its standard error (to first order)."""
    whole = float(variance.mean())
    if not whole:
        return VarianceShare(0.0, 0.0)
    value = float(part.mean()) / whole
    error = float(np.std(part - value * variance)) / whole / math.sqrt(len(variance))
    return VarianceShare(value, error)
