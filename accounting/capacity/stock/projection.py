"""Projection: in which draws a deployment is in service on a day after the snapshot.

Each deployment has one life in each draw: what operated at the snapshot is retired at an age drawn from the
Weibull distribution above the age it was seen at; what is planned comes into service or does not, late by an
exponential delay, and is retired in its turn. A draw is a whole history, so that all days of a series, all
bases and all levels agree, and nothing leaves or enters twice.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np

from accounting.capacity.bases import Draws
from accounting.capacity.draws import draw, standard_normal
from accounting.capacity.stock.rates import StockRates
from accounting.capacity.stock.survival import age_at_end, exponential
from accounting.capacity.valuation import Skipped, Term, Valuer
from accounting.census.ledger import Entry
from accounting.census.selection import PLANNED
from accounting.dimensions import years_between
from accounting.validation import Kind, weakest

HORIZON = datetime.date(2035, 12, 31)


@dataclass(frozen=True)
class Projection:
    """The lives of deployments from a snapshot on.

    ``entries`` (by id) are those that may supersede others. ``snapshot`` is the day the census describes;
    ``seen`` holds later such days by entry id, where lists were joined.
    """

    rates: StockRates
    snapshot: datetime.date
    seed: int
    size: int
    entries: Mapping[str, Entry] = field(default_factory=dict, repr=False)
    seen: Mapping[str, datetime.date] = field(default_factory=dict, repr=False)

    @cached_property
    def median_years(self) -> Draws:
        """Draws of the median life, shared by all systems."""
        normal = standard_normal(self.seed, "stock/lifetime/median", self.size)
        return draw(self.rates.lifetime.median_years.value, normal)

    @cached_property
    def shape(self) -> Draws:
        """Draws of the shape of the lifetime, shared by all systems."""
        return draw(
            self.rates.lifetime.shape.value, standard_normal(self.seed, "stock/lifetime/shape", self.size)
        )

    @cached_property
    def plans(self) -> Mapping[str, tuple[Draws, Draws]]:
        """Draws of (share realised, mean delay in years) by status, shared by all plans of it."""
        return {
            status: (
                draw(plan.realised.value, standard_normal(self.seed, f"stock/{status}/realised", self.size)),
                draw(
                    plan.mean_delay_years.value,
                    standard_normal(self.seed, f"stock/{status}/delay", self.size),
                ),
            )
            for status, plan in self.rates.planned.by_status().items()
        }

    def kind(self, entry: Entry) -> Kind:
        """How it is known whether an entry is in service after the snapshot."""
        return self.rates.plan_kind(entry.status) if entry.status in PLANNED else self.rates.lifetime_kind

    def presence(self, entry: Entry, day: datetime.date) -> Draws:
        """Return 1 in the draws in which an entry is in service on ``day``, else 0 (shape: draws).

        What has operated is in service at least until it was last seen so; what is planned for a date before
        the snapshot was not in service at it.
        """
        return next(self.history(entry, (day,)))

    def history(self, entry: Entry, days: Iterable[datetime.date]) -> Iterator[Draws]:
        """Yield :meth:`presence` on each of several days; the life is drawn once."""
        begins, ends = self._life(entry)
        successor = self.entries.get(entry.superseded_by or "")
        if successor is not None:
            # a later phase includes this one from the day that it comes into service
            ends = np.minimum(ends, self._life(successor)[0])
        for day in days:
            now = years_between(self.snapshot, day)
            yield np.asarray((begins <= now) & (now < ends), dtype=np.float64)

    def _life(self, entry: Entry) -> tuple[Draws, Draws]:
        """Return when an entry comes into service and leaves it, in years after the snapshot."""
        if entry.in_service is None:
            never = np.full(self.size, np.inf)
            return never, never
        stated = years_between(self.snapshot, entry.in_service)
        planned = entry.status in PLANNED
        seen = max(0.0, years_between(self.snapshot, self.seen.get(entry.id, self.snapshot)))
        begins = self._begins(entry, stated, seen) if planned else np.full(self.size, stated)
        if entry.retired is not None:
            return begins, np.full(self.size, years_between(self.snapshot, entry.retired))
        spent = exponential(self.seed, f"stock/life/{entry.id}", self.size)
        age = 0.0 if planned else max(0.0, seen - stated)
        ends = begins + age_at_end(age, spent, self.median_years, self.shape)
        # rounding must not retire it on the very day that it was last seen
        last_seen = -np.inf if planned else max(seen, stated)
        return begins, np.where(ends > last_seen, ends, np.nextafter(last_seen, np.inf))

    def _begins(self, entry: Entry, stated: float, seen: float) -> Draws:
        """Return when a plan comes into service, infinite where it never does.

        A plan overdue by t years at the snapshot has lost the histories in which it would have come by then:
        the odds that it comes at all fall by exp(-t ÷ mean delay), and what remains of an exponential delay
        is exponential again.
        """
        realised, mean_delay = self.plans[entry.status]
        still_open = realised * np.exp(-max(0.0, seen - stated) / mean_delay)
        chance = still_open / (still_open + 1.0 - realised)
        fate = np.exp(-exponential(self.seed, f"stock/fate/{entry.id}", self.size))
        delay = mean_delay * exponential(self.seed, f"stock/delay/{entry.id}", self.size)
        return np.where(fate < chance, max(seen, stated) + delay, np.inf)


@dataclass(frozen=True)
class ProjectedValuer(Valuer):
    """Values entries as they are on a day after the snapshot: nothing in the draws where not in service."""

    projection: Projection | None = None
    day: datetime.date = HORIZON

    @classmethod
    def on(cls, day: datetime.date, valuer: Valuer, projection: Projection) -> ProjectedValuer:
        """Return ``valuer`` as it values on ``day``."""
        same = {f.name: getattr(valuer, f.name) for f in dataclasses.fields(Valuer) if f.init}
        return cls(**same, projection=projection, day=day)

    def term(self, entry: Entry) -> Term | Skipped:
        """Return what is drawn for an entry, with the draws in which it is in service."""
        term = super().term(entry)
        if isinstance(term, Skipped) or self.projection is None:
            return term
        kind = weakest((term.kind, self.projection.kind(entry)))
        presence: Callable[[], Draws] = partial(self.projection.presence, entry, self.day)
        if term.common:
            presence = self._factors.times(term.common, presence)
        return dataclasses.replace(term, kind=kind, presence=presence)
